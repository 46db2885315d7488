"""What a model is and what it costs: layers drawn, parameters, bytes of weights, bytes a sequence and a token."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import get_safetensors_metadata
from huggingface_hub.errors import HfHubHTTPError, NotASafetensorsRepoError
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from safetensors import safe_open

from sambay.config import FULL, MAMBA, WINDOW, Mixer, SambaYConfig
from sambay.model import SambaYForCausalLM
from sambay.model.packed import is_packed
from sambay.model.weights import INDEX_FILE, WEIGHTS_FILE, CheckpointError, check_files, read_config
from sambay.sizes import named_config, size_names

# Bytes are counted in decimal units: 1 MB is 10**6 bytes.

FIT_CONTEXTS_TOKENS = (2048, 32768)
_SCAN_STATE_BYTES = 4  # the scan's state is float32 whatever the weights are
_SAFETENSORS_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}


@dataclass(frozen=True)
class SequenceCost:
    """Bytes one sequence keeps between tokens, in the weights' type. The slot is of fixed size, the rest grows."""

    convolution_bytes: int
    scan_bytes: int
    window_bytes: int
    bytes_per_token: int

    @property
    def slot_bytes(self) -> int:
        return self.convolution_bytes + self.scan_bytes + self.window_bytes

    def total_bytes(self, num_tokens: int) -> int:
        """Bytes of a sequence of `num_tokens` tokens."""
        return self.slot_bytes + num_tokens * self.bytes_per_token


@dataclass(frozen=True)
class Memory:
    """A memory of this machine."""

    name: str
    size_bytes: int


