from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from sambay import SambaYForCausalLM, named_config
from sambay.training import train
from sambay.training.flops import flops_per_token, peak_flops
from sambay.training.records import FIELDS, read


def test_every_step_is_in_both_logs_and_the_curves_are_drawn(small_run, curves) -> None:
    result = train(small_run(total_tokens=128 * 4, peak_flops=1e12, is_progress_shown=True))
    records = read(result.output / "metrics.jsonl")
    assert [record["loss"] for record in records] == list(result.losses)
    with (result.output / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == FIELDS
    assert [float(row["loss"]) for row in rows] == list(result.losses)
    model = SambaYForCausalLM(named_config("tiny"))
    flops = flops_per_token(model.config, sum(p.numel() for p in model.parameters()), 32)
    for record in records:
        assert record["mfu"] == pytest.approx(flops * record["tokens_per_second"] / 1e12)
    assert (result.output / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_records_after_the_last_checkpoint_come_again_once(small_run) -> None:
    config = small_run(total_tokens=128 * 3, schedule="constant")
    first = train(config)
    path = first.output / "metrics.jsonl"
    kept = path.read_text()
    path.write_text(kept + kept.splitlines()[-1].replace('"step": 3', '"step": 4') + '\n{"step": 5, "lo')
    second = train(small_run(total_tokens=128 * 5, schedule="constant"))
    assert path.read_text().startswith(kept)
    assert [record["loss"] for record in read(path)] == [*first.losses, *second.losses]


def test_fewer_records_on_request(small_run) -> None:
    result = train(small_run(total_tokens=128 * 5, log_steps=2))
    assert [record["step"] for record in read(result.output / "metrics.jsonl")] == [2, 4, 5]


def test_tensorboard_without_its_package_says_so(small_run) -> None:
    try:
        import tensorboard  # noqa: F401
    except ImportError:
        with pytest.raises(ImportError, match="tensorboard"):
            train(small_run(trackers=("tensorboard",)))
    else:
        folder = Path(train(small_run(total_tokens=128, trackers=("tensorboard",))).output) / "tensorboard"
        assert list(folder.iterdir())


def test_flops_of_a_token_by_hand() -> None:
    # tiny: 8 layers M W M W M F U C, 8 differential heads of 8, window 16, rows of 32
    config = named_config("tiny")
    attention = 6 * 64 * (16 + 16 + 32 + 32)
    assert flops_per_token(config, 1000, 32) == 6 * 1000 + 3 * attention
    config.tie_word_embeddings = False
    assert flops_per_token(config, 50_000, 32) == 6 * (50_000 - 320 * 64) + 3 * attention
    transformer = named_config("transformer_d4")
    assert flops_per_token(transformer, 1000, 64) == 6 * 1000 + 3 * 4 * 4 * 512 * 64


def test_peaks_by_name(monkeypatch) -> None:
    assert peak_flops(torch.device("cpu")) is None
    for name, peak in {"NVIDIA H100 80GB HBM3": 989e12, "NVIDIA A100-SXM4-40GB": 312e12, "Other": None}.items():
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _, name=name: name)
        assert peak_flops(torch.device("cuda")) == peak
