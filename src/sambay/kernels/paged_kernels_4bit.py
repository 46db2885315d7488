"""The programs over caches of four bits a number: as those of `paged_kernels`, without ever making the numbers.

With k = n s + z for each half of a token's key, q·k = s (q·n) + z sum(q); with v = n s + z, sum(p v) = sum((p s) n) +
sum(p z). So matrix units multiply bare n, and scales meet scores and weights, not channels. An n becomes a float by
two operations on bits: in bfloat16 the bits 0x4300 | n are 128 + n; EXTRA, the 128, is taken off in the sums.
Letters as in `paged_kernels`; D channels a half, C = 2 D.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
import triton
import triton.language as tl  # the interpreter also looks for it here

from sambay.kernels.dialect import IS_INTERPRETED
from sambay.kernels.paged_kernels import added, keep, split_tokens, tile_pages

if IS_INTERPRETED:
    from sambay.kernels.dialect import gl as language
else:
    import triton.language as language


@triton.jit
def as_numbers(levels, OPERAND: tl.constexpr, EXTRA: tl.constexpr):
    """EXTRA + n: 128 in bfloat16, 1024 in float16, 0 in float32."""
    if EXTRA == 128:
        return (levels.to(tl.uint16) | 0x4300).to(tl.bfloat16, bitcast=True)
    elif EXTRA == 1024:
        return (levels.to(tl.uint16) | 0x6400).to(tl.float16, bitcast=True)
    else:
        return levels.to(OPERAND)


@triton.jit
def half_of(four_T, place: tl.constexpr):
    """One of four float16 numbers that were read as one of 64 bits."""
    return (four_T >> (16 * place)).to(tl.uint16).to(tl.float16, bitcast=True).to(tl.float32)


@triton.jit
def half_queries(queries, head_M, is_head_M, query_h, d_D, shift_M, HALF: tl.constexpr, OPERAND: tl.constexpr):
    """Columns `d_D - shift_M` of the queries, zeros where they have none."""
    column_MD = d_D[None, :] - shift_M[:, None]
    is_given_MD = is_head_M[:, None] & (column_MD >= 0) & (column_MD < HALF)
    q_MD = tl.load(queries + head_M[:, None] * query_h + column_MD, mask=is_given_MD, other=0.0)
    return q_MD.to(OPERAND)


@triton.jit(do_not_specialize=["N"])
def attend_4bit(
    queries, keys, values, key_scales, value_scales, page_table, lengths, partial, statistics, output,
    lambda_, weight, scale, one_minus_init, eps, queries_b, queries_h, table_b, N,
    R: tl.constexpr, M: tl.constexpr, G: tl.constexpr, C: tl.constexpr, BLOCK_C: tl.constexpr, S: tl.constexpr,
    T: tl.constexpr, HALF: tl.constexpr, IS_SPLIT: tl.constexpr, IS_PAIRED: tl.constexpr, IS_SCALED: tl.constexpr,
    OPERAND: tl.constexpr, EXTRA: tl.constexpr,
):  # fmt: skip
    """`attend`; scales are four float16 a token and head, read as one number of 64 bits."""
    D: tl.constexpr = C // 2
    g, split, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    length = tl.load(lengths + b)
    tokens = split_tokens(length, N, T)
    begin = split * tokens
    end = tl.minimum(begin + tokens, length)
    r_M, d_D, t_T = tl.arange(0, M), tl.arange(0, D), tl.arange(0, T)
    shift_M = r_M % 2 * (C - HALF)  # of odd heads that are to be widened
    queries += b * queries_b
    low_MD = half_queries(queries, g * R + r_M, r_M < R, queries_h, d_D, shift_M, HALF, OPERAND)
    high_MD = half_queries(queries, g * R + r_M, r_M < R, queries_h, d_D + D, shift_M, HALF, OPERAND)
    low_M, high_M = language.sum(low_MD.to(tl.float32), 1), language.sum(high_MD.to(tl.float32), 1)

    largest_M = tl.full([M], float("-inf"), tl.float32)
    weights_MT = tl.full([M, T], 0.0, tl.float32)  # these three are summed over T once, at the end
    low_rest_MT = tl.full([M, T], 0.0, tl.float32)
    high_rest_MT = tl.full([M, T], 0.0, tl.float32)
    low_sum_MD = tl.full([M, D], 0.0, tl.float32)
    high_sum_MD = tl.full([M, D], 0.0, tl.float32)
    table = page_table + b * table_b
    page = tile_pages(table, begin, end, S, T)
    for first in language.range(begin, end, T):
        is_seen_T = first + t_T < end
        if S % T == 0:
            row_T = page.to(tl.int64) * S + first % S + t_T
        else:
            row_T = page.to(tl.int64) * S + (first + t_T) % S
        page = tile_pages(table, first + T, end, S, T)
        head_T = row_T * G + g
        at_TD = (head_T * D)[:, None] + d_D[None, :]
        k_TD = tl.load(keys + at_TD, mask=is_seen_T[:, None], other=0)
        k_T = tl.load(key_scales + head_T, mask=is_seen_T, other=0)
        low_MT = tl.dot(low_MD, tl.trans(as_numbers(k_TD & 15, OPERAND, EXTRA)), input_precision="ieee")
        high_MT = tl.dot(high_MD, tl.trans(as_numbers(k_TD >> 4, OPERAND, EXTRA)), input_precision="ieee")
        low_scale_T, high_scale_T = half_of(k_T, 0), half_of(k_T, 2)
        scores_MT = low_MT * low_scale_T[None, :] + high_MT * high_scale_T[None, :]
        scores_MT += low_M[:, None] * (half_of(k_T, 1) - EXTRA * low_scale_T)[None, :]
        scores_MT += high_M[:, None] * (half_of(k_T, 3) - EXTRA * high_scale_T)[None, :]
        scores_MT = tl.where(is_seen_T[None, :], scores_MT * scale, float("-inf"))
        new_M = tl.maximum(largest_M, language.max(scores_MT, 1))  # finite: a tile has a token
        decay_M = tl.exp2(largest_M - new_M)
        p_MT = tl.exp2(scores_MT - new_M[:, None])
        weights_MT = weights_MT * decay_M[:, None] + p_MT

        v_TD = tl.load(values + at_TD, mask=is_seen_T[:, None], other=0)
        v_T = tl.load(value_scales + head_T, mask=is_seen_T, other=0)
        low_p_MT = (p_MT * half_of(v_T, 0)[None, :]).to(OPERAND)
        high_p_MT = (p_MT * half_of(v_T, 2)[None, :]).to(OPERAND)
        low_rest_MT = low_rest_MT * decay_M[:, None] + p_MT * half_of(v_T, 1)[None, :] - EXTRA * low_p_MT.to(tl.float32)
        high_rest_MT = (
            high_rest_MT * decay_M[:, None] + p_MT * half_of(v_T, 3)[None, :] - EXTRA * high_p_MT.to(tl.float32)
        )
        low_v_TD, high_v_TD = as_numbers(v_TD & 15, OPERAND, EXTRA), as_numbers(v_TD >> 4, OPERAND, EXTRA)
        low_sum_MD = added(low_sum_MD, decay_M, tl.dot(low_p_MT, low_v_TD, input_precision="ieee"))
        high_sum_MD = added(high_sum_MD, decay_M, tl.dot(high_p_MT, high_v_TD, input_precision="ieee"))
        largest_M = new_M

    low_sum_MD += language.sum(low_rest_MT, 1)[:, None]
    high_sum_MD += language.sum(high_rest_MT, 1)[:, None]
    sum_MC = tl.reshape(tl.permute(tl.join(low_sum_MD, high_sum_MD), [0, 2, 1]), [M, C])
    keep(
        largest_M, language.sum(weights_MT, 1), sum_MC, partial, statistics, output, lambda_, weight, one_minus_init,
        eps, b, g, split, begin < end, N, R, M, G, C, BLOCK_C, IS_SPLIT, IS_PAIRED,
    )  # fmt: skip


@triton.jit
def quantised(numbers, is_there_GD, at_scale_G, scales, is_there_G):
    """`four_bits.pack` of one half of all heads: writes its scale and zero, returns its n."""
    number_GD = tl.load(numbers, mask=is_there_GD, other=0.0).to(tl.float32)
    zero_G = -language.max(-number_GD, 1)
    scale_G = ((language.max(number_GD, 1) - zero_G) / 15.0).to(tl.float16)
    tl.store(scales + at_scale_G, scale_G, mask=is_there_G)
    tl.store(scales + at_scale_G + 1, zero_G.to(tl.float16), mask=is_there_G)
    zero_G, scale_G = zero_G.to(tl.float16).to(tl.float32), scale_G.to(tl.float32)
    level_GD = (number_GD - zero_G[:, None]) / tl.where(scale_G > 0, scale_G, 1.0)[:, None]
    return tl.minimum(tl.maximum(tl.floor(level_GD + 0.5), 0.0), 15.0).to(tl.uint8)


@triton.jit
def write_4bit(
    new_keys, new_values, keys, values, rows, key_scales, value_scales, keys_b, keys_g, values_b, values_g,
    G: tl.constexpr, C: tl.constexpr, BLOCK_G: tl.constexpr,
):  # fmt: skip
    """One token's keys (program 0) or values (1) into its row of the caches, and their scales."""
    if tl.program_id(1) == 0:
        write_packed(new_keys, keys, rows, key_scales, keys_b, keys_g, G, C, BLOCK_G)
    else:
        write_packed(new_values, values, rows, value_scales, values_b, values_g, G, C, BLOCK_G)


@triton.jit
def write_packed(new, cache, rows, scales, new_b, new_g, G: tl.constexpr, C: tl.constexpr, BLOCK_G: tl.constexpr):
    D: tl.constexpr = C // 2
    b = tl.program_id(0).to(tl.int64)
    row = tl.load(rows + b)
    g_G, d_D = tl.arange(0, BLOCK_G), tl.arange(0, D)
    is_there_G = g_G < G
    is_there_GD = is_there_G[:, None] & (d_D < D)[None, :]
    numbers = new + b * new_b + g_G[:, None] * new_g + d_D[None, :]
    low_GD = quantised(numbers, is_there_GD, (row * G + g_G) * 4, scales, is_there_G)
    high_GD = quantised(numbers + D, is_there_GD, (row * G + g_G) * 4 + 2, scales, is_there_G)
    tl.store(cache + row * (G * D) + g_G[:, None] * D + d_D[None, :], low_GD | (high_GD << 4), mask=is_there_GD)
