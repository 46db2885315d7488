"""The programs of attention over cached pages: a part of the keys each, and the sum of the parts.

    split s    tokens [s*n, (s+1)*n) of a sequence, n = a split's tokens, a multiple of T, the same for all its heads
    tile       T tokens: read, multiplied and added while the next tiles are on their way

A program serves all R query heads that share a cached head, so that keys and values are read once. n follows from the
length on the device; the number of splits does not, so that a CUDA graph serves any length.
Letters: B sequences, H query heads, G cached heads, C their width, M rows of a matrix product (R, padded), S tokens a
page, N splits.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
import triton
import triton.language as tl  # the interpreter also looks for it here

from sambay.kernels.dialect import IS_INTERPRETED

if IS_INTERPRETED:
    from sambay.kernels.dialect import gl as language  # Triton's sums where its own are compiled kernels
else:
    import triton.language as language


@triton.jit
def split_tokens(length, N, T: tl.constexpr):
    """How many tokens a split has: a multiple of T, at least T; splits from length / tokens on are empty."""
    tiles = (length + N * T - 1) // (N * T)
    return tl.maximum(tiles, 1) * T


@triton.jit
def tile_pages(table, first, end, S: tl.constexpr, T: tl.constexpr):
    """The pages of tokens [first, first + T), of those before `end`: one number where all lie in one page."""
    if S % T == 0:
        return tl.load(table + first // S, mask=first < end, other=0)
    else:
        token_T = first + tl.arange(0, T)
        return tl.load(table + token_T // S, mask=token_T < end, other=0)


@triton.jit
def added(sum_MC, decay_M, part_MC):
    """sum * decay + part, the tile's product by itself: as the product's start value the sum would take each of its
    roundings, which matrix units do by cutting off, all to one side. Written as `fma`, which the compiler leaves."""
    return tl.fma(sum_MC, tl.broadcast_to(decay_M[:, None], sum_MC.shape), part_MC)


@triton.jit
def finished(even_PC, odd_PC, weight_C, lambda_, one_minus_init, eps, C: tl.constexpr):
    """(1 - lambda_init) RMSNorm(even - lambda * odd); channels from C on hold zeros."""
    difference_PC = even_PC - lambda_ * odd_PC
    variance_P = language.sum(difference_PC * difference_PC, 1) / C
    return difference_PC * tl.rsqrt(variance_P + eps)[:, None] * weight_C[None, :] * one_minus_init


@triton.jit
def keep(
    largest_M, total_M, sum_MC, partial, statistics, output, lambda_, weight, one_minus_init, eps, b, g, split, has_any,
    N, R: tl.constexpr, M: tl.constexpr, G: tl.constexpr, C: tl.constexpr, BLOCK_C: tl.constexpr,
    IS_SPLIT: tl.constexpr, IS_PAIRED: tl.constexpr,
):  # fmt: skip
    """Writes what a program found: the result where its split is the only one, else what `combine` sums."""
    r_M, c_C = tl.arange(0, M), tl.arange(0, BLOCK_C)
    h_M = g * R + r_M
    if IS_SPLIT:
        part_M = (b * (G * R) + h_M) * N + split
        is_kept_M = (r_M < R) & has_any
        tl.store(statistics + part_M * 2, largest_M, mask=is_kept_M)
        tl.store(statistics + part_M * 2 + 1, total_M, mask=is_kept_M)
        tl.store(partial + part_M[:, None] * BLOCK_C + c_C[None, :], sum_MC, mask=is_kept_M[:, None])
    else:
        map_MC = sum_MC / tl.where(total_M > 0, total_M, 1.0)[:, None]
        if IS_PAIRED:
            even_PC, odd_PC = tl.split(tl.permute(tl.reshape(map_MC, [M // 2, 2, BLOCK_C]), [0, 2, 1]))
            p_P = tl.arange(0, M // 2)
            weight_C = tl.load(weight + c_C, mask=c_C < C, other=0.0).to(tl.float32)
            lambda_one = tl.load(lambda_).to(tl.float32)
            result_PC = finished(even_PC, odd_PC, weight_C, lambda_one, one_minus_init, eps, C)
            at_PC = (b * (G * R // 2) + g * (R // 2) + p_P)[:, None] * C + c_C[None, :]
            is_kept_PC = (p_P < R // 2)[:, None] & (c_C < C)[None, :]
            tl.store(output + at_PC, result_PC.to(output.dtype.element_ty), mask=is_kept_PC)
        else:
            at_MC = (b * (G * R) + h_M)[:, None] * C + c_C[None, :]
            is_kept_MC = (r_M < R)[:, None] & (c_C < C)[None, :]
            tl.store(output + at_MC, map_MC.to(output.dtype.element_ty), mask=is_kept_MC)


@triton.jit(do_not_specialize=["N"])
def attend(
    queries, keys, values, key_scales, value_scales, page_table, lengths, partial, statistics, output,
    lambda_, weight, scale, one_minus_init, eps, queries_b, queries_h, table_b, N,
    R: tl.constexpr, M: tl.constexpr, G: tl.constexpr, C: tl.constexpr, BLOCK_C: tl.constexpr, S: tl.constexpr,
    T: tl.constexpr, HALF: tl.constexpr, IS_SPLIT: tl.constexpr, IS_PAIRED: tl.constexpr, IS_SCALED: tl.constexpr,
    OPERAND: tl.constexpr,
):  # fmt: skip
    """Maps of R heads over one split: finished where it is the only one, else what `combine` sums.

    HALF is the width of queries that are to be widened, C of others. `scale` counts in powers of two.
    """
    g, split, b = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    length = tl.load(lengths + b)
    tokens = split_tokens(length, N, T)
    begin = split * tokens
    end = tl.minimum(begin + tokens, length)
    r_M, c_C, t_T = tl.arange(0, M), tl.arange(0, BLOCK_C), tl.arange(0, T)
    h_M = g * R + r_M
    column_MC = c_C[None, :] - (r_M % 2 * (C - HALF))[:, None]
    is_given_MC = (r_M < R)[:, None] & (column_MC >= 0) & (column_MC < HALF)
    q_MC = tl.load(queries + b * queries_b + h_M[:, None] * queries_h + column_MC, mask=is_given_MC, other=0.0)
    scale_M = tl.full([M], scale, tl.float32)
    if IS_SCALED:  # float16 reads 8 bits in one instruction, bfloat16 in three; its range asks for queries up to 1
        q_MC = q_MC.to(tl.float32)
        peak_M = tl.maximum(language.max(tl.abs(q_MC), 1), 1e-30)
        q_MC = q_MC / peak_M[:, None]
        scale_M = scale_M * peak_M * tl.load(key_scales + g)
    q_MC = q_MC.to(OPERAND)

    largest_M = tl.full([M], float("-inf"), tl.float32)
    weights_MT = tl.full([M, T], 0.0, tl.float32)  # summed over T once, at the end
    sum_MC = tl.full([M, BLOCK_C], 0.0, tl.float32)
    table = page_table + b * table_b
    column_C = g * C + c_C
    # A page is looked up one tile ahead, by hand: as part of the loop's pipeline the look-up would halve its depth.
    page = tile_pages(table, begin, end, S, T)
    for first in language.range(begin, end, T):
        is_seen_T = first + t_T < end
        if S % T == 0:
            row_T = page.to(tl.int64) * S + first % S + t_T
        else:
            row_T = page.to(tl.int64) * S + (first + t_T) % S
        at_TC = (row_T * (G * C))[:, None] + column_C[None, :]
        page = tile_pages(table, first + T, end, S, T)
        is_read_TC = is_seen_T[:, None] if C == BLOCK_C else is_seen_T[:, None] & (c_C < C)[None, :]
        k_TC = tl.load(keys + at_TC, mask=is_read_TC, other=0.0).to(OPERAND)
        scores_MT = tl.dot(q_MC, tl.trans(k_TC), input_precision="ieee") * scale_M[:, None]
        scores_MT = tl.where(is_seen_T[None, :], scores_MT, float("-inf"))
        new_M = tl.maximum(largest_M, language.max(scores_MT, 1))  # finite: a tile has a token
        decay_M = tl.exp2(largest_M - new_M)
        p_MT = tl.exp2(scores_MT - new_M[:, None])
        weights_MT = weights_MT * decay_M[:, None] + p_MT
        v_TC = tl.load(values + at_TC, mask=is_read_TC, other=0.0).to(OPERAND)
        part_MC = tl.dot(p_MT.to(OPERAND), v_TC, input_precision="ieee")
        sum_MC = added(sum_MC, decay_M, part_MC)
        largest_M = new_M

    total_M = language.sum(weights_MT, 1)
    if IS_SCALED:
        sum_MC *= tl.load(value_scales + g)
    keep(
        largest_M, total_M, sum_MC, partial, statistics, output, lambda_, weight, one_minus_init, eps, b, g, split,
        begin < end, N, R, M, G, C, BLOCK_C, IS_SPLIT, IS_PAIRED,
    )  # fmt: skip


@triton.jit
def summed(partial, statistics, part, active, c_C, BLOCK_N: tl.constexpr, BLOCK_C: tl.constexpr):
    """One head's map from its first `active` splits; zeros where there is none."""
    n_N = tl.arange(0, BLOCK_N)
    is_active_N = n_N < active
    largest_N = tl.load(statistics + (part + n_N) * 2, mask=is_active_N, other=float("-inf"))
    total_N = tl.load(statistics + (part + n_N) * 2 + 1, mask=is_active_N, other=0.0)
    at_NC = (part + n_N)[:, None] * BLOCK_C + c_C[None, :]
    sum_NC = tl.load(partial + at_NC, mask=is_active_N[:, None], other=0.0)
    largest = tl.maximum(language.max(largest_N, 0), -3e38)  # finite: -inf - -inf would be NaN
    weight_N = tl.exp2(largest_N - largest)
    total = language.sum(weight_N * total_N, 0)
    return language.sum(weight_N[:, None] * sum_NC, 0) / tl.where(total > 0, total, 1.0)


