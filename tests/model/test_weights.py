"""Checkpoints: clear errors, the released layout, interleaved projections, and the memory that loading takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from sambay import SambaYForCausalLM, named_config
from sambay.chat import build_released_tokenizer
from sambay.config import CROSS
from sambay.model import weights
from sambay.model.weights import CheckpointError, convert_interleaved, deinterleave_qkv, load, write_random


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_random("tiny", tmp_path / "tiny", max_shard_size="100KB")
    return tmp_path / "tiny"


def test_a_random_checkpoint_is_in_the_released_layout(folder: Path) -> None:
    model = load(folder)
    names = {name: tensor for file in folder.glob("*.safetensors") for name, tensor in load_file(file).items()}
    assert set(names) == {name for name, _ in model.named_parameters()}
    for name, tensor in names.items():
        is_wide = name.endswith("A_log") or ".lambda_" in name
        assert tensor.dtype == (torch.float32 if is_wide else torch.bfloat16), name
        assert torch.equal(tensor, dict(model.named_parameters())[name])
    assert json.loads((folder / "generation_config.json").read_text())["eos_token_id"] == 256


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    first, again, other = (write_random("tiny", tmp_path / str(i), seed=seed) for i, seed in enumerate([1, 1, 2]))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.model.embed_tokens.weight, other.model.embed_tokens.weight)


def test_writing_leaves_the_callers_random_state_alone(tmp_path: Path) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    write_random("tiny", tmp_path, seed=9)
    assert torch.equal(torch.rand(3), wanted)


def test_step_sizes_start_log_uniform(tmp_path: Path) -> None:
    model = write_random("tiny", tmp_path, dtype=torch.float32)
    delta = torch.nn.functional.softplus(torch.cat([b.attn.dt_proj.bias for b in model.model.layers[:5:2]]).detach())
    assert 9e-4 < delta.min() < 3e-3
    assert 0.05 < delta.max() < 0.11
    assert delta.log().median().exp() == pytest.approx(1e-2, rel=0.5)


@pytest.mark.parametrize(("dtype", "wanted"), [(None, torch.bfloat16), (torch.float32, torch.float32)])
def test_the_type_asked_for(folder: Path, dtype: torch.dtype | None, wanted: torch.dtype) -> None:
    model = load(folder, dtype=dtype)
    assert model.model.layers[0].mlp.fc1.weight.dtype == wanted
    assert model.model.layers[0].attn.A_log.dtype == torch.float32
    assert not model.training


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def edit_config(folder: Path, **changes) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def drop_tensor(folder: Path, name: str) -> None:
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        if name in tensors:
            del tensors[name]
            save_file(tensors, path, metadata={"format": "pt"})


def first_shard(folder: Path) -> Path:
    return sorted(folder.glob("model-00001-*.safetensors"))[0]


DAMAGES = {
    "truncated": (lambda f: truncate(first_shard(f)), "model-00001-of-.*is truncated or not a safetensors file"),
    "garbage": (lambda f: first_shard(f).write_bytes(b"no"), "model-00001-of-.*is truncated or not a safetensors"),
    "gone": (lambda f: first_shard(f).unlink(), "model-00001-of-.* is missing, but model.safetensors.index.json"),
    "no index": (lambda f: (f / weights.INDEX_FILE).unlink(), "holds neither model.safetensors nor"),
    "bad index": (lambda f: (f / weights.INDEX_FILE).write_text("{"), "is not a safetensors index"),
    "no config": (lambda f: (f / "config.json").unlink(), "holds no config.json"),
    "broken config": (lambda f: (f / "config.json").write_text("{"), "config.json"),
    "other architecture": (lambda f: edit_config(f, model_type="llama"), "'llama'; allowed is 'phi4flash'"),
    "unknown key": (lambda f: edit_config(f, window=3), "unknown key 'window'"),
    "tensor gone": (lambda f: drop_tensor(f, "model.final_layernorm.bias"), "lacks tensors.*final_layernorm.bias"),
    "other shape": (lambda f: edit_config(f, intermediate_size=64), r"wrong shapes: .*mlp.fc1.weight is \(256, 64\)"),
    "a layer too many": (
        lambda f: edit_config(f, num_hidden_layers=9, mixers=[*named_config("tiny").mixers, "cross"]),
        "missing tensors: model.layers.8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_in_one_line(folder: Path, damage: str) -> None:
    spoil, message = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(CheckpointError, match=message) as error:
        load(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [("/nowhere/at/all", "no such folder"), ("nowhere", "no such folder"), (__file__, "is a file"), ("a/b", "a/b")],
)
def test_what_is_no_model(source: str, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        load(source)


def interleave(fused: torch.Tensor, heads: int, groups: int, width: int) -> torch.Tensor:
    """The training layout, made by hand: a group's query heads, its key head, its value head, group after group."""
    per_group, rows = heads // groups, fused.split(width)
    queries, keys, values = rows[:heads], rows[heads : heads + groups], rows[heads + groups :]
    order = [[*queries[g * per_group : (g + 1) * per_group], keys[g], values[g]] for g in range(groups)]
    return torch.cat([block for group in order for block in group])


