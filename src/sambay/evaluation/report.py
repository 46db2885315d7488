"""A run's samples graded, summed up as plain data, and printed as a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from sambay.evaluation.grading import final_answer
from sambay.evaluation.questions import Task
from sambay.evaluation.samples import RunSettings, Sample
from sambay.evaluation.scores import Comparison, Grade, Grades, Score, compare, score

Graded = dict[str, Grades]  # by task


def grade(tasks: Iterable[Task], samples: Iterable[Sample]) -> Graded:
    """The grades of samples by task and question: computed from their text each time, so a grader may be mended.

    Raises ValueError for a sample whose question is in none of the tasks.
    """
    questions = {(task.name, question.name): question for task in tasks for question in task.questions}
    graded: Graded = {}
    for sample in samples:
        question = questions.get((sample.task, sample.question))
        if question is None:
            raise ValueError(f"a sample answers {sample.question} of {sample.task}, which the tasks no longer hold")
        answer = final_answer(sample.replies[-1])
        mark = Grade(answer, question.is_answered_by(answer), sample.num_tokens, sample.is_finished)
        graded.setdefault(sample.task, {}).setdefault(sample.question, []).append(mark)
    return graded


def summarise(graded: Graded) -> dict[str, Score]:
    """The score of each task and, under "all", of all questions together."""
    scores = {task: score(grades) for task, grades in graded.items()}
    return {**scores, "all": score(together(graded))}


def together(graded: Graded) -> Grades:
    """The questions of all tasks as those of one."""
    return {f"{task}/{name}": of_one for task, grades in graded.items() for name, of_one in grades.items()}


def compare_runs(first: Graded, second: Graded) -> dict[str, Comparison]:
    """Of each task that both runs did and, under "all", of all that they share. Raises ValueError if that is none."""
    compared = {task: compare(first[task], grades) for task, grades in second.items() if task in first}
    return {**compared, "all": compare(together(first), together(second))}


def as_data(model: str, settings: RunSettings, graded: Graded) -> dict[str, Any]:
    """The report as JSON holds it: scores, and for every question the marks of its samples."""
    marks = {
        task: {name: [int(mark.is_right) for mark in of_one] for name, of_one in grades.items()}
        for task, grades in graded.items()
    }
    scores = {task: asdict(result) for task, result in summarise(graded).items()}
    return {"model": model, "settings": asdict(settings), "scores": scores, "marks": marks}


def show_scores(scores: dict[str, Score], console: Console) -> None:
    """The table of scores; columns for several samples only where there are several."""
    table = _table("task", "problems", "pass@1", "95 % interval")
    ks = sorted({k for result in scores.values() for k in result.pass_at_k})
    for title in (*(f"pass@{k}" for k in ks), *(("majority",) if ks else ()), "boxed", "cut off", "tokens"):
        table.add_column(title, justify="right")
    for task, result in scores.items():
        many = [*(_percent(result.pass_at_k.get(k)) for k in ks), *([_percent(result.majority)] if ks else [])]
        table.add_row(
            task, str(result.num_problems), _percent(result.pass_at_1), f"{_percent(result.low)} to "
            f"{_percent(result.high)}", *many, _percent(result.boxed), _percent(result.truncated),
            f"{result.mean_tokens:.0f}", end_section=task == list(scores)[-2:][0],
        )  # fmt: skip
    console.print(table)


def show_comparison(compared: dict[str, Comparison], console: Console) -> None:
    """The table of differences, in points, of this run to another one."""
    table = _table("task", "problems", "difference", "95 % interval", "better", "worse", "p")
    for task, result in compared.items():
        points = [f"{100 * value:+.1f}" for value in (result.difference, result.low, result.high)]
        table.add_row(
            task, str(result.num_problems), points[0], f"{points[1]} to {points[2]}", str(result.num_better),
            str(result.num_worse), f"{result.p_value:.3f}",
        )  # fmt: skip
    console.print(table)


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=None, pad_edge=False)
    for title in others:
        table.add_column(title, justify="right")
    return table


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f}"
