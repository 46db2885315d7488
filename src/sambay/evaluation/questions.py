"""What is asked: questions with their wanted answers, and tasks, which are named lists of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sambay.evaluation.grading import is_right


@dataclass(frozen=True)
class Question:
    """One question of a task.

    name: the same in every run, so that runs can be compared question by question.
    turns: what the user says; the model replies to each turn, and the last reply is graded.
    answer: what the last box should hold. judge: decides in place of `grading.is_right`, given what the box holds.
    """

    name: str
    turns: tuple[str, ...]
    answer: str
    judge: Callable[[str], bool] | None = None

    def is_answered_by(self, boxed: str | None) -> bool:
        """Whether the last box of the last reply (None: there was none) holds the wanted answer."""
        if self.judge is None or not boxed:
            return is_right(boxed, self.answer)
        return self.judge(boxed)


@dataclass(frozen=True)
class Task:
    """Questions under one name, scored together. Raises ValueError for none, and for two of the same name."""

    name: str
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        names = {question.name for question in self.questions}
        if not names or len(names) != len(self.questions):
            raise ValueError(f"task {self.name}: {len(self.questions)} questions of {len(names)} different names")