@triton.jit(do_not_specialize=["N"])
def combine(
    lengths, partial, statistics, output, lambda_, weight, one_minus_init, eps, N,
    H: tl.constexpr, C: tl.constexpr, BLOCK_C: tl.constexpr, T: tl.constexpr, BLOCK_N: tl.constexpr,
    IS_PAIRED: tl.constexpr,
):  # fmt: skip
    """The sum over the splits of one head, or of a pair of heads with all that differential attention does to it."""
    p, b = tl.program_id(0), tl.program_id(1).to(tl.int64)
    length = tl.load(lengths + b)
    tokens = split_tokens(length, N, T)
    active = (length + tokens - 1) // tokens
    c_C = tl.arange(0, BLOCK_C)
    if IS_PAIRED:
        part = (b * H + 2 * p) * N
        even_C = summed(partial, statistics, part, active, c_C, BLOCK_N, BLOCK_C)
        odd_C = summed(partial, statistics, part + N, active, c_C, BLOCK_N, BLOCK_C)
        weight_C = tl.load(weight + c_C, mask=c_C < C, other=0.0).to(tl.float32)
        lambda_one = tl.load(lambda_).to(tl.float32)
        result_PC = finished(even_C[None, :], odd_C[None, :], weight_C, lambda_one, one_minus_init, eps, C)
        at_PC = ((b * (H // 2) + p) * C + c_C)[None, :]
        tl.store(output + at_PC, result_PC.to(output.dtype.element_ty), mask=(c_C < C)[None, :])
    else:
        map_C = summed(partial, statistics, (b * H + p) * N, active, c_C, BLOCK_N, BLOCK_C)
        tl.store(output + (b * H + p) * C + c_C, map_C.to(output.dtype.element_ty), mask=c_C < C)


@triton.jit
def write(
    new_keys, new_values, keys, values, rows, key_scales, value_scales, keys_b, keys_g, values_b, values_g,
    G: tl.constexpr, C: tl.constexpr, BLOCK: tl.constexpr, IS_SCALED: tl.constexpr,
):  # fmt: skip
    """One token's keys and values into its row of the caches."""
    b = tl.program_id(0).to(tl.int64)
    row = tl.load(rows + b)
    x_X = tl.arange(0, BLOCK)
    g_X, c_X = x_X // C, x_X % C
    is_there_X = x_X < G * C
    key_X = tl.load(new_keys + b * keys_b + g_X * keys_g + c_X, mask=is_there_X, other=0.0)
    value_X = tl.load(new_values + b * values_b + g_X * values_g + c_X, mask=is_there_X, other=0.0)
    if IS_SCALED:
        key_X = key_X.to(tl.float32) / tl.load(key_scales + g_X, mask=is_there_X, other=1.0)
        value_X = value_X.to(tl.float32) / tl.load(value_scales + g_X, mask=is_there_X, other=1.0)
        key_X = tl.minimum(tl.maximum(key_X, -448.0), 448.0)
        value_X = tl.minimum(tl.maximum(value_X, -448.0), 448.0)
    tl.store(keys + row * (G * C) + x_X, key_X.to(keys.dtype.element_ty), mask=is_there_X)
    tl.store(values + row * (G * C) + x_X, value_X.to(values.dtype.element_ty), mask=is_there_X)
