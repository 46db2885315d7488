"""The selective scan's device code, forward, and the pieces that the backward kernels share with it.

Letters: T tokens of a tile, E channels of a program, N states, L lanes that share a channel. Written `delta_TE`.
A program owns E channels and walks its tokens tile by tile. In a tile, the state-sized tensors are [T, E, N] in the
layout `TEN`: a thread holds all T tokens of its channels and of N / L of their states. So the recurrence over T is a
chain of its registers, and only the sums over N and E leave the thread. What has no N is computed once, spread over all
threads ([T, E] in the layout `TE`, [T, N] in `TN`), then handed to the threads that need it.

Exponents are to the base 2 (A comes multiplied by log2(e)), and a token that starts a document has -inf added to its
exponent: its decay is then 0 at no cost.

    tile    [i*T, (i+1)*T)                  T tokens, the unit of a thread's registers
    chunk   [c*K*T, (c+1)*K*T)              K tiles, the unit of parallel work in the backward pass
"""

import triton.language as tl  # constexpr; the interpreter also looks for it here

from sambay.kernels.dialect import exp2, gl, jit, sigmoid, softplus


@jit
def then(decay_1, state_1, decay_2, state_2):
    return decay_1 * decay_2, decay_2 * state_1 + state_2


@jit
def last(earlier, later):
    return later


@jit
def load_TE(base, row, stride, S, t_T, e_E, is_mine_E):
    mask_TE = ((row + t_T >= 0) & (row + t_T < S))[:, None] & is_mine_E[None, :]
    return gl.load(base + row * stride + t_T[:, None] * stride + e_E[None, :], mask=mask_TE, other=0.0)


@jit
def store_TE(base, row, stride, t_T, e_E, value_TE, mask_TE):
    pointers = base + row * stride + t_T[:, None] * stride + e_E[None, :]
    gl.store(pointers, value_TE.to(base.dtype.element_ty), mask=mask_TE)


@jit
def load_inputs(
    x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE:
    tl.constexpr
):  # fmt: skip
    """One tile as it lies in memory. The kernels ask for a tile one round before they use it, to hide the wait."""
    x_TE = load_TE(x, row, x_s, S, t_T, e_E, is_mine_E)
    delta_TE = load_TE(delta, row, delta_s, S, t_T, e_E, is_mine_E)
    gate_TE = x_TE
    if HAS_GATE:
        gate_TE = load_TE(gate, row, gate_s, S, t_T, e_E, is_mine_E)
    B_TN = load_TE(B, row, B_s, S, tn_T, tn_N, tn_N >= 0)
    C_TN = load_TE(C, row, C_s, S, tn_T, tn_N, tn_N >= 0)
    return x_TE, delta_TE, gate_TE, B_TN, C_TN


@jit
def positive(delta_TE, bias_E, mask_TE):
    """softplus(delta + bias), and 0 past the end of the sequence: the state stays as it is."""
    return gl.where(mask_TE, softplus(delta_TE.to(gl.float32) + bias_E[None, :]), 0.0)


@jit
def spread_TE(one_TE, two_TE, PAIR: tl.constexpr, TEN: tl.constexpr):
    """Hands two [T, E] tensors to the threads that need them, in one exchange through shared memory."""
    one, two = gl.split(gl.convert_layout(gl.join(one_TE, two_TE), gl.SliceLayout(2, PAIR)))
    LAYOUT: tl.constexpr = gl.SliceLayout(2, TEN)
    return gl.expand_dims(gl.convert_layout(one, LAYOUT), 2), gl.expand_dims(gl.convert_layout(two, LAYOUT), 2)


@jit
def spread_TN(one_TN, two_TN, PAIR: tl.constexpr, TEN: tl.constexpr):
    """The same for [T, N]. Two bfloat16 numbers travel as one word: every thread reads many, and that read is a
    limit."""
    LAYOUT: tl.constexpr = gl.SliceLayout(1, TEN)
    if one_TN.dtype == gl.bfloat16 and two_TN.dtype == gl.bfloat16:
        low = one_TN.to(gl.uint16, bitcast=True).to(gl.uint32)
        word = low | (two_TN.to(gl.uint16, bitcast=True).to(gl.uint32) << 16)
        word = gl.convert_layout(word, LAYOUT)
        one = (word << 16).to(gl.float32, bitcast=True)
        two = (word & 0xFFFF0000).to(gl.float32, bitcast=True)
    else:
        pair = gl.join(one_TN.to(gl.float32), two_TN.to(gl.float32))
        one, two = gl.split(gl.convert_layout(pair, gl.SliceLayout(1, PAIR)))
        one, two = gl.convert_layout(one, LAYOUT), gl.convert_layout(two, LAYOUT)
    return gl.expand_dims(one, 1), gl.expand_dims(two, 1)


