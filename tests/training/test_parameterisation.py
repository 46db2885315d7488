from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from sambay import SambaYForCausalLM, named_config
from sambay.config import sambay_mixers
from sambay.training import TrainConfig
from sambay.training.batches import SyntheticRows
from sambay.training.loop import build_model, build_optimisers
from sambay.training.loss import NextTokenLoss
from sambay.training.parameterisation import (
    Parameterisation,
    initialise,
    is_matrix_like,
    learning_rate,
    parameter_groups,
    training_tokens,
    with_multipliers,
)

STANDARD, MUP, MUPP = Parameterisation
LAYER = "model.layers.1."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (LAYER + "attn.Wqkv.weight", True),
        (LAYER + "attn.out_proj.weight", True),
        (LAYER + "attn.in_proj.weight", True),
        (LAYER + "attn.x_proj.weight", True),
        (LAYER + "attn.dt_proj.weight", True),
        (LAYER + "mlp.fc1.weight", True),
        (LAYER + "mlp.fc2.weight", True),
        (LAYER + "attn.Wqkv.bias", False),
        (LAYER + "attn.dt_proj.bias", False),
        (LAYER + "attn.conv1d.weight", False),
        (LAYER + "attn.A_log", False),
        (LAYER + "attn.D", False),
        (LAYER + "attn.inner_cross_attn.lambda_q1", False),
        (LAYER + "attn.inner_cross_attn.subln.weight", False),
        (LAYER + "input_layernorm.weight", False),
        ("model.final_layernorm.weight", False),
        ("model.embed_tokens.weight", False),
        ("lm_head.weight", False),
    ],
)
def test_matrix_like_names(name: str, expected: bool) -> None:
    assert is_matrix_like(name) is expected


def test_every_matrix_of_the_model_is_matrix_like_and_nothing_else(tiny_model) -> None:
    for name, parameter in tiny_model.named_parameters():
        is_vector = parameter.ndim != 2 or name.endswith("A_log") or "embed" in name
        assert is_matrix_like(name) is not is_vector, name


@pytest.mark.parametrize(
    ("kind", "multiplier", "vector_decay"), [(STANDARD, 1.0, 0.1), (MUP, 2.0, 0.1), (MUPP, 2.0, 0.0)]
)
def test_groups_of_eight_layers(tiny_model, kind, multiplier: float, vector_decay: float) -> None:
    matrices, vectors = parameter_groups(dict(tiny_model.named_parameters()), kind, depth=8, weight_decay=0.1)
    assert (matrices.is_matrix_like, matrices.lr_multiplier, matrices.weight_decay) == (True, multiplier, 0.1)
    assert (vectors.is_matrix_like, vectors.lr_multiplier, vectors.weight_decay) == (False, 1.0, vector_decay)
    assert len(matrices.names) + len(vectors.names) == len(list(tiny_model.parameters()))


def test_multipliers_and_what_they_do_to_the_model() -> None:
    config = named_config("sambayda_d8")  # heads of 64
    plain, mup, mupp = (with_multipliers(config, kind) for kind in (STANDARD, MUP, MUPP))
    assert (plain.logits_multiplier, plain.residual_multiplier, plain.attention_multiplier) == (1, 1, None)
    assert (mup.logits_multiplier, mup.residual_multiplier) == (2, 1)
    assert (mupp.logits_multiplier, mupp.residual_multiplier) == (2, 0.25)
    assert mup.attention_multiplier == mupp.attention_multiplier == pytest.approx(math.sqrt(128) / 64)
    assert config.logits_multiplier == 1, "the given configuration was changed"
    wide = with_multipliers(named_config("sambay_d16"), MUPP)  # base depth, heads of 128: only the branches differ
    assert wide.attention_multiplier == pytest.approx(128**-0.5)
    assert wide.logits_multiplier == 1


def test_the_model_obeys_its_multipliers(tiny_model) -> None:
    ids = torch.randint(0, 320, (2, 12))
    with torch.no_grad():
        before = tiny_model(ids).logits
        tiny_model.config.logits_multiplier = 2.0
        torch.testing.assert_close(tiny_model(ids).logits, 2 * before)
        tiny_model.config.logits_multiplier = 1.0
        for block in tiny_model.model.layers:
            block.residual_multiplier = 0.0
        embedded = tiny_model.model.final_layernorm(tiny_model.model.embed_tokens(ids))
        torch.testing.assert_close(tiny_model(ids).logits, tiny_model.lm_head(embedded))


def test_the_attention_multiplier_is_the_scale_of_the_scores(tiny_config) -> None:
    tiny_config.attention_multiplier = 0.7
    assert {
        layer.attn.scaling for layer in SambaYForCausalLM(tiny_config).model.layers if layer.mixer.is_attention
    } == {0.7}


def test_learning_rate_and_tokens() -> None:
    assert learning_rate(MUPP, depth=16, batch_tokens=2**21) == 4e-4
    # the paper's own table 7 has 5.66e-4 at 8 layers and 3.27e-4 at 24
    assert learning_rate(MUPP, depth=8, batch_tokens=2**21) == pytest.approx(5.66e-4, rel=1e-3)
    assert learning_rate(MUPP, depth=24, batch_tokens=2**21) == pytest.approx(3.27e-4, rel=2e-3)
    assert learning_rate(MUP, depth=8, batch_tokens=2**21) == 4e-4
    assert learning_rate(STANDARD, depth=8, batch_tokens=2**19) == 2e-4
    assert training_tokens(3_328_900_000, 973_100_000) == pytest.approx(342.1e9, rel=1e-3)  # table 7, SambaY d24


