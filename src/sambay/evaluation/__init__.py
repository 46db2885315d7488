"""Evaluation: tasks, grading in bounded work, runs that lose nothing when killed, scores with intervals."""

from .completer import Completer, Completion
from .grading import final_answer, is_right
from .questions import Question, Task
from .report import as_data, compare_runs, grade, show_comparison, show_scores, summarise
from .runner import run_tasks
from .samples import RunSettings, Sample, read_samples
from .tasks import open_tasks, task_names

__all__ = [
    "Completer",
    "Completion",
    "Question",
    "RunSettings",
    "Sample",
    "Task",
    "as_data",
    "compare_runs",
    "final_answer",
    "grade",
    "is_right",
    "open_tasks",
    "read_samples",
    "run_tasks",
    "show_comparison",
    "show_scores",
    "summarise",
    "task_names",
]
