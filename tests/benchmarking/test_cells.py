from __future__ import annotations

from dataclasses import replace

from sambay.benchmarking.cells import plan
from sambay.benchmarking.settings import Grid

GRID = Grid(concurrency=(1, 4), contexts=(64, 8), prompt_tokens=5, generation_tokens=7, steps=8, rounds=2)
CONTENDERS = [("a, engine", "engine"), ("b, engine", "engine"), ("a, transformers", "transformers")]


def test_contenders_take_turns_within_a_setting_and_rounds_are_outermost() -> None:
    cells = plan(GRID, CONTENDERS, is_gpu=False)
    assert len(set(cells)) == len(cells)
    assert [cell.round for cell in cells] == sorted(cell.round for cell in cells)
    first, second = cells[: len(cells) // 2], cells[len(cells) // 2 :]
    assert [replace(cell, round=1) for cell in first] == second
    decode = [cell for cell in first if cell.section == "decode"]
    assert [cell.contender for cell in decode] == [label for label, _ in CONTENDERS] * 4
    places = [(cell["sequences"], cell["context"]) for cell in decode[::3]]
    assert places == [(1, 8), (4, 8), (1, 64), (4, 64)], "cheap ones first"


def test_a_short_run_has_something_of_each_section() -> None:
    sections = [cell.section for cell in plan(GRID, CONTENDERS, is_gpu=False)]
    assert list(dict.fromkeys(sections[:11])) == ["decode", "prefill", "latency", "serving"]


def test_clients_and_the_profiler_need_the_engine() -> None:
    cells = plan(GRID, CONTENDERS, is_gpu=True)
    for section in ("serving", "busy"):
        assert {cell.contender for cell in cells if cell.section == section} == {"a, engine", "b, engine"}
    busy = [cell for cell in cells if cell.section == "busy"]
    assert cells[-len(busy) :] == busy
    assert [(cell.round, cell["sequences"], cell["context"]) for cell in busy[::2]] == [(0, 1, 8), (0, 4, 8)]
    assert not any(cell.section == "busy" for cell in plan(GRID, CONTENDERS, is_gpu=False))


def test_only_what_was_asked_for() -> None:
    cells = plan(replace(GRID, sections=("prefill",), rounds=1), CONTENDERS[:1], is_gpu=True)
    assert [str(cell) for cell in cells] == ["prefill: a, engine, context 8", "prefill: a, engine, context 64"]
