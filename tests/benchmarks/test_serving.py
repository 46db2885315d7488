"""The benchmarks of speculation and of smaller caches run from end to end on a tiny model, and count what they say."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
from conftest import spread_out

from sambay import SambaYForCausalLM, named_config
from sambay.chat import build_byte_tokenizer

SERVING = Path(__file__).resolve().parents[2] / "benchmarks" / "serving"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("tiny")
    spread_out(SambaYForCausalLM(named_config("tiny"))).save_pretrained(path)
    build_byte_tokenizer().save_pretrained(path)
    return str(path)


def rows_of(name: str, arguments: list[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    monkeypatch.setattr(sys, "argv", [name, *arguments, "--json", str(path)])
    runpy.run_path(str(SERVING / f"{name}.py"), run_name="__main__")
    return json.loads(path.read_text(encoding="utf-8"))["results"]


def test_speculation(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--model", folder, "--drafted", "2", "--sequences", "2", "--problems", "2", "--max-tokens", "24"]
    rows = rows_of("speculation", arguments, tmp_path / "rows.json", monkeypatch)
    assert [(row["kind"], row["drafted"]) for row in rows] == [(k, n) for n in (0, 2) for k in ("solve", "again")]
    for row in rows:
        assert row["same"] == 2
        assert (row["num_drafted"] > 0) <= (row["drafted"] > 0)
        num_accepted = row["num_tokens"] * (1 - 1 / row["tokens_per_step"])
        assert row["accepted"] * row["num_drafted"] == pytest.approx(num_accepted)
    assert any(row["num_drafted"] > 0 for row in rows)


def test_smaller_caches(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ["--model", folder, "--problems", "2", "--max-tokens", "12", "--along", "1"]
    plain, *others = rows_of("quantised_cache", arguments, tmp_path / "rows.json", monkeypatch)
    assert (plain["relative_error"], plain["same_replies"], plain["mean_nats"]) == (0, 2, 0)
    assert [row["cache_dtype"] for row in others] == ["fp8", "int4"]
    for row in others:
        assert 1e-4 < row["relative_error"] < 0.1
        assert row["places"] == plain["places"]
