"""What a ladder shows: its losses and their fits as JSON, as tables and as a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table

from sambay.data.durable import whole_file
from sambay.training.climbing import Climb, Point
from sambay.training.ladder import LadderConfig
from sambay.training.scaling import Fit, Interval, fit

AXIS = "6 N T in FLOPs, N of Transformer++'s closed form at the same depth for every architecture"
THREE_POINTS = "Three points and three constants: the law meets the points exactly and says nothing of its error."
NOT_FITTED = "not fitted"

Fits = dict[str, Fit | str]  # by architecture; a text says why there is none


def fits_of(points: Sequence[Point]) -> Fits:
    """The law for each architecture's points, or the reason why they determine none."""
    fits: Fits = {}
    for architecture in dict.fromkeys(point.architecture for point in points):
        own = [point for point in points if point.architecture == architecture]
        try:
            fits[architecture] = fit([point.flops for point in own], [point.loss for point in own])
        except ValueError as error:
            fits[architecture] = str(error)
    return fits


def write_report(config: LadderConfig, climb: Climb) -> list[Path]:
    """`ladder.json`, `ladder.md` and `ladder.png` in the ladder's folder."""
    folder, fits = Path(config.output), fits_of(climb.points)
    values = {
        "axis": AXIS, "is_finished": climb.is_finished, "points": [asdict(point) for point in climb.points],
        "fits": {name: _plain(found) for name, found in fits.items()},
        "config": config.to_dict(),
    }  # fmt: skip
    _write(folder / "ladder.json", json.dumps(values, indent=1) + "\n")
    _write(folder / "ladder.md", markdown(climb.points, fits))
    draw(climb.points, fits, folder / "ladder.png")
    return [folder / f"ladder.{suffix}" for suffix in ("json", "md", "png")]


def markdown(points: Sequence[Point], fits: Fits) -> str:
    """Both tables, and the notes that belong to them."""
    tables = [
        "\n".join(_row(cells) for cells in (head, ["---"] * len(head), *rows)) for head, rows in _tables(points, fits)
    ]
    notes = "\n".join(f"- {note}" for note in _notes(fits))
    return "\n\n".join(part for part in (*tables, notes) if part) + "\n"


def on_terminal(points: Sequence[Point], fits: Fits) -> RenderableType:
    """The same for a terminal."""
    parts: list[RenderableType] = []
    for head, rows in _tables(points, fits):
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        parts.append(table)
    return Group(*parts, *_notes(fits))


def draw(points: Sequence[Point], fits: Fits, path: Path) -> None:
    """A PNG of the losses and the fitted laws over the axis."""
    from matplotlib.figure import Figure  # without pyplot: no display, no global state

    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    for number, (architecture, found) in enumerate(fits.items()):
        own = [point for point in points if point.architecture == architecture]
        flops, color = np.array([point.flops for point in own]), f"C{number}"
        axes.plot(flops, [point.loss for point in own], "o", color=color, label=_label(architecture, found))
        if isinstance(found, Fit):
            between = np.geomspace(flops.min(), flops.max(), 200)
            axes.plot(between, found.loss(between), color=color, linewidth=1)
    axes.set(
        xscale="log", xlabel="6 N T of Transformer++ at the same depth, FLOPs", ylabel="validation loss, nats a token"
    )
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def _plain(found: Fit | str) -> dict[str, object]:
    return found.to_dict() if isinstance(found, Fit) else {NOT_FITTED: found}


def _label(architecture: str, found: Fit | str) -> str:
    if isinstance(found, str):
        return f"{architecture}: {NOT_FITTED}"
    return f"{architecture}: {found.scale:.4g} D^-{found.exponent:.4f} + {found.floor:.3f}"


def _tables(points: Sequence[Point], fits: Fits) -> list[tuple[list[str], list[list[str]]]]:
    """Heads and rows: the losses by depth, and the fits."""
    losses = {(point.architecture, point.depth): f"{point.loss:.4f}" for point in points}
    depths = {point.depth: point for point in points}
    loss_rows = [
        [str(depth), f"{point.tokens:,}", f"{point.flops:.3e}", *(losses.get((name, depth), "") for name in fits)]
        for depth, point in sorted(depths.items())
    ]
    fit_rows = [[name, *_cells(found)] for name, found in fits.items()]
    return [
        (["depth", "tokens", "D, FLOPs", *fits], loss_rows),
        (["L = A D^-b + C", "A", "b", "C", "R²", "points"], fit_rows),
    ]


def _cells(found: Fit | str) -> list[str]:
    if isinstance(found, str):
        return [NOT_FITTED, "", "", "", ""]
    intervals: dict[str, Interval] = found.intervals or {}
    values = {"scale": f"{found.scale:.4g}", "exponent": f"{found.exponent:.4f}", "floor": f"{found.floor:.3f}"}
    cells = [text + _interval(intervals.get(name)) for name, text in values.items()]
    return [*cells, f"{found.r_squared:.5f}" if found.intervals else "exact", str(found.num_points)]


def _interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    low, high = interval
    return f" ({'-∞' if low is None else f'{low:.3g}'} to {'∞' if high is None else f'{high:.3g}'})"


def _notes(fits: Fits) -> list[str]:
    notes = [f"{name}: {NOT_FITTED}: {found}." for name, found in fits.items() if isinstance(found, str)]
    fitted = [found for found in fits.values() if isinstance(found, Fit)]
    if any(found.intervals is None for found in fitted):
        notes.append(THREE_POINTS)
    if any(found.intervals is not None for found in fitted):
        notes.append("In brackets: 95 % profile intervals under normal errors estimated from the residuals.")
    return notes


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode())
