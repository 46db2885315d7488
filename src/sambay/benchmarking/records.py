"""The results of a benchmark as a JSON file that a later run goes on with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sambay.benchmarking.cells import Cell
from sambay.benchmarking.contender import Values

VERSION = 1


@dataclass(frozen=True)
class Result:
    """Of one cell: its values, or why it failed. load: the machine's load average when it began."""

    cell: Cell
    values: Values | None
    failed: str | None = None
    load: float | None = None


@dataclass
class Record:
    """All results of one model, its peer, machine and code.

    identity: what must agree for results to belong together. about: what is good to know beside it, such as the
    commit. path: the file; None: results are kept in memory alone.
    """

    identity: dict[str, Any]
    about: dict[str, Any]
    path: Path | None = None
    results: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        """Takes in a result, and writes the file at once."""
        self.results.append(result)
        self.save()

    def is_settled(self, cell: Cell) -> bool:
        """Whether a cell is measured, or cannot be, as another round has shown."""
        return any(
            result.cell == cell or (result.failed is not None and result.cell.place == cell.place)
            for result in self.results
        )

    def save(self) -> None:
        """Writes the file whole or not at all."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_name(self.path.name + ".new")
        scratch.write_text(json.dumps(self.as_data(), indent=1) + "\n", encoding="utf-8")
        scratch.replace(self.path)

    def as_data(self) -> dict[str, Any]:
        """As JSON holds it."""
        cells = [
            {
                "section": result.cell.section, "setting": dict(result.cell.setting),
                "contender": result.cell.contender, "round": result.cell.round,
                **({"values": result.values} if result.failed is None else {"failed": result.failed}),
                "load": result.load,
            }
            for result in self.results
        ]  # fmt: skip
        written = datetime.now(timezone.utc).isoformat(timespec="seconds")
        return {"version": VERSION, "written": written, "identity": self.identity, "about": self.about, "cells": cells}


def read_record(path: Path) -> Record:
    """Raises ValueError for a file that is not a benchmark's."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            raise ValueError(f"{path} has version {data['version']}: allowed is {VERSION}")
        results = [
            Result(
                Cell(one["section"], tuple(one["setting"].items()), one["contender"], one["round"]),
                one.get("values"), one.get("failed"), one["load"],
            )
            for one in data["cells"]
        ]  # fmt: skip
        return Record(data["identity"], data["about"], path, results)
    except FileNotFoundError:
        raise ValueError(f"no such file: {path}") from None
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no file of results: {type(error).__name__}: {error}") from error


def open_record(path: Path | None, identity: dict[str, Any], about: dict[str, Any], is_new: bool = False) -> Record:
    """The results to go on with: those in the file, if there is one and `is_new` does not say to begin again.

    Raises ValueError if they were measured under another identity, naming what differs.
    """
    if path is None or is_new or not path.exists():
        return Record(identity, about, path)
    record = read_record(path)
    for name, ours in identity.items():
        theirs = record.identity.get(name)
        if theirs != ours:
            raise ValueError(
                f"{path} has results of {name}={_short(theirs)}, and this is {_short(ours)}: allowed are another file,"
                " or --restart to begin this one again"
            )
    record.about |= {"grid": about["grid"]}
    return record


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."
