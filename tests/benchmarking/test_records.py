from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarking.synthetic import ABOUT, IDENTITY, OURS, THEIRS, add, record

from sambay.benchmarking.cells import Cell
from sambay.benchmarking.records import open_record, read_record


def test_a_file_gives_back_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.json"
    written = record(path)
    add(written, "decode", OURS, {"ms": 1.25, "mean_context": 40.5}, 1, sequences=4, context=32, steps=8)
    add(written, "latency", THEIRS, {"tokens": [16.0, 20.0], "seconds": [0.5, 0.75]}, prompt_tokens=3, most_s=0.5)
    add(written, "serving", THEIRS, None, sequences=4)
    read = read_record(path)
    assert read.results == written.results
    assert (read.identity, read.about, read.path) == (IDENTITY, ABOUT, path)
    assert [file.name for file in path.parent.iterdir()] == ["r.json"], "nothing half written stays"


def test_a_later_run_goes_on_with_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    done = add(record(path), "decode", OURS, {"ms": 1.0}, 0, sequences=1).cell
    later = open_record(path, dict(IDENTITY), {"commit": "def", "grid": {"prompt_tokens": 7}})
    assert later.is_settled(done)
    assert not later.is_settled(Cell(done.section, done.setting, done.contender, 1))
    assert not later.is_settled(Cell(done.section, done.setting, THEIRS, 0))
    assert later.about == {"commit": "abc", "grid": {"prompt_tokens": 7}}, "the commit is that of the measured code"
    add(later, "decode", OURS, {"ms": 2.0}, 1, sequences=1)
    assert len(read_record(path).results) == 2
    assert open_record(path, dict(IDENTITY), dict(ABOUT), is_new=True).results == []
    assert open_record(tmp_path / "other.json", dict(IDENTITY), dict(ABOUT)).results == []


def test_what_does_not_fit_is_not_tried_again_in_later_rounds() -> None:
    found = record()
    failed = add(found, "decode", OURS, None, 0, sequences=64).cell
    assert found.is_settled(Cell(failed.section, failed.setting, OURS, 2))
    assert not found.is_settled(Cell(failed.section, failed.setting, THEIRS, 0))


@pytest.mark.parametrize("name", ["machine", "code", "models", "dtype", "seed"])
def test_results_of_something_else_are_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "r.json"
    record(path).save()
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"r\.json has results of {name}=.*, and this is \"other\".*--restart"):
        open_record(path, {**IDENTITY, name: "other"}, dict(ABOUT))
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "cells": [{}]}', '{"version": 9}'])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"r\.json (is no file of results|has version 9: allowed is 1)"):
        read_record(path)


def test_numbers_are_written_in_full(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    add(record(path), "prefill", OURS, {"ms": 0.1 + 0.2}, context=16)
    assert json.loads(path.read_text())["cells"][0]["values"]["ms"] == 0.1 + 0.2
