"""Folders: what is written, in which type, and that what is read again computes the same."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from sambay import SambaYForCausalLM, SambaYModel

IN_FLOAT32 = ("A_log", "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")


def stored(folder) -> dict[str, torch.Tensor]:
    tensors = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    return tensors


def logits(model, ids):
    with torch.no_grad():
        return model.eval()(ids).logits


@pytest.mark.parametrize("shard", ["5GB", "50KB"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_reloaded_is_bit_equal_and_keeps_every_type(make_model, prompts, tmp_path, dtype, shard):
    source = make_model()
    source.save_pretrained(tmp_path / "float32")
    model = SambaYForCausalLM.from_pretrained(tmp_path / "float32", dtype=dtype)
    folder = tmp_path / "again"
    model.save_pretrained(folder, max_shard_size=shard)
    tensors = stored(folder)
    expected = {name for name, _ in source.named_parameters()}
    assert set(tensors) == expected  # named_parameters counts a tied tensor once, under the embedding
    assert "lm_head.weight" not in tensors
    original = dict(source.named_parameters())
    for name, tensor in tensors.items():
        wanted = torch.float32 if name.endswith(IN_FLOAT32) else dtype
        assert tensor.dtype == wanted, name
        assert torch.equal(tensor, original[name].to(wanted)), name
    num_files = len(list(folder.glob("*.safetensors")))
    assert (num_files > 3) == (shard == "50KB")
    assert (folder / "model.safetensors.index.json").exists() == (shard == "50KB")
    for cls in (SambaYForCausalLM, AutoModelForCausalLM):
        again = cls.from_pretrained(folder)  # without a dtype: the one in the files
        assert type(again) is SambaYForCausalLM
        assert again.dtype == dtype
        assert again.lm_head.weight is again.model.embed_tokens.weight
        assert torch.equal(logits(again, prompts[0][None]), logits(model, prompts[0][None]))


def test_the_base_model_loads_from_the_same_folder(saved, model, prompts):
    base = AutoModel.from_pretrained(saved)
    assert type(base) is SambaYModel
    with torch.no_grad():
        hidden = base.eval()(prompts[0][None]).last_hidden_state
        assert torch.equal(model.lm_head(hidden), model(prompts[0][None]).logits)


@pytest.mark.parametrize("device_map", ["cpu", {"": "cpu"}, "auto"])
def test_device_maps_of_accelerate(saved, model, prompts, device_map):
    if device_map == "auto" and torch.cuda.is_available():
        pytest.skip("auto would pick the GPU, whose sums differ")
    placed = AutoModelForCausalLM.from_pretrained(saved, device_map=device_map)
    assert torch.equal(logits(placed, prompts[0][None]), logits(model, prompts[0][None]))
    assert {parameter.device.type for parameter in placed.parameters()} == {"cpu"}


def test_loading_says_nothing_is_missing_or_too_many(saved):
    _, report = SambaYForCausalLM.from_pretrained(saved, output_loading_info=True)
    assert {key: list(value) for key, value in report.items() if value} == {}


def test_configuration_round_trip(saved, model):
    again = AutoConfig.from_pretrained(saved)
    assert again.layers == model.config.layers
    assert again.auto_map == {}
    assert "auto_map" in vars(again)  # an attribute of the instance, as TRL expects
    written = json.loads((saved / "config.json").read_text())
    assert written["model_type"] == "phi4flash"
    assert again.to_dict() == AutoConfig.from_pretrained(saved).to_dict()


# ---------------------------------------------------------------------------------- other number types


def relative_error(value, reference) -> float:
    """Root mean square of the difference over that of the reference."""
    return ((value.float() - reference).square().mean() / reference.square().mean()).sqrt().item()


# A rounding to bfloat16 (2**-9 relative) after each of about 8 x 8 operations, adding up as independent errors:
# sqrt(64) * 2**-9 = 1.6e-2; the weights' own rounding doubles it. Large random weights amplify: four times as much.
# float16 has three more bits.
BOUNDS = {torch.bfloat16: 0.13, torch.float16: 0.016}


@pytest.mark.parametrize("dtype", BOUNDS)
def test_half_precision_is_close_to_float32(model, prompts, padded, dtype):
    ids, mask = padded
    with torch.no_grad():
        reference = model(ids, attention_mask=mask).logits[mask.bool()]
    half = model.to(dtype)
    for name, parameter in half.named_parameters():
        if name.endswith(IN_FLOAT32):
            parameter.data = parameter.data.float()
    with torch.no_grad():
        values = half(ids, attention_mask=mask).logits[mask.bool()]
    assert values.dtype == dtype
    assert values.isfinite().all()
    assert 0 < relative_error(values, reference) < BOUNDS[dtype]
    new = half.generate(ids, attention_mask=mask, max_new_tokens=4, do_sample=False)
    assert new.shape == (len(ids), ids.shape[1] + 4)


def test_autocast_forward_and_backward_are_close_to_float32(model, prompts):
    ids = prompts[0][None]
    model.train()
    reference = model(ids, labels=ids)
    reference.loss.backward()
    gradients = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        cast = model(ids, labels=ids)
    cast.loss.backward()
    bound = BOUNDS[torch.bfloat16]
    assert 0 < relative_error(cast.logits, reference.logits.detach()) < bound
    # A λ is one number a layer, and its gradient a sum over all tokens of terms of both signs: where they cancel, their
    # rounding is as large as what is left. So the λ of all layers count as one vector; everything else by itself.
    pairs = {name: (parameter.grad, gradients[name]) for name, parameter in model.named_parameters()}
    lambdas = [pairs.pop(name) for name in list(pairs) if "lambda_" in name]
    pairs["lambdas"] = tuple(torch.cat(parts) for parts in zip(*lambdas, strict=True))  # type: ignore[assignment]
    for name, (ours, wanted) in pairs.items():
        assert ours.isfinite().all(), name
        # Backward runs through as many roundings again.
        assert relative_error(ours, wanted) < 2 * bound, name
