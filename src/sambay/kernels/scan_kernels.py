"""The selective scan's device code: one forward kernel, three backward ones.

Letters: T tokens of a tile, E channels of a program, N states, L lanes that share a channel. Written `delta_TE`.
A program owns E channels and walks its tokens tile by tile. In a tile, the state-sized tensors are [T, E, N] in the layout
`TEN`: a thread holds all T tokens of its channels and of N / L of their states, so that the recurrence over T is a chain
of its registers and only the sums over N and E leave the thread. What has no N is computed once, spread over all threads
([T, E] in the layout `TE`, [T, N] in `TN`), then handed to the threads that need it.

Exponents are to the base 2 (A comes multiplied by log2(e)), and a token that starts a document has -inf added to its
exponent: its decay is then 0 at no cost.

    tile    [i*T, (i+1)*T)                  T tokens, the unit of a thread's registers
    chunk   [c*K*T, (c+1)*K*T)              K tiles, the unit of parallel work in the backward pass
"""

import triton.language as tl  # constexpr; the interpreter also looks for it here

from sambay.kernels.dialect import exp2, gl, jit, sigmoid, softplus


@jit
def _then(decay_1, state_1, decay_2, state_2):
    return decay_1 * decay_2, decay_2 * state_1 + state_2


@jit
def _last(earlier, later):
    return later


@jit
def _backwards(value_TEN, TEN: tl.constexpr):
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
def _neighbour(value_1, previous_1, known_1, value_2, previous_2, known_2):
    """Scanned with `known` = 0: each element's predecessor. Associative, and in a thread's registers free of cost."""
    return value_2, gl.where(known_2 != 0, previous_2, value_1), known_1 * 0.0 + 1.0


@jit
def _load_TE(base, row, stride, S, t_T, e_E, is_mine_E):
    mask_TE = ((row + t_T >= 0) & (row + t_T < S))[:, None] & is_mine_E[None, :]
    return gl.load(base + row * stride + t_T[:, None] * stride + e_E[None, :], mask=mask_TE, other=0.0)


@jit
def _store_TE(base, row, stride, t_T, e_E, value_TE, mask_TE):
    pointers = base + row * stride + t_T[:, None] * stride + e_E[None, :]
    gl.store(pointers, value_TE.to(base.dtype.element_ty), mask=mask_TE)


@jit
def _load_inputs(
    x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE: tl.constexpr
):  # fmt: skip
    """One tile as it lies in memory. The kernels ask for a tile one round before they use it, to hide the wait."""
    x_TE = _load_TE(x, row, x_s, S, t_T, e_E, is_mine_E)
    delta_TE = _load_TE(delta, row, delta_s, S, t_T, e_E, is_mine_E)
    gate_TE = x_TE
    if HAS_GATE:
        gate_TE = _load_TE(gate, row, gate_s, S, t_T, e_E, is_mine_E)
    B_TN = _load_TE(B, row, B_s, S, tn_T, tn_N, tn_N >= 0)
    C_TN = _load_TE(C, row, C_s, S, tn_T, tn_N, tn_N >= 0)
    return x_TE, delta_TE, gate_TE, B_TN, C_TN


@jit
def _positive(delta_TE, bias_E, mask_TE):
    """softplus(delta + bias), and 0 past the end of the sequence: the state stays as it is."""
    return gl.where(mask_TE, softplus(delta_TE.to(gl.float32) + bias_E[None, :]), 0.0)


@jit
def _spread_TE(one_TE, two_TE, PAIR: tl.constexpr, TEN: tl.constexpr):
    """Hands two [T, E] tensors to the threads that need them, in one exchange through shared memory."""
    one, two = gl.split(gl.convert_layout(gl.join(one_TE, two_TE), gl.SliceLayout(2, PAIR)))
    LAYOUT: tl.constexpr = gl.SliceLayout(2, TEN)
    return gl.expand_dims(gl.convert_layout(one, LAYOUT), 2), gl.expand_dims(gl.convert_layout(two, LAYOUT), 2)


@jit
def _spread_TN(one_TN, two_TN, PAIR: tl.constexpr, TEN: tl.constexpr):
    """The same for [T, N]. Two bfloat16 numbers travel as one word: every thread reads many, and that read is a limit."""
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
def _decay_TEN(delta_TE1, A2_1EN, segments, row, S, t_T, HAS_SEGMENTS: tl.constexpr):
    exponent_TEN = delta_TE1 * A2_1EN
    if HAS_SEGMENTS:
        inner_T = (row + t_T > 0) & (row + t_T < S)
        here_T = gl.load(segments + row + t_T, mask=inner_T, other=0)
        before_T = gl.load(segments + row + t_T - 1, mask=inner_T, other=0)
        reset_T = gl.where(here_T != before_T, float("-inf"), 0.0)
        exponent_TEN = delta_TE1 * A2_1EN + gl.expand_dims(gl.expand_dims(reset_T, 1), 2)
    return exp2(exponent_TEN)