@dataclass(frozen=True)
class ModelInfo:
    """Everything `sambay info` shows. dtype: of most weights, and so of keys, values and convolution tails."""

    name: str
    config: SambaYConfig
    dtype: str
    num_parameters: int
    num_embedding_parameters: int
    weight_bytes: dict[str, int]  # by type
    cost: SequenceCost
    memories: list[Memory]

    def num_sequences(self, memory: Memory, num_tokens: int) -> int:
        """How many sequences of `num_tokens` fit beside the weights; activations are not counted."""
        free_bytes = memory.size_bytes - sum(self.weight_bytes.values())
        return max(0, free_bytes // self.cost.total_bytes(num_tokens))

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        config, contexts = self.config, self.fit_contexts()
        return {
            "model": self.name,
            "layers": [mixer.value for mixer in config.layers],
            "reads_layer": [config.source_layer(index) for index in range(len(config.layers))],
            "num_self_decoder_layers": config.num_self_decoder_layers,
            "context_tokens": config.max_position_embeddings,
            "dtype": self.dtype,
            "num_parameters": self.num_parameters,
            "num_embedding_parameters": self.num_embedding_parameters,
            "weight_bytes": {**self.weight_bytes, "total": sum(self.weight_bytes.values())},
            "sequence": {**asdict(self.cost), "slot_bytes": self.cost.slot_bytes},
            "memories": [
                {**asdict(memory), "num_sequences": {str(n): self.num_sequences(memory, n) for n in contexts}}
                for memory in self.memories
            ],
        }

    def fit_contexts(self) -> list[int]:
        """The lengths, in tokens, that the capacity is given for: none beyond the context."""
        return [n for n in FIT_CONTEXTS_TOKENS if n <= self.config.max_position_embeddings]


def describe(source: str) -> ModelInfo:
    """Describe a folder, a Hub id (its weights stay there) or a named size. A folder of that name goes before a size.

    Raises CheckpointError for a folder or Hub id that holds no such model, or weights that are not whole.
    """
    is_named = source in size_names() and not Path(source).is_dir()
    config = named_config(source) if is_named else _config_of(source)
    model = _meta_model(config)
    num_parameters = sum(parameter.numel() for parameter in model.parameters())
    if is_named:
        weight_bytes = _planned_bytes(model)
    else:
        weight_bytes = _loaded_bytes(config, num_parameters) if is_packed(config) else _stored_bytes(source)
    dtype_name = max(weight_bytes, key=lambda name: weight_bytes[name])
    return ModelInfo(
        name=source, config=config, dtype=dtype_name, num_parameters=num_parameters,
        num_embedding_parameters=model.model.embed_tokens.weight.numel(), weight_bytes=weight_bytes,
        cost=sequence_cost(config, getattr(torch, dtype_name).itemsize), memories=machine_memories(),
    )  # fmt: skip


def _config_of(source: str) -> SambaYConfig:
    try:
        return read_config(source)
    except CheckpointError as error:
        if "/" in source or Path(source).exists():
            raise
        raise CheckpointError(f"{error}; nor is it a named size: {', '.join(size_names())}") from error


def _meta_model(config: SambaYConfig) -> SambaYForCausalLM:
    with torch.device("meta"):
        return SambaYForCausalLM(config)


def _planned_bytes(model: SambaYForCausalLM) -> dict[str, int]:
    """Bytes by type of a bfloat16 checkpoint: the parameters that the model keeps in float32 stay so."""
    sizes: Counter[str] = Counter()
    keep = model._keep_in_fp32_modules_strict or ()
    for name, parameter in model.named_parameters():
        is_float32 = any(part in keep for part in name.split("."))
        sizes["float32" if is_float32 else "bfloat16"] += parameter.numel() * (4 if is_float32 else 2)
    return dict(sizes)


def _loaded_bytes(config: SambaYConfig, num_parameters: int) -> dict[str, int]:
    """Bytes of 8-bit weights once they are loaded, which makes plain ones of them."""
    dtype = config.dtype if isinstance(config.dtype, torch.dtype) else torch.float32
    return {str(dtype).removeprefix("torch."): num_parameters * dtype.itemsize}


def _stored_bytes(source: str) -> dict[str, int]:
    """Bytes by type of the weight files, read from their headers."""
    counts: Counter[str] = Counter()
    if not Path(source).is_dir():
        try:
            counts.update(get_safetensors_metadata(source).parameter_count)
        except (HfHubHTTPError, NotASafetensorsRepoError, OSError) as error:
            raise CheckpointError(f"{source}: {str(error).strip().splitlines()[0]}") from error
    else:
        for path in _weight_files(Path(source)):
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
                    stored = file.get_slice(name)
                    counts[stored.get_dtype()] += torch.Size(stored.get_shape()).numel()
    names = {key: _SAFETENSORS_NAMES.get(key, key) for key in counts}
    if strange := [key for key in names if key not in _SAFETENSORS_NAMES]:
        raise CheckpointError(f"{source} holds {strange[0]} weights; allowed are {', '.join(_SAFETENSORS_NAMES)}")
    return {names[key]: count * getattr(torch, names[key]).itemsize for key, count in counts.most_common()}


def _weight_files(folder: Path) -> list[Path]:
    """The files that hold the weights; the folder may hold other tensors beside them."""
    check_files(folder)
    if (folder / WEIGHTS_FILE).is_file():
        return [folder / WEIGHTS_FILE]
    index: dict[str, str] = json.loads((folder / INDEX_FILE).read_text())["weight_map"]
    return [folder / name for name in sorted(set(index.values()))]


def sequence_cost(config: SambaYConfig, dtype_bytes: int) -> SequenceCost:
    """The bytes one sequence keeps, with keys, values and convolution tails of `dtype_bytes` a number.

    A Mamba layer keeps the last K - 1 inputs of its convolution and a float32 state of E x N; a window layer a ring of
    `sliding_window` keys and values; a full layer those of every token.
    """
    count = Counter(config.layers)
    inner, states = config.mamba_inner_size, config.mamba_d_state
    window_tokens = config.sliding_window if isinstance(config.sliding_window, int) else 0
    keys_values_bytes = 2 * config.num_key_value_heads * int(config.head_dim or 0) * dtype_bytes
    return SequenceCost(
        convolution_bytes=count[MAMBA] * inner * (config.mamba_d_conv - 1) * dtype_bytes,
        scan_bytes=count[MAMBA] * inner * states * _SCAN_STATE_BYTES,
        window_bytes=count[WINDOW] * window_tokens * keys_values_bytes,
        bytes_per_token=count[FULL] * keys_values_bytes,
    )


def machine_memories() -> list[Memory]:
    """The memory of this machine (what this process may use of it, on Linux), and of each CUDA GPU."""
    memories = []
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        ram_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        limit = Path("/sys/fs/cgroup/memory.max")
        if limit.is_file() and (text := limit.read_text().strip()).isdigit():
            ram_bytes = min(ram_bytes, int(text))
        memories.append(Memory("RAM", ram_bytes))
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            device = torch.cuda.get_device_properties(index)
            memories.append(Memory(f"GPU {index} ({device.name})", device.total_memory))
    return memories


# --- Drawing ---------------------------------------------------------------------------------------------------------


def show(info: ModelInfo, console: Console) -> None:
    """Print the layers and the costs."""
    config = info.config
    console.print(f"{info.name}: {len(config.layers)} layers of width {config.hidden_size}", style="bold", markup=False)
    console.print(_attention(config), highlight=False)
    console.print()
    for line in draw_layers(config):
        console.print(line, highlight=False, markup=False, no_wrap=True, crop=False)
    console.print()
    console.print(_costs(info))
    if info.memories:
        console.print()
        console.print(_capacity(info))


def _attention(config: SambaYConfig) -> str:
    heads = f"{config.num_attention_heads} query and {config.num_key_value_heads} key/value heads of {config.head_dim}"
    return f"{config.attention_type} attention, {heads}"


def draw_layers(config: SambaYConfig) -> list[str]:
    """The layers as lines of text: runs of equal groups on one line, and to the right who reads whose output.

    A line on the right goes from the layer that makes something (╮) to those that read it (┤, the last ╯).
    """
    split = config.num_self_decoder_layers
    halves = [("self-decoder: every token", 0, split)]
    if split < len(config.layers):
        halves.append(("cross-decoder: next tokens only", split, len(config.layers)))
    rows: list[tuple[str, range]] = []
    for title, start, stop in halves:
        rows.append((title, range(0)))
        rows += [(_row_text(config, layers, period), layers) for layers, period in _runs(config, start, stop)]
    width = max(cell_len(text) for text, _ in rows)
    columns = [_column(config, [layers for _, layers in rows], source) for source in _sources(config)]
    return [(text.ljust(width) + "".join(cells)).rstrip() for (text, _), *cells in zip(rows, *columns, strict=True)]


def _runs(config: SambaYConfig, start: int, stop: int) -> list[tuple[range, int]]:
    """Cut the layers [start, stop) into runs that repeat a group of 1 to 4 mixers; also returns the group's size.

    A layer that others read from stands alone.
    """
    kinds = [
        (mixer.value, index if config.kv_sharing_modes[index] == "store" else -1)
        for index, mixer in enumerate(config.layers)
    ]
    runs = []
    while start < stop:
        best = (1, 1)  # layers covered, group size
        for period in range(1, 5):
            end = start + period
            while end + period <= stop and kinds[end : end + period] == kinds[start : start + period]:
                end += period
            if end > start + period and end - start > best[0]:
                best = (end - start, period)
        runs.append((range(start, start + best[0]), best[1]))
        start += best[0]
    return runs


def _row_text(config: SambaYConfig, layers: range, period: int) -> str:
    numbers = f"{layers[0]}-{layers[-1]}" if len(layers) > 1 else str(layers[0])
    names = " · ".join(_layer_name(config, config.layers[index]) for index in layers[:period])
    repeats = len(layers) // period
    group = f"({names})" if period > 1 else names
    return f"  {numbers:>7}  " + (f"{repeats} x {group}" if repeats > 1 else names)


def _layer_name(config: SambaYConfig, mixer: Mixer) -> str:
    return f"window {config.sliding_window}" if mixer is WINDOW else mixer.value


def _sources(config: SambaYConfig) -> list[int]:
    return [index for index, mode in enumerate(config.kv_sharing_modes) if mode == "store"]


def _column(config: SambaYConfig, rows: list[range], source: int) -> list[str]:
    """One line from the row of `source` down to the last row that reads it."""
    label = " memory" if config.layers[source] is MAMBA else " keys, values"
    readers = [any(config.source_layer(index) == source for index in row) for row in rows]
    last = max(number for number, reads in enumerate(readers) if reads)
    is_below, cells = False, []
    for number, (row, reads) in enumerate(zip(rows, readers, strict=True)):
        if source in row:
            cell, is_below = "──╮" + label, True
        elif reads:
            cell = "◂─╯" if number == last else "◂─┤"
        else:
            cell = "  │" if is_below and number < last else ""
        cells.append("   " + cell.ljust(len("──╮ keys, values")))
    return cells


def _costs(info: ModelInfo) -> Table:
    cost, table = info.cost, Table.grid(padding=(0, 2))
    weights = ", ".join(f"{name} {_size(size)}" for name, size in info.weight_bytes.items())
    rest = info.num_parameters - info.num_embedding_parameters
    table.add_row("parameters", f"{info.num_parameters:,}", f"{info.num_embedding_parameters:,} embedding + {rest:,}")
    table.add_row("weights", _size(sum(info.weight_bytes.values())), weights)
    slot = [
        f"{what} {_size(size)}"
        for what, size in {
            "scan": cost.scan_bytes, "convolution": cost.convolution_bytes, "windows": cost.window_bytes,
        }.items()
        if size
    ]  # fmt: skip
    table.add_row("a sequence", _size(cost.slot_bytes), " + ".join(slot) or "no state of fixed size")
    num_full = Counter(info.config.layers)[FULL]
    keeps = f"keys and values of {num_full} full layer{'s' * (num_full > 1)}, {info.dtype}"
    table.add_row("a token more", f"{cost.bytes_per_token:,} B", keeps if num_full else "no layer grows")
    table.add_row("context", f"{info.config.max_position_embeddings:,}", "tokens")
    return table


def _capacity(info: ModelInfo) -> Table:
    """How many sequences fit beside the weights in each memory of this machine."""
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column("fits here")
    contexts = info.fit_contexts()
    for num_tokens in contexts:
        table.add_column(f"sequences of {num_tokens:,}", justify="right")
    for memory in info.memories:
        fits = memory.size_bytes >= sum(info.weight_bytes.values())
        counts = [f"{info.num_sequences(memory, n):,}" if fits else "weights too large" for n in contexts]
        table.add_row(f"{memory.name}, {_size(memory.size_bytes)}", *counts)
    return table


def _size(num_bytes: int) -> str:
    """Bytes in decimal units with three digits: 24.2 MB."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= scale:
            return f"{num_bytes / scale:.3g} {unit}" if num_bytes < 999.5 * scale else f"{num_bytes / scale:.0f} {unit}"
    return f"{num_bytes} B"
