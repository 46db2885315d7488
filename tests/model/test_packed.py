from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, GenerationConfig

from sambay import SambaYConfig, SambaYForCausalLM
from sambay.model.packed import GROUP_SIZE, dequantise, is_packed, is_sensitive, pack, quantise, unpack
from sambay.model.weights import CheckpointError, load
from sambay.sizes import family_config


@pytest.fixture
def folder(tiny_model: SambaYForCausalLM, tmp_path: Path) -> Path:
    tiny_model.generation_config = GenerationConfig(eos_token_id=[259, 256], temperature=0.5, do_sample=True)
    pack(tiny_model, tmp_path / "packed")
    return tmp_path / "packed"


@pytest.mark.parametrize("columns", [64, 128, 100, 20, 1])
@pytest.mark.parametrize("spread", [1.0, 1e-4, 1e-12, 1e4])
def test_every_weight_is_off_by_at_most_half_its_scale(columns: int, spread: float) -> None:
    weight = torch.randn(30, columns) * spread * torch.logspace(-2, 2, 30)[:, None]
    whole, scales = quantise(weight)
    assert (whole.dtype, scales.dtype) == (torch.int8, torch.bfloat16)
    assert scales.shape == (30, -(-columns // GROUP_SIZE))
    bound = scales.float().repeat_interleave(GROUP_SIZE, 1)[:, :columns] * (0.5 + 1e-5)
    assert ((dequantise(whole, scales) - weight).abs() <= bound).all()
    assert whole.abs().amax() >= 126, "the range is used"


def test_zeros_stay_and_what_has_no_number_is_refused() -> None:
    whole, scales = quantise(torch.zeros(3, 70))
    assert torch.equal(dequantise(whole, scales), torch.zeros(3, 70))
    with pytest.raises(ValueError, match="not a number"):
        quantise(torch.tensor([[1.0, float("nan")]]))


def test_a_packed_model_is_the_model_with_rounded_matrices(tiny_model, folder) -> None:
    loaded = load(folder)
    ours, theirs = dict(loaded.named_parameters()), dict(tiny_model.named_parameters())
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        if is_sensitive(name, weight):
            assert torch.equal(ours[name], weight), name
        else:
            assert torch.equal(ours[name], dequantise(*quantise(weight))), name
            assert not torch.equal(ours[name], weight), name
    kept = {
        name.rpartition("layers.")[2].partition(".")[2] for name, weight in theirs.items() if is_sensitive(name, weight)
    }
    assert {"attn.A_log", "attn.D", "attn.dt_proj.weight", "attn.dt_proj.bias", "attn.conv1d.weight",
            "attn.inner_cross_attn.lambda_q1", "attn.inner_cross_attn.subln.weight",
            "input_layernorm.weight"} <= kept  # fmt: skip
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight


def test_logits_move_by_what_the_rounding_explains(tiny_model, folder) -> None:
    """A group's largest of 64 normal weights is 2.4 deviations, so a step is 2.4/127 of one and the error 1/sqrt(12) of
    that: 0.55 %. Two dozen matrices follow each other, in weights that pass errors on undamped."""
    for name, weight in tiny_model.named_parameters():
        if not is_sensitive(name, weight):
            assert (dequantise(*quantise(weight)) - weight).norm() < 0.007 * weight.norm(), name
    ids = torch.arange(100)[None] % 320
    with torch.no_grad():
        before, after = tiny_model(ids).logits, load(folder)(ids).logits
    error = (after - before).norm() / before.norm()
    assert 0.0055 < error < 24 * 0.0055


def test_transformers_reads_it_by_itself(tiny_model, folder) -> None:
    ids = torch.arange(30)[None]
    for loaded in (AutoModelForCausalLM.from_pretrained(folder), SambaYForCausalLM.from_pretrained(str(folder))):
        assert loaded.generation_config.eos_token_id == [259, 256]
        assert not hasattr(loaded.config, "quantization_config")
        with torch.no_grad():
            assert torch.equal(loaded.eval()(ids).logits, load(folder)(ids).logits)
    half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    assert half.dtype is torch.bfloat16
    assert half.model.layers[0].attn.A_log.dtype is torch.float32


def test_saved_again_it_is_a_plain_checkpoint(folder, tmp_path) -> None:
    load(folder).save_pretrained(tmp_path / "plain")
    assert not is_packed(SambaYConfig.from_pretrained(tmp_path / "plain"))
    ours, again = load(folder).state_dict(), load(tmp_path / "plain").state_dict()
    assert all(torch.equal(again[name], weight) for name, weight in ours.items())


def test_packing_twice_changes_nothing_more(folder, tmp_path) -> None:
    """A matrix of multiples of its scales is packed to itself, so that quality is lost once."""
    pack(load(folder), tmp_path / "twice")
    once, twice = (unpack(path, SambaYConfig.from_pretrained(path))[1] for path in (folder, tmp_path / "twice"))
    worst = max(float((twice[name] - weight).abs().max() / weight.abs().max()) for name, weight in once.items())
    assert worst < 1 / 127


def test_bfloat16_models_are_packed_too(tiny_model, tmp_path) -> None:
    pack(tiny_model.to(torch.bfloat16), tmp_path / "half")
    loaded = load(tmp_path / "half")
    assert loaded.dtype is torch.bfloat16
    assert loaded.model.layers[0].input_layernorm.weight.dtype is torch.bfloat16


def test_files_keep_to_their_size(tiny_model, tmp_path) -> None:
    limit = 200 * 2**10
    total = pack(tiny_model, tmp_path / "small", max_file_bytes=limit)
    sizes = [path.stat().st_size for path in (tmp_path / "small").glob("*.safetensors")]
    assert len(sizes) > 2
    assert max(sizes) <= limit
    assert sum(sizes) == total
    assert load(tmp_path / "small")
    with pytest.raises(ValueError, match="alone takes"):
        pack(tiny_model, tmp_path / "never", max_file_bytes=70 * 2**10)
    assert not (tmp_path / "never").exists()
    with pytest.raises(ValueError, match="not an empty folder"):
        pack(tiny_model, tmp_path / "small")


def test_21_million_parameters_fit_into_24_megabytes() -> None:
    config = family_config(
        "sambayda", 12, hidden_size=352, intermediate_size=1152, num_attention_heads=12, num_key_value_heads=6,
        head_dim=32, vocab_size=4096,
    )  # fmt: skip
    with torch.device("meta"):
        model = SambaYForCausalLM(config)
    num_parameters = num_bytes = 0
    for name, weight in model.named_parameters():
        num_parameters += weight.numel()
        if is_sensitive(name, weight):
            num_bytes += 4 * weight.numel()
        else:
            num_bytes += weight.numel() + 2 * weight.shape[0] * -(-weight.shape[1] // GROUP_SIZE)
    assert 21e6 < num_parameters < 24e6
    assert num_bytes < 24e6


def change(folder: Path, **mark) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] |= mark
    (folder / "config.json").write_text(json.dumps(config))


def test_an_unknown_form_is_refused_by_name(folder) -> None:
    change(folder, version=2)
    with pytest.raises(CheckpointError, match="8-bit weights of version 2: this sambay reads version 1"):
        load(folder)
    with pytest.raises(ValueError, match="version 2"):
        AutoModelForCausalLM.from_pretrained(folder)
    change(folder, version=1, group_size=0)
    with pytest.raises(CheckpointError, match="group_size=0"):
        load(folder)
    change(folder, quant_method="other-int3")
    with pytest.raises(CheckpointError, match="other-int3"):
        load(folder)


def test_damaged_folders_are_refused(folder) -> None:
    (path,) = folder.glob("*.safetensors")
    tensors = load_file(path)
    name = "model.layers.0.mlp.fc1.weight"
    for changed, message in (
        (
            {name + ".scale": tensors[name + ".scale"][:, :0].contiguous()},
            "scales of model.layers.0.mlp.fc1.weight are",
        ),
        ({name: tensors[name][:5].contiguous()}, "scales of model.layers.0.mlp.fc1.weight"),
        ({"model.final_layernorm.weight": torch.ones(3)}, "wrong shapes: model.final_layernorm.weight"),
    ):
        save_file({**tensors, **changed}, path, metadata={"format": "pt"})
        with pytest.raises(CheckpointError, match=message):
            load(folder)
    save_file({key: value for key, value in tensors.items() if key != name + ".scale"}, path)
    with pytest.raises(CheckpointError, match="lacks tensors"):
        load(folder)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="truncated"):
        load(folder)
