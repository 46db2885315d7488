"""A Mamba layer's decode step on a GPU: the convolution and the recurrence of a few new tokens, in place on the pools.

Letters: B sequences, S new tokens of each, Z slots of a pool, E channels, N states, K convolution width; a program of
the recurrence owns R sequences and E channels: a tile [R, E, N] whose states it reads and writes once, while A, which
all sequences share, is read once a program. The products with x_proj and dt_proj come between the two kernels and are
PyTorch's.

All sizes that change from step to step (slots, lengths) are read on the GPU, so a CUDA graph can hold these kernels.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
from functools import lru_cache
from typing import Any

import torch
import triton.language as tl  # constexpr; the interpreter also looks for it here
from torch import Tensor

from sambay.kernels.dialect import exp2, gl, jit, sigmoid, softplus

_NUM_WARPS = 4
_CONV_BLOCK_E = 32 * _NUM_WARPS  # a channel a thread: one sequence must fill the card
# Sequences of a program, by those of the batch at least: a small batch needs all its programs to fill the card.
_ROWS = ((64, 4), (32, 2), (1, 1))


@jit
def _window(x, tail, start, at_EK, e_E, E, x_s, K: tl.constexpr, NUM: tl.constexpr):
    """NUM inputs of each channel, from place `start` of the tail and the tokens, one after the other; zeros follow, for
    what lies beyond may be NaN, or nobody's."""
    is_asked_EK = (at_EK < NUM) & (e_E < E)[:, None]
    at_EK += start
    is_old_EK = (at_EK < K - 1) & is_asked_EK
    is_new_EK = (at_EK >= K - 1) & is_asked_EK
    old_EK = gl.load(tail + e_E[:, None] * (K - 1) + at_EK, mask=is_old_EK, other=0.0)
    new_EK = gl.load(x + (at_EK - (K - 1)) * x_s + e_E[:, None], mask=is_new_EK, other=0.0)
    return gl.where(is_old_EK, old_EK, new_EK)


@jit
def conv_kernel(
    x, tails, weight, bias, slots, lengths, output, S, E, x_b, x_s,
    K: tl.constexpr, BLOCK_E: tl.constexpr, BLOCK_K: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_LENGTHS: tl.constexpr, EK: tl.constexpr,
):  # fmt: skip
    b = gl.program_id(1).to(gl.int64)
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(1, EK))
    k_K = gl.arange(0, BLOCK_K, gl.SliceLayout(0, EK))
    at_EK = gl.zeros([BLOCK_E, BLOCK_K], gl.int32, EK) + k_K[None, :]
    mask_EK = (e_E < E)[:, None] & (k_K < K)[None, :]
    weight_EK = gl.load(weight + e_E[:, None] * K + at_EK, mask=mask_EK, other=0.0).to(gl.float32)
    bias_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(1, EK))
    if HAS_BIAS:
        bias_E = gl.load(bias + e_E, mask=e_E < E, other=0.0).to(gl.float32)
    length = S
    if HAS_LENGTHS:
        length = gl.load(lengths + b).to(gl.int32)
    x, output = x + b * x_b, output + b * S * E
    tail = tails + gl.load(slots + b) * E * (K - 1)
    # Before the store of any token's output, which the compiler must take for a store to the tail.
    new_tail_EK = _window(x, tail, length, at_EK, e_E, E, x_s, K, K - 1)
    for s in range(S):
        inputs_EK = _window(x, tail, s, at_EK, e_E, E, x_s, K, K).to(gl.float32)
        total_E = gl.sum(inputs_EK * weight_EK, axis=1) + bias_E
        total_E *= sigmoid(total_E)
        gl.store(output + s * E + e_E, total_E.to(output.dtype.element_ty), mask=e_E < E)
    gl.store(tail + e_E[:, None] * (K - 1) + at_EK, new_tail_EK, mask=mask_EK & (at_EK < K - 1))


