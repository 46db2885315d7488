"""A benchmark from its contenders to its record: what is missing is measured until the time is used up."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sambay.benchmarking import machine
from sambay.benchmarking.cells import Cell, plan
from sambay.benchmarking.contender import Contender, DoesNotFitError, Values
from sambay.benchmarking.correctness import check_engine
from sambay.benchmarking.in_engine import InEngine
from sambay.benchmarking.in_transformers import InTransformers
from sambay.benchmarking.models import Subject
from sambay.benchmarking.records import Record, Result, open_record
from sambay.benchmarking.settings import BUSY, DECODE, ENGINE, LATENCY, PREFILL, TRANSFORMERS, Grid


def contenders_of(subjects: Sequence[Subject], paths: Sequence[str], cache_dtype: str, seed: int) -> list[Contender]:
    """Each model on each path, those on one path beside each other. A smaller cache is the engine's alone.

    Raises ValueError for two models of one name, and for a smaller cache without the engine.
    """
    if cache_dtype != "auto" and ENGINE not in paths:
        raise ValueError(f"cache_dtype={cache_dtype!r}: allowed without the engine is 'auto'")
    names = [subject.name for subject in subjects]
    if len(set(names)) < len(names):
        raise ValueError(f"the model and its peer are both {names[0]!r}: allowed are two")
    contenders: list[Contender] = []
    for path in paths:
        for subject in subjects:
            if path == ENGINE:
                contenders.append(InEngine(f"{subject.name}, engine", subject, seed, cache_dtype))
            else:
                contenders.append(InTransformers(f"{subject.name}, transformers", subject, seed))
    return contenders


def check_all(subjects: Sequence[Subject], cache_dtype: str, seed: int) -> dict[str, float]:
    """What `check_engine` says of each model, by name; on a path or not, one measures the other."""
    return {
        subject.name: check_engine(
            InEngine(subject.name, subject, seed, cache_dtype), InTransformers(subject.name, subject, seed)
        )
        for subject in subjects
    }


def open_results(
    subjects: Sequence[Subject], grid: Grid, cache_dtype: str, seed: int, path: Path | None, is_new: bool
) -> Record:
    """The record of these models here, with what it has from before. Raises ValueError as `open_record` does."""
    network = subjects[0].network
    identity: dict[str, Any] = {
        "models": [
            {"name": subject.name, "num_parameters": subject.num_parameters, "config": _shape(subject)}
            for subject in subjects
        ],
        "device": network.device.type, "dtype": str(network.dtype).removeprefix("torch."), "cache_dtype": cache_dtype,
        "seed": seed, "machine": machine.machine(network.device), "versions": machine.versions(),
        "code": machine.code_hash(),
    }  # fmt: skip
    about = {"commit": machine.commit(), "grid": {**asdict(grid)}}
    # as JSON gives it back, tuples as lists
    return open_record(path, identity, about, is_new)


def measure_missing(
    record: Record, grid: Grid, contenders: Sequence[Contender], seconds: float,
    say: Callable[[int, int, Cell], None] = lambda *_: None,
) -> int:  # fmt: skip
    """Measures the cells that the record lacks, for `seconds`: a cell that has begun is finished. Returns how many
    are still missing. say: hears of each cell, its number and how many there are, before it begins."""
    by_label = {contender.label: contender for contender in contenders}
    paths = [(one.label, ENGINE if isinstance(one, InEngine) else TRANSFORMERS) for one in contenders]
    cells = plan(grid, paths, contenders[0].device.type == "cuda")
    end = time.monotonic() + seconds
    gc.collect()
    gc.freeze()  # collections, which may fall into what is timed, then pass by all that is there already
    try:
        for number, cell in enumerate(cells):
            if record.is_settled(cell):
                continue
            if time.monotonic() >= end:
                break
            say(number, len(cells), cell)
            record.add(_measure(cell, by_label[cell.contender], grid))
    finally:
        gc.unfreeze()
    return sum(not record.is_settled(cell) for cell in cells)


def _measure(cell: Cell, contender: Contender, grid: Grid) -> Result:
    load = machine.load_average()
    gc.collect()  # engines before this one hold memory until then
    if contender.device.type == "cuda":
        torch.cuda.empty_cache()
    try:
        return Result(cell, _values(cell, contender, grid), load=load)
    except DoesNotFitError as error:
        return Result(cell, None, str(error), load)
    except torch.OutOfMemoryError:
        return Result(cell, None, "the GPU's memory is full", load)


def _values(cell: Cell, contender: Contender, grid: Grid) -> Values:
    if cell.section == DECODE:
        return contender.decode(cell["sequences"], cell["context"], cell["steps"])
    if cell.section == PREFILL:
        return contender.prefill(cell["context"])
    if cell.section == LATENCY:
        return contender.latency(cell["prompt_tokens"], cell["generation_tokens"], cell["most_s"])
    assert isinstance(contender, InEngine), "clients and the profiler need an engine"
    if cell.section == BUSY:
        return contender.busy(cell["sequences"], cell["context"])
    return contender.serving(cell["sequences"], grid)


def _shape(subject: Subject) -> dict[str, Any]:
    """What of a model's configuration bears on its speed."""
    config = subject.network.config
    names = ("hidden_size", "intermediate_size", "vocab_size", "num_attention_heads", "num_key_value_heads", "head_dim")
    return {
        **{name: getattr(config, name) for name in names}, "attention_type": config.attention_type,
        "sliding_window": config.sliding_window, "mixers": [mixer.value for mixer in config.layers],
    }  # fmt: skip
