from __future__ import annotations

from pathlib import Path

import pytest
from benchmarking.synthetic import OURS, THEIRS, add, add_steps, record
from rich.console import Console

from sambay.benchmarking.plots import draw, throughput_curves
from sambay.benchmarking.records import Record
from sambay.benchmarking.tables import headline, markdown, on_terminal, tables


@pytest.fixture
def full() -> Record:
    """Something in every table."""
    found = record()
    for number in range(3):
        add_steps(found, OURS, 2.0 + number, 0.01, sequences=1, number=number)
    add_steps(found, OURS, 5.0, 0.01, sequences=8)
    add_steps(found, THEIRS, 4.0, 0.03, sequences=1)
    for contender, factor in ((OURS, 1.0), (THEIRS, 2.0)):
        for context in (100, 900):
            values = {"ms": factor * context / 10, "state_bytes": 1e4 * factor * context}
            add(found, "prefill", contender, values, context=context)
        lengths = {"prompt_tokens": 100, "generation_tokens": 400}
        add(
            found,
            "latency",
            contender,
            {"tokens": [16.0, 400.0], "seconds": [factor, 9 * factor]},
            **lengths,
            most_s=60,
        )
        served = {"latency_s": 5 * factor, "queries_per_s": 0.2 / factor, "tokens_per_s": 80.0, "first_token_s": 0.25}
        add(found, "serving", contender, served, sequences=1, **lengths, requests=1)
    other = {"latency_s": 1.0, "queries_per_s": 1.0, "tokens_per_s": 1.0, "first_token_s": 1.0}
    add(found, "serving", OURS, other, sequences=1, prompt_tokens=5, generation_tokens=6, requests=1)
    add(found, "busy", OURS, {"gpu_busy": 0.953, "gpu_waiting": 0.011}, sequences=16, context=100)
    add(found, "decode", THEIRS, None, sequences=64, context=900, steps=4)
    return found


def rows(found: Record, title: str) -> list[list[str]]:
    (table,) = [table for table in tables(found) if table.title.startswith(title)]
    assert all(len(cells) == len(table.head) for cells in table.rows)
    return table.rows


def test_each_section_has_its_table(full: Record) -> None:
    assert rows(full, "Decoding")[0] == ["1", "100", "4.1 (3.1 to 5.1), 244/s", "7.3, 137/s", "2.35"]
    assert rows(full, "Decoding")[2] == ["8", "100", "6.1, 1,311/s", "", ""]
    assert rows(full, "Reading") == [
        ["100", "10, 10,000/s", "20, 5,000/s", "2"],
        ["900", "90, 10,000/s", "180, 5,000/s", "2"],
    ]
    assert rows(full, "Memory") == [["100", "1", "2"], ["900", "9", "18"]]
    assert rows(full, "One stream") == [["100", "16", "1", "2"], ["100", "400", "9", "18"]]
    assert rows(full, "Clients")[1] == ["1", "100", "400", THEIRS, "10", "0.1", "80", "0.25"]
    assert rows(full, "The GPU") == [["16", "100", OURS, "95.3", "1.1"]]
    assert rows(full, "Not measured") == [["decode: theirs, engine, sequences 64, context 900, steps 4", "too large"]]


def test_streams_at_the_peers_time_per_token(full: Record) -> None:
    (near, far) = rows(full, "At the same time")
    assert near == ["100", THEIRS, "7.3", OURS, "at least 8", "at least 9.57"]
    assert far == ["900", THEIRS, "31.3", OURS, "at least 8", "at least 17.8"]
    add_steps(full, THEIRS, -1.5, 0.03, sequences=1, number=1)
    add_steps(full, THEIRS, -1.5, 0.03, sequences=1, number=2)
    assert rows(full, "At the same time")[0][4:] == ["none: slower", ""]


def test_what_is_computed_and_not_run_says_so(full: Record) -> None:
    (table,) = [table for table in tables(full) if table.title.startswith("Computed, not run")]
    assert "prompts of 100 and replies of 400" in table.title
    assert [cells[:2] for cells in table.rows] == [["1", OURS], ["1", THEIRS], ["8", OURS]]
    latency = (10 + 400 * (3 + 0.01 * 300)) / 1e3
    assert float(table.rows[0][2]) == pytest.approx(latency, rel=5e-3)


def test_what_was_not_measured_has_no_table() -> None:
    found = record()
    assert tables(found) == []
    add(found, "prefill", OURS, {"ms": 1.0, "state_bytes": 1e6}, context=16)
    assert [table.title.split()[0] for table in tables(found)] == ["Reading", "Memory"]


def test_machine_versions_and_commit_are_in_every_form(full: Record, capsys: pytest.CaptureFixture[str]) -> None:
    lines = headline(full)
    assert lines[0] == "ours (2.0 M parameters) against theirs (2.1 M parameters); float32, on a processor, 2 threads"
    assert lines[1] == "torch 2; commit abc, code c0de"
    assert "load average from 1.5 to 1.5" in lines[2]
    text = markdown(full)
    Console(width=200, highlight=False).print(on_terminal(full))
    shown = capsys.readouterr().out
    for part in (*lines, "4.1 (3.1 to 5.1), 244/s", "Computed, not run"):
        assert part in text
        assert part in shown


def test_curves_are_of_the_lengths_last_asked_for(full: Record) -> None:
    assert throughput_curves(full) == {OURS: [(1, 0.2, 5.0)], THEIRS: [(1, 0.1, 10.0)]}


def test_a_figure_for_each_that_has_data(full: Record, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    paths = draw(full, tmp_path / "run")
    assert [path.name for path in paths] == [
        f"run_{name}.png" for name in ("latency", "throughput", "prompts", "memory")
    ]
    for path in paths:
        assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    found = record()
    add(found, "prefill", OURS, {"ms": 1.0}, context=16)
    assert [path.name for path in draw(found, tmp_path / "less")] == ["less_prompts.png"]
