"""Tensor parallelism: heads, Mamba channels and MLP columns of each layer, over the ranks of a group.

| layer | by rows, from the hidden state | with the channels | by columns, products summed over the group |
|---|---|---|---|
| MLP | fc1 [gate; value] | | fc2 |
| attention | Wqkv [Q; K; V], of a cross layer [Q] | | out_proj |
| Mamba | in_proj [x; z] | conv1d, dt_proj, A_log, D | x_proj, out_proj |
| memory unit | in_proj | the memory that it reads | out_proj |

All else, the embedding, the head and the norms included, is whole on every rank. So are the residual stream and the
loss. The scheme is that of arXiv 1909.08053 (section 3): one sum forward and one backward for each mixer and MLP. Mamba
adds one each for its step sizes, B and C, which are made from all channels and used by all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from sambay.config import MAMBA, SambaYConfig
from sambay.model.attention import Attention
from sambay.model.block import SwiGLU
from sambay.model.mamba import Mamba
from sambay.model.memory_unit import MemoryUnit
from sambay.model.sambay import SambaYForCausalLM


def check_tensor_parallel(size: int, architecture: SambaYConfig, num_ranks: int | None = None) -> None:
    """Raises ValueError unless the ranks and everything that is split are multiples of `size`."""
    if size == 1:
        return
    numbers = {"MLP width, intermediate_size": architecture.intermediate_size}
    if any(mixer.is_attention for mixer in architecture.layers):
        heads, is_differential = architecture.num_key_value_heads, architecture.is_differential
        kind = "pairs of key/value heads" if is_differential else "key/value heads, num_key_value_heads"
        numbers[kind] = heads // 2 if is_differential else heads
    if MAMBA in architecture.layers:
        numbers["Mamba channels"] = architecture.mamba_inner_size
    if num_ranks is not None:
        numbers["number of ranks"] = num_ranks
    divisor = math.gcd(*numbers.values())
    allowed = ", ".join(str(number) for number in range(1, divisor + 1) if divisor % number == 0)
    for what, number in numbers.items():
        if number % size:
            raise ValueError(f"tensor_parallel_size={size} does not divide {number} ({what}): allowed are {allowed}")
    if architecture.attention_dropout:
        raise ValueError(
            f"attention_dropout={architecture.attention_dropout}: with tensor_parallel_size={size} allowed is 0, "
            "because the heads of two ranks would drop the same weights"
        )


@dataclass(frozen=True)
class Split:
    """How a parameter is cut along `dim`, where it holds `pieces` of such lengths: each piece is cut for itself.

    Of [gate | value] two ranks hold [gate_0 | value_0] and [gate_1 | value_1].
    """

    dim: int
    pieces: tuple[int, ...]

    def part(self, whole: Tensor, rank: int, size: int) -> Tensor:
        """A copy of what `rank` of `size` holds."""
        pieces = whole.split(self.pieces, self.dim)
        return torch.cat([piece.chunk(size, self.dim)[rank] for piece in pieces], self.dim)

    def join(self, parts: list[Tensor]) -> Tensor:
        """The whole, from what each rank holds."""
        lengths = [length // len(parts) for length in self.pieces]
        of_rank = [part.split(lengths, self.dim) for part in parts]
        return torch.cat([torch.cat(piece, self.dim) for piece in zip(*of_rank, strict=True)], self.dim)


def split_layers(model: SambaYForCausalLM, group: dist.ProcessGroup) -> dict[str, Split]:
    """Cuts the parameters of all layers down to this rank's part. Returns how, by the names of `named_parameters`."""
    splits = {}
    for index, block in enumerate(model.model.layers):
        for name in ("attn", "mlp"):
            layer = block.get_submodule(name)
            for parameter, split in _split_layer(layer, group):
                splits[f"model.layers.{index}.{name}.{parameter}"] = split
    return splits


@dataclass(frozen=True)
class _Layout:
    """One layer's row of the table above. `width` is what the products that are summed run over."""

    width: int
    inputs: dict[str, tuple[int, ...]]  # each with the rows of its fused pieces
    outputs: tuple[str, ...]
    channels: tuple[str, ...] = ()