@jit
def _load_RE(base, row_R, stride, e_E, mask_RE):
    return gl.load(base + row_R[:, None] * stride + e_E[None, :], mask=mask_RE, other=0.0).to(gl.float32)


@jit
def _store_RE(base, row_R, stride, e_E, value_RE, mask_RE):
    gl.store(base + row_R[:, None] * stride + e_E[None, :], value_RE.to(base.dtype.element_ty), mask=mask_RE)


@jit(do_not_specialize=["num_rows"])
def recurrence_kernel(
    x, delta, A, B, C, D, bias, gate, states, slots, lengths,  # inputs; states are written too
    output, memory,
    num_rows, S, E, x_b, x_s, delta_b, delta_s, B_b, B_s, C_b, C_s, gate_b, gate_s,
    R: tl.constexpr, BLOCK_E: tl.constexpr, N: tl.constexpr,
    HAS_BIAS: tl.constexpr, HAS_GATE: tl.constexpr, HAS_LENGTHS: tl.constexpr, HAS_MEMORY: tl.constexpr,
    REN: tl.constexpr,
):  # fmt: skip
    RE: tl.constexpr = gl.SliceLayout(2, REN)
    RN: tl.constexpr = gl.SliceLayout(1, REN)
    EN: tl.constexpr = gl.SliceLayout(0, REN)
    first = gl.program_id(1).to(gl.int64) * R
    row_R = first + gl.arange(0, R, gl.SliceLayout(1, RE))
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, RE))
    rn_R, rn_N = first + gl.arange(0, R, gl.SliceLayout(1, RN)), gl.arange(0, N, gl.SliceLayout(0, RN))
    en_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(1, EN))
    en_N = gl.arange(0, N, gl.SliceLayout(0, EN))
    mask_RE = (row_R < num_rows)[:, None] & (e_E < E)[None, :]
    mask_RN = (rn_R < num_rows)[:, None] & (rn_N < N)[None, :]
    mask_REN = gl.expand_dims(mask_RE, 2) & gl.expand_dims(gl.expand_dims(en_N < N, 0), 0)
    at_EN = en_E[:, None] * N + en_N[None, :]

    slot_R = gl.load(slots + row_R, mask=row_R < num_rows, other=0)
    at_REN = gl.expand_dims(gl.expand_dims(slot_R * E * N, 1), 2) + gl.expand_dims(at_EN, 0)
    state_REN = gl.load(states + at_REN, mask=mask_REN, other=0.0)
    length_R = gl.zeros([R], gl.int32, gl.SliceLayout(1, RE)) + S
    if HAS_LENGTHS:
        length_R = gl.load(lengths + row_R, mask=row_R < num_rows, other=0).to(gl.int32)
    A2_EN = gl.load(A + at_EN, mask=(en_E < E)[:, None] & (en_N < N)[None, :], other=0.0) * 1.4426950408889634
    D_E = gl.load(D + e_E, mask=e_E < E, other=0.0).to(gl.float32)
    bias_E = gl.zeros([BLOCK_E], gl.float32, gl.SliceLayout(0, RE))
    if HAS_BIAS:
        bias_E = gl.load(bias + e_E, mask=e_E < E, other=0.0).to(gl.float32)
    for s in range(S):
        gate_RE = gl.zeros([R, BLOCK_E], gl.float32, RE)
        if HAS_GATE:  # loaded before the state is stored: loads do not pass stores
            gate_RE = _load_RE(gate + s * gate_s, row_R, gate_b, e_E, mask_RE)
        x_RE = _load_RE(x + s * x_s, row_R, x_b, e_E, mask_RE)
        delta_RE = softplus(_load_RE(delta + s * delta_s, row_R, delta_b, e_E, mask_RE) + bias_E[None, :])
        B_RN = _load_RE(B + s * B_s, rn_R, B_b, rn_N, mask_RN)
        C_RN = _load_RE(C + s * C_s, rn_R, C_b, rn_N, mask_RN)
        decay_REN = exp2(gl.expand_dims(delta_RE, 2) * gl.expand_dims(A2_EN, 0))
        state_REN = decay_REN * state_REN + gl.expand_dims(delta_RE * x_RE, 2) * gl.expand_dims(B_RN, 1)
        is_last_R = gl.expand_dims(gl.expand_dims(length_R == s + 1, 1), 2)
        gl.store(states + at_REN, state_REN, mask=mask_REN & is_last_R)
        memory_RE = gl.sum(state_REN * gl.expand_dims(C_RN, 1), axis=2) + D_E[None, :] * x_RE
        if HAS_MEMORY:
            _store_RE(memory + s * E, row_R, S * E, e_E, memory_RE, mask_RE)
        if HAS_GATE:
            memory_RE *= gate_RE * sigmoid(gate_RE)
        _store_RE(output + s * E, row_R, S * E, e_E, memory_RE, mask_RE)


