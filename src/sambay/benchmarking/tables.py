"""The tables of a benchmark: as Markdown, and for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table as RichTable

from sambay.benchmarking.records import Record
from sambay.benchmarking.settings import BUSY, DECODE, PREFILL, SERVING
from sambay.benchmarking.summary import Setting, Spread, at_equal_time, project, ratios, spreads, stream_times

_TEXT_COLUMNS = {"contender", "one stream of", "against", "what", "why"}


@dataclass
class Table:
    """What one section says. notes: lines below it."""

    title: str
    head: list[str]
    rows: list[list[str]]
    notes: list[str] = field(default_factory=list)


def tables(record: Record) -> list[Table]:
    """Those that have something to show."""
    makers: tuple[Callable[[Record], Table], ...] = (
        _decode, _equal_time, _prefill, _memory, _latency, _serving, _projected, _busy, _failed,
    )  # fmt: skip
    return [table for table in (maker(record) for maker in makers) if table.rows]


def headline(record: Record) -> list[str]:
    """What was measured, where, and how sure it is, a line each."""
    identity, about = record.identity, record.about
    machine = identity["machine"]
    models = [f"{model['name']} ({model['num_parameters'] / 1e6:,.1f} M parameters)" for model in identity["models"]]
    place = machine.get("gpu") or f"{machine['cpu']}, {machine['cpu_threads']} threads"
    cache = "" if identity["cache_dtype"] == "auto" else f", cache {identity['cache_dtype']}"
    versions = ", ".join(f"{name} {number}" for name, number in identity["versions"].items())
    loads = [result.load for result in record.results if result.load is not None]
    lines = [
        " against ".join(models) + f"; {identity['dtype']}{cache}, on {place}",
        f"{versions}; commit {about['commit'] or 'unknown'}, code {identity['code']}",
    ]
    if loads:
        lines.append(f"load average from {min(loads):g} to {max(loads):g}, this process included")
    return lines


def markdown(record: Record) -> str:
    """Headline and tables as a Markdown document."""
    lines = ["# sambay bench", ""]
    lines += [f"- {line}" for line in headline(record)]
    for table in tables(record):
        lines += ["", f"## {table.title}", "", _row(table.head), _row(["---"] * len(table.head))]
        lines += [_row(cells) for cells in table.rows]
        lines += ["", *table.notes] if table.notes else []
    return "\n".join(lines) + "\n"


def on_terminal(record: Record) -> RenderableType:
    """The same for rich."""
    parts: list[RenderableType] = [*headline(record)]
    for table in tables(record):
        drawn = RichTable(title=table.title, title_justify="left", title_style="bold")
        for name in table.head:
            drawn.add_column(name, justify="left" if name in _TEXT_COLUMNS else "right")
        for cells in table.rows:
            drawn.add_row(*cells)
        parts += ["", drawn, *table.notes]
    return Group(*parts)


def write_markdown(record: Record, path: Path) -> None:
    """Writes `markdown` to a file."""
    path.write_text(markdown(record), encoding="utf-8")


# ------------------------------------------------------------------------------------------------- one a section


def _decode(record: Record) -> Table:
    found = spreads(record, DECODE, "ms")
    table = _by_contender(
        "Decoding: ms a step (least to most of the rounds), tokens/s", ("sequences", "context"), found,
        lambda ms, setting: f"{_spread(ms)}, {_short(1e3 * setting['sequences'] / ms.median)}/s",
        ["Timed behind that context, with a few tokens more where others' prompts had to be read first."],
    )  # fmt: skip
    return _with_ratios(table, ("sequences", "context"), ratios(record, DECODE, "ms"))


def _equal_time(record: Record) -> Table:
    """The model beside one stream of its peer, at the time that takes for a token."""
    points: dict[tuple[float, str], list[tuple[int, float]]] = {}
    for (setting, contender), ms in spreads(record, DECODE, "ms").items():
        context, sequences = dict(setting)["context"], int(dict(setting)["sequences"])
        points.setdefault((context, contender), []).append((sequences, ms.median))
    names = [model["name"] for model in record.identity["models"]]
    pairs = [
        (context, peer, model)
        for context, peer in sorted(points, key=lambda key: key[0])
        for _, model in points
        if peer.startswith(f"{names[-1]}, ") and model.startswith(f"{names[0]}, ") and len(names) > 1
    ]
    rows = []
    for context, peer, model in dict.fromkeys(pairs):
        alone = dict(points[context, peer]).get(1)
        if alone is not None and (context, model) in points:
            cells = _at_time(points[context, model], alone)
            rows.append([_count(context), peer, _short(alone), model, *cells])
    head = ["context", "one stream of", "its ms a token", "against", "streams in that time", "times its tokens/s"]
    return Table("At the same time per token", head, rows)


def _at_time(points: Sequence[tuple[int, float]], wanted_ms: float) -> list[str]:
    equal = at_equal_time(points, wanted_ms)
    if equal is None:
        return ["none: slower", ""]
    more = "at least " if equal.is_more else ""
    return [more + _short(equal.sequences), more + _short(equal.tokens_per_s * wanted_ms / 1e3)]


def _prefill(record: Record) -> Table:
    found = spreads(record, PREFILL, "ms")
    table = _by_contender(
        "Reading a prompt: ms (least to most), tokens/s", ("context",), found,
        lambda ms, setting: f"{_spread(ms)}, {_short(1e3 * setting['context'] / ms.median)}/s",
    )  # fmt: skip
    return _with_ratios(table, ("context",), ratios(record, PREFILL, "ms"))


def _memory(record: Record) -> Table:
    held = spreads(record, PREFILL, "state_bytes")
    notes = []
    if growth := spreads(record, DECODE, "growth_bytes"):
        for (setting, contender), spread in growth.items():
            if spread.high > max(growth.values(), key=lambda one: one.high).high * 0.999:
                place = f"{_count(dict(setting)['sequences'])} sequences at {_count(dict(setting)['context'])}"
                notes.append(f"Use of memory rose most while steps were timed for {contender}, {place}: "
                             f"{spread.high / 1e6:,.0f} MB.")  # fmt: skip
    return _by_contender(
        "Memory of a sequence, MB", ("context",), held, lambda held, _: f"{held.median / 1e6:,.3g}", notes[:1]
    )


def _latency(record: Record) -> Table:
    """Of the lengths last asked for."""
    tokens = record.about["grid"]["prompt_tokens"]
    found: dict[tuple[Setting, str], Spread] = {
        ((("prompt", tokens), ("written", mark)), contender): seconds
        for contender, points in stream_times(record, tokens).items()
        for mark, seconds in points
    }
    return _by_contender(
        "One stream: seconds until so many tokens are written", ("prompt", "written"), found,
        lambda seconds, _: _spread(seconds),
    )  # fmt: skip


def _serving(record: Record) -> Table:
    latency, first = spreads(record, SERVING, "latency_s"), spreads(record, SERVING, "first_token_s")
    queries, tokens = spreads(record, SERVING, "queries_per_s"), spreads(record, SERVING, "tokens_per_s")
    rows = [
        [
            *(_count(dict(setting)[name]) for name in ("sequences", "prompt_tokens", "generation_tokens")), contender,
            _spread(latency[setting, contender]), _short(queries[setting, contender].median),
            _short(tokens[setting, contender].median), _short(first[setting, contender].median),
        ]
        for setting, contender in latency
    ]  # fmt: skip
    head = ["clients", "prompt", "reply", "contender", "latency, s", "queries/s", "tokens/s", "first token, s"]
    notes = ["Lengths are drawn around these means, normal with 30 %; clients send again at once."]
    return Table("Clients in a closed loop", head, _sorted(rows), notes)


def _projected(record: Record) -> Table:
    grid = record.about["grid"]
    prompt_tokens, generation_tokens = grid["prompt_tokens"], grid["generation_tokens"]
    rows = [
        [_count(one.sequences), contender, _short(one.latency_s), _short(one.queries_per_s),
         _short(one.queries_per_s * generation_tokens), "yes" if one.is_beyond else ""]
        for contender, many in project(record, prompt_tokens, generation_tokens).items()
        for one in many
    ]  # fmt: skip
    title = f"Computed, not run: clients with prompts of {prompt_tokens:,} and replies of {generation_tokens:,} tokens"
    head = ["clients", "contender", "latency, s", "queries/s", "tokens/s", "beyond what was measured"]
    notes = ["From the times of prompts, and of steps as a line over the context; all clients fit into memory here."]
    return Table(title, head, _sorted(rows), notes)


def _busy(record: Record) -> Table:
    busy, waiting = spreads(record, BUSY, "gpu_busy"), spreads(record, BUSY, "gpu_waiting")
    rows = [
        [*(_count(dict(setting)[name]) for name in ("sequences", "context")), contender,
         f"{100 * spread.median:.1f}", f"{100 * waiting[setting, contender].median:.1f}"]
        for (setting, contender), spread in busy.items()
    ]  # fmt: skip
    head = ["sequences", "context", "contender", "GPU busy, %", "waiting for the host, %"]
    notes = ["Busy: kernels or copies run. Waiting: gaps above 20 µs; shorter ones lie between the kernels of a graph."]
    return Table("The GPU while decoding, under a profiler", head, _sorted(rows), notes)


def _failed(record: Record) -> Table:
    rows = [[str(result.cell), result.failed] for result in record.results if result.failed is not None]
    return Table("Not measured: too little memory", ["what", "why"], rows)


# ---------------------------------------------------------------------------------------------------- cells


def _by_contender(
    title: str, names: Sequence[str], found: dict[tuple[Setting, str], Spread],
    show: Callable[[Spread, dict[str, Any]], str], notes: Iterable[str] = (),
) -> Table:  # fmt: skip
    """A row for each setting, a column for each contender; `names` are the parts of a setting that are shown."""
    contenders = list(dict.fromkeys(contender for _, contender in found))
    settings = sorted({setting for setting, _ in found}, key=lambda setting: [dict(setting)[name] for name in names])
    rows = []
    for setting in settings:
        cells = [show(found[setting, one], dict(setting)) if (setting, one) in found else "" for one in contenders]
        rows.append([*(_count(dict(setting)[name]) for name in names), *cells])
    return Table(title, [*(name.replace("_", " ") for name in names), *contenders], rows, list(notes))


def _with_ratios(table: Table, names: Sequence[str], found: dict[tuple[Setting, str], Spread]) -> Table:
    """A column more for each path: the peer's time over the model's, as `ratios` has it."""
    for path in dict.fromkeys(path for _, path in found):
        own = {
            tuple(_count(dict(key)[name]) for name in names): spread
            for (key, way), spread in found.items()
            if way == path
        }
        table.head.append(f"peer / model, {path}")
        for cells in table.rows:
            spread = own.get(tuple(cells[: len(names)]))
            cells.append("" if spread is None else _spread(spread))
    return table


def _sorted(rows: list[list[str]]) -> list[list[str]]:
    """By their first number; those of one stay in order."""
    return sorted(rows, key=lambda row: int(row[0].replace(",", "")))


def _spread(spread: Spread) -> str:
    rounds = f" ({_short(spread.low)} to {_short(spread.high)})" if spread.num > 1 else ""
    return _short(spread.median) + rounds


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