@jit
def _states_TEN(decay_TEN, drive_TEN, before_EN, t_T):
    """All states of a tile. The entering state joins the first token's drive, where t_T == 0 is known when compiling."""
    is_first = gl.expand_dims(gl.expand_dims(t_T, 1), 2) == 0
    drive_TEN = gl.where(is_first, decay_TEN * gl.expand_dims(before_EN, 0) + drive_TEN, drive_TEN)
    return gl.associative_scan((decay_TEN, drive_TEN), 0, _then)


@jit
def _sum_over_states(value_TEN, TEL: tl.constexpr, TE: tl.constexpr, L: tl.constexpr):
    """[T, E, N] to [T, E]: a thread sums what it holds, then the lanes of a channel trade tokens for partial sums."""
    T: tl.constexpr = value_TEN.shape[0]
    E: tl.constexpr = value_TEN.shape[1]
    N: tl.constexpr = value_TEN.shape[2]
    if L == 1:
        return gl.convert_layout(gl.sum(value_TEN, axis=2), TE)
    partial_TEL = gl.sum(gl.reshape(value_TEN, [T, E, L, N // L]), axis=3)
    return gl.convert_layout(gl.sum(gl.convert_layout(partial_TEL, TEL), axis=2), TE)


@jit
def _sum_over_channels(value_TEN, TGN: tl.constexpr, TN: tl.constexpr, G: tl.constexpr):
    """[T, E, N] to [T, N]: G groups of neighbouring channels, each summed by the thread that holds it."""
    T: tl.constexpr = value_TEN.shape[0]
    E: tl.constexpr = value_TEN.shape[1]
    N: tl.constexpr = value_TEN.shape[2]
    partial_TGN = gl.sum(gl.reshape(value_TEN, [T, G, E // G, N]), axis=2)
    return gl.convert_layout(gl.sum(gl.convert_layout(partial_TGN, TGN), axis=1), TN)


@jit(do_not_specialize=["S"])
def scan_forward(
    x, delta, A, B, C, D, bias, gate, initial, segments,  # inputs
    output, memory, final, entering,  # outputs; entering: the state before each chunk, (B, chunks, E, N)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr, TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
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

    A2_1EN = gl.expand_dims(gl.load(A + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0), 0) * 1.4426950408889634
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
    next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
        x, delta, gate, B, C, first_row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    for round in range(0, num_tiles // UNROLL):
        for half in gl.static_range(UNROLL):
            tile = round * UNROLL + half
            row = first_row + tile * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
            next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
                x, delta, gate, B, C, row + T, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
            )
            if SAVE_ENTERING:
                if tile % TILES_PER_CHUNK == 0:
                    chunk = row // (T * TILES_PER_CHUNK)
                    gl.store(entering + chunk * E * N + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)
            x_TE = x_TE.to(gl.float32)
            delta_TE = _positive(delta_TE, bias_E, mask_TE)
            B_T1N, C_T1N = _spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = _spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            decay_TEN = _decay_TEN(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            drive_TEN = product_TE1 * B_T1N
            _, states_TEN = _states_TEN(decay_TEN, drive_TEN, state_EN, ten_T)
            state_EN = gl.reduce(states_TEN, 0, _last)
            memory_TE = _sum_over_states(states_TEN * C_T1N, TEL, TE, L) + D_E[None, :] * x_TE
            if HAS_MEMORY:
                _store_TE(memory, row, E, t_T, e_E, memory_TE, mask_TE)
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                memory_TE = memory_TE * gate_TE * sigmoid(gate_TE)
            _store_TE(output, row, E, t_T, e_E, memory_TE, mask_TE)
    gl.store(final + b * E * N + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)


@jit(do_not_specialize=["S"])
def scan_states(
    x, delta, A, B, C, bias, gate, segments, grad_output, grad_memory, entering,  # inputs
    tile_states, carry, decay,  # outputs; the state before each tile (B, tiles, E, N); of each chunk (B, chunks, E, N)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s, output_b, output_s, memory_b, memory_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr, TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_SEGMENTS: tl.constexpr, HAS_MEMORY: tl.constexpr,
    TEN: tl.constexpr, PAIR: tl.constexpr, TE: tl.constexpr, TN: tl.constexpr,
):  # fmt: skip
    """Backward, first pass, all chunks at once: the state before every tile, and what a chunk does to the gradient.

    The gradient p of a chunk's entering state is carry + decay * (p of the next chunk), with P_t the product of the decays
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

    A2_1EN = gl.expand_dims(gl.load(A + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0), 0) * 1.4426950408889634
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
    next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
        x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    next_grad = _load_TE(grad_output, row, output_s, S, t_T, e_E, is_mine_E)
    num_rounds = gl.minimum(TILES_PER_CHUNK, num_tiles - first_tile) // UNROLL
    for round in range(0, num_rounds):
        for half in gl.static_range(UNROLL):
            row = b * 0 + (first_tile + round * UNROLL + half) * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
            grad_TE = next_grad.to(gl.float32)
            next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
                x, delta, gate, B, C, row + T, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
            )
            next_grad = _load_TE(grad_output, row + T, output_s, S, t_T, e_E, is_mine_E)
            states = tile_states + row // T * N * E
            gl.store(states + en_E[:, None] * N + en_N[None, :], state_EN, mask=mask_EN)
            x_TE = x_TE.to(gl.float32)
            delta_TE = _positive(delta_TE, bias_E, mask_TE)
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                grad_TE = grad_TE * gate_TE * sigmoid(gate_TE)
            if HAS_MEMORY:
                grad_TE += _load_TE(grad_memory, row, memory_s, S, t_T, e_E, is_mine_E).to(gl.float32)
            B_T1N, C_T1N = _spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = _spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            decay_TEN = _decay_TEN(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            drive_TEN = product_TE1 * B_T1N
            products_TEN, states_TEN = _states_TEN(decay_TEN, drive_TEN, state_EN, ten_T)
            state_EN = gl.reduce(states_TEN, 0, _last)
            carry_EN += product_EN * gl.sum(products_TEN * (gl.expand_dims(gl.convert_layout(grad_TE, gl.SliceLayout(2, TEN)), 2) * C_T1N), axis=0)
            product_EN = product_EN * gl.reduce(products_TEN, 0, _last)
    gl.store(carry + offset_EN, carry_EN, mask=mask_EN)
    gl.store(decay + offset_EN, product_EN, mask=mask_EN)


@jit(do_not_specialize=["num_chunks"])
def scan_carry(
    carry, decay, grad_final, grad_initial, num_chunks, EN,
    BLOCK: tl.constexpr, HAS_FINAL: tl.constexpr, LAYOUT: tl.constexpr,
):  # fmt: skip
    """Backward, second pass: the gradient of each chunk's leaving state, in place of `carry`, and of the initial state."""
    b = gl.program_id(1).to(gl.int64)
    i = gl.program_id(0) * BLOCK + gl.arange(0, BLOCK, LAYOUT)
    is_mine = i < EN
    grad = gl.zeros([BLOCK], gl.float32, LAYOUT)
    if HAS_FINAL:
        grad = gl.load(grad_final + b * EN + i, mask=is_mine, other=0.0)
    at = (b * num_chunks + num_chunks - 1) * EN + i
    next_carry, next_decay = gl.load(carry + at, mask=is_mine, other=0.0), gl.load(decay + at, mask=is_mine, other=0.0)
    for step in range(0, num_chunks):
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
    grad_A, grad_B, grad_C, grad_D, grad_bias,  # partial sums: A (B, chunks, E, N), B and C (blocks, B, S, N), (B, chunks, E)
    S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s, output_b, output_s, memory_b, memory_s,
    T: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr, L: tl.constexpr, G: tl.constexpr, TILES_PER_CHUNK: tl.constexpr, UNROLL: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_SEGMENTS: tl.constexpr, HAS_MEMORY: tl.constexpr,
    TEN: tl.constexpr, PAIR: tl.constexpr, TE: tl.constexpr, TN: tl.constexpr, TEL: tl.constexpr, TGN: tl.constexpr,
):  # fmt: skip
    """Backward, third pass, all chunks at once: walks a chunk's tiles from the last to the first.

    With g_t the gradient of h_t and p_t = decay_t g_t that of h_{t-1} through it: g_t = C_t grad_t + p_{t+1}. The part of
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

    A2_1EN = gl.expand_dims(gl.load(A + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0), 0) * 1.4426950408889634
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
    next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
        x, delta, gate, B, C, row, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
    )
    next_grad = _load_TE(grad_output, row, output_s, S, t_T, e_E, is_mine_E)
    next_state = gl.load(tile_states + row // T * E * N + en_E[:, None] * N + en_N[None, :], mask=mask_EN, other=0.0)
    for round in range(0, num_steps // UNROLL):
        for half in gl.static_range(UNROLL):
            row = b * 0 + (first_tile + num_steps - 1 - round * UNROLL - half) * T
            mask_TE = (row + t_T < S)[:, None] & is_mine_E[None, :]
            x_TE, delta_TE, gate_TE, B_TN, C_TN = next_x, next_delta, next_gate, next_B, next_C
            grad_out_TE, state_EN = next_grad.to(gl.float32), next_state
            next_x, next_delta, next_gate, next_B, next_C = _load_inputs(
                x, delta, gate, B, C, row - T, x_s, delta_s, gate_s, B_s, C_s, S, t_T, e_E, is_mine_E, tn_T, tn_N, HAS_GATE
            )
            next_grad = _load_TE(grad_output, row - T, output_s, S, t_T, e_E, is_mine_E)
            states = tile_states + (row // T - 1) * N * E
            next_state = gl.load(states + en_E[:, None] * N + en_N[None, :], mask=mask_EN & (row > 0), other=0.0)
            x_TE = x_TE.to(gl.float32)
            raw_TE = delta_TE.to(gl.float32) + bias_E[None, :]
            delta_TE = _positive(delta_TE, bias_E, mask_TE)
            grad_TE = grad_out_TE
            if HAS_GATE:
                gate_TE = gate_TE.to(gl.float32)
                sigmoid_TE = sigmoid(gate_TE)
                grad_TE = grad_out_TE * gate_TE * sigmoid_TE
            if HAS_MEMORY:
                grad_TE += _load_TE(grad_memory, row, memory_s, S, t_T, e_E, is_mine_E).to(gl.float32)
            B_T1N, C_T1N = _spread_TN(B_TN, C_TN, PAIR, TEN)
            delta_TE1, product_TE1 = _spread_TE(delta_TE, delta_TE * x_TE, PAIR, TEN)
            grad_TE1 = gl.expand_dims(gl.convert_layout(grad_TE, gl.SliceLayout(2, TEN)), 2)

            # In this order few state-sized tensors live at once: states and decays, then kept states and g, then their product.
            decay_TEN = _decay_TEN(delta_TE1, A2_1EN, segments, row, S, ten_T, HAS_SEGMENTS)
            _, states_TEN = _states_TEN(decay_TEN, product_TE1 * B_T1N, state_EN, ten_T)
            grad_C_TN = _sum_over_channels(states_TEN * grad_TE1, TGN, TN, G)
            if HAS_GATE:
                memory_TE = _sum_over_states(states_TEN * C_T1N, TEL, TE, L) + D_E[None, :] * x_TE
                slope_TE = sigmoid_TE * (1.0 + gate_TE * (1.0 - sigmoid_TE))
                _store_TE(grad_gate, row, E, t_T, e_E, grad_out_TE * memory_TE * slope_TE, mask_TE)
            kept_TEN = states_TEN - product_TE1 * B_T1N
            back_TEN = _backwards(decay_TEN, TEN)
            _, next_TEN, _ = gl.associative_scan((back_TEN, back_TEN, gl.zeros_like(back_TEN)), 0, _neighbour)
            pull_TEN = _backwards(grad_TE1 * C_T1N, TEN)
            pull_TEN = gl.where(is_first, pull_TEN + gl.expand_dims(carried_EN, 0), pull_TEN)
            _, g_TEN = gl.associative_scan((next_TEN, pull_TEN), 0, _then)
            carried_EN = gl.reduce(back_TEN * g_TEN, 0, _last)
            g_TEN = _backwards(g_TEN, TEN)

            grad_B_TN = _sum_over_channels(g_TEN * product_TE1, TGN, TN, G)
            at_TN = (block_row + row) * N + tn_T[:, None] * N + tn_N[None, :]
            mask_TN = (row + tn_T < S)[:, None] & (tn_N < N)[None, :]
            gl.store(grad_B + at_TN, grad_B_TN, mask=mask_TN)
            gl.store(grad_C + at_TN, grad_C_TN, mask=mask_TN)
            grad_product_TE = _sum_over_states(g_TEN * B_T1N, TEL, TE, L)
            through_TEN = g_TEN * kept_TEN
            grad_A_EN += gl.sum(through_TEN * delta_TE1, axis=0)
            grad_exponent_TE = _sum_over_states(through_TEN * A2_1EN, TEL, TE, L) * 0.6931471805599453
            grad_delta_TE = (x_TE * grad_product_TE + grad_exponent_TE) * sigmoid(raw_TE)
            grad_delta_TE = gl.where(mask_TE, grad_delta_TE, 0.0)
            _store_TE(grad_delta, row, E, t_T, e_E, grad_delta_TE, mask_TE)
            _store_TE(grad_x, row, E, t_T, e_E, delta_TE * grad_product_TE + D_E[None, :] * grad_TE, mask_TE)
            grad_D_E += gl.sum(grad_TE * x_TE, axis=0)
            grad_bias_E += gl.sum(grad_delta_TE, axis=0)
    gl.store(grad_A + offset_EN, grad_A_EN, mask=mask_EN)
    at_E = (b * num_chunks + chunk) * E + e_E
    gl.store(grad_D + at_E, grad_D_E, mask=is_mine_E)
    gl.store(grad_bias + at_E, grad_bias_E, mask=is_mine_E)
