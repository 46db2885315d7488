"""Reading a prompt, whole or in chunks: every layer of the self-decoder over all tokens of one sequence.

Letters: S new tokens, T keys, D model width, E Mamba channels, H query heads, G key/value heads as cached, C their
width, W window. A batch of one sequence everywhere.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right

from sambay import kernels
from sambay.engine.cache_format import KeysValues
from sambay.engine.pools import MambaState
from sambay.kernels.reference_paged import plain_pages
from sambay.model.attention import Attention
from sambay.model.mamba import Mamba


def mamba_chunk(
    layer: Mamba, hidden_BSD: Tensor, state: MambaState, slot: int, is_shared: bool
) -> tuple[Tensor, Tensor | None]:
    """A Mamba layer over a chunk, from the slot's state and into it.

    Returns the gated output and, of the layer that shares it, the memory, (1, S, E) both.
    """
    x_BSE, gate_BSE = layer.in_proj(hidden_BSD).chunk(2, dim=-1)
    tail_BEK = state.tails[slot][None]
    weight_EK = layer.conv1d.weight.squeeze(1)
    convolved_BSE = kernels.causal_conv(x_BSE, weight_EK, layer.conv1d.bias, tail_BEK=tail_BEK)
    delta_BSR, B_BSN, C_BSN = layer.x_proj(convolved_BSE).split(layer.sizes_RNN, dim=-1)
    delta_BSE, delta_bias_E = layer.project_delta(delta_BSR)
    output_BSE, memory_BSE, final_BEN = kernels.selective_scan(
        convolved_BSE, delta_BSE, -torch.exp(layer.A_log.float()), B_BSN, C_BSN, layer.D,
        delta_bias_E=delta_bias_E, gate_BSE=gate_BSE, initial_state_BEN=state.states[slot][None],
        return_memory=is_shared,
    )  # fmt: skip
    state.tails[slot] = torch.cat([tail_BEK[0], x_BSE[0].t()], dim=1)[:, -tail_BEK.shape[2] :]
    state.states[slot] = final_BEN[0]
    return output_BSE, memory_BSE


def window_chunk(layer: Attention, hidden_BSD: Tensor, ring: KeysValues, slot: int, start: int, rotation) -> Tensor:
    """A window layer over a chunk: what the ring still holds, then the new tokens, which go into it. (1, S, H*C)"""
    queries_BHSC, keys_BGSC, values_BGSC = layer.project(hidden_BSD, None, rotation)
    assert keys_BGSC is not None
    assert values_BGSC is not None
    window, length = ring.keys.shape[1], keys_BGSC.shape[2]
    before = min(start, window - 1)
    rows = torch.arange(start - before, start, device=hidden_BSD.device) % window
    old_keys, old_values = (part[slot, rows].transpose(0, 1)[None] for part in (ring.keys, ring.values))
    mixed_BSHC = attend_window(
        queries_BHSC, torch.cat([old_keys, keys_BGSC], dim=2), torch.cat([old_values, values_BGSC], dim=2), window,
        layer.scaling,
    )  # fmt: skip
    kept = min(window, length)
    rows = torch.arange(start + length - kept, start + length, device=hidden_BSD.device) % window
    ring.keys[slot, rows] = keys_BGSC[0, :, -kept:].transpose(0, 1)
    ring.values[slot, rows] = values_BGSC[0, :, -kept:].transpose(0, 1)
    return combine(layer, mixed_BSHC)


def write_pages(pages: KeysValues, keys_BGSC: Tensor, values_BGSC: Tensor, rows_S: Tensor) -> None:
    """Puts a chunk's keys and values into the rows of its pages."""
    keys_SGC, values_SGC = keys_BGSC[0].transpose(0, 1), values_BGSC[0].transpose(0, 1)
    kernels.write_cache(keys_SGC, values_SGC, pages.keys, pages.values, rows_S, **pages.scales)


def full_chunk(layer: Attention, queries_BHSC: Tensor, pages: KeysValues, page_ids_M: Tensor, length: int) -> Tensor:
    """The last S of `length` tokens, whose keys and values are in the pages, look at all before them. (1, S, H*C)"""
    keys_BGTC, values_BGTC = (
        plain_pages(part, scales, page_ids_M, queries_BHSC.dtype).flatten(0, 1)[:length].transpose(0, 1)[None]
        for part, scales in ((pages.keys, pages.key_scales), (pages.values, pages.value_scales))
    )
    mask = causal_lower_right(queries_BHSC.shape[2], length)
    mixed_BHSC = F.scaled_dot_product_attention(
        queries_BHSC, keys_BGTC, values_BGTC, mask, scale=layer.scaling, enable_gqa=True
    )
    return combine(layer, mixed_BHSC.transpose(1, 2))


def combine(layer: Attention, maps_BSHC: Tensor) -> Tensor:
    """The attention's output before its projection: the difference of the maps, or the one map. (1, S, H*C)"""
    return maps_BSHC.flatten(2) if layer.inner_cross_attn is None else layer.inner_cross_attn(maps_BSHC)


# Window attention over blocks of b queries. Keys are the `before` old ones and the S new, padded in front to W old
# ones. Block i has queries [i*b, i*b + b) and the keys [i*b, i*b + W + b) of the padded row; its query a sees the W
# keys [a+1, a+1 + W) of those, the last its own.


def attend_window(queries_BHSC: Tensor, keys_BGTC: Tensor, values_BGTC: Tensor, window: int, scale: float) -> Tensor:
    """Causal attention to the last `window` keys, the query's own included; T - S keys come before the first query.

    Costs S times (W + block) keys, with no kernel to compile: every backend of SDPA takes a mask. Returns (1, S, H, C).
    """
    _, heads, length, width = queries_BHSC.shape
    groups, before = keys_BGTC.shape[1], keys_BGTC.shape[2] - length
    block = min(window, length)
    blocks = -(-length // block)
    behind = blocks * block - length
    # Heads that share a key are more queries to it: no backend then has to copy keys.
    queries = F.pad(queries_BHSC[0], (0, 0, 0, behind)).view(groups, -1, blocks, block, width)
    queries = queries.permute(2, 0, 1, 3, 4).flatten(2, 3)
    keys, values = (
        F.pad(part[0], (0, 0, window - before, behind)).unfold(1, window + block, block).permute(1, 0, 3, 2)
        for part in (keys_BGTC, values_BGTC)
    )
    mask = _band(window, block, blocks, before, queries.device).repeat(1, 1, heads // groups, 1)
    mixed = F.scaled_dot_product_attention(queries, keys, values, mask, scale=scale)
    mixed = mixed.view(blocks, groups, heads // groups, block, width).permute(0, 3, 1, 2, 4)
    return mixed.reshape(1, blocks * block, heads, width)[:, :length]


def _band(window: int, block: int, blocks: int, before: int, device: torch.device) -> Tensor:
    """What the queries of each block see of its keys: (blocks, 1, b, W + b)."""
    key_K = torch.arange(window + block, device=device)
    query_Q1 = torch.arange(block, device=device)[:, None]
    is_seen_QK = (key_K > query_Q1) & (key_K <= query_Q1 + window)
    is_there_NK = torch.arange(blocks, device=device)[:, None] * block + key_K >= window - before
    return (is_seen_QK & is_there_NK[:, None])[:, None]
