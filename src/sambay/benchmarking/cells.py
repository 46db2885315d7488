"""The cells of a benchmark, one measurement of one contender each, in the order in which contenders take turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
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
    """All cells for contenders (label, path).

    Rounds are outermost, so that what makes a machine slow for a while meets all alike. In a round sections take turns,
    cheap settings first, so that a short run has something of each; within a setting contenders take turns. The
    profiler comes last and once.
    """
    labels = [label for label, _ in contenders]
    in_engine = [label for label, path in contenders if path == ENGINE]
    columns = [
        [(section, setting) for setting in _settings(grid, section)]
        for section in SECTIONS
        if section in grid.sections and section != BUSY
    ]
    in_turns = [one for row in zip_longest(*columns) for one in row if one is not None]
    cells = [
        Cell(section, setting, label, number)
        for number in range(grid.rounds)
        for section, setting in in_turns
        for label in (in_engine if section == SERVING else labels)
    ]
    if BUSY in grid.sections and is_gpu:
        cells += [Cell(BUSY, setting, label, 0) for setting in _settings(grid, BUSY) for label in in_engine]
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
