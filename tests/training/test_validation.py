from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from sambay import SambaYForCausalLM
from sambay.chat import build_byte_tokenizer
from sambay.data import prepare, source_of
from sambay.training import train
from sambay.training.batches import SyntheticRows
from sambay.training.validation import SEED

HELD_OUT = {"validation_data": "synthetic", "validation_rows": 5}


def test_the_loss_is_the_mean_over_the_targets_of_rows_that_no_run_sees(small_run) -> None:
    dropout = {"model_overrides": {"resid_pdrop": 0.5}}  # off while it is measured
    result = train(small_run(total_tokens=128 * 3, **HELD_OUT, **dropout))
    rows = SyntheticRows(vocab_size=320, sequence_tokens=32, seed=SEED).rows(0, 5)
    model = SambaYForCausalLM.from_pretrained(result.output / "model").eval()
    packing = {key: rows[key] for key in ("seq_idx", "position_ids")}
    with torch.no_grad():
        logits_BSV = model(rows["input_ids"], use_cache=False, **packing).logits
    expected = torch.nn.functional.cross_entropy(logits_BSV.flatten(0, 1), rows["labels"].flatten())
    assert result.validation is not None
    assert result.validation.loss == pytest.approx(expected.item(), abs=1e-5)
    assert (result.validation.rows, result.validation.targets) == (5, int((rows["labels"] >= 0).sum()))
    written = json.loads((result.output / "validation.json").read_text())
    assert written == {"step": 3, "loss": result.validation.loss, "rows": 5, "targets": result.validation.targets}


def test_it_is_measured_once_a_run_is_finished_and_again_if_asked(small_run) -> None:
    stopped = train(small_run(**HELD_OUT, max_minutes=1e-9))
    assert (stopped.progress.step, stopped.is_finished, stopped.validation) == (1, False, None)
    finished = train(small_run(**HELD_OUT))
    assert finished.is_finished
    again = train(small_run(**HELD_OUT))
    assert again.losses == ()
    assert again.validation == finished.validation
    assert stopped.losses + finished.losses == train(small_run("whole")).losses


def test_a_folder_of_shards_is_validated_on_and_not_more_of_it_than_there_is(small_run, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be. " * 20)
    prepare(source_of([str(text)]), tmp_path / "shards", build_byte_tokenizer())
    fields = {"validation_data": str(tmp_path / "shards"), "total_tokens": 128}
    result = train(small_run(**fields, validation_rows=12))  # 401 tokens: 12 rows of 32 and the token after each
    assert result.validation is not None
    assert result.validation.targets == 12 * 32
    with pytest.raises(ValueError, match="validation_rows=13: validation_data has only 12 rows"):
        train(small_run("more", **fields, validation_rows=13))
    with pytest.raises(ValueError, match="ids"):
        train(small_run("small", **fields, validation_rows=2, model_overrides={"vocab_size": 100}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"validation_data": "synthetic"}, "validation_rows=0: allowed are both, or neither"),
        ({"validation_rows": 3}, "validation_data=None, validation_rows=3: allowed are both"),
        ({"validation_data": "synthetic", "validation_rows": -1}, "validation_rows=-1: allowed is 0 or more"),
        ({"max_minutes": 0}, "max_minutes=0.0: allowed is a positive number"),
    ],
)
def test_half_of_what_is_needed_is_refused(small_run, fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_run(**fields)
