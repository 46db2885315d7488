"""Tasks by name: the curriculum's families and their variants, dialogues, reasoning-gym, and files of questions."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from sambay.data.curriculum import FAMILIES
from sambay.evaluation.curriculum_tasks import VARIANTS, curriculum_task, dialogue_task
from sambay.evaluation.gym_tasks import GYM_TASKS, gym_task
from sambay.evaluation.questions import Question, Task

_TaskMaker = Callable[[int, int], Task]  # number of problems, seed
_CURRICULUM, _GYM = "curriculum", "gym"
_DIALOGUES = {"dialogues": False, "dialogues@wordings": True}


def task_names() -> dict[str, str]:
    """Every name that `open_tasks` knows, with what it stands for."""
    names = {f"{_CURRICULUM}{_suffix(variant)}": f"every family, {_meaning(variant)}" for variant in VARIANTS}
    names["dialogues"] = "two turns, the second of which needs the first answer"
    names["dialogues@wordings"] = "the same in wordings never trained"
    names[_GYM] = "every reasoning-gym task below"
    for family in FAMILIES:
        names |= {f"{family}{_suffix(variant)}": f"one family, {_meaning(variant)}" for variant in VARIANTS}
    names |= {f"{_GYM}:{name}": "reasoning-gym, at its easiest" for name in GYM_TASKS}
    return {**names, "FILE.jsonl": 'questions of your own: {"question": …, "answer": …} a line'}


def open_tasks(names: list[str], num_problems: int, seed: int) -> list[Task]:
    """The tasks of these names, groups spelled out, each of at most `num_problems` questions.

    The same name and seed give the same questions, and more of them go on from fewer. Raises ValueError for an unknown
    name, a file that does not hold questions, and a task that is named twice.
    """
    if num_problems < 1:
        raise ValueError(f"problems={num_problems}: allowed is 1 or more")
    tasks = [make(num_problems, seed) for name in names for make in _makers(name)]
    twice = [task.name for index, task in enumerate(tasks) if task.name in {other.name for other in tasks[:index]}]
    if twice:
        raise ValueError(f"task {twice[0]} is asked for twice")
    return tasks


def _makers(name: str) -> Iterator[_TaskMaker]:
    base, at, variant = name.partition("@")
    if name.endswith(".jsonl"):
        yield partial(_file_task, Path(name))
    elif name in _DIALOGUES:
        yield partial(dialogue_task, _DIALOGUES[name])
    elif name == _GYM:
        yield from (partial(gym_task, task) for task in GYM_TASKS)
    elif name.startswith(f"{_GYM}:") and name.removeprefix(f"{_GYM}:") in GYM_TASKS:
        yield partial(gym_task, name.removeprefix(f"{_GYM}:"))
    elif base in (_CURRICULUM, *FAMILIES) and variant in VARIANTS and bool(at) == bool(variant):
        families = FAMILIES if base == _CURRICULUM else (base,)
        yield from (partial(curriculum_task, family, variant) for family in families)
    else:
        close = difflib.get_close_matches(name, task_names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`sambay eval --list` names them all"
        raise ValueError(f"unknown task {name!r}; {hint}")


def _suffix(variant: str) -> str:
    return f"@{variant}" if variant else ""


def _meaning(variant: str) -> str:
    levels, is_wording_held_out = VARIANTS[variant]
    spelled = f"level {levels[0]}" if len(levels) == 1 else f"levels {levels[0]} to {levels[-1]}"
    return spelled + (", wordings never trained" if is_wording_held_out else "")


def _file_task(path: Path, num_problems: int, seed: int) -> Task:  # noqa: ARG001 - a file's order is its own
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    questions: list[Question] = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if len(questions) == num_problems:
                break
            if line.strip():
                question, answer = _fields(line, f"{path}, line {number}")
                questions.append(Question(f"line{number}", (question,), answer))
    return Task(str(path), tuple(questions))


def _fields(line: str, place: str) -> tuple[str, str]:
    try:
        fields: Any = json.loads(line)
    except ValueError:
        raise ValueError(f"{place}: no JSON") from None
    if not isinstance(fields, dict) or not {"question", "answer"} <= fields.keys():
        raise ValueError(f"{place}: allowed is an object with the fields question and answer")
    if not isinstance(fields["question"], str) or not isinstance(fields["answer"], str | int | float):
        raise ValueError(f"{place}: question must be text, and answer text or a number")
    return fields["question"], str(fields["answer"])
