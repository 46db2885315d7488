"""Attention of one new token a sequence over cached pages, and the writing of pages, in plain PyTorch: the oracle.

Letters: B sequences, H query heads, G key/value heads as cached, C their width as cached, P pages, S tokens a page,
M pages in a row of the table. With differential attention a pair of heads is one cached head: its key is [k1|k2], its
value [v1|v2], so C is twice the head width. A ring is a page: P slots, S the window, one column in the table.
Caches are (P, S, G, C) of the query's type or another plain one, of float8_e4m3fn with `key_scales` and `value_scales`
(G,) float32 that multiply what is stored, or 4 bits a number: (P, S, G, C/2) uint8 with scales (P, S, G, 2, 2) float16
as `four_bits` has them.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from sambay.kernels import four_bits
from sambay.kernels.reference import differential_combine

FP8 = torch.float8_e4m3fn
_FP8_LARGEST = 448.0


class Pairing(NamedTuple):
    """What turns the maps of heads 2p and 2p+1 into one (arXiv 2410.05258, equations 1 to 3)."""

    lambda_: Tensor  # one number, on the device
    weight_C: Tensor  # of the sub-norm
    lambda_init: float
    eps: float


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
    """softmax(scale * q·k) v of one query a head over each sequence's first `lengths_B` tokens, in the query's type.

    Token t of sequence b lies in page page_table_BM[b, t // S], row t % S; query head h reads cached head h // (H/G).
    With `pairing`, even heads meet the first half of a key, odd ones the second: queries have the width C/2, or C where
    they are widened already ([q|0] and [0|q]); the maps are subtracted, normalised and scaled as
    `reference.differential_combine` does, in float32, and the result is (B, H/2 * C). Without it the result is
    (B, H*C). A sequence of length 0 gives zeros, whatever lies in memory. `num_splits` is the kernel's; here it
    changes nothing but is checked.

    Raises ValueError for shapes, types or scales that do not fit each other, and for a length beyond the table.
    """
    check_attention(
        queries_BHC, keys_PSGC, values_PSGC, page_table_BM, lengths_B, pairing, key_scales, value_scales, num_splits
    )
    dtype = torch.promote_types(queries_BHC.dtype, torch.float32)
    page_tokens, num_groups = keys_PSGC.shape[1:3]
    queries = widened(queries_BHC, cached_width(keys_PSGC)).to(dtype).unflatten(1, (num_groups, -1))
    maps = torch.zeros_like(queries)
    for row, length in enumerate(lengths_B.tolist()):
        if length > page_table_BM.shape[1] * page_tokens:
            raise ValueError(f"lengths must be at most {page_table_BM.shape[1]} pages of {page_tokens}, got {length}")
        pages = page_table_BM[row, : -(-length // page_tokens)].long()
        keys, values = (
            plain_pages(cache, scales, pages, dtype).flatten(0, 1)[:length].transpose(0, 1)
            for cache, scales in ((keys_PSGC, key_scales), (values_PSGC, value_scales))
        )
        maps[row] = ((queries[row] @ keys.transpose(1, 2)) * scale).softmax(-1) @ values
    maps = maps.flatten(1, 2)
    if pairing is None:
        return maps.flatten(1).to(queries_BHC.dtype)
    mixed = differential_combine(maps[:, None], *pairing)
    return mixed[:, 0].to(queries_BHC.dtype)


def widened(queries_BHC: Tensor, width: int) -> Tensor:
    """Even heads [q|0], odd heads [0|q]; unchanged where they have the width already."""
    if queries_BHC.shape[2] == width:
        return queries_BHC
    wide = queries_BHC.new_zeros(*queries_BHC.shape[:2], width)
    wide[:, 0::2, : width // 2] = queries_BHC[:, 0::2]
    wide[:, 1::2, width // 2 :] = queries_BHC[:, 1::2]
    return wide


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
    """Writes one key and one value into row rows_B[b] = page * S + offset of the caches, in place.

    A float8_e4m3fn cache takes key / scale, cut at the type's largest value of 448; one of 4 bits makes its scales.
    Rows that several b name (padding) hold any one of them. Raises ValueError for shapes, types or scales that do not
    fit each other.
    """
    check_writing(new_keys_BGC, new_values_BGC, keys_PSGC, values_PSGC, rows_B, key_scales, value_scales)
    for new, cache, scales in ((new_keys_BGC, keys_PSGC, key_scales), (new_values_BGC, values_PSGC, value_scales)):
        if scales is None:
            cache.flatten(0, 1)[rows_B] = new.to(cache.dtype)
        elif cache.dtype == FP8:  # which has no indexed writing
            new = (new.float() / scales[:, None]).clamp(-_FP8_LARGEST, _FP8_LARGEST).to(FP8)
            cache.view(torch.uint8).flatten(0, 1)[rows_B] = new.view(torch.uint8)
        else:
            cache.flatten(0, 1)[rows_B], scales.flatten(0, 1)[rows_B] = four_bits.pack(new)


def cached_width(cache_PSGC: Tensor) -> int:
    """Numbers of a cached head."""
    return cache_PSGC.shape[3] * (2 if cache_PSGC.dtype == torch.uint8 else 1)


def plain_pages(cache_PSGC: Tensor, scales: Tensor | None, pages: Tensor, dtype: torch.dtype) -> Tensor:
    """The numbers of some pages, (M, S, G, C): what a cache of 8 or 4 bits stands for."""
    if scales is None:
        return cache_PSGC[pages].to(dtype)
    if cache_PSGC.dtype == FP8:
        return cache_PSGC.view(torch.uint8)[pages].view(FP8).to(dtype) * scales[:, None].to(dtype)
    return four_bits.unpack(cache_PSGC[pages], scales[pages]).to(dtype)


def check_attention(
    queries: Tensor, keys: Tensor, values: Tensor, page_table: Tensor, lengths: Tensor, pairing: Pairing | None,
    key_scales: Tensor | None, value_scales: Tensor | None, num_splits: int | None,
) -> None:  # fmt: skip
    _check_caches(keys, values, key_scales, value_scales)
    num_groups, width = keys.shape[2], cached_width(keys)
    widths = (width,) if pairing is None else (width // 2, width)
    if queries.ndim != 3 or queries.shape[2] not in widths:
        raise ValueError(f"queries must be (B, H, {' or '.join(map(str, widths))}), got {tuple(queries.shape)}")
    batch, num_heads = queries.shape[:2]
    if num_heads % (num_groups if pairing is None else 2 * num_groups):
        kind = "a multiple" if pairing is None else "an even multiple"
        raise ValueError(f"queries must have {kind} of the cache's {num_groups} heads, got {num_heads}")
    if pairing is not None and (pairing.weight_C.shape != (width,) or pairing.lambda_.numel() != 1):
        shapes = tuple(pairing.weight_C.shape), tuple(pairing.lambda_.shape)
        raise ValueError(f"pairing must have a weight ({width},) and one lambda, got {shapes[0]} and {shapes[1]}")
    if page_table.ndim != 2 or len(page_table) != batch or page_table.dtype != torch.int32:
        raise ValueError(f"page_table must be ({batch}, M) int32, got {tuple(page_table.shape)} {page_table.dtype}")
    if lengths.shape != (batch,) or lengths.dtype != torch.int32:
        raise ValueError(f"lengths must be ({batch},) int32, got {tuple(lengths.shape)} {lengths.dtype}")
    if num_splits is not None and not 1 <= num_splits <= MAX_SPLITS:
        raise ValueError(f"num_splits must be None or 1 to {MAX_SPLITS}, got {num_splits}")


def check_writing(
    new_keys: Tensor, new_values: Tensor, keys: Tensor, values: Tensor, rows: Tensor, key_scales: Tensor | None,
    value_scales: Tensor | None,
) -> None:  # fmt: skip
    _check_caches(keys, values, key_scales, value_scales)
    if rows.ndim != 1 or rows.dtype != torch.int64:
        raise ValueError(f"rows must be (B,) int64, got {tuple(rows.shape)} {rows.dtype}")
    shape = (len(rows), keys.shape[2], cached_width(keys))
    for name, new in (("new_keys", new_keys), ("new_values", new_values)):
        if new.shape != shape:
            raise ValueError(f"{name} must be {shape}, got {tuple(new.shape)}")


def _check_caches(keys: Tensor, values: Tensor, key_scales: Tensor | None, value_scales: Tensor | None) -> None:
    for name, cache, scales in (("keys", keys, key_scales), ("values", values, value_scales)):
        if cache.ndim != 4 or cache.shape != keys.shape or cache.dtype != keys.dtype or not cache.is_contiguous():
            kind = f"{tuple(cache.shape)} {cache.dtype}{'' if cache.is_contiguous() else ', not contiguous'}"
            raise ValueError(f"keys and values must be contiguous (P, S, G, C), alike, got {name} {kind}")
        if (scales is None) == (cache.dtype in (FP8, torch.uint8)):
            raise ValueError(f"{name} scales belong to float8_e4m3fn and uint8 caches alone, got {cache.dtype}")
        if scales is not None:
            _check_scales(name, cache, scales)


def _check_scales(name: str, cache: Tensor, scales: Tensor) -> None:
    is_fp8 = cache.dtype == FP8
    shape, dtype = (cache.shape[2:3], torch.float32) if is_fp8 else ((*cache.shape[:3], 2, 2), torch.float16)
    if scales.shape != shape or scales.dtype != dtype or not scales.is_contiguous():
        kind = f"{tuple(scales.shape)} {scales.dtype}"
        raise ValueError(f"{name} scales must be {tuple(shape)} {dtype}, contiguous, got {kind}")


MAX_SPLITS = 128  # of one sequence's tokens: the second kernel holds all their partial results at once
