from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from sambay.chat import build_byte_tokenizer
from sambay.data.curriculum import FAMILIES
from sambay.data.curriculum.rows import CurriculumRows
from sambay.model.weights import load
from sambay.training import TrainConfig, train
from sambay.training.loop import open_source
from sambay.training.validation import validation_config

MakeRun = Callable[..., TrainConfig]


@pytest.fixture
def curriculum(tmp_path: Path) -> dict[str, Any]:
    build_byte_tokenizer().save_pretrained(tmp_path / "bytes")
    return {"tokenizer": str(tmp_path / "bytes")}


def test_a_run_stopped_and_resumed_trains_as_one_that_was_not(small_run: MakeRun, curriculum: dict[str, Any]) -> None:
    fields = {"data": "curriculum", "curriculum": curriculum, "schedule": "constant", "sequence_tokens": 64}
    whole = train(small_run("whole", **fields))
    first = train(small_run("halves", **{**fields, "total_tokens": 128 * 6}))
    rest = train(small_run("halves", **fields))
    assert (*first.losses, *rest.losses) == whole.losses
    states = [load(result.output / "model").state_dict() for result in (whole, rest)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_run_does_not_go_on_with_changed_families(
    small_run: MakeRun, curriculum: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"data": "curriculum", "curriculum": curriculum}
    train(small_run(**{**fields, "total_tokens": 128 * 3}))
    family = FAMILIES["addition"]
    monkeypatch.setitem(FAMILIES, "addition", replace(family, wordings=family.wordings[1:]))
    with pytest.raises(ValueError, match="was trained on"):
        train(small_run(**fields))


def test_validation_is_on_problems_that_are_never_trained(small_run: MakeRun, curriculum: dict[str, Any]) -> None:
    config = small_run(
        data="curriculum", curriculum=curriculum, validation_data="curriculum", validation_rows=2, total_tokens=256
    )
    source = open_source(validation_config(config), 320)
    assert isinstance(source, CurriculumRows)
    assert source.describe()["split"] == "test"
    assert open_source(config, 320).describe()["split"] == "train"
    assert train(config).validation.rows == 2


def test_other_validation_data_need_no_curriculum(small_run: MakeRun, curriculum: dict[str, Any]) -> None:
    config = small_run(
        data="curriculum", curriculum=curriculum, validation_data="synthetic", validation_rows=2, total_tokens=256
    )
    assert train(config).validation.rows == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"data": "curriculum"}, "curriculum={}: allowed are its options, with data: curriculum alone"),
        ({"data": "synthetic", "curriculum": {"tokenizer": "x"}}, "with data: curriculum alone"),
        ({"data": "curriculum", "curriculum": {"tokeniser": "x"}}, r"unknown keys \['tokeniser'\]"),
        ({"data": "curriculum", "curriculum": 3}, "curriculum=3: allowed is"),
    ],
)
def test_what_is_not_allowed_is_named(small_run: MakeRun, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_run(**fields)


def test_the_tokenizer_must_fit_the_model(small_run: MakeRun, curriculum: dict[str, Any]) -> None:
    config = small_run(data="curriculum", curriculum=curriculum, model_overrides={"vocab_size": 257})
    with pytest.raises(ValueError, match="the data have ids up to 267; the model's vocabulary allows 257"):
        open_source(config, 257)
