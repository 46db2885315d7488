from __future__ import annotations

import pytest
import torch

from sambay.model.weights import load
from sambay.training import train
from sambay.training.loop import build_model


def test_a_run_starts_from_trained_weights(small_run) -> None:
    first = train(small_run("first"))
    trained = load(first.output / "model").state_dict()
    fresh = build_model(small_run("other")).state_dict()
    started = build_model(small_run("second", initial_model=str(first.output / "model"))).state_dict()
    assert trained.keys() == started.keys()
    assert all(torch.equal(started[name], weight) for name, weight in trained.items())
    assert not torch.equal(started["model.embed_tokens.weight"], fresh["model.embed_tokens.weight"])
    second = train(small_run("second", initial_model=str(first.output / "model"), warmup_tokens=0))
    assert second.losses[0] < first.losses[0] - 0.1
    assert abs(second.losses[0] - first.losses[-1]) < abs(second.losses[0] - first.losses[0])


def test_another_architecture_is_no_start(small_run) -> None:
    folder = str(train(small_run("first")).output / "model")
    with pytest.raises(ValueError, match="has num_hidden_layers=8, this run 4"):
        build_model(small_run("second", initial_model=folder, model_overrides={"num_hidden_layers": 4, "mixers": None}))
    with pytest.raises(ValueError, match=r"has (logits|residual)_multiplier="):
        build_model(small_run("second", initial_model=folder, base_depth=4))
    with pytest.raises(ValueError, match="no such folder"):
        build_model(small_run("second", initial_model=folder + "/none"))


def test_a_resumed_run_keeps_its_start(small_run) -> None:
    folder = str(train(small_run("first")).output / "model")
    train(small_run("second", initial_model=folder))
    with pytest.raises(ValueError, match="initial_model=None, but the checkpoint"):
        train(small_run("second"))
