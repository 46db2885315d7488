"""Every reply of a run in an append-only file: one JSON object a line, the run's settings first."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_FORMAT = "sambay evaluation samples, version 1"


@dataclass(frozen=True)
class RunSettings:
    """What decides the replies of a run beside the model. Raises ValueError for a value that is not allowed."""

    tasks: tuple[str, ...]
    num_problems: int = 50  # of each task
    num_samples: int = 1  # replies to each question
    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "tasks", tuple(self.tasks))
        allowed = {
            "tasks": (bool(self.tasks), "at least one task"),
            "num_problems": (self.num_problems >= 1, "1 or more"),
            "num_samples": (self.num_samples >= 1, "1 or more"),
            "max_new_tokens": (self.max_new_tokens >= 1, "1 or more"),
            "temperature": (0 <= self.temperature < float("inf"), "0 (greedy) or more"),
            "top_p": (0 < self.top_p <= 1, "above 0 and at most 1 (off)"),
            "seed": (0 <= self.seed < 2**63, "from 0 to 2**63 - 1"),
        }
        for name, (is_allowed, wanted) in allowed.items():
            if not is_allowed:
                raise ValueError(f"{name}={getattr(self, name)}: allowed is {wanted}")
        if self.temperature == 0 and self.num_samples > 1:
            raise ValueError(f"num_samples={self.num_samples} at temperature 0 are the same reply: allowed is 1")
        if self.temperature == 0 and self.top_p != 1:
            raise ValueError(f"top_p={self.top_p} changes nothing at temperature 0: set one above 0")


@dataclass(frozen=True)
class Sample:
    """One reply to one question: the model's text of every turn, and how the last one ended."""

    task: str
    question: str
    index: int  # among the replies to this question
    replies: tuple[str, ...]
    num_tokens: int  # of the last reply
    is_finished: bool  # False where the limit cut the last reply off

    @property
    def key(self) -> tuple[str, str, int]:
        return self.task, self.question, self.index


class SampleFile:
    """The samples of one run. A line that a killed process left unfinished is cut off; nothing else is ever changed."""

    def __init__(self, path: Path, model: str, settings: RunSettings) -> None:
        """Opens the file to go on with, or begins it. Raises ValueError if it holds another run, or no run."""
        self.path = path
        header = {"format": _FORMAT, "model": model, "settings": json.loads(json.dumps(asdict(settings)))}
        self.samples: list[Sample] = []
        if path.exists() and path.stat().st_size:
            _cut_unfinished_line(path)
        if path.exists() and path.stat().st_size:
            found, self.samples = _read(path)
            _check_same(path, found, header)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(header, ensure_ascii=False) + "\n", encoding="utf-8")

    def append(self, samples: list[Sample]) -> None:
        """Adds samples, on the disk when this returns."""
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(sample), ensure_ascii=False) + "\n" for sample in samples)
            file.flush()
            os.fsync(file.fileno())
        self.samples += samples


def read_samples(path: Path) -> tuple[str, RunSettings, list[Sample]]:
    """The model's name, the settings and the whole samples of a file. Raises ValueError if it is none."""
    header, samples = _read(path)
    settings = {**header["settings"], "tasks": tuple(header["settings"]["tasks"])}
    return header["model"], RunSettings(**settings), samples


def _read(path: Path) -> tuple[dict[str, Any], list[Sample]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # what follows the last line break is unfinished
    try:
        header, *rows = (json.loads(line) for line in lines)
        if header["format"] != _FORMAT:
            raise ValueError(header["format"])
        return header, [Sample(**{**row, "replies": tuple(row["replies"])}) for row in rows]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no file of evaluation samples: {error!r}") from None


def _check_same(path: Path, found: dict[str, Any], here: dict[str, Any]) -> None:
    flat = [{"model": header["model"], **header["settings"]} for header in (found, here)]
    for name, value in flat[1].items():
        if flat[0].get(name) != value:
            raise ValueError(f"{path} holds a run with {name}={flat[0].get(name)!r}, this one has {value!r}: "
                             "choose another --output")  # fmt: skip


def _cut_unfinished_line(path: Path) -> None:
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)