def conv_step(
    x_BSE: Tensor,
    tails_ZEK: Tensor,
    weight_EK: Tensor,
    bias_E: Tensor | None,
    slots_B: Tensor,
    *,
    lengths_B: Tensor | None = None,
) -> Tensor:
    """`reference_decode.conv_step`, same arguments and results; `x_BSE` may be a half of the projection."""
    batch, num_tokens, channels = _sizes(x_BSE)
    taps = weight_EK.shape[-1]
    if taps < 2:
        raise ValueError(f"the convolution must have at least 2 taps, got {taps}")
    _check_shapes(
        tails=(tails_ZEK, (len(tails_ZEK), channels, taps - 1)),
        weight=(weight_EK, (channels, taps)),
        bias=(bias_E, (channels,)),
        **_rows(slots_B, lengths_B, batch),
    )
    _check_pool("tails", tails_ZEK, x_BSE.dtype)
    x_BSE, output_BSE = _channels_contiguous(x_BSE), x_BSE.new_empty(x_BSE.shape)
    block_k = 1 << (taps - 1).bit_length()
    with _device_of(x_BSE):
        conv_kernel[(-(-channels // _CONV_BLOCK_E), batch)](
            x_BSE, tails_ZEK, weight_EK.contiguous(), x_BSE if bias_E is None else bias_E.contiguous(), slots_B,
            slots_B if lengths_B is None else lengths_B, output_BSE, num_tokens, channels, x_BSE.stride(0),
            x_BSE.stride(1), K=taps, BLOCK_E=_CONV_BLOCK_E, BLOCK_K=block_k, HAS_BIAS=bias_E is not None,
            HAS_LENGTHS=lengths_B is not None, EK=gl.BlockedLayout([1, block_k], [32, 1], [_NUM_WARPS, 1], [1, 0]),
            num_warps=_NUM_WARPS,
        )  # fmt: skip
    return output_BSE


def mamba_step(
    x_BSE: Tensor,
    delta_BSE: Tensor,
    A_EN: Tensor,
    B_BSN: Tensor,
    C_BSN: Tensor,
    D_E: Tensor,
    states_ZEN: Tensor,
    slots_B: Tensor,
    *,
    delta_bias_E: Tensor | None = None,
    gate_BSE: Tensor | None = None,
    lengths_B: Tensor | None = None,
    return_memory: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`reference_decode.mamba_step`, same arguments and results, for N a power of two up to 128."""
    batch, num_tokens, channels = _sizes(x_BSE)
    num_states = A_EN.shape[-1]
    if num_states & (num_states - 1) or not 1 <= num_states <= 128:
        raise ValueError(f"the state size must be a power of two up to 128, got {num_states}")
    _check_shapes(
        delta=(delta_BSE, (batch, num_tokens, channels)),
        A=(A_EN, (channels, num_states)),
        B=(B_BSN, (batch, num_tokens, num_states)),
        C=(C_BSN, (batch, num_tokens, num_states)),
        D=(D_E, (channels,)),
        states=(states_ZEN, (len(states_ZEN), channels, num_states)),
        delta_bias=(delta_bias_E, (channels,)),
        gate=(gate_BSE, (batch, num_tokens, channels)),
        **_rows(slots_B, lengths_B, batch),
    )
    _check_pool("states", states_ZEN, torch.float32)
    gate = x_BSE if gate_BSE is None else gate_BSE
    by_token = [_channels_contiguous(tensor) for tensor in (x_BSE, delta_BSE, B_BSN, C_BSN, gate)]
    output_BSE = x_BSE.new_empty(x_BSE.shape)
    memory_BSE = x_BSE.new_empty(x_BSE.shape) if return_memory else None
    x, delta, B, C, gate = by_token
    tiling = _tiling(batch, num_states)
    with _device_of(x_BSE):
        recurrence_kernel[(-(-channels // tiling["BLOCK_E"]), -(-batch // tiling["R"]))](
            x, delta, A_EN.float().contiguous(), B, C, D_E.contiguous(),
            x if delta_bias_E is None else delta_bias_E.contiguous(), gate, states_ZEN, slots_B,
            slots_B if lengths_B is None else lengths_B, output_BSE, output_BSE if memory_BSE is None else memory_BSE,
            batch, num_tokens, channels, *(stride for tensor in by_token for stride in tensor.stride()[:2]),
            HAS_BIAS=delta_bias_E is not None, HAS_GATE=gate_BSE is not None, HAS_LENGTHS=lengths_B is not None,
            HAS_MEMORY=return_memory, **tiling, num_warps=_NUM_WARPS,
        )  # fmt: skip
    return output_BSE, memory_BSE


@lru_cache
def _tiling(batch: int, num_states: int) -> dict[str, Any]:
    """The recurrence's constants. No element has two threads, which would see each other's stores to the pool."""
    rows = next(rows for least, rows in _ROWS if batch >= least)
    neighbours = min(4, num_states)  # states of a thread: 16 bytes
    lanes = num_states // neighbours
    layout = gl.BlockedLayout([rows, 1, neighbours], [1, 32 // lanes, lanes], [1, _NUM_WARPS, 1], [2, 1, 0])
    return {"R": rows, "BLOCK_E": 32 // lanes * _NUM_WARPS, "N": num_states, "REN": layout}


def _sizes(x_BSE: Tensor) -> tuple[int, int, int]:
    if x_BSE.ndim != 3 or min(x_BSE.shape) < 1:
        raise ValueError(f"x must be (B, S, E) with no empty axis, got {tuple(x_BSE.shape)}")
    batch, num_tokens, channels = x_BSE.shape
    return batch, num_tokens, channels


def _rows(slots_B: Tensor, lengths_B: Tensor | None, batch: int) -> dict[str, tuple[Tensor | None, tuple[int, ...]]]:
    for name, tensor in (("slots", slots_B), ("lengths", lengths_B)):
        if tensor is not None and (tensor.dtype != torch.int64 or not tensor.is_contiguous()):
            raise ValueError(f"{name} must be contiguous int64, got {tensor.dtype} with strides {tensor.stride()}")
    return {"slots": (slots_B, (batch,)), "lengths": (lengths_B, (batch,))}


def _check_shapes(**expected: tuple[Tensor | None, tuple[int, ...]]) -> None:
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have the shape {shape}, got {tuple(tensor.shape)}")


def _check_pool(name: str, pool: Tensor, dtype: torch.dtype) -> None:
    if pool.dtype != dtype or not pool.is_contiguous():
        raise ValueError(f"{name} must be contiguous {dtype}, got {pool.dtype} with strides {pool.stride()}")


def _channels_contiguous(tensor: Tensor) -> Tensor:
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _device_of(tensor: Tensor) -> torch.cuda.device:
    """Triton launches on the current device, which need not be the tensors'."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
