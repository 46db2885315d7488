"""The command `sambay bench`: a model's speed against a Transformer's. What it needs is imported when it runs."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from sambay.loading import DTYPES

if TYPE_CHECKING:
    from sambay.benchmarking import Cell, Record

_FILE_COLUMNS = 160  # where there is no terminal to fit


def bench(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", show_default=False, help="A named size (random weights), a folder, a Hub id, or the .json"
            " file of an earlier run, to show it again. Default: the model that ships.",
        ),
    ] = None,
    peer: Annotated[
        str, typer.Option(help="What to compare with: equal (a Transformer++ of its size), none, or another MODEL.")
    ] = "equal",
    device: Annotated[
        str | None, typer.Option(show_default=False, help="cpu, cuda, cuda:1; default: a GPU if any.")
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(show_default=False, help=f"{', '.join(DTYPES)}; default: bfloat16 on a GPU, else MODEL's."),
    ] = None,
    cache_dtype: Annotated[
        str, typer.Option(help="Of the engine's growing keys and values: auto, fp8 or int4.")
    ] = "auto",
    sections: Annotated[
        str | None,
        typer.Option(show_default=False, help="Of decode, prefill, latency, serving, busy; default: all."),
    ] = None,
    paths: Annotated[
        str | None, typer.Option(show_default=False, help="Of engine, transformers; default: both.")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option(show_default=False, help="Sequences at a time, such as 1,4,16. Default: by device.")
    ] = None,
    contexts: Annotated[
        str | None, typer.Option(show_default=False, help="Tokens of prompts, such as 2048,32768. Default: by device.")
    ] = None,
    prompt_tokens: Annotated[int | None, typer.Option(show_default=False, help="Mean prompt of a client.")] = None,
    generation_tokens: Annotated[int | None, typer.Option(show_default=False, help="Mean reply to a client.")] = None,
    requests: Annotated[int, typer.Option(help="Requests of each client that count.")] = 1,
    steps: Annotated[int | None, typer.Option(show_default=False, help="Decode steps that are timed together.")] = None,
    rounds: Annotated[int, typer.Option(help="How often all is measured; contenders take turns.")] = 3,
    seconds: Annotated[
        float, typer.Option(help="Begin no measurement after so long. With --output, the same command goes on.")
    ] = 60.0,
    max_latency: Annotated[float, typer.Option(help="Follow one growing stream for so many seconds.")] = 60.0,
    output: Annotated[
        Path | None,
        typer.Option(show_default=False, help="Keep results in this .json file; a table and plots lie beside it."),
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget the results that --output has.")] = False,
    seed: Annotated[int, typer.Option(help="Of weights, prompts and lengths.")] = 0,
) -> None:  # fmt: skip
    """Measure MODEL against a Transformer of its size: steps, prompts, memory, one stream, many clients."""
    from sambay import benchmarking

    if output is not None and output.suffix != ".json":
        raise ValueError(f"--output {output}: allowed is the name of a .json file")
    if restart and output is None:
        raise ValueError("--restart needs --output, the file to begin again")
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"seconds={seconds}: allowed is a number above 0")
    if model is not None and model.endswith(".json"):
        _show(benchmarking.read_record(Path(model)), Path(model))
        return
    given = {
        "concurrency": _numbers("concurrency", concurrency), "contexts": _numbers("contexts", contexts),
        "prompt_tokens": prompt_tokens, "generation_tokens": generation_tokens, "requests": requests, "steps": steps,
        "rounds": rounds, "max_latency_s": max_latency, "sections": _words(sections), "paths": _words(paths),
    }  # fmt: skip
    benchmarking.with_defaults("cpu", sys.maxsize, given)  # a mistyped option should not cost the time to load a model
    subjects = benchmarking.open_subjects(model, peer, device, dtype, seed)
    kind = subjects[0].network.device.type
    context_tokens = min(subject.context_tokens for subject in subjects)
    grid = benchmarking.with_defaults(kind, context_tokens, given)
    grid.check_fits(kind, context_tokens, seed)
    contenders = benchmarking.contenders_of(subjects, grid.paths, cache_dtype, seed)
    record = benchmarking.open_results(subjects, grid, cache_dtype, seed, output, restart)
    record.about["log-probabilities away from transformers"] = benchmarking.check_all(subjects, cache_dtype, seed)
    record.save()  # a file that cannot be written should not cost a measurement
    try:
        missing = benchmarking.measure_missing(record, grid, contenders, seconds, _say)
    except KeyboardInterrupt:
        _show(record, output)
        raise
    _show(record, output)
    if missing:
        how = "the same command measures them" if output is not None else "with --output FILE.json, a next run goes on"
        print(f"\n{missing} measurements are missing after {seconds:g} s: {how}")


def _show(record: Record, path: Path | None) -> None:
    """Prints the tables; with a path, writes them and the plots beside it."""
    from sambay import benchmarking
    from sambay.benchmarking.plots import draw

    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    console.print(benchmarking.on_terminal(record))
    if path is None:
        return
    benchmarking.write_markdown(record, path.with_suffix(".md"))
    written = [path.with_suffix(".md")]
    try:
        written += draw(record, path.with_suffix(""))
    except ImportError:
        print(f"note: no plots without matplotlib; where it is installed, `sambay bench {path}` draws them",
              file=sys.stderr)  # fmt: skip
    print(f"\n{path}, {', '.join(file.name for file in written)}")


def _say(number: int, total: int, cell: Cell) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{number + 1} of {total}: {cell}"[:120], end="", file=sys.stderr, flush=True)


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--{name} {text}: allowed are whole numbers with commas between them") from None


def _words(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))
