"""Attention over a window, over everything, or over another layer's keys and values; differential or plain."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
import torch._dynamo
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask
from transformers import Cache
from transformers.integrations.flex_attention import compile_friendly_flex_attention
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from sambay import kernels
from sambay.config import CROSS, WINDOW, SambaYConfig
from sambay.model.block_masks import BLOCK

# Letters: B sequences, S query positions, T key positions, D model width, H query heads, G key/value heads,
# C head width.

MAX_GRAPHS = 64  # of FlexAttention in one process
MIN_WIDTH = 16  # of a head, in FlexAttention's kernels


class Attention(nn.Module):
    """One attention layer with the released files' parameter names.

    Differential attention (arXiv 2410.05258) is one call of any attention backend: heads 2p and 2p+1 lie side by side,
    so a pair's keys are one key [k1|k2] of width 2C and its values one value [v1|v2]. Even query heads become [q|0],
    odd ones [0|q]: each head's output is softmax(q·k_s)[v1|v2], and the two maps are subtracted afterwards.
    The cache holds each key and value once.
    """

    is_causal = True

    def __init__(self, config: SambaYConfig, layer_index: int) -> None:
        super().__init__()
        mixer = config.layers[layer_index]
        self.config, self.layer_index = config, layer_index
        self.head_dim, self.num_heads = int(config.head_dim or 0), config.num_attention_heads
        self.num_groups = 0 if mixer is CROSS else config.num_key_value_heads
        self.scaling = config.attention_multiplier or self.head_dim**-0.5
        self.sliding_window = config.sliding_window if mixer is WINDOW else None
        self.num_key_value_groups = config.num_attention_heads // config.num_key_value_heads
        rows = (self.num_heads + 2 * self.num_groups) * self.head_dim
        self.Wqkv = nn.Linear(config.hidden_size, rows, bias=config.attention_bias)
        self.out_proj = nn.Linear(self.num_heads * self.head_dim, config.hidden_size, bias=config.attention_bias)
        self.inner_cross_attn: DifferentialMaps | None = None
        if config.is_differential:
            self.num_key_value_groups *= 2
            self.inner_cross_attn = DifferentialMaps(config, layer_index)

    def forward(
        self,
        hidden_BSD: Tensor,
        keys_BGTC: Tensor | None = None,
        values_BGTC: Tensor | None = None,
        *,
        attention_mask: Tensor | BlockMask | None = None,
        padding_BS: Tensor | None = None,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        past_key_values: Cache | None = None,
        keep: int | None = None,
        **kwargs,
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        """Attends from the last `keep` positions (all if None).

        A cross layer reads the given keys and values, any other makes its own and, with a cache, continues them.
        Returns (output (B, keep, D), weights or None, keys, values); with differential attention keys and values come
        as pairs, (B, G/2, T, 2C), and `attention_mask` is whatever the configured backend takes. At padding
        (`padding_BS` 0) what the backend gave for a query that sees nothing is replaced by zero.
        """
        backend = self.config._attn_implementation
        is_block_sparse = backend == "flex_attention" and not isinstance(attention_mask, Tensor)
        # What a cache holds is read where it lies. Without one, a copy of the keys spares a quarter of the products.
        is_split = is_block_sparse and past_key_values is None and self.inner_cross_attn is not None
        is_split &= self.head_dim >= MIN_WIDTH
        queries_BHSC, new_keys, new_values = self.project(hidden_BSD, keep, position_embeddings, not is_split)
        if new_keys is not None and new_values is not None:
            keys_BGTC, values_BGTC = new_keys, new_values
            if past_key_values is not None:
                keys_BGTC, values_BGTC = past_key_values.update(new_keys, new_values, self.layer_index)
        assert keys_BGTC is not None, "a cross layer was called without keys and values"
        assert values_BGTC is not None, "a cross layer was called without keys and values"
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(backend, softmax_attention)
        if backend == "sdpa" and queries_BHSC.shape[2] == 1:
            attend = one_query_attention
        elif is_block_sparse:
            attend = split_block_sparse_attention if is_split else block_sparse_attention
        maps_BSHC, weights = attend(
            self, queries_BHSC, keys_BGTC, values_BGTC, attention_mask,
            dropout=self.config.attention_dropout if self.training else 0.0, scaling=self.scaling,
            sliding_window=self.sliding_window, **kwargs,
        )  # fmt: skip
        if padding_BS is not None:  # filled, not multiplied: some backends give NaN, which later layers would spread
            is_padding_BS = ~padding_BS[:, -maps_BSHC.shape[1] :].bool()
            maps_BSHC = maps_BSHC.masked_fill(is_padding_BS[:, :, None, None], 0)
        mixed = maps_BSHC.flatten(2) if self.inner_cross_attn is None else self.inner_cross_attn(maps_BSHC)
        return self.out_proj(mixed), weights, keys_BGTC, values_BGTC

    def project(
        self, hidden_BSD: Tensor, keep: int | None, rotation: tuple[Tensor, Tensor] | None, is_widened: bool = True
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Queries of the last `keep` positions, and keys and values of all, as the attention backend takes them; the
        queries as heads of width C where they are not to be widened."""
        queries, keys_values = self._linear(hidden_BSD, keep)
        queries = queries.unflatten(-1, (self.num_heads, self.head_dim))
        if rotation is not None:
            queries = rotate(queries, rotation)
        queries = (self._widen(queries) if is_widened else queries).transpose(1, 2)
        if keys_values is None:
            return queries, None, None
        keys, values = keys_values.unflatten(-1, (2, self.num_groups, self.head_dim)).unbind(2)
        if rotation is not None:
            keys = rotate(keys, rotation)
        return queries, self._pair(keys).transpose(1, 2), self._pair(values).transpose(1, 2)

    def _linear(self, hidden_BSD: Tensor, keep: int | None) -> tuple[Tensor, Tensor | None]:
        rows = self.num_heads * self.head_dim
        layer = self.Wqkv
        if self.num_groups == 0:
            return layer(hidden_BSD if keep is None else hidden_BSD[:, -keep:]), None
        # Only a plain layer's rows can be taken apart: an adapter or a quantised weight computes all of them.
        if keep is None or type(layer) is not nn.Linear or type(layer.weight) is not nn.Parameter:
            fused = layer(hidden_BSD)
            return fused[..., :rows] if keep is None else fused[:, -keep:, :rows], fused[..., rows:]
        bias = (None, None) if layer.bias is None else (layer.bias[:rows], layer.bias[rows:])
        queries = F.linear(hidden_BSD[:, -keep:], layer.weight[:rows], bias[0])
        return queries, F.linear(hidden_BSD, layer.weight[rows:], bias[1])

    def _widen(self, queries_BSHC: Tensor) -> Tensor:
        """Even heads [q|0], odd heads [0|q], to meet keys of width 2C."""
        if self.inner_cross_attn is None:
            return queries_BSHC
        even, odd = queries_BSHC[:, :, 0::2], queries_BSHC[:, :, 1::2]
        width = self.head_dim
        return torch.stack([F.pad(even, (0, width)), F.pad(odd, (width, 0))], dim=3).flatten(2, 3)

    def _pair(self, heads_BTGC: Tensor) -> Tensor:
        """Heads 2p and 2p+1 side by side: (B, T, G/2, 2C)."""
        return heads_BTGC if self.inner_cross_attn is None else heads_BTGC.unflatten(2, (-1, 2)).flatten(3)


