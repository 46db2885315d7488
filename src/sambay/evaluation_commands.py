"""The command `sambay eval`: tasks on a model, or the report of an earlier run. Imports come when it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

_FILE_COLUMNS = 160  # wide enough for every column where there is no terminal to fit

if TYPE_CHECKING:
    from sambay.evaluation import RunSettings, Sample, Task


def evaluate(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", show_default=False,
            help="A folder, a Hub id, `default`, or the .jsonl file of an earlier run, to grade and report it again.",
        ),
    ] = None,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="TASK...", show_default=False, help="See --list.")
    ] = None,
    is_list: Annotated[bool, typer.Option("--list", help="Name the tasks and exit.")] = False,
    problems: Annotated[int, typer.Option(help="Questions of each task.")] = 50,
    samples: Annotated[int, typer.Option(help="Replies to each question; more than one needs a temperature.")] = 1,
    max_new_tokens: Annotated[int, typer.Option(help="The longest reply, in tokens.")] = 512,
    temperature: Annotated[float, typer.Option(help="0: the likeliest token.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Draw from the likeliest tokens that hold this probability.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the problems and the draws.")] = 0,
    batch_size: Annotated[
        int | None,
        typer.Option(show_default=False, help="Conversations computed at once. Default: as many as memory holds, 64 at"
                     " most on a CPU and 256 on a GPU."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Keep every reply in this .jsonl file; the same command goes on."),
    ] = None,
    report: Annotated[Path | None, typer.Option(show_default=False, help="Write the scores as JSON too.")] = None,
    against: Annotated[
        Path | None, typer.Option(show_default=False, help="The .jsonl of another run, to compare with in pairs.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(show_default=False, help="Default: the checkpoint's.")] = None,
    device: Annotated[str | None, typer.Option(show_default=False, help="Default: a GPU if any.")] = None,
) -> None:  # fmt: skip
    """Measure MODEL on tasks: scores with intervals, every reply kept, a killed run resumed by the same command."""
    from sambay.evaluation import RunSettings, open_tasks, task_names

    if is_list:
        for name, meaning in task_names().items():
            print(f"{name:34} {meaning}")
        return
    if model is None:
        raise ValueError("name a model (or `default`, the one that ships) and at least one task; --list names those")
    if model.endswith(".jsonl"):
        if names:
            raise ValueError(f"{model} is an earlier run and has its tasks: leave {' '.join(names)} out")
        _report_again(Path(model), report, against)
        return
    if not names:
        raise ValueError("name at least one task; `sambay eval --list` names them")
    settings = RunSettings(tuple(names), problems, samples, max_new_tokens, temperature, top_p, seed)
    tasks = open_tasks(names, problems, seed)
    found = _run(model, tasks, settings, output, batch_size, dtype, device)
    _report(model, tasks, settings, found, report, against)


def _run(
    model: str, tasks: list[Task], settings: RunSettings, output: Path | None, batch_size: int | None,
    dtype: str | None, device: str | None,
) -> list[Sample]:  # fmt: skip
    import tempfile

    from sambay.engine.completer import EngineCompleter
    from sambay.engine.llm import LLM
    from sambay.evaluation import run_tasks

    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: allowed is 1 or more")
    completer = EngineCompleter(LLM(model, dtype=dtype, device=device, max_sequences=batch_size))
    with tempfile.TemporaryDirectory(prefix="sambay-") as scratch:
        path = output or Path(scratch, "samples.jsonl")
        return run_tasks(completer, model, tasks, settings, path, _show_progress)


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total} replies", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _report_again(path: Path, report: Path | None, against: Path | None) -> None:
    from sambay.evaluation import open_tasks, read_samples

    model, settings, samples = read_samples(path)
    if not samples:
        raise ValueError(f"{path} holds no reply yet")
    tasks = open_tasks(list(settings.tasks), settings.num_problems, settings.seed)
    _report(model, tasks, settings, samples, report, against)


def _report(
    model: str, tasks: list[Task], settings: RunSettings, samples: list[Sample], report: Path | None,
    against: Path | None,
) -> None:  # fmt: skip
    from sambay import evaluation
    from sambay.evaluation import grade, open_tasks, read_samples, summarise

    graded = grade(tasks, samples)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    evaluation.show_scores(summarise(graded), console)
    if against is not None:
        other_model, other, others = read_samples(against)
        if (other.tasks, other.seed) != (settings.tasks, settings.seed):
            raise ValueError(f"{against} has tasks {other.tasks} and seed {other.seed}, this run {settings.tasks} and "
                             f"{settings.seed}: allowed are the same questions")  # fmt: skip
        known = open_tasks(list(other.tasks), other.num_problems, other.seed)
        print(f"\nagainst {other_model}, in points of pass@1:")
        evaluation.show_comparison(evaluation.compare_runs(grade(known, others), graded), console)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(json.dumps(evaluation.as_data(model, settings, graded), indent=2, ensure_ascii=False) + "\n")
