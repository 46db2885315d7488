"""The selective scan's device code, backward: three kernels. Letters, layouts and tiles as in scan_kernels.py."""

import triton.language as tl  # constexpr; the interpreter also looks for it here

from sambay.kernels.dialect import gl, jit, sigmoid
from sambay.kernels.scan_kernels import (
    find_decays,
    last,
    load_inputs,
    load_TE,
    positive,
    spread_TE,
    spread_TN,
    store_TE,
    sum_over_states,
    then,
    walk_tile,
)


@jit
def sum_over_channels(value_TEN, TGN: tl.constexpr, TN: tl.constexpr, G: tl.constexpr):
    """[T, E, N] to [T, N]: G groups of neighbouring channels, each summed by the thread that holds it."""
    T: tl.constexpr = value_TEN.shape[0]
    E: tl.constexpr = value_TEN.shape[1]
    N: tl.constexpr = value_TEN.shape[2]
    partial_TGN = gl.sum(gl.reshape(value_TEN, [T, G, E // G, N]), axis=2)
    return gl.convert_layout(gl.sum(gl.convert_layout(partial_TGN, TGN), axis=1), TN)


@jit
def backwards(value_TEN, TEN: tl.constexpr):
    """Turns the order of T, bit by bit of its index: moves between the registers of a thread, which cost nothing.

    (A scan with `reverse=True` would send every element through the other lanes.)
    """
    T: tl.constexpr = value_TEN.shape[0]
    E: tl.constexpr = value_TEN.shape[1]
    N: tl.constexpr = value_TEN.shape[2]
    for bit in gl.static_range(4):
        if T >> (bit + 1) > 0:
            pairs = gl.permute(gl.reshape(value_TEN, [T >> (bit + 1), 2, 1 << bit, E, N]), [0, 2, 3, 4, 1])
            even, odd = gl.split(pairs)
            value_TEN = gl.reshape(gl.permute(gl.join(odd, even), [0, 4, 1, 2, 3]), [T, E, N])
    return gl.convert_layout(value_TEN, TEN)


@jit
def neighbour(value_1, previous_1, known_1, value_2, previous_2, known_2):
    """Scanned with `known` = 0: each element's predecessor. Associative, and in a thread's registers free of cost."""
    return value_2, gl.where(known_2 != 0, previous_2, value_1), known_1 * 0.0 + 1.0


@jit(do_not_specialize=["S"])
def scan_states(
    x, delta, A, B, C, bias, gate, segments, grad_output, grad_memory, entering,  # inputs
    tile_states, carry, decay,  # outputs; the state before each tile (B, tiles, E, N); of each chunk (B, chunks, E, N)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s,
    output_b, output_s, memory_b, memory_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr,
    TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_SEGMENTS: tl.constexpr, HAS_MEMORY: tl.constexpr,
    TEN: tl.constexpr, PAIR: tl.constexpr, TE: tl.constexpr, TN: tl.constexpr,
):  # fmt: skip
    """Backward, first pass, all chunks at once: the state before every tile, and what a chunk does to the gradient.

    The gradient p of a chunk's entering state is carry + decay * (p of the next chunk), with P_t the product of decays
    from the chunk's start through t: carry = sum_t P_t C_t grad_t, decay = P_end. Both are sums of a walk forwards.
    """
    EN: tl.constexpr = gl.SliceLayout(0, TEN)
    b = gl.program_id(2).to(gl.int64)
    chunk = gl.program_id(1)
    t_T = gl.arange(0, T, gl.SliceLayout(1, TE))
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, TE))
    tn_T = gl.arange(0, T, gl.SliceLayout(1, TN))
    tn_N = gl.arange(0, N, gl.SliceLayout(0, TN))
    ten_T = gl.arange(0, T, gl.SliceLayout(1, gl.SliceLayout(2, TEN)))
    en_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(1, EN))
    en_N = gl.arange(0, N, gl.SliceLayout(0, EN))
    mask_EN = (en_E < E)[:, None] & (en_N < N)[None, :]
    is_mine_E = e_E < E

    A2_1EN = (
        gl.expand_dims(gl.load(A + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0), 0) * 1.4426950408889634
    )
    bias_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(0, TE))
    if HAS_BIAS:
        bias_E = gl.load(bias + e_E, mask=is_mine_E, other=0.0).to(gl.float32)
    x, delta, gate, B, C = x + b * x_b, delta + b * delta_b, gate + b * gate_b, B + b * B_b, C + b * C_b
    grad_output, grad_memory, segments = grad_output + b * output_b, grad_memory + b * memory_b, segments + b * S
    num_tiles = gl.cdiv(S, 2 * T) * 2  # even, whatever UNROLL: a tile past the end changes nothing
    offset_EN = (b * gl.num_programs(1) + chunk) * E * N + en_E[:, None] * N + en_N[None, :]
    tile_states += b * num_tiles * N * E
    state_EN = gl.load(entering + offset_EN, mask=mask_EN, other=0.0)
    product_EN = gl.full([BLOCK_E, N], 1.0, gl.float32, EN)
    carry_EN = gl.zeros([BLOCK_E, N], gl.float32, EN)

    first_tile = chunk * TILES_PER_CHUNK
    row = b * 0 + first_tile * T
    next_x, next_delta, next_gate, next_B, next_C = load_inputs(
        x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    next_grad = load_TE(grad_output, row, output_s, S, t_T, e_E, is_mine_E)
    num_rounds = gl.minimum(TILES_PER_CHUNK, num_tiles - first_tile) // UNROLL
    for pair in range(num_rounds):
        for half in gl.static_range(UNROLL):
            row = b * 0 + (first_tile + pair * UNROLL + half) * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
            grad_TE = next_grad.to(gl.float32)
            next_x, next_delta, next_gate, next_B, next_C = load_inputs(
                x,
                delta,
                gate,
                B,
                C,
                row + T,
                x_s,
                delta_s,
                gate_s,
                B_s,
                C_s,
                S,
                t_T,
                e_E,
                is_mine_E,
                tn_T,
                tn_N,
                HAS_GATE,
            )
            next_grad = load_TE(grad_output, row + T, output_s, S, t_T, e_E, is_mine_E)
            states = tile_states + row // T * N * E
            gl.store(states + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)
            x_TE = x_TE.to(gl.float32)
            delta_TE = positive(delta_TE, bias_E, mask_TE)
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                grad_TE = grad_TE * gate_TE * sigmoid(gate_TE)
            if HAS_MEMORY:
                grad_TE += load_TE(grad_memory, row, memory_s, S, t_T, e_E, is_mine_E).to(gl.float32)
            B_T1N, C_T1N = spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            decay_TEN = find_decays(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            drive_TEN = product_TE1 * B_T1N
            products_TEN, states_TEN = walk_tile(decay_TEN, drive_TEN, state_EN, ten_T)
            state_EN = gl.reduce(states_TEN, 0, last)
            carry_EN += product_EN * gl.sum(
                products_TEN * (gl.expand_dims(gl.convert_layout(grad_TE, gl.SliceLayout(2, TEN)), 2) * C_T1N), axis=0
            )
            product_EN = product_EN * gl.reduce(products_TEN, 0, last)
    gl.store(carry + offset_EN, carry_EN, mask=mask_EN)
    gl.store(decay + offset_EN, product_EN, mask=mask_EN)


@jit(do_not_specialize=["num_chunks"])
def scan_carry(
    carry, decay, grad_final, grad_initial, num_chunks, EN,
    BLOCK: tl.constexpr, HAS_FINAL: tl.constexpr, LAYOUT: tl.constexpr,
):  # fmt: skip
    """Backward, second pass: the gradient of each chunk's leaving state, in place of `carry`, and of the initial
    state."""
    b = gl.program_id(1).to(gl.int64)
    i = gl.program_id(0) * BLOCK + gl.arange(0, BLOCK, LAYOUT)
    is_mine = i < EN
    grad = gl.zeros([BLOCK], gl.float32, LAYOUT)
    if HAS_FINAL:
        grad = gl.load(grad_final + b * EN + i, mask=is_mine, other=0.0)
    at = (b * num_chunks + num_chunks - 1) * EN + i
    next_carry, next_decay = gl.load(carry + at, mask=is_mine, other=0.0), gl.load(decay + at, mask=is_mine, other=0.0)
    for step in range(num_chunks):
        carry_here, decay_here = next_carry, next_decay
        is_more = is_mine & (step + 1 < num_chunks)
        next_carry = gl.load(carry + at - EN, mask=is_more, other=0.0)
        next_decay = gl.load(decay + at - EN, mask=is_more, other=0.0)
        gl.store(carry + at, grad, mask=is_mine)
        grad = carry_here + decay_here * grad
        at -= EN
    gl.store(grad_initial + b * EN + i, grad, mask=is_mine)


@jit(do_not_specialize=["S"])
def scan_backward(
    x, delta, A, B, C, D, bias, gate, segments, grad_output, grad_memory, tile_states, leaving,  # inputs
    grad_x, grad_delta, grad_gate,  # outputs (B, S, E)
    grad_A, grad_B, grad_C, grad_D, grad_bias,  # partial sums: (B, chunks, E, N), (blocks, B, S, N), (B, chunks, E)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s,
    output_b, output_s, memory_b, memory_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr, G: tl.constexpr,
    TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_SEGMENTS: tl.constexpr, HAS_MEMORY: tl.constexpr,
    TEN: tl.constexpr, PAIR: tl.constexpr, TE: tl.constexpr, TN: tl.constexpr, TEL: tl.constexpr, TGN: tl.constexpr,
):  # fmt: skip
    """Backward, third pass, all chunks at once: walks a chunk's tiles from the last to the first.

    With g_t the gradient of h_t and p_t = decay_t g_t that of h_{t-1} through it: g_t = C_t grad_t + p_{t+1}. What of
    h_t that came from h_{t-1} is kept_t = h_t - drive_t, so that the gradient of the exponent is g_t kept_t.
    """
    EN: tl.constexpr = gl.SliceLayout(0, TEN)
    b = gl.program_id(2).to(gl.int64)
    chunk = gl.program_id(1)
    num_chunks = gl.num_programs(1)
    t_T = gl.arange(0, T, gl.SliceLayout(1, TE))
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, TE))
    tn_T = gl.arange(0, T, gl.SliceLayout(1, TN))
    tn_N = gl.arange(0, N, gl.SliceLayout(0, TN))
    ten_T = gl.arange(0, T, gl.SliceLayout(1, gl.SliceLayout(2, TEN)))
    en_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(1, EN))
    en_N = gl.arange(0, N, gl.SliceLayout(0, EN))
    mask_EN = (en_E < E)[:, None] & (en_N < N)[None, :]
    is_mine_E = e_E < E

    A2_1EN = (
        gl.expand_dims(gl.load(A + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0), 0) * 1.4426950408889634
    )
    D_E = gl.load(D + e_E, mask=is_mine_E, other=0.0).to(gl.float32)
    bias_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(0, TE))
    if HAS_BIAS:
        bias_E = gl.load(bias + e_E, mask=is_mine_E, other=0.0).to(gl.float32)
    x, delta, gate, B, C = x + b * x_b, delta + b * delta_b, gate + b * gate_b, B + b * B_b, C + b * C_b
    grad_output, grad_memory, segments = grad_output + b * output_b, grad_memory + b * memory_b, segments + b * S
    grad_x, grad_delta, grad_gate = grad_x + b * S * E, grad_delta + b * S * E, grad_gate + b * S * E
    block_row = (gl.program_id(0) * gl.num_programs(2) + b) * S
    num_tiles = gl.cdiv(S, 2 * T) * 2  # even, whatever UNROLL: a tile past the end changes nothing
    offset_EN = (b * num_chunks + chunk) * E * N + en_E[:, None] * N + en_N[None, :]
    tile_states += b * num_tiles * N * E
    carried_EN = gl.load(leaving + offset_EN, mask=mask_EN, other=0.0)
    grad_A_EN = gl.zeros([BLOCK_E, N], gl.float32, EN)
    grad_D_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(0, TE))
    grad_bias_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(0, TE))
    is_first = gl.expand_dims(gl.expand_dims(ten_T, 1), 2) == 0

    first_tile = chunk * TILES_PER_CHUNK
    num_steps = gl.minimum(TILES_PER_CHUNK, num_tiles - first_tile)
    row = b * 0 + (first_tile + num_steps - 1) * T
    next_x, next_delta, next_gate, next_B, next_C = load_inputs(
        x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    next_grad = load_TE(grad_output, row, output_s, S, t_T, e_E, is_mine_E)
    next_state = gl.load(tile_states + row // T * E * N + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0)
    for pair in range(num_steps // UNROLL):
        for half in gl.static_range(UNROLL):
            row = b * 0 + (first_tile + num_steps - 1 - pair * UNROLL - half) * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
            grad_out_TE, state_EN = next_grad.to(gl.float32), next_state
            next_x, next_delta, next_gate, next_B, next_C = load_inputs(
                x,
                delta,
                gate,
                B,
                C,
                row - T,
                x_s,
                delta_s,
                gate_s,
                B_s,
                C_s,
                S,
                t_T,
                e_E,
                is_mine_E,
                tn_T,
                tn_N,
                HAS_GATE,
            )
            next_grad = load_TE(grad_output, row - T, output_s, S, t_T, e_E, is_mine_E)
            states = tile_states + (row // T - 1) * N * E
            next_state = gl.load(states + en_E[:, None] * N + en_N[None, :], mask=mask_EN & (row > 0), other=0.0)
            x_TE = x_TE.to(gl.float32)
            raw_TE = delta_TE.to(gl.float32) + bias_E[None, :]
            delta_TE = positive(delta_TE, bias_E, mask_TE)
            grad_TE = grad_out_TE
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                sigmoid_TE = sigmoid(gate_TE)
                grad_TE = grad_out_TE * gate_TE * sigmoid_TE
            if HAS_MEMORY:
                grad_TE += load_TE(grad_memory, row, memory_s, S, t_T, e_E, is_mine_E).to(gl.float32)
            B_T1N, C_T1N = spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            grad_TE1 = gl.expand_dims(gl.convert_layout(grad_TE, gl.SliceLayout(2, TEN)), 2)

            # In this order few state-sized tensors live at once: states and decays, then kept states and g, then
            # their product.
            decay_TEN = find_decays(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            _, states_TEN = walk_tile(decay_TEN, product_TE1 * B_T1N, state_EN, ten_T)
            grad_C_TN = sum_over_channels(states_TEN * grad_TE1, TGN, TN, G)
            if HAS_GATE:
                memory_TE = sum_over_states(states_TEN * C_T1N, TEL, TE, L) + D_E[None, :] * x_TE
                slope_TE = sigmoid_TE * (1.0 + gate_TE * (1.0 - sigmoid_TE))
                store_TE(grad_gate, row, E, t_T, e_E, grad_out_TE * memory_TE * slope_TE, mask_TE)
            kept_TEN = states_TEN - product_TE1 * B_T1N
            back_TEN = backwards(decay_TEN, TEN)
            _, next_TEN, _ = gl.associative_scan((back_TEN, back_TEN, gl.zeros_like(back_TEN)), 0, neighbour)
            pull_TEN = backwards(grad_TE1 * C_T1N, TEN)
            pull_TEN = gl.where(is_first, pull_TEN + gl.expand_dims(carried_EN, 0), pull_TEN)
            _, g_TEN = gl.associative_scan((next_TEN, pull_TEN), 0, then)
            carried_EN = gl.reduce(back_TEN * g_TEN, 0, last)
            g_TEN = backwards(g_TEN, TEN)

            grad_B_TN = sum_over_channels(g_TEN * product_TE1, TGN, TN, G)
            at_TN = (block_row + row) * N + tn_T[:, None] * N + tn_N[None, :]
            mask_TN = (row + tn_T < S)[:, None] & (tn_N < N)[None, :]
            gl.store(grad_B + at_TN, grad_B_TN, mask=mask_TN)
            gl.store(grad_C + at_TN, grad_C_TN, mask=mask_TN)
            grad_product_TE = sum_over_states(g_TEN * B_T1N, TEL, TE, L)
            through_TEN = g_TEN * kept_TEN
            grad_A_EN += gl.sum(through_TEN * delta_TE1, axis=0)
            grad_exponent_TE = sum_over_states(through_TEN * A2_1EN, TEL, TE, L) * 0.6931471805599453
            grad_delta_TE = (x_TE * grad_product_TE + grad_exponent_TE) * sigmoid(raw_TE)
            grad_delta_TE = gl.where(mask_TE, grad_delta_TE, 0.0)
            store_TE(grad_delta, row, E, t_T, e_E, grad_delta_TE, mask_TE)
            store_TE(grad_x, row, E, t_T, e_E, delta_TE * grad_product_TE + D_E[None, :] * grad_TE, mask_TE)
            grad_D_E += gl.sum(grad_TE * x_TE, axis=0)
            grad_bias_E += gl.sum(grad_delta_TE, axis=0)
    gl.store(grad_A + offset_EN, grad_A_EN, mask=mask_EN)
    at_E = (b * num_chunks + chunk) * E + e_E
    gl.store(grad_D + at_E, grad_D_E, mask=is_mine_E)
    gl.store(grad_bias + at_E, grad_bias_E, mask=is_mine_E)
