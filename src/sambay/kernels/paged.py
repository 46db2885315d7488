"""Attention of one new token a sequence over cached pages on a GPU, and the writing of pages: checks and launches.

Everything that changes from step to step (lengths, pages, rows) is read on the device, and the number of programs
follows from capacities alone, so that one CUDA graph serves all steps of a batch size.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from sambay.kernels.dialect import IS_INTERPRETED
from sambay.kernels.paged_kernels import attend, combine, write
from sambay.kernels.paged_kernels_4bit import attend_4bit, write_4bit
from sambay.kernels.reference_paged import FP8, MAX_SPLITS, Pairing, cached_width, check_attention, check_writing

_TILE = 64  # tokens: two tiles of 32 KB on their way in each of two programs fill a multiprocessor
_STAGES = 4  # a tile in use, two on their way, one being asked for
_SHARED_BYTES = 200 * 1024  # of a multiprocessor, for tiles
_WAVES = 8  # of two programs a multiprocessor, so that the last, part-filled one costs little
_LATENCY_SPLITS = 64  # beyond it, summing the parts costs more than reading them sooner saves
_LONGEST_SPLIT = 16384  # tokens: what one program may read alone when all other sequences have ended
_OPERANDS = {torch.float32: tl.float32, torch.bfloat16: tl.bfloat16, torch.float16: tl.float16}
_EXTRA = {tl.float32: 0, tl.bfloat16: 128, tl.float16: 1024}  # see paged_kernels_4bit


def paged_attention(
    queries_BHC: Tensor,
    keys_PSGC: Tensor,
    values_PSGC: Tensor,
    page_table_BM: Tensor,
    lengths_B: Tensor,
    *,
    scale: float,
    pairing: Pairing | None = None,
    key_scales: Tensor | None = None,
    value_scales: Tensor | None = None,
    num_splits: int | None = None,
) -> Tensor:
    """`reference_paged.paged_attention`; a length beyond the table is not noticed here and reads foreign memory.

    `num_splits` is the number of programs that share a sequence's tokens. None lets the batch, the table's width and
    the GPU decide; with a fixed number a sequence's result does not depend on the rest of the batch, bit by bit.
    """
    check_attention(
        queries_BHC, keys_PSGC, values_PSGC, page_table_BM, lengths_B, pairing, key_scales, value_scales, num_splits
    )
    batch, num_heads = queries_BHC.shape[:2]
    num_groups, width = keys_PSGC.shape[2], cached_width(keys_PSGC)
    num_outputs = num_heads if pairing is None else num_heads // 2
    output = queries_BHC.new_empty(batch, num_outputs * width)
    if output.numel() == 0:
        return output
    if queries_BHC.stride(2) != 1:
        queries_BHC = queries_BHC.contiguous()
    if page_table_BM.stride(1) != 1:
        page_table_BM = page_table_BM.contiguous()
    max_tokens = page_table_BM.shape[1] * keys_PSGC.shape[1]
    splits = num_splits or default_splits(batch, num_groups, max_tokens, _num_processors(queries_BHC.device))
    sizes = _sizes(queries_BHC, keys_PSGC)
    partial = queries_BHC.new_empty(_partials(splits, batch, num_heads, sizes["BLOCK_C"]), dtype=torch.float32)
    statistics = queries_BHC.new_empty(_partials(splits, batch, num_heads, 2), dtype=torch.float32)
    # Without a pairing or scales their places are taken by tensors that nobody reads.
    lambda_, weight, lambda_init, eps = pairing or (output, output, 0.0, 0.0)
    shared = {"C": width, "BLOCK_C": sizes["BLOCK_C"], "T": sizes["T"], "IS_PAIRED": pairing is not None}
    with torch.cuda.device(output.device if output.is_cuda else -1):
        program = attend_4bit if keys_PSGC.dtype == torch.uint8 else attend
        program[(num_groups, splits, batch)](
            queries_BHC, keys_PSGC, values_PSGC, _scales(key_scales, output), _scales(value_scales, output),
            page_table_BM, lengths_B.contiguous(), partial, statistics, output, lambda_, weight,
            scale * math.log2(math.e), 1 - lambda_init, eps,
            queries_BHC.stride(0), queries_BHC.stride(1), page_table_BM.stride(0), splits, **(sizes | shared),
            IS_SPLIT=splits > 1, IS_SCALED=key_scales is not None, num_warps=4, num_stages=_STAGES,
        )  # fmt: skip
        if splits > 1:
            combine[(num_outputs, batch)](
                lengths_B.contiguous(), partial, statistics, output, lambda_, weight, 1 - lambda_init, eps, splits,
                H=num_heads, **shared, BLOCK_N=max(16, triton.next_power_of_2(splits)), num_warps=4,
            )  # fmt: skip
    return output


def default_splits(batch: int, num_groups: int, max_tokens: int, num_processors: int) -> int:
    """Enough programs for several waves at this batch, none shorter than pays, none so long that others wait for it."""
    programs = batch * num_groups
    # Once each multiprocessor has a program, memory is busy: a second kernel for short splits would only cost time.
    shortest = _TILE if programs < num_processors else 16 * _TILE
    wanted = max(min(-(-2 * _WAVES * num_processors // programs), _LATENCY_SPLITS), -(-max_tokens // _LONGEST_SPLIT))
    return max(1, min(wanted, -(-max_tokens // shortest), MAX_SPLITS))


def write_cache(
    new_keys_BGC: Tensor,
    new_values_BGC: Tensor,
    keys_PSGC: Tensor,
    values_PSGC: Tensor,
    rows_B: Tensor,
    *,
    key_scales: Tensor | None = None,
    value_scales: Tensor | None = None,
) -> None:
    """`reference_paged.write_cache` in one kernel."""
    check_writing(new_keys_BGC, new_values_BGC, keys_PSGC, values_PSGC, rows_B, key_scales, value_scales)
    if new_keys_BGC.numel() == 0:
        return
    new_keys, new_values = (x if x.stride(2) == 1 else x.contiguous() for x in (new_keys_BGC, new_values_BGC))
    num_groups, width = new_keys_BGC.shape[1:]
    tensors = [
        new_keys, new_values, keys_PSGC, values_PSGC, rows_B.contiguous(),
        new_keys if key_scales is None else key_scales, new_values if value_scales is None else value_scales,
    ]  # fmt: skip
    strides = [*new_keys.stride()[:2], *new_values.stride()[:2]]
    with torch.cuda.device(rows_B.device if rows_B.is_cuda else -1):
        if keys_PSGC.dtype == torch.uint8:
            _check_4bit(width)
            block = triton.next_power_of_2(num_groups)
            write_4bit[(len(rows_B), 2)](*tensors, *strides, G=num_groups, C=width, BLOCK_G=block, num_warps=4)
        else:
            block, is_scaled = triton.next_power_of_2(num_groups * width), key_scales is not None
            write[(len(rows_B),)](
                *tensors, *strides, G=num_groups, C=width, BLOCK=block, IS_SCALED=is_scaled, num_warps=4
            )


def _sizes(queries: Tensor, keys: Tensor) -> dict[str, Any]:
    """The constants of `attend` that follow from shapes and types."""
    page_tokens, num_groups = keys.shape[1:3]
    shared_heads, block = queries.shape[1] // num_groups, max(16, triton.next_power_of_2(cached_width(keys)))
    operand = _operand(queries.dtype, keys.dtype)
    extra: dict[str, Any] = {}
    if keys.dtype == torch.uint8:
        _check_4bit(cached_width(keys))
        extra = {"EXTRA": _EXTRA[operand]}
    return extra | {
        "R": shared_heads, "M": max(16, triton.next_power_of_2(shared_heads)), "G": num_groups, "BLOCK_C": block,
        "S": page_tokens, "T": _tile_tokens(block * keys.element_size()), "HALF": queries.shape[2],
        "OPERAND": operand,
    }  # fmt: skip


def _check_4bit(width: int) -> None:
    if width < 32 or width & (width - 1):
        raise ValueError(f"a cache of 4 bits must have heads of a power of two from 32 on, got {width}")


def _scales(scales: Tensor | None, unread: Tensor) -> Tensor:
    """As the kernels read them: a token and head's four float16 of a 4-bit cache are one number."""
    if scales is None:
        return unread
    return scales.flatten(3).view(torch.int64) if scales.ndim > 1 else scales


def _tile_tokens(row_bytes: int) -> int:
    """As many as leave room for a tile in use and two on their way."""
    tile = _TILE
    while tile > 16 and 2 * tile * row_bytes * (_STAGES - 1) > _SHARED_BYTES:
        tile //= 2
    return tile


def _operand(queries: torch.dtype, keys: torch.dtype) -> tl.dtype:
    """What the matrix units multiply: the query's type, but see the kernel for 8 bits."""
    if IS_INTERPRETED and queries == torch.bfloat16:  # which it cannot multiply
        return tl.float32
    return tl.float16 if keys == FP8 and queries == torch.bfloat16 else _OPERANDS[queries]


def _partials(splits: int, batch: int, num_heads: int, width: int) -> tuple[int, ...]:
    return (batch, num_heads, splits, width) if splits > 1 else (0,)


@lru_cache
def _num_processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1