def _layout(layer: nn.Module) -> _Layout:
    if isinstance(layer, SwiGLU):
        width = layer.fc2.in_features
        return _Layout(width, {"fc1": (width, width)}, ("fc2",))
    if isinstance(layer, Attention):
        queries, keys = layer.num_heads * layer.head_dim, layer.num_groups * layer.head_dim
        return _Layout(queries, {"Wqkv": (queries, keys, keys) if keys else (queries,)}, ("out_proj",))
    if isinstance(layer, Mamba):
        width = layer.D.numel()
        channels = ("conv1d", "dt_proj", "A_log", "D")
        return _Layout(width, {"in_proj": (width, width)}, ("x_proj", "out_proj"), channels)
    assert isinstance(layer, MemoryUnit), f"nobody said how to split {type(layer).__name__}"
    return _Layout(layer.out_proj.in_features, {"in_proj": (layer.out_proj.in_features,)}, ("out_proj",))


def _split_layer(layer: nn.Module, group: dist.ProcessGroup) -> Iterator[tuple[str, Split]]:
    layout, rank, size = _layout(layer), dist.get_rank(group), dist.get_world_size(group)
    for name, parameter in list(layer.named_parameters()):
        first, _, kind = name.partition(".")
        if first in layout.inputs or first in layout.channels:
            split = Split(0, layout.inputs.get(first, (layout.width,)))
        elif first in layout.outputs and kind == "weight":  # a bias is added once, to the sum
            split = Split(1, (layout.width,))
        else:
            continue
        owner = layer.get_submodule(name.rpartition(".")[0])
        setattr(owner, name.rpartition(".")[2], nn.Parameter(split.part(parameter.detach(), rank, size)))
        yield name, split
    for name in layout.inputs:
        setattr(layer, name, InputProjection(layer.get_submodule(name), group))
    for name in layout.outputs:
        setattr(layer, name, OutputProjection(layer.get_submodule(name), group, is_used_in_parts=name == "x_proj"))
    if isinstance(layer, Attention):
        layer.num_heads, layer.num_groups = layer.num_heads // size, layer.num_groups // size


class _SplitLinear(nn.Linear):
    """Takes over a linear layer whose parameters are already this rank's part."""

    def __init__(self, whole: nn.Module, group: dist.ProcessGroup) -> None:
        assert isinstance(whole, nn.Linear)
        rows, columns = whole.weight.shape
        super().__init__(columns, rows, bias=whole.bias is not None, device="meta")
        self.weight, self.bias, self.group = whole.weight, whole.bias, group


class InputProjection(_SplitLinear):
    """From the whole hidden state to this rank's channels."""

    def forward(self, input: Tensor) -> Tensor:
        # In the weight's type, so that autocast does not round the addends of the gradients' sum.
        return super().forward(SumBackward.apply(input.to(self.weight.dtype), self.group))


class OutputProjection(_SplitLinear):
    """From this rank's channels to the whole product.

    `is_used_in_parts`: each rank goes on with its own part of the model, so that gradients of the product are summed.
    """

    def __init__(self, whole: nn.Module, group: dist.ProcessGroup, is_used_in_parts: bool) -> None:
        super().__init__(whole, group)
        self.is_used_in_parts = is_used_in_parts

    def forward(self, input: Tensor) -> Tensor:
        product = SumForward.apply(F.linear(input, self.weight), self.group)
        if self.is_used_in_parts:
            product = SumBackward.apply(product, self.group)
        return product if self.bias is None else product + self.bias.to(product.dtype)


class SumForward(torch.autograd.Function):
    """The sum over the group. Every rank has the gradient of the sum, and so of its own addend."""

    @staticmethod
    def forward(_ctx: Any, addend: Tensor, group: dist.ProcessGroup) -> Tensor:
        return _summed(addend, group)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class SumBackward(torch.autograd.Function):
    """The same tensor. Each rank has the gradient by its own use of it, and the gradient is their sum."""

    @staticmethod
    def forward(ctx: Any, used: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        return used.view_as(used)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.group), None


def _summed(addend: Tensor, group: dist.ProcessGroup) -> Tensor:
    total = addend.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total, group=group)
    return total
