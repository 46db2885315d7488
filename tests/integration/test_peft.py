"""LoRA on every linear layer: each adapter acts, each learns, and nothing goes around one."""

from __future__ import annotations

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from sambay.config import MAMBA, MEMORY

NAMES = ["Wqkv", "in_proj", "x_proj", "dt_proj", "out_proj", "fc1", "fc2"]
# float32 sums in another order (merged: one product instead of three), on logits of a few units.
ROUNDING = {"atol": 2e-4, "rtol": 0}


def with_adapters(model, target="all-linear"):
    config = LoraConfig(r=4, lora_alpha=8, target_modules=target, task_type="CAUSAL_LM")
    return get_peft_model(model, config).eval()


def adapters(model) -> dict[str, nn.Module]:
    return {
        name.split("base_model.model.model.")[1]: module
        for name, module in model.named_modules()
        if hasattr(module, "lora_B")
    }


def disturb(module: nn.Module) -> None:
    """lora_B starts at zero; this makes the adapter change its layer's output by about a tenth."""
    with torch.no_grad():
        module.lora_B["default"].weight.normal_(std=0.1)


@pytest.fixture
def ids(prompts) -> Tensor:
    return prompts[0][None]


@pytest.mark.parametrize("target", ["all-linear", NAMES], ids=["all-linear", "by name"])
def test_every_linear_layer_is_wrapped_and_only_adapters_train(model, target):
    linear = {name for name, module in model.model.named_modules() if type(module) is nn.Linear}
    model = with_adapters(model, target)
    assert set(adapters(model)) == linear  # the tied head is not among them
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert len(trained) == 2 * len(adapters(model))
    assert all("lora_" in name for name in trained)


def test_each_adapter_changes_the_logits_and_gets_a_gradient(model, ids):
    model = with_adapters(model)
    with torch.no_grad():
        plain = model(ids).logits
    for name, module in adapters(model).items():
        weight = module.lora_B["default"].weight
        disturb(module)
        with torch.no_grad():
            moved = (model(ids).logits - plain).abs().max()
            weight.zero_()
        # Without the disturbance the operations are the same and the difference is 0.
        assert moved > 1e-4, f"the adapter on {name} does not reach the logits"
    model.train()
    model(ids, labels=ids).loss.backward()
    for name, module in adapters(model).items():
        # With lora_B at zero, lora_A's gradient is zero by construction.
        assert module.lora_B["default"].weight.grad.abs().max() > 1e-6, name


def test_gradients_through_the_adapters_are_right(model, ids):
    """The directional derivative by central differences, in float64, over all adapters at once."""
    model = with_adapters(model.double())
    parameters = [p for p in model.parameters() if p.requires_grad]
    for module in adapters(model).values():
        disturb(module)
    loss_in_float64(model, ids).backward()
    directions = [torch.randn_like(p) for p in parameters]
    slope = sum((p.grad * d).sum() for p, d in zip(parameters, directions, strict=True))
    losses = []
    for step in (1e-5, -1e-5):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.add_(d, alpha=step)
            losses.append(loss_in_float64(model, ids))
            for p, d in zip(parameters, directions, strict=True):
                p.sub_(d, alpha=step)
    # Central differences err by step² times the third derivative, large along a direction of length 100.
    torch.testing.assert_close((losses[0] - losses[1]) / 2e-5, slope, rtol=1e-3, atol=0)


def loss_in_float64(model, ids: Tensor) -> Tensor:
    """The model's own loss rounds the logits to float32 first."""
    return nn.functional.cross_entropy(model(ids).logits[0, :-1], ids[0, 1:])


def test_merged_equals_adapter_and_reloads(model, make_model, ids, tmp_path):
    model = with_adapters(model)
    for module in adapters(model).values():
        disturb(module)
    with torch.no_grad():
        expected = model(ids).logits
        assert (expected - make_model()(ids).logits).abs().max() > 1  # the adapters do act
        model.save_pretrained(tmp_path)
        again = PeftModel.from_pretrained(make_model(), tmp_path).eval()
        assert torch.equal(again(ids).logits, expected)
        with model.disable_adapter():
            assert (model(ids).logits - make_model()(ids).logits).abs().max() <= ROUNDING["atol"]
        merged = model.merge_and_unload()
        torch.testing.assert_close(merged(ids).logits, expected, **ROUNDING)
        assert type(merged.model.layers[0].attn.dt_proj) is nn.Linear


@pytest.mark.parametrize("target", ["all-linear", ["Wqkv"], ["dt_proj"]], ids=["all", "Wqkv", "dt_proj"])
def test_linear_prefill_and_decoding_run_through_the_adapters(model, padded, target):
    model = with_adapters(model, target)
    for module in adapters(model).values():
        disturb(module)
    ids, mask = padded
    with torch.no_grad():
        full = model(ids, attention_mask=mask, use_cache=False).logits
        last = model(ids, attention_mask=mask, logits_to_keep=1).logits
    torch.testing.assert_close(last, full[:, -1:], **ROUNDING)
    out = model.generate(
        input_ids=ids, attention_mask=mask, max_new_tokens=6, do_sample=False, output_logits=True,
        return_dict_in_generate=True,
    )  # fmt: skip
    grown = torch.cat([mask, mask.new_ones(len(mask), 6)], dim=1)
    with torch.no_grad():
        full = model(out.sequences, attention_mask=grown, use_cache=False).logits
    torch.testing.assert_close(torch.stack(out.logits, 1), full[:, ids.shape[1] - 1 : -1], **ROUNDING)


def test_lora_with_frozen_embeddings_and_gradient_checkpointing(model, ids):
    model = with_adapters(model)
    for module in adapters(model).values():
        disturb(module)
    parameters = [p for p in model.parameters() if p.requires_grad]
    expected = torch.autograd.grad(model(ids, labels=ids).loss, parameters)
    for use_reentrant in (False, True):
        model.train()
        model.enable_input_require_grads()
        model.activation_checkpointing_enable({"use_reentrant": use_reentrant})
        model.zero_grad()
        model(ids, labels=ids, use_cache=False).loss.backward()
        for parameter, gradient in zip(parameters, expected, strict=True):
            # The same operations on the same numbers; only sums over threads may be ordered otherwise.
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-6)
        model.activation_checkpointing_disable()


def test_adapters_by_kind_of_layer(model):
    """What a user's target names hit: the mixers share `in_proj` and `out_proj`."""
    layers = model.config.layers
    model = with_adapters(model, ["in_proj"])
    hit = {int(name.split(".")[1]) for name in adapters(model)}
    assert hit == {i for i, mixer in enumerate(layers) if mixer in (MAMBA, MEMORY)}