@jit
def find_decays(delta_TE1, A2_1EN, segments, row, S, t_T, HAS_SEGMENTS: tl.constexpr):
    exponent_TEN = delta_TE1 * A2_1EN
    if HAS_SEGMENTS:
        inner_T = (row + t_T > 0) & (row + t_T < S)
        here_T = gl.load(segments + row + t_T, mask=inner_T, other=0)
        before_T = gl.load(segments + row + t_T - 1, mask=inner_T, other=0)
        reset_T = gl.where(here_T != before_T, float("-inf"), 0.0)
        exponent_TEN = delta_TE1 * A2_1EN + gl.expand_dims(gl.expand_dims(reset_T, 1), 2)
    return exp2(exponent_TEN)


@jit
def walk_tile(decay_TEN, drive_TEN, before_EN, t_T):
    """All states of a tile. The entering state joins the first token's drive, where t_T == 0 is known when
    compiling."""
    is_first = gl.expand_dims(gl.expand_dims(t_T, 1), 2) == 0
    drive_TEN = gl.where(is_first, decay_TEN * gl.expand_dims(before_EN, 0) + drive_TEN, drive_TEN)
    return gl.associative_scan((decay_TEN, drive_TEN), 0, then)


@jit
def sum_over_states(value_TEN, TEL: tl.constexpr, TE: tl.constexpr, L: tl.constexpr):
    """[T, E, N] to [T, E]: a thread sums what it holds, then the lanes of a channel trade tokens for partial sums."""
    T: tl.constexpr = value_TEN.shape[0]
    E: tl.constexpr = value_TEN.shape[1]
    N: tl.constexpr = value_TEN.shape[2]
    if L == 1:
        return gl.convert_layout(gl.sum(value_TEN, axis=2), TE)
    partial_TEL = gl.sum(gl.reshape(value_TEN, [T, E, L, N // L]), axis=3)
    return gl.convert_layout(gl.sum(gl.convert_layout(partial_TEL, TEL), axis=2), TE)


@jit(do_not_specialize=["S"])
def scan_forward(
    x, delta, A, B, C, D, bias, gate, initial, segments,  # inputs
    output, memory, final, entering,  # outputs; entering: the state before each chunk, (B, chunks, E, N)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr,
    TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_INITIAL: tl.constexpr, HAS_SEGMENTS: tl.constexpr,
    HAS_MEMORY: tl.constexpr, SAVE_ENTERING: tl.constexpr,
    TEN: tl.constexpr, PAIR: tl.constexpr, TE: tl.constexpr, TN: tl.constexpr, TEL: tl.constexpr,
):  # fmt: skip
    EN: tl.constexpr = gl.SliceLayout(0, TEN)
    b = gl.program_id(1).to(gl.int64)
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
    state_EN = gl.zeros([BLOCK_E, N], gl.float32, EN)
    if HAS_INITIAL:
        state_EN = gl.load(initial + b * E * N + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0)
    x, delta, gate, B, C = x + b * x_b, delta + b * delta_b, gate + b * gate_b, B + b * B_b, C + b * C_b
    output, memory, segments = output + b * S * E, memory + b * S * E, segments + b * S
    num_tiles = gl.cdiv(S, 2 * T) * 2  # even, whatever UNROLL: a tile past the end changes nothing
    entering += b * gl.cdiv(num_tiles, TILES_PER_CHUNK) * N * E

    first_row = b * 0
    next_x, next_delta, next_gate, next_B, next_C = load_inputs(
        x, delta, gate, B, C, first_row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    for pair in range(num_tiles // UNROLL):
        for half in gl.static_range(UNROLL):
            tile = pair * UNROLL + half
            row = first_row + tile * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
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
            if SAVE_ENTERING:  # noqa: SIM102  (known when compiling, unlike the next)
                if tile % TILES_PER_CHUNK == 0:
                    chunk = row // (T * TILES_PER_CHUNK)
                    gl.store(entering + chunk * E * N + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)
            x_TE = x_TE.to(gl.float32)
            delta_TE = positive(delta_TE, bias_E, mask_TE)
            B_T1N, C_T1N = spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            decay_TEN = find_decays(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            drive_TEN = product_TE1 * B_T1N
            _, states_TEN = walk_tile(decay_TEN, drive_TEN, state_EN, ten_T)
            state_EN = gl.reduce(states_TEN, 0, last)
            memory_TE = sum_over_states(states_TEN * C_T1N, TEL, TE, L) + D_E[None, :] * x_TE
            if HAS_MEMORY:
                store_TE(memory, row, E, t_T, e_E, memory_TE, mask_TE)
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                memory_TE = memory_TE * gate_TE * sigmoid(gate_TE)
            store_TE(output, row, E, t_T, e_E, memory_TE, mask_TE)
    gl.store(final + b * E * N + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)
