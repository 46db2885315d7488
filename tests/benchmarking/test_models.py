from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sambay.benchmarking.models import (
    Subject,
    equal_transformer,
    is_plain_transformer,
    num_parameters,
    open_subjects,
    phi3_twin,
    random_model,
)
from sambay.config import FULL
from sambay.sizes import named_config

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", ["tiny", "sambay_d8", "sambayda_d8", "sambayoco_d8", "samba_d8"])
def test_the_peer_is_a_transformer_of_as_many_parameters(size: str) -> None:
    config = named_config(size)
    name, peer = equal_transformer(config)
    assert name == "transformer++"
    assert set(peer.layers) == {FULL}
    assert is_plain_transformer(peer)
    assert num_parameters(peer) == pytest.approx(num_parameters(config), rel=0.015)
    for same in ("num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"):
        assert getattr(peer, same) == getattr(config, same)


def test_beside_the_released_size_stands_phi_4_minis_shape() -> None:
    name, peer = equal_transformer(named_config("phi-4-mini-flash"))
    assert (name, peer.hidden_size, peer.num_key_value_heads, peer.intermediate_size) == (
        "phi-4-mini-size",
        3072,
        8,
        8192,
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fresh_weights_are_those_of_the_model_in_its_type(dtype: torch.dtype) -> None:
    model = random_model(named_config("tiny"), CPU, dtype, seed=0)
    weights = dict(model.named_parameters())
    assert all(torch.isfinite(weight).all() for weight in weights.values()), "nothing is left uninitialised"
    kept = {name for name, weight in weights.items() if weight.dtype == torch.float32}
    if dtype == torch.bfloat16:
        assert {name.rsplit(".")[-1] for name in kept} == {"A_log", "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2"}
    assert weights["model.layers.0.mlp.fc1.weight"].float().std().item() == pytest.approx(0.02, rel=0.05)
    delta = torch.nn.functional.softplus(weights["model.layers.0.attn.dt_proj.bias"].float())
    assert delta.min() > 9e-4
    assert delta.max() < 0.11, "step sizes as Mamba begins with"
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert not model.training


def test_the_seed_makes_the_weights_and_leaves_other_draws_alone() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    first, second = (random_model(named_config("tiny"), CPU, torch.float32, seed) for seed in (1, 1))
    assert torch.equal(torch.rand(3), wanted)
    other = random_model(named_config("tiny"), CPU, torch.float32, 2)
    key = "model.layers.3.attn.Wqkv.weight"
    assert torch.equal(first.state_dict()[key], second.state_dict()[key])
    assert not torch.equal(first.state_dict()[key], other.state_dict()[key])


def test_the_twin_has_the_same_tensors_and_says_the_same(subjects: list[Subject]) -> None:
    network = subjects[1].network
    twin = phi3_twin(network)
    ours = {weight.data_ptr() for weight in network.parameters()}
    assert {weight.data_ptr() for weight in twin.parameters()} == ours
    assert "sambay" not in type(twin).__module__
    ids = torch.randint(network.config.vocab_size, (2, 70))
    with torch.inference_mode():
        torch.testing.assert_close(twin(ids).logits, network(ids).logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "field",
    [{"residual_multiplier": 0.5}, {"attention_multiplier": 1.0}, {"attention_bias": True}, {"norm_type": "layernorm"}],
)
def test_what_phi3_has_not_is_no_plain_transformer(field: dict) -> None:
    config = named_config("transformer_d4", **field)
    assert is_plain_transformer(named_config("transformer_d4"))
    assert not is_plain_transformer(config)
    assert not is_plain_transformer(named_config("tiny"))


def test_models_by_name_and_by_folder(tmp_path: Path, subjects: list[Subject]) -> None:
    from sambay import cli

    folder = tmp_path / "mine"
    assert cli.main(["init", "tiny", str(folder)]) == 0
    mine, peer = open_subjects(str(folder), "equal", "cpu", None, seed=0)
    assert (mine.name, peer.name) == ("mine", "transformer++")
    assert mine.network.dtype == peer.network.dtype == torch.bfloat16, "the checkpoint's"
    both = open_subjects("tiny", str(folder), "cpu", None, seed=0)
    assert [subject.name for subject in both] == ["tiny", "mine"]
    assert both[1].network.dtype == torch.float32, "the model's"
    assert [subject.name for subject in open_subjects("tiny", "none", "cpu", "float16", seed=0)] == ["tiny"]
    assert [subject.network.dtype for subject in subjects] == [torch.float32] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiyn", "equal", "cpu", None), "no such folder: tiyn .*nor is it a named size: phi-4-mini-flash"),
        (("tiny", "tiyn", "cpu", None), "no such folder: tiyn"),
        (("tiny", "equal", "tpu", None), "device 'tpu'"),
        (("tiny", "equal", "cpu", "float8"), "dtype 'float8': allowed are bfloat16"),
    ],
)
def test_unknown_names(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_subjects(*arguments, seed=0)
