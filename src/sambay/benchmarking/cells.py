"""The cells of a benchmark, one measurement of one contender each, in the order in which contenders take turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sambay.benchmarking.settings import BUSY, DECODE, ENGINE, LATENCY, PREFILL, SECTIONS, SERVING, Grid


@dataclass(frozen=True)
class Cell:
    """One measurement. setting: what it measures, (name, number) each; round: which time."""

    section: str
    setting: tuple[tuple[str, float], ...]
    contender: str
    round: int

    def __getitem__(self, name: str) -> Any:
        return dict(self.setting)[name]

    @property
    def place(self) -> tuple:
        """The same for all rounds."""
        return self.section, self.setting, self.contender

    def __str__(self) -> str:
        numbers = ", ".join(f"{name.replace('_', ' ')} {number:g}" for name, number in self.setting)
        return f"{self.section}: {self.contender}, {numbers}"


def plan(grid: Grid, contenders: Sequence[tuple[str, str]], is_gpu: bool) -> list[Cell]:
    """All cells for contenders (label, path). Rounds are outermost, so that what makes a machine slow for a while
    meets all alike; within a setting contenders take turns, cheap settings first. The profiler comes last and once."""
    cells = []
    for number in range(grid.rounds):
        for section in SECTIONS:
            if section not in grid.sections or section == BUSY:
                continue
            taking_part = [label for label, path in contenders if section != SERVING or path == ENGINE]
            for setting in _settings(grid, section):
                cells += [Cell(section, setting, label, number) for label in taking_part]
    if BUSY in grid.sections and is_gpu:
        labels = [label for label, path in contenders if path == ENGINE]
        cells += [Cell(BUSY, setting, label, 0) for setting in _settings(grid, BUSY) for label in labels]
    return cells


def _settings(grid: Grid, section: str) -> list[tuple[tuple[str, float], ...]]:
    lengths = (("prompt_tokens", grid.prompt_tokens), ("generation_tokens", grid.generation_tokens))
    sequences, contexts = sorted(grid.concurrency), sorted(grid.contexts)
    if section == DECODE:
        pairs = sorted(
            ((many, context) for context in contexts for many in sequences), key=lambda pair: pair[0] * pair[1]
        )
        return [(("sequences", many), ("context", context), ("steps", grid.steps)) for many, context in pairs]
    if section == PREFILL:
        return [(("context", context),) for context in contexts]
    if section == LATENCY:
        return [(*lengths, ("most_s", grid.max_latency_s))]
    if section == SERVING:
        return [(("sequences", many), *lengths, ("requests", grid.requests)) for many in sequences]
    return [(("sequences", many), ("context", contexts[0])) for many in sequences]
