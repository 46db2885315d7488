"""8-bit weights in safetensors: int8 numbers with a bfloat16 scale for every 64 of a row, the sensitive parts plain.

    weight          int8      (rows, columns)         round(w / scale), from -127 to 127
    weight.scale    bfloat16  (rows, groups)          largest |w| of the group / 127
    everything else                                   as it is: norms, biases, A_log, D, λ, dt_proj, convolutions

A folder so written says so in config.json, as `quantization_config`. Loading makes plain weights of it again, so a
packed model runs everywhere the others run; it is smaller on the disk, not in memory.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

METHOD, VERSION = "sambay-int8", 1
GROUP_SIZE = 64
MAX_FILE_BYTES = 16 * 2**20
_LARGEST = 127
_INDEX_FILE = "model.safetensors.index.json"
_HEADER_BYTES = 64 * 2**10  # of a file, at most: names, types and places of its tensors
_SCALE = ".scale"


def is_packed(config: PreTrainedConfig) -> bool:
    """Whether a configuration says that its weights are packed. Raises ValueError for a version not known here."""
    found: Any = getattr(config, "quantization_config", None) or {}
    if not isinstance(found, dict) or found.get("quant_method") != METHOD:
        return False
    if found.get("version") != VERSION:
        raise ValueError(f"8-bit weights of version {found.get('version')!r}: this sambay reads version {VERSION}")
    return True


def is_sensitive(name: str, tensor: Tensor) -> bool:
    """Whether a tensor stays as it is: all but the matrices of linear layers and embeddings, and dt_proj of those."""
    return tensor.ndim != 2 or not name.endswith(".weight") or ".dt_proj." in name


def quantise(weight: Tensor, group_size: int = GROUP_SIZE) -> tuple[Tensor, Tensor]:
    """(rows, columns) as int8 and its scales (rows, groups); the last group of a row may be shorter.

    Every weight is off by at most half of its scale. Raises ValueError for weights that are not finite.
    """
    if not torch.isfinite(weight).all():
        raise ValueError("weights that are infinite or not a number have no 8-bit form")
    groups = _grouped(weight.float(), group_size)
    scales = (groups.abs().amax(-1) / _LARGEST).bfloat16()  # rounded by 1/512 at most: 127 of them miss by 1/4 of one
    whole = (groups / scales.float().clamp(min=torch.finfo(torch.float32).tiny)[..., None]).round_()
    return whole.clamp_(-_LARGEST, _LARGEST).to(torch.int8).flatten(1)[:, : weight.shape[1]].contiguous(), scales


def dequantise(whole: Tensor, scales: Tensor, group_size: int = GROUP_SIZE) -> Tensor:
    """The float32 weights that `quantise` stands for."""
    groups = _grouped(whole.float(), group_size) * scales.float()[..., None]
    return groups.flatten(1)[:, : whole.shape[1]].contiguous()


def pack(model: PreTrainedModel, folder: str | Path, max_file_bytes: int = MAX_FILE_BYTES) -> int:
    """Writes config, generation config and packed weights into a folder; returns the bytes of the weight files.

    Raises ValueError for a folder that is not empty, and for a tensor that no file of `max_file_bytes` holds.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not an empty folder")
    files = list(_files(_packed_tensors(model), max_file_bytes - _HEADER_BYTES))
    folder.mkdir(parents=True, exist_ok=True)
    config = copy.deepcopy(model.config)
    config.quantization_config = {"quant_method": METHOD, "version": VERSION, "group_size": GROUP_SIZE}
    config.dtype = model.dtype
    config.architectures = [type(model).__name__]
    config.save_pretrained(folder)
    if model.generation_config is not None:
        model.generation_config.save_pretrained(folder)
    weight_map: dict[str, str] = {}
    for number, tensors in enumerate(files, start=1):
        name = f"model-{number:05}-of-{len(files):05}.safetensors"
        save_file(tensors, folder / name, metadata={"format": "pt"})
        (folder / name).chmod(0o644)  # safetensors keeps a file to its owner; a package is for all users
        weight_map |= dict.fromkeys(tensors, name)
    num_bytes = sum((folder / name).stat().st_size for name in set(weight_map.values()))
    index = {"metadata": {"total_size": num_bytes}, "weight_map": dict(sorted(weight_map.items()))}
    (folder / _INDEX_FILE).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return num_bytes