# ------------------------------------------------------------------------------------------ initialisation


def initialised(kind: Parameterisation, **fields) -> dict[str, Tensor]:
    config = with_multipliers(named_config("tiny"), kind)
    for key, value in fields.items():
        setattr(config, key, value)
    model = SambaYForCausalLM(config)
    initialise(model, config, kind, seed=7)
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def test_initial_values_of_mupp() -> None:
    weights = initialised(MUPP)
    for name, inputs in (("attn.in_proj.weight", 64), ("attn.x_proj.weight", 128), ("attn.dt_proj.weight", 4)):
        bound = inputs**-0.5
        assert weights["model.layers.0." + name].abs().max() == pytest.approx(bound, rel=2e-2)
        assert weights["model.layers.0." + name].std() == pytest.approx(bound / 3**0.5, rel=0.1)
    # tied: the published code divides projections into the residual stream by sqrt(2 * 8)
    assert weights["model.layers.0.mlp.fc2.weight"].abs().max() == pytest.approx(128**-0.5 / 4, rel=1e-2)
    assert weights["model.embed_tokens.weight"].std() == pytest.approx(0.02, rel=0.05)
    assert not weights["model.layers.1.attn.Wqkv.bias"].any()
    assert weights["model.layers.0.attn.conv1d.weight"].abs().max() == pytest.approx(0.5, rel=2e-2)
    steps = torch.nn.functional.softplus(weights["model.layers.0.attn.dt_proj.bias"])
    assert 1e-3 * 0.999 <= steps.min() < 3e-3
    assert 3e-2 < steps.max() <= 0.1 * 1.001
    torch.testing.assert_close(weights["model.layers.0.attn.A_log"].exp()[5], torch.arange(1.0, 9))
    assert (weights["model.layers.0.attn.D"] == 1).all()
    assert weights["model.layers.1.attn.inner_cross_attn.lambda_q1"].std() < 0.3


def test_initial_values_of_untied_mupp_and_of_the_standard() -> None:
    untied = initialised(MUPP, tie_word_embeddings=False)
    assert untied["model.embed_tokens.weight"].std() == pytest.approx(1e-4, rel=0.05)
    assert not untied["lm_head.weight"].any()
    assert untied["model.layers.0.mlp.fc2.weight"].abs().max() == pytest.approx(128**-0.5, rel=1e-2)
    standard = initialised(STANDARD)
    for name in ("mlp.fc1.weight", "attn.dt_proj.weight"):
        assert standard["model.layers.0." + name].std() == pytest.approx(0.02, rel=0.1)
    assert standard["model.layers.0.mlp.fc2.weight"].std() == pytest.approx(0.005, rel=0.1)


def test_initial_values_depend_on_seed_and_name_alone() -> None:
    torch.manual_seed(1)
    first = initialised(MUPP)
    torch.manual_seed(2)
    second = initialised(MUPP)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["model.layers.0.mlp.fc1.weight"], first["model.layers.1.mlp.fc1.weight"])


# ---------------------------------------------------------------------------------------- coordinate check


def scale_after(kind: Parameterisation, depth: int, num_steps: int) -> float:
    """The root mean square of the residual stream before the final norm after some steps, at width 16 * depth."""
    width = 16 * depth
    shape = {
        "num_hidden_layers": depth, "mixers": [mixer.value for mixer in sambay_mixers(depth)], "hidden_size": width,
        "intermediate_size": 4 * width, "num_attention_heads": depth, "num_key_value_heads": max(2, depth // 4),
        "head_dim": 16, "vocab_size": 256, "sliding_window": 16, "mamba_d_state": 4, "mamba_dt_rank": depth,
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    }  # fmt: skip
    config = TrainConfig(output="", data="synthetic", model="sambay_d4", model_overrides=shape, parameterisation=kind)
    model = build_model(config)
    loss, optimisers = NextTokenLoss(model), build_optimisers(config, model)
    optimisers.set_learning_rate(learning_rate(kind, depth, 1, base=4e-3, base_batch_tokens=1))
    source = SyntheticRows(256, 32, seed=0)
    for step in range(num_steps):
        rows = source.rows(2 * step, 2)
        targets = rows.pop("labels")
        (loss(rows.pop("input_ids"), targets, **rows) / targets.numel()).backward()
        optimisers.step()
        optimisers.zero_grad()
    seen: list[Tensor] = []
    model.model.final_layernorm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model(source.rows(1000, 2)["input_ids"])
    return seen[0].pow(2).mean().sqrt().item()


def test_coordinate_check_activations_stay_put_under_mupp_and_grow_under_the_standard() -> None:
    """Four layers and sixteen, width growing alike, after four steps.

    Measured: 2.3 and 1.5 under µP++ (32 layers: 0.95), 0.05 and 4.2 under the standard (32 layers: 28).
    """
    shallow, deep = (scale_after(MUPP, depth, 4) for depth in (4, 16))
    assert 1 / 3 < deep / shallow < 3
    shallow, deep = (scale_after(STANDARD, depth, 4) for depth in (4, 16))
    assert deep / shallow > 10
