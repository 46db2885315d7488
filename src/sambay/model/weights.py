"""Checkpoints in the released layout: load with clear errors, write random ones, convert interleaved ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoConfig, GenerationConfig

from sambay.config import CROSS, SambaYConfig
from sambay.model import packed
from sambay.model.sambay import SambaYForCausalLM
from sambay.sizes import named_config

INDEX_FILE, WEIGHTS_FILE = "model.safetensors.index.json", "model.safetensors"


class CheckpointError(ValueError):
    """A checkpoint that cannot be loaded; the message is one line that names the file and what is wrong."""


def load(
    source: str | Path, *, dtype: torch.dtype | None = None, device: str | torch.device | None = None
) -> SambaYForCausalLM:
    """The model in a folder, or of a Hub id such as "microsoft/Phi-4-mini-flash-reasoning", ready for inference.

    `dtype` None keeps the checkpoint's own type; A_log and the lambdas stay in float32 whatever it is.

    Raises CheckpointError for a folder that does not exist, another architecture, or files that are missing, truncated
    or do not hold exactly the model's tensors.
    """
    config = read_config(source)
    if Path(source).is_dir():
        check_files(Path(source))
    _check_form(source, config)
    try:
        loaded: Any = SambaYForCausalLM.from_pretrained(
            source,
            config=config,
            dtype=dtype or config.dtype or torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are refused below, by name
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise CheckpointError(f"{source}: {_first_line(error)}") from error
    model: SambaYForCausalLM = loaded[0]
    report: dict[str, Any] = loaded[1]
    wrong_shapes = [
        f"{name} is {tuple(there)}, the model's {tuple(ours)}" for name, there, ours in report["mismatched_keys"]
    ]
    for what, names in (
        ("wrong shapes", wrong_shapes),
        ("missing tensors", report["missing_keys"]),
        ("unexpected tensors", report["unexpected_keys"]),
    ):
        if names:
            raise CheckpointError(f"{source}: {what}: {_some(sorted(names))}")
    return model.eval() if device is None else model.to(device).eval()  # type: ignore[arg-type]


def _check_form(source: str | Path, config: SambaYConfig) -> None:
    """Raises CheckpointError for weights in a form that is neither plain nor `packed`."""
    form = getattr(config, "quantization_config", None)
    try:
        if form and not packed.is_packed(config):
            raise ValueError(f"its weights are {form}; allowed are plain ones, and 8-bit ones of `sambay pack`")
    except ValueError as error:
        raise CheckpointError(f"{source}: {_first_line(error)}") from error


def read_config(source: str | Path) -> SambaYConfig:
    """The configuration of a folder or Hub id. Raises CheckpointError if there is none, or of another architecture."""
    folder = Path(source)
    if folder.is_file():
        raise CheckpointError(f"{source} is a file; a model is a folder or a Hub id")
    if not folder.is_dir() and (folder.is_absolute() or str(source).count("/") != 1 or str(source).startswith(".")):
        raise CheckpointError(f"no such folder: {source} (and it is not of the form of a Hub id, owner/name)")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise CheckpointError(f"{source} holds no config.json, so it is not a model folder")
    try:
        config = AutoConfig.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{source}: {_first_line(error)}") from error
    if not isinstance(config, SambaYConfig):
        raise CheckpointError(
            f"{source} is of architecture {config.model_type!r}; allowed is {SambaYConfig.model_type!r}"
        )
    return config


def check_files(folder: Path) -> None:
    """Raises CheckpointError unless every weight file that the folder needs is there and whole."""
    for name, tensors in _weight_map(folder).items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(f"{path} is missing, but {INDEX_FILE} names it")
        try:
            with safe_open(path, framework="pt") as file:
                absent = sorted(tensors - set(file.keys()))
        except SafetensorError as error:
            raise CheckpointError(f"{path} is truncated or not a safetensors file: {_first_line(error)}") from error
        if absent:
            raise CheckpointError(f"{path} lacks tensors that {INDEX_FILE} promises: {_some(absent)}")


def _weight_map(folder: Path) -> dict[str, set[str]]:
    """The weight files of a folder and the tensors that the index, if there is one, expects in each."""
    if (folder / WEIGHTS_FILE).is_file():
        return {WEIGHTS_FILE: set()}
    if not (folder / INDEX_FILE).is_file():
        raise CheckpointError(f"{folder} holds neither {WEIGHTS_FILE} nor {INDEX_FILE}")
    try:
        names: dict[str, str] = json.loads((folder / INDEX_FILE).read_text())["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / INDEX_FILE} is not a safetensors index: {_first_line(error)}") from error
    files: dict[str, set[str]] = {}
    for tensor, file in names.items():
        files.setdefault(file, set()).add(tensor)
    return files


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def write_random(
    name: str,
    folder: str | Path,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.bfloat16,
    max_shard_size: str = "4GB",
) -> SambaYForCausalLM:
    """Writes a random checkpoint of a named size in the released layout, and returns the model.

    The same name, seed and type give the same weights. Raises ValueError for an unknown name.
    """
    config = named_config(name)
    config.dtype = dtype
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SambaYForCausalLM._from_config(config, dtype=dtype)
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.save_pretrained(folder, max_shard_size=max_shard_size)
    return model.eval()


def deinterleave_qkv(fused: Tensor, num_heads: int, num_groups: int, head_dim: int) -> Tensor:
    """The rows of a fused projection (weight or bias) from the training layout to the released one.

    In training each key/value group has its rows together, [q … q k v] a group; released files hold [Q | K | V].
    Raises ValueError if the number of rows does not fit.
    """
    per_group = num_heads // num_groups
    rows = (num_heads + 2 * num_groups) * head_dim
    if fused.shape[0] != rows:
        raise ValueError(
            f"the fused projection has {fused.shape[0]} rows; {num_heads}+2*{num_groups} heads need {rows}"
        )
    groups = fused.unflatten(0, (num_groups, per_group + 2, head_dim))
    queries, keys, values = groups.split([per_group, 1, 1], dim=1)
    return torch.cat([part.flatten(0, 2) for part in (queries, keys, values)])


def convert_interleaved(source: str | Path, target: str | Path) -> None:
    """Writes a copy of a checkpoint folder whose Wqkv rows are interleaved per group, in the released row order.

    One weight file is in memory at a time. Raises CheckpointError as `load` does, and for a target that is not empty.
    """
    source, target = Path(source), Path(target)
    config = read_config(source)
    check_files(source)
    if target.exists() and any(target.iterdir()):
        raise CheckpointError(f"{target} is not empty")
    target.mkdir(parents=True, exist_ok=True)
    weight_files = set(_weight_map(source))
    for path in source.iterdir():
        if path.is_file() and path.name not in weight_files:
            shutil.copy2(path, target / path.name)
    for name in sorted(weight_files):
        save_file(dict(_converted(source / name, config)), target / name, metadata={"format": "pt"})


def _converted(path: Path, config: SambaYConfig) -> Iterator[tuple[str, Tensor]]:
    with safe_open(path, framework="pt") as file:
        for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
            tensor = file.get_tensor(name)
            if ".Wqkv." in name and config.layers[_layer_index(name)] is not CROSS:
                tensor = deinterleave_qkv(
                    tensor, config.num_attention_heads, config.num_key_value_heads, int(config.head_dim or 0)
                )
            yield name, tensor


def _layer_index(tensor_name: str) -> int:
    return int(tensor_name.split(".layers.")[1].split(".")[0])
