"""Records with made-up times that are known exactly."""

from __future__ import annotations

from pathlib import Path

from sambay.benchmarking.cells import Cell
from sambay.benchmarking.contender import Values
from sambay.benchmarking.records import Record, Result

IDENTITY = {
    "models": [{"name": "ours", "num_parameters": 2_000_000}, {"name": "theirs", "num_parameters": 2_100_000}],
    "device": "cpu", "dtype": "float32", "cache_dtype": "auto", "seed": 0, "code": "c0de",
    "machine": {"cpu": "a processor", "cpu_threads": 2}, "versions": {"torch": "2"},
}  # fmt: skip
ABOUT = {"commit": "abc", "grid": {"prompt_tokens": 100, "generation_tokens": 400, "requests": 1}}
OURS, THEIRS = "ours, engine", "theirs, engine"


def record(path: Path | None = None) -> Record:
    return Record(dict(IDENTITY), dict(ABOUT), path)


def add(to: Record, section: str, contender: str, values: Values | None, number: int = 0, **setting: float) -> Result:
    failed = None if values is not None else "too large"
    to.add(Result(Cell(section, tuple(setting.items()), contender, number), values, failed, 1.5))
    return to.results[-1]


def add_steps(to: Record, contender: str, start: float, slope: float, sequences: int, number: int = 0) -> None:
    """Steps of start + slope * context ms, as measured a little behind each of two contexts."""
    for context in (100, 900):
        values: Values = {"ms": start + slope * (context + 10), "mean_context": context + 10}
        add(to, "decode", contender, values, number, sequences=sequences, context=context, steps=4)
