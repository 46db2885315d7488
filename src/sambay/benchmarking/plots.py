"""The figures of a benchmark: latency against length, latency against throughput, prompts and memory against length."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sambay.benchmarking.records import Record
from sambay.benchmarking.settings import PREFILL, SERVING
from sambay.benchmarking.summary import Spread, project, spreads, stream_times

Point = tuple[float, Spread]


def draw(record: Record, stem: Path) -> list[Path]:
    """Writes stem_latency.png, stem_throughput.png, stem_prompts.png and stem_memory.png, those that have data.

    Returns their paths. Raises ImportError without matplotlib.
    """
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    drawers: dict[str, Callable[[Record, Any], bool]] = {
        "latency": _latency, "throughput": _throughput, "prompts": _prompts, "memory": _memory,
    }  # fmt: skip
    written = []
    for name, drawer in drawers.items():
        figure = Figure(figsize=(7, 5), layout="constrained")
        axes = figure.subplots()
        if not drawer(record, axes):
            continue
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
        written.append(stem.with_name(f"{stem.name}_{name}.png"))
        figure.savefig(written[-1], dpi=120)
    return written


def throughput_curves(record: Record) -> dict[str, list[tuple[int, float, float]]]:
    """By contender: (clients, queries/s, latency in s), of the lengths last asked for."""
    grid = record.about["grid"]
    latency, queries = spreads(record, SERVING, "latency_s"), spreads(record, SERVING, "queries_per_s")
    found: dict[str, list[tuple[int, float, float]]] = {}
    for (setting, contender), spread in latency.items():
        own = dict(setting)
        if all(own[name] == grid[name] for name in ("prompt_tokens", "generation_tokens", "requests")):
            point = (int(own["sequences"]), queries[setting, contender].median, spread.median)
            found.setdefault(contender, []).append(point)
    return {contender: sorted(points) for contender, points in found.items()}


def _latency(record: Record, axes: Any) -> bool:
    tokens = record.about["grid"]["prompt_tokens"]
    curves = stream_times(record, tokens)
    for name, points in curves.items():
        _band(axes, name, points)
    axes.set(xlabel=f"tokens written after a prompt of {tokens:,}", ylabel="seconds", title="One stream")
    return bool(curves)


def _throughput(record: Record, axes: Any) -> bool:
    grid = record.about["grid"]
    lengths = grid["prompt_tokens"], grid["generation_tokens"]
    curves = {name: (points, "o-") for name, points in throughput_curves(record).items()}
    for name, many in project(record, *lengths).items():
        points = [(one.sequences, one.queries_per_s, one.latency_s) for one in many]
        curves[f"{name} (computed from steps)"] = (points, "x--")
    colors: dict[str, str] = {}
    for name, (points, style) in curves.items():
        color = colors.setdefault(name.removesuffix(" (computed from steps)"), f"C{len(colors)}")
        axes.plot([rate for _, rate, _ in points], [time for _, _, time in points], style, color=color, label=name)
        for clients, rate, time in points:
            axes.annotate(str(clients), (rate, time), textcoords="offset points", xytext=(4, 4), fontsize="x-small")
    title = f"Prompts of {lengths[0]:,}, replies of {lengths[1]:,} tokens; numbers: clients"
    axes.set(xlabel="queries/s", ylabel="latency, s", title=title)
    return bool(curves)


def _prompts(record: Record, axes: Any) -> bool:
    axes.set(xlabel="tokens of a prompt", ylabel="ms until the next token", title="Reading a prompt")
    return _over_context(record, axes, "ms", 1.0)


def _memory(record: Record, axes: Any) -> bool:
    axes.set(xlabel="tokens of a sequence", ylabel="MB", title="Memory of a sequence")
    return _over_context(record, axes, "state_bytes", 1e-6)


def _over_context(record: Record, axes: Any, name: str, unit: float) -> bool:
    curves: dict[str, list[Point]] = {}
    for (setting, contender), spread in spreads(record, PREFILL, name).items():
        scaled = Spread(spread.median * unit, spread.low * unit, spread.high * unit, spread.num)
        curves.setdefault(contender, []).append((dict(setting)["context"], scaled))
    for contender, points in curves.items():
        _band(axes, contender, sorted(points, key=lambda point: point[0]))
    return bool(curves)


def _band(axes: Any, name: str, points: list[Point]) -> None:
    """Medians as a line, least to most of the rounds as a band."""
    places = [x for x, _ in points]
    (line,) = axes.plot(places, [spread.median for _, spread in points], "o-", markersize=3, label=name)
    low, high = [spread.low for _, spread in points], [spread.high for _, spread in points]
    axes.fill_between(places, low, high, color=line.get_color(), alpha=0.2)