def unpack(folder: str | Path, config: PreTrainedConfig) -> tuple[PreTrainedConfig, dict[str, Tensor]]:
    """The configuration without its mark, and the weights by their plain names: packed ones in float32.

    Raises ValueError for what is no folder, files that are missing or no safetensors, and tensors that do not fit.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise ValueError(f"{folder}: 8-bit weights are read from a folder; download it whole first")
    group_size = _group_size(config)
    tensors = _read(folder)
    plain: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if name.endswith(_SCALE) and name.removesuffix(_SCALE) in tensors:
            continue
        if tensor.dtype is torch.int8:
            plain[name] = _dequantised(folder, name, tensor, tensors.get(name + _SCALE), group_size)
        else:
            plain[name] = tensor
    bare = copy.deepcopy(config)
    del bare.quantization_config
    return bare, plain


def copy_tokenizer(source: Path, folder: Path) -> None:
    """The tokenizer's files beside the packed weights."""
    for pattern in ("tokenizer*", "special_tokens_map.json", "chat_template*"):
        for path in source.glob(pattern):
            shutil.copy2(path, folder / path.name)


def _packed_tensors(model: PreTrainedModel) -> Iterator[tuple[str, Tensor]]:
    """In the model's order; a weight that is tied to another one is written once, as that one."""
    tied = set(getattr(model, "all_tied_weights_keys", None) or {})
    for name, tensor in model.state_dict().items():
        if name in tied:
            continue
        tensor = tensor.detach().cpu()
        if is_sensitive(name, tensor):
            yield name, tensor.contiguous()
        else:
            whole, scales = quantise(tensor)
            yield name, whole
            yield name + _SCALE, scales


def _files(tensors: Iterator[tuple[str, Tensor]], max_bytes: int) -> Iterator[dict[str, Tensor]]:
    held: dict[str, Tensor] = {}
    num_bytes = 0
    for name, tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        if size > max_bytes:
            raise ValueError(f"{name} alone takes {size:,} bytes: a file is allowed {max_bytes:,}")
        if num_bytes + size > max_bytes:
            yield held
            held, num_bytes = {}, 0
        held[name] = tensor
        num_bytes += size
    yield held


def _read(folder: Path) -> dict[str, Tensor]:
    try:
        weight_map = json.loads((folder / _INDEX_FILE).read_text(encoding="utf-8"))["weight_map"]
        files = {name: load_file(folder / name) for name in sorted(set(weight_map.values()))}
        return {name: files[file][name] for name, file in weight_map.items()}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise ValueError(f"{folder}: its 8-bit weights cannot be read: {error}") from error


def _dequantised(folder: Path, name: str, whole: Tensor, scales: Tensor | None, group_size: int) -> Tensor:
    num_groups = -(-whole.shape[-1] // group_size)
    if scales is None or tuple(scales.shape) != (whole.shape[0], num_groups):
        found = "none" if scales is None else str(tuple(scales.shape))
        raise ValueError(f"{folder}: the scales of {name} are {found}, allowed is {(whole.shape[0], num_groups)}")
    return dequantise(whole, scales, group_size)


def _group_size(config: Any) -> int:
    found = config.quantization_config.get("group_size")
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"quantization_config: group_size={found!r}: allowed is a number from 1")
    return found


def _grouped(matrix: Tensor, group_size: int) -> Tensor:
    """(rows, columns) as (rows, groups, group_size), with zeros after the last column."""
    missing = -matrix.shape[1] % group_size
    return torch.nn.functional.pad(matrix, (0, missing)).unflatten(1, (-1, group_size))
