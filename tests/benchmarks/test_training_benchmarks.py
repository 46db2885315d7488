"""The benchmarks of training run from end to end at tiny sizes, and their gates and counts are what they say."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def load(path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, module)  # where dataclasses look their types up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load(BENCHMARKS / "training" / "trainers.py", monkeypatch)


@pytest.fixture
def throughput(trainers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "training"))
    return load(BENCHMARKS / "training" / "throughput.py", monkeypatch)


@pytest.mark.parametrize("num_documents", [1, 3])
def test_both_trainers_see_the_same_rows_and_targets(trainers: ModuleType, num_documents: int) -> None:
    rows = trainers.RandomRows(320, 32, num_documents)
    ours = rows.rows(5, 1)
    theirs = trainers.TrainRows(rows, 9)[5]
    assert torch.equal(theirs["input_ids"], ours["input_ids"][0])
    shifted = torch.cat([theirs["labels"][1:], torch.tensor([-100])])  # as transformers' loss does
    assert torch.equal(shifted, ours["labels"][0])
    assert int((ours["labels"] != -100).sum()) == 32 - num_documents == int((theirs["labels"] != -100).sum())
    if num_documents > 1:
        assert int((ours["position_ids"] == 0).sum()) == num_documents == int(ours["seq_idx"].max()) + 1


def test_the_first_steps_of_the_trainers_agree(trainers: ModuleType, throughput: ModuleType) -> None:
    found: list[dict] = []
    sizes = {"lengths": (24,), "batch_tokens": 96, "micro_batch_tokens": 48, "warmup_steps": 1, "timed_steps": 1}
    for trainer in (trainers.OURS, trainers.TRANSFORMERS):
        case = trainers.Case(trainer, "tiny", False, **sizes, num_documents=2, precision="float32")
        trainers.measure(case, found.append)
    ours, theirs = found
    assert len(ours["seconds"]) == len(theirs["seconds"]) == 1
    worst = throughput.differences(found)
    assert 0 <= worst["first_loss"] < 1e-5  # the same sums in another order
    assert 0 <= worst["first_norm"] < 1e-4
    theirs["first_norm"] *= 1.1
    assert throughput.differences(found)["first_norm"] > throughput.GATE["first_norm"]
    assert ours["flops_per_token"] > 6 * 0.9 * ours["parameters"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_everything_runs_at_tiny_sizes(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable, "SIZE": "tiny", "COMMIT": "abc", "OMP_NUM_THREADS": "1"}
    command = [str(BENCHMARKS / "training" / "all.sh"), str(tmp_path), "throughput", "attention", "norm"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + "".join(path.read_text() for path in tmp_path.glob("*.log"))
    speeds = json.loads((tmp_path / "throughput.json").read_text(encoding="utf-8"))
    assert speeds["machine"]["commit"] == "abc"
    assert [row["tokens_per_second"] > 0 for row in speeds["results"]] == [True] * 4
    assert set(speeds["gate"]) == {"first_loss", "first_norm"}
    attention = json.loads((tmp_path / "attention.json").read_text(encoding="utf-8"))["rows"]
    assert {(row["way"], row["window"]) for row in attention} == {
        (way, window) for way in ("ours", "flash x4", "flash x2") for window in (None, 16)
    }
    assert len(json.loads((tmp_path / "norm.json").read_text(encoding="utf-8"))["rows"]) == 2
    assert "first steps agree" in run.stdout


@pytest.mark.slow
def test_needed_flops_and_a_wrong_way_is_refused() -> None:
    """In a process of its own: the benchmark changes a setting of torch's compiler."""
    script = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); import attention\n"
        "for length, window in ((50, None), (50, 16), (10, 16)):\n"
        "    pairs = int(attention.visible(length, window, torch.device('cpu')).sum())\n"
        "    assert attention.needed_flops(length, window) == 2 * 192 * 40 * pairs\n"
        "def swapped(*inputs): return attention.flash_two(*inputs)[::-1]\n"
        "assert attention.check(attention.flash_two, 37, 16) < attention.LIMIT\n"
        "attention.check(swapped, 37, 16)\n"
    )
    command = [sys.executable, "-c", script, str(BENCHMARKS / "kernels")]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "swapped at 37 tokens, window 16, is wrong" in run.stderr