class DifferentialMaps(nn.Module):
    """The difference of the two attention maps, normalised (arXiv 2410.05258, section 2)."""

    def __init__(self, config: SambaYConfig, layer_index: int) -> None:
        super().__init__()
        width = int(config.head_dim or 0)
        self.eps = config.layer_norm_eps
        self.lambda_init = 0.8 - 0.6 * math.exp(-0.3 * layer_index)
        self.lambda_q1 = nn.Parameter(torch.empty(width, dtype=torch.float32))
        self.lambda_k1 = nn.Parameter(torch.empty(width, dtype=torch.float32))
        self.lambda_q2 = nn.Parameter(torch.empty(width, dtype=torch.float32))
        self.lambda_k2 = nn.Parameter(torch.empty(width, dtype=torch.float32))
        self.subln = SubNorm(2 * width)

    def forward(self, maps_BSHC: Tensor) -> Tensor:
        """`maps_BSHC`: one output of width 2C per query head. Returns (B, S, H*C)."""
        lambda_ = self.lambda_full().to(maps_BSHC.dtype)
        return kernels.differential_combine(maps_BSHC, lambda_, self.subln.weight, self.lambda_init, self.eps)

    def lambda_full(self) -> Tensor:
        """exp(q1·k1) - exp(q2·k2) + lambda_init: one scalar per layer."""
        first = torch.exp((self.lambda_q1 * self.lambda_k1).sum())
        second = torch.exp((self.lambda_q2 * self.lambda_k2).sum())
        return first - second + self.lambda_init