def test_deinterleaving_is_the_inverse_of_interleaving() -> None:
    fused = torch.randn((6 + 2 * 2) * 4, 5)
    assert torch.equal(deinterleave_qkv(interleave(fused, 6, 2, 4), 6, 2, 4), fused)
    with pytest.raises(ValueError, match="39 rows"):
        deinterleave_qkv(fused[:39], 6, 2, 4)


def test_an_interleaved_checkpoint_converts_to_the_released_layout(folder: Path, tmp_path: Path) -> None:
    model, config = load(folder), named_config("tiny")
    heads, groups, width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    changed = 0
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        for name, tensor in tensors.items():
            if ".Wqkv." in name and config.layers[int(name.split(".")[2])] is not CROSS:
                tensors[name] = interleave(tensor, heads, groups, width)
                changed += 1
        save_file(tensors, path, metadata={"format": "pt"})
    assert changed == 2 * 3  # weight and bias of two window layers and the full one
    convert_interleaved(folder, tmp_path / "converted")
    converted = load(tmp_path / "converted")
    for (name, ours), wanted in zip(converted.named_parameters(), model.parameters(), strict=True):
        assert torch.equal(ours, wanted), name
    with pytest.raises(CheckpointError, match="is not empty"):
        convert_interleaved(folder, tmp_path / "converted")


def test_auto_tokenizer_splits_the_released_vocabulary_as_released(
    tokenizer_ranks: Path, reference_dir: Path, tmp_path: Path
) -> None:
    """The released files name GPT2Tokenizer, whose rule for words and digits is another."""
    released = reference_dir / "phi4_mini_flash"
    wanted = build_released_tokenizer(tokenizer_ranks, released / "tokenizer_config.json")
    wanted.save_pretrained(tmp_path)
    for name in ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"):
        (tmp_path / name).write_bytes((released / name).read_bytes())
    text = "HelloWorld 1234567 it's\n\n  x"
    assert AutoTokenizer.from_pretrained(tmp_path).encode(text) == wanted.encode(text)


MEASURE = """
import sys, torch
from sambay.model import weights
model = weights.load(sys.argv[1])
total = sum(float(parameter.sum()) for parameter in model.parameters())  # touches every page
size = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
peak = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0] * 1024
print(size, peak)
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the peak from /proc")
def test_loading_the_full_size_takes_little_more_than_its_bytes(tmp_path: Path, no_poison: None) -> None:
    """7.7 GB written to the temporary folder, loaded in a fresh process, every page read."""
    write_random("phi-4-mini-flash", tmp_path)
    run = [sys.executable, "-c", MEASURE, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    size, peak = map(int, done.stdout.split())
    assert size == 7_706_608_640
    assert peak <= 1.15 * size, f"peak {peak / size:.3f} times the weights"


def test_the_model_in_memory_is_what_was_read(folder: Path) -> None:
    assert type(load(folder)) is SambaYForCausalLM
