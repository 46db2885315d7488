"""What measurements say together: medians with spread, steps as lines over the context, and what follows from them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sambay.benchmarking.records import Record
from sambay.benchmarking.settings import DECODE, LATENCY, PREFILL

Setting = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Spread:
    """A median over rounds, the least and the most of them, and how many there were."""

    median: float
    low: float
    high: float
    num: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), len(values))


@dataclass(frozen=True)
class Line:
    """start + slope * x, by least squares."""

    start: float
    slope: float

    def __call__(self, x: float) -> float:
        return self.start + self.slope * x


@dataclass(frozen=True)
class Projection:
    """What a closed loop of clients would see, computed from timed steps. is_beyond: past the contexts measured."""

    sequences: int
    latency_s: float
    queries_per_s: float
    is_beyond: bool


@dataclass(frozen=True)
class EqualTime:
    """tokens_per_s at a time per token; sequences: how many take it, between two measured numbers as on a line.
    is_more: the most sequences measured were still faster, so more would do."""

    sequences: float
    tokens_per_s: float
    is_more: bool


def spreads(record: Record, section: str, name: str) -> dict[tuple[Setting, str], Spread]:
    """The value `name` by setting and contender, in the order in which they were measured first."""
    found: dict[tuple[Setting, str], list[float]] = {}
    for result in record.results:
        if result.cell.section == section and result.values is not None:
            value = result.values.get(name)
            if isinstance(value, float | int):
                found.setdefault((result.cell.setting, result.cell.contender), []).append(value)
    return {key: Spread.of(values) for key, values in found.items()}


def ratios(record: Record, section: str, name: str) -> dict[tuple[Setting, str], Spread]:
    """How many times the model's value its peer's is, by setting and path: taken in each round, where the two were
    measured one after the other, so that what else the machine did then weighs less. Empty without a peer."""
    models = [model["name"] for model in record.identity["models"]]
    values: dict[tuple[Setting, str, int], dict[str, float]] = {}
    for result in record.results:
        if result.cell.section == section and result.values is not None:
            model, path = result.cell.contender.rsplit(", ", 1)
            value = result.values[name]
            assert not isinstance(value, list)
            values.setdefault((result.cell.setting, path, result.cell.round), {})[model] = value
    found: dict[tuple[Setting, str], list[float]] = {}
    for (setting, path, _), own in values.items():
        if len(models) == 2 and set(own) == set(models):
            found.setdefault((setting, path), []).append(own[models[1]] / own[models[0]])
    return {key: Spread.of(many) for key, many in found.items()}


def stream_times(record: Record, prompt_tokens: int) -> dict[str, list[tuple[float, Spread]]]:
    """By contender: the tokens that one stream had written and the seconds until then, as far as every round came:
    those that came further were the fast ones."""
    rounds: dict[str, list[dict[float, float]]] = {}
    for result in record.results:
        cell, values = result.cell, result.values
        if cell.section == LATENCY and values is not None and cell["prompt_tokens"] == prompt_tokens:
            marks, seconds = values["tokens"], values["seconds"]
            assert isinstance(marks, list)
            assert isinstance(seconds, list)
            rounds.setdefault(cell.contender, []).append(dict(zip(marks, seconds, strict=True)))
    return {
        contender: [
            (mark, Spread.of([one[mark] for one in many])) for mark in many[0] if all(mark in one for one in many)
        ]
        for contender, many in rounds.items()
    }


def fit_line(points: Sequence[tuple[float, float]]) -> Line | None:
    """Least squares through (x, y); None for fewer than two different x."""
    if len({x for x, _ in points}) < 2:
        return None
    slope, start = statistics.linear_regression([x for x, _ in points], [y for _, y in points])
    return Line(start, slope)


def step_lines(record: Record) -> dict[tuple[str, int], tuple[Line, float]]:
    """By contender and number of sequences: ms of a step over the context, and the longest context measured.

    Full attention reads the context once a step, so a step's time is a line over it.
    """
    times, contexts = spreads(record, DECODE, "ms"), spreads(record, DECODE, "mean_context")
    points: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for (setting, contender), ms in times.items():
        key = contender, int(dict(setting)["sequences"])
        points.setdefault(key, []).append((contexts[setting, contender].median, ms.median))
    lines = {key: (fit_line(own), max(x for x, _ in own)) for key, own in points.items()}
    return {key: (line, longest) for key, (line, longest) in lines.items() if line is not None}


def project(record: Record, prompt_tokens: int, generation_tokens: int) -> dict[str, list[Projection]]:
    """By contender: prompts and replies of these lengths for as many clients as were measured, from the lines of
    steps and the time of a prompt, while which other clients' steps are taken to stand still. Only for contenders
    with prompts measured."""
    prompts: dict[str, list[tuple[float, float]]] = {}
    for (setting, contender), ms in spreads(record, PREFILL, "ms").items():
        prompts.setdefault(contender, []).append((dict(setting)["context"], ms.median))
    found: dict[str, list[Projection]] = {}
    for (contender, sequences), (line, longest) in sorted(step_lines(record).items()):
        if contender not in prompts:
            continue
        prompt_ms = interpolate(prompts[contender], prompt_tokens)
        steps_ms = generation_tokens * line(prompt_tokens + generation_tokens / 2)
        latency_s = (sequences * prompt_ms + steps_ms) / 1e3
        is_beyond = prompt_tokens + generation_tokens > 1.1 * longest
        found.setdefault(contender, []).append(Projection(sequences, latency_s, sequences / latency_s, is_beyond))
    return found


def interpolate(points: Sequence[tuple[float, float]], x: float) -> float:
    """On the line between the points beside x; outside of them in proportion to the nearest one's."""
    ordered = sorted(points)
    for (x0, y0), (x1, y1) in pairwise(ordered):
        if x0 <= x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    nearest = ordered[0] if x < ordered[0][0] else ordered[-1]
    return nearest[1] * x / nearest[0]


def at_equal_time(points: Sequence[tuple[int, float]], wanted_ms: float) -> EqualTime | None:
    """How many sequences a step of `wanted_ms` has room for. points: (sequences, ms of a step). None if not one."""
    ordered = sorted(points)
    if not ordered or ordered[0][1] > wanted_ms:
        return None
    sequences = float(ordered[-1][0])
    for (many0, ms0), (many1, ms1) in pairwise(ordered):
        if ms0 <= wanted_ms < ms1:
            sequences = many0 + (many1 - many0) * (wanted_ms - ms0) / (ms1 - ms0)
            return EqualTime(sequences, 1e3 * sequences / wanted_ms, False)
    return EqualTime(sequences, 1e3 * sequences / ordered[-1][1], True)