class SubNorm(nn.Module):
    """Holds the released name of the weight that `differential_combine` applies."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))


def one_query_attention(
    module: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[Tensor, None]:
    """SDPA for one position a sequence: the heads that share a key become its queries, and each key is read once."""
    query = query.unflatten(1, (key.shape[1], -1)).squeeze(3)
    if attention_mask is not None and attention_mask.shape[1] > 1:  # one mask a head, of a caller's own
        attention_mask = attention_mask.unflatten(1, (key.shape[1], -1)).squeeze(3)
    output = F.scaled_dot_product_attention(query, key, value, attention_mask, dropout, scale=scaling)
    return output.flatten(1, 2).unsqueeze(1), None


def block_sparse_attention(
    module: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: BlockMask | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[Tensor, None]:
    """FlexAttention; heads share their key whatever their number (transformers' call copies it for 40 heads).

    Raises ValueError for dropout, which FlexAttention has not.
    """
    output = _flex_attention(module, query, key, value, attention_mask, scaling, dropout)
    return output.transpose(1, 2).contiguous(), None


def split_block_sparse_attention(
    module: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: BlockMask | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[Tensor, None]:
    """FlexAttention of queries (B, H, S, C) over pairs of keys (B, G/2, T, 2C): even heads meet the first half of a
    key, odd ones the second, both the whole value. The widened form has a third more products, of zeros.
    """
    num_pairs = key.shape[1]
    apart = query.unflatten(1, (num_pairs, -1, 2)).transpose(2, 3).flatten(1, 3)  # those that share a key side by side
    keys = key.unflatten(3, (2, -1)).transpose(2, 3).flatten(1, 2)
    maps = _flex_attention(module, apart, keys, value.repeat_interleave(2, 1), attention_mask, scaling, dropout)
    return maps.unflatten(1, (num_pairs, 2, -1)).permute(0, 4, 1, 3, 2, 5).flatten(2, 4).contiguous(), None


def _flex_attention(
    module: Attention, query: Tensor, key: Tensor, value: Tensor, mask: BlockMask | None, scaling: float, dropout: float
) -> Tensor:
    if dropout:
        raise ValueError(f"attention_dropout={dropout}: flex_attention allows 0 alone in training")
    is_tracing = torch.compiler.is_compiling()
    # One graph serves all lengths, but one row, one query, one block, training and each kind of mask have their own.
    # At dynamo's limit of 8 it would go on uncompiled, with all scores in memory.
    limit = nullcontext() if is_tracing else torch._dynamo.config.patch(recompile_limit=MAX_GRAPHS)
    with limit:
        output = compile_friendly_flex_attention(
            query, key, value, training=module.training, block_mask=mask, enable_gqa=True, scale=scaling,
            kernel_options=_flex_options(query.shape[2], query.shape[1] // key.shape[1]),
        )  # fmt: skip
    return output  # type: ignore[return-value]


def _flex_options(num_queries: int, num_sharing: int) -> dict[str, bool] | None:
    """Keeps from FlexAttention's decoding kernel, which takes fewer than 128 queries, what it cannot do.

    Its one tile holds the queries of all heads that share a key and may not exceed the mask's blocks; where it would,
    torch 2.11 to 2.13 find no kernel and raise NoValidChoicesError (pytorch/pytorch#185349).
    """
    is_too_large = num_queries < BLOCK < num_queries * num_sharing
    return {"FORCE_USE_FLEX_ATTENTION": True} if is_too_large else None


def softmax_attention(
    module: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs,
) -> tuple[Tensor, Tensor]:
    """The "eager" backend: plain softmax attention that also returns its weights (B, H, S, T), softmax in float32."""
    repeats = module.num_key_value_groups
    key, value = key.repeat_interleave(repeats, dim=1), value.repeat_interleave(repeats, dim=1)
    scores = query @ key.transpose(2, 3) * scaling
    if attention_mask is not None:
        scores = scores + attention_mask
    weights = scores.softmax(-1, dtype=torch.promote_types(query.dtype, torch.float32)).to(query.dtype)
    weights = F.dropout(weights, dropout, module.training)
    return (weights @ value).transpose(1, 2), weights


def rotary_angles(position_ids_BS: Tensor, head_dim: int, theta: float) -> tuple[Tensor, Tensor]:
    """Cosine and sine (B, S, 1, C) of the rotary position embedding (arXiv 2104.09864, equation 15), in float32."""
    powers = torch.arange(0, head_dim, 2, dtype=torch.float32, device=position_ids_BS.device) / head_dim
    angles = position_ids_BS[..., None].float() * theta**-powers
    angles = torch.cat([angles, angles], dim=-1)[:, :, None, :]
    return angles.cos(), angles.sin()


def rotation_of(config: SambaYConfig, position_ids_BS: Tensor) -> tuple[Tensor, Tensor] | None:
    """`rotary_angles` of a model's positions, or None where it has no rotary embedding."""
    if config.rope_theta is None:
        return None
    return rotary_angles(position_ids_BS, int(config.head_dim or 0), config.rope_theta)


def rotate(heads_BSHC: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Rotates channel i against channel i + C/2; heads of the last positions take the last angles."""
    cos, sin = (angles[:, -heads_BSHC.shape[1] :] for angles in rotation)
    first, second = heads_BSHC.float().chunk(2, dim=-1)
    return (heads_BSHC * cos + torch.cat([-second, first], dim=-1) * sin).to(heads_BSHC.dtype)
