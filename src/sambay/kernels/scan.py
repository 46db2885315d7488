"""The selective scan on a GPU: the same function as the reference twin, by the kernels of scan_*kernels.py.

Forward: one kernel, one walk over the tokens; the card is filled by giving a channel's states to several threads.
Backward: tiles of tokens are walked again from states that the forward pass kept at each chunk's start, all chunks at
once, and once more from the last token to the first. Nothing of size S x E x N is kept between the two.
Sums over programs go through buffers of partial sums, never atomics: the same inputs give the same bits.

Letters: B sequences, S positions, E inner channels, N state size; T tokens of a tile, L lanes that share a channel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from sambay.kernels.dialect import gl
from sambay.kernels.scan_backward_kernels import scan_backward, scan_carry, scan_states
from sambay.kernels.scan_kernels import scan_forward

_CHUNK_TOKENS = 256  # parallel work for the backward pass against kept states: E*N*4 bytes a chunk
_MAX_STATE_SIZE = 128


@dataclass(frozen=True)
class Tiling:
    """How one program's tile [T tokens, E channels, N states] lies on its threads."""

    tokens: int
    channels: int
    lanes: int  # that share a channel, each holding N / lanes states
    num_warps: int
    unroll: int = 1  # tiles of a round: 2 spares the copies between "asked for" and "in use", at twice the code

    def fit(self, state_size: int) -> Tiling:
        """The same for another state size: as many elements a thread as with 16 states, where that can be had."""
        lanes = min(self.lanes, state_size)
        tokens = self.tokens
        while tokens > 1 and tokens * (state_size // lanes) > self.tokens * (16 // self.lanes):
            tokens //= 2
        return replace(self, lanes=lanes, tokens=tokens)


# Chosen by benchmarks/kernels/scan.py --sweep on one H100; docs/kernels.md says what bounds them.


def forward_tiling(sequences: int, channels: int, state_size: int) -> Tiling:
    """Few channels: spread each over more lanes to fill the card. Many: fewer lanes, less to send to each."""
    if sequences * channels <= 12_288:
        return Tiling(tokens=16, channels=8, lanes=8, num_warps=2, unroll=2).fit(state_size)
    return Tiling(tokens=8, channels=32, lanes=2, num_warps=1).fit(state_size)


def backward_tilings(state_size: int) -> tuple[Tiling, Tiling]:
    """Of the pass that finds the states before every tile, and of the one that uses them: the same tokens a tile."""
    states = Tiling(tokens=4, channels=16, lanes=4, num_warps=1).fit(state_size)
    return states, replace(states, unroll=2)


@cache
def layouts(tiling: Tiling, state_size: int) -> dict[str, object]:
    """The layouts that scan_kernels.py names by the axes of the tensors in them."""
    T, E, L, warps = tiling.tokens, tiling.channels, tiling.lanes, tiling.num_warps
    own_channels = max(E * L // (32 * warps), 1)
    groups = E // own_channels
    tokens_E, each_E, lanes_E = _rows(T, E, warps)
    tokens_N, each_N, lanes_N = _rows(T, state_size, warps)
    return {
        "TEN": gl.BlockedLayout([T, own_channels, state_size // L], [1, 32 // L, L], [1, warps, 1], [2, 1, 0]),
        "PAIR": gl.BlockedLayout(
            [T, own_channels, state_size // L, 2], [1, 32 // L, L, 1], [1, warps, 1, 1], [3, 2, 1, 0]
        ),
        "TE": gl.BlockedLayout([1, each_E], [tokens_E, lanes_E], [warps, 1], [1, 0]),
        "TN": gl.BlockedLayout([1, each_N], [tokens_N, lanes_N], [warps, 1], [1, 0]),
        "TEL": gl.BlockedLayout([1, each_E, L], [tokens_E, lanes_E, 1], [warps, 1, 1], [2, 1, 0]),
        "TGN": gl.BlockedLayout([1, groups, each_N], [tokens_N, 1, lanes_N], [warps, 1, 1], [1, 2, 0]),
    }


def _rows(tokens: int, width: int, num_warps: int) -> tuple[int, int, int]:
    """A [tokens, width] tile over all threads, rows contiguous: tokens of a warp, elements of a thread, lanes of a
    row."""
    elements = min(max(tokens * width // (32 * num_warps), 1), 8, width)
    lanes = min(width // elements, 32)
    return 32 // lanes, elements, lanes


def selective_scan(
    x_BSE: Tensor,
    delta_BSE: Tensor,
    A_EN: Tensor,
    B_BSN: Tensor,
    C_BSN: Tensor,
    D_E: Tensor,
    *,
    delta_bias_E: Tensor | None = None,
    gate_BSE: Tensor | None = None,
    initial_state_BEN: Tensor | None = None,
    segment_ids_BS: Tensor | None = None,
    return_memory: bool = False,
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The recurrence of `reference.selective_scan`, same arguments and results, float32 inside; any strides of B, S
    and,
    for tensors with channels, contiguous channels are read in place. N is a power of two up to 128.
    """
    _check(x_BSE, delta_BSE, A_EN, B_BSN, C_BSN, D_E, delta_bias_E, gate_BSE, initial_state_BEN, segment_ids_BS)
    output, memory, final, _ = _scan(
        _rows_contiguous(x_BSE),
        _rows_contiguous(delta_BSE),
        A_EN.float().contiguous(),
        _rows_contiguous(B_BSN),
        _rows_contiguous(C_BSN),
        D_E.contiguous(),
        None if delta_bias_E is None else delta_bias_E.contiguous(),
        None if gate_BSE is None else _rows_contiguous(gate_BSE),
        None if initial_state_BEN is None else initial_state_BEN.float().contiguous(),
        None if segment_ids_BS is None else segment_ids_BS.int().contiguous(),
        return_memory,
        torch.is_grad_enabled(),
    )
    return output, memory if return_memory else None, final


def _rows_contiguous(tensor: Tensor) -> Tensor:
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def _check(x, delta, A, B, C, D, bias, gate, initial, segments) -> None:
    if x.ndim != 3:
        raise ValueError(f"x must be (B, S, E), got {tuple(x.shape)}")
    batch, length, channels = x.shape
    if A.ndim != 2 or A.shape[0] != channels:
        raise ValueError(f"A must be (E, N) with E = {channels} as in x, got {tuple(A.shape)}")
    states = A.shape[1]
    if length < 1 or batch < 1:
        raise ValueError(f"x must hold at least one token, got {tuple(x.shape)}")
    if states & (states - 1) or not 1 <= states <= _MAX_STATE_SIZE:
        raise ValueError(f"the state size must be a power of two up to {_MAX_STATE_SIZE}, got {states}")
    expected = {
        "delta": (delta, (batch, length, channels)),
        "B": (B, (batch, length, states)),
        "C": (C, (batch, length, states)),
        "D": (D, (channels,)),
        "delta_bias": (bias, (channels,)),
        "gate": (gate, (batch, length, channels)),
        "initial_state": (initial, (batch, channels, states)),
        "segment_ids": (segments, (batch, length)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is None:
            continue
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have the shape {shape}, got {tuple(tensor.shape)}")
        if tensor.device != x.device:
            raise ValueError(f"{name} is on {tensor.device}, x on {x.device}")
        if name != "segment_ids" and tensor.dtype not in (torch.float32, torch.bfloat16, torch.float16):
            raise ValueError(f"{name} must be float32, bfloat16 or float16, got {tensor.dtype}")


def _strides(tensor: Tensor | None) -> tuple[int, int]:
    return (0, 0) if tensor is None else (tensor.stride(0), tensor.stride(1))


def _num_chunks(length: int) -> int:
    return -(-length // _CHUNK_TOKENS)  # a chunk is a whole number of tiles of any size


# Custom operators: torch.compile, FLOP counters and checkpointing see one node, forward and backward.


@torch.library.custom_op("sambay::triton_selective_scan", mutates_args=())
def _scan(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor | None, gate: Tensor | None,
    initial: Tensor | None, segments: Tensor | None, return_memory: bool, keep_states: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Returns (output, memory or an empty tensor, final state, the state before each chunk (B, chunks, E, N) or
    empty)."""
    (batch, length, channels), states = x.shape, A.shape[1]
    tiling = forward_tiling(batch, channels, states)
    output, memory, final, entering = _scan_outputs(x, A, return_memory, keep_states)
    grid = (-(-channels // tiling.channels), batch)
    with _device_of(x):
        scan_forward[grid](
            x, delta, A, B, C, D, _or(bias, x), _or(gate, x), _or(initial, A), _or(segments, x),
            output, memory if return_memory else output, final, entering,
            length, channels, *_strides(x), *_strides(delta), *_strides(B), *_strides(C), *_strides(gate),
            T=tiling.tokens, BLOCK_E=tiling.channels, N=states, L=tiling.lanes,
            TILES_PER_CHUNK=_CHUNK_TOKENS // tiling.tokens, UNROLL=tiling.unroll,
            HAS_BIAS=bias is not None, HAS_GATE=gate is not None, HAS_INITIAL=initial is not None,
            HAS_SEGMENTS=segments is not None, HAS_MEMORY=return_memory, SAVE_ENTERING=keep_states,
            num_warps=tiling.num_warps, **_only(layouts(tiling, states), "TEN", "PAIR", "TE", "TN", "TEL"),
        )  # fmt: skip
    return output, memory, final, entering


def _scan_outputs(x: Tensor, A: Tensor, return_memory: bool, keep_states: bool) -> tuple[Tensor, ...]:
    batch, length, _ = x.shape
    chunks = _num_chunks(length) if keep_states else 0
    return (
        x.new_empty(x.shape),
        x.new_empty(x.shape if return_memory else (0,)),
        A.new_empty(batch, *A.shape),
        A.new_empty(batch, chunks, *A.shape),
    )


@_scan.register_fake
def _(x, delta, A, B, C, D, bias, gate, initial, segments, return_memory, keep_states):
    return _scan_outputs(x, A, return_memory, keep_states)


def _save_for_backward(ctx, inputs, output) -> None:
    x, delta, A, B, C, D, bias, gate, initial, segments, _, _ = inputs
    ctx.save_for_backward(x, delta, A, B, C, D, bias, gate, segments, output[3])
    ctx.has_initial = initial is not None
    ctx.set_materialize_grads(False)  # or every backward pass would fill zeros for `entering`


def _scan_grad(ctx, grad_output, grad_memory, grad_final, _grad_entering):
    x, delta, A, B, C, D, bias, gate, segments, entering = ctx.saved_tensors
    grad_output = torch.zeros_like(x) if grad_output is None else grad_output
    grad_x, grad_delta, grad_A, grad_B, grad_C, grad_D, grad_bias, grad_gate, grad_initial = _scan_backward(
        x, delta, A, B, C, D, bias, gate, segments, entering, grad_output, grad_memory, grad_final
    )  # fmt: skip
    return (
        grad_x, grad_delta, grad_A, grad_B, grad_C, grad_D, None if bias is None else grad_bias,
        None if gate is None else grad_gate, grad_initial if ctx.has_initial else None, None, None, None,
    )  # fmt: skip


@torch.library.custom_op("sambay::triton_selective_scan_backward", mutates_args=())
def _scan_backward(
    x: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, bias: Tensor | None, gate: Tensor | None,
    segments: Tensor | None, entering: Tensor, grad_output: Tensor, grad_memory: Tensor | None,
    grad_final: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    (batch, length, channels), states = x.shape, A.shape[1]
    first, tiling = backward_tilings(states)
    blocks, chunks = -(-channels // tiling.channels), entering.shape[1]
    grad_output = _rows_contiguous(grad_output)
    grad_memory = None if grad_memory is None else _rows_contiguous(grad_memory)
    grad_final = None if grad_final is None else grad_final.contiguous()
    common = dict(
        T=tiling.tokens, N=states, TILES_PER_CHUNK=_CHUNK_TOKENS // tiling.tokens,
        HAS_BIAS=bias is not None, HAS_GATE=gate is not None, HAS_SEGMENTS=segments is not None,
        HAS_MEMORY=grad_memory is not None,
    )  # fmt: skip
    sizes: tuple[int, ...] = (length, channels)
    sizes += sum((_strides(tensor) for tensor in (x, delta, B, C, gate, grad_output, grad_memory)), ())
    tile_states = A.new_empty(batch, 2 * -(-length // (2 * tiling.tokens)), *A.shape)
    carry, decay = torch.empty_like(entering), torch.empty_like(entering)
    grad_initial = A.new_empty(batch, channels, states)
    grad_x, grad_delta, grad_gate = (t.new_empty(t.shape) for t in (x, delta, _or(gate, x)))
    part_A = torch.empty_like(entering)
    part_B, part_C = A.new_empty(2, blocks, batch, length, states).unbind()
    part_D, part_bias = A.new_empty(2, batch * chunks, channels).unbind()
    with _device_of(x):
        scan_states[(-(-channels // first.channels), chunks, batch)](
            x, delta, A, B, C, _or(bias, x), _or(gate, x), _or(segments, x), grad_output, _or(grad_memory, x), entering,
            tile_states, carry, decay, *sizes, BLOCK_E=first.channels, L=first.lanes, **common,
            UNROLL=first.unroll, num_warps=first.num_warps, **_only(layouts(first, states), "TEN", "PAIR", "TE", "TN"),
        )  # fmt: skip
        scan_carry[(-(-states * channels // 256), batch)](
            carry, decay, _or(grad_final, A), grad_initial, chunks, states * channels, BLOCK=256,
            HAS_FINAL=grad_final is not None, LAYOUT=gl.BlockedLayout([2], [32], [4], [0]), num_warps=4,
        )  # fmt: skip
        scan_backward[(blocks, chunks, batch)](
            x, delta, A, B, C, D, _or(bias, x), _or(gate, x), _or(segments, x), grad_output, _or(grad_memory, x),
            tile_states, carry, grad_x, grad_delta, grad_gate, part_A, part_B, part_C, part_D, part_bias,
            *sizes, BLOCK_E=tiling.channels, L=tiling.lanes, G=_num_groups(tiling), **common,
            UNROLL=tiling.unroll, num_warps=tiling.num_warps, **layouts(tiling, states),
        )  # fmt: skip
    return (
        grad_x,
        grad_delta,
        part_A.sum((0, 1)),
        part_B.sum(0).to(B.dtype),
        part_C.sum(0).to(C.dtype),
        part_D.sum(0).to(D.dtype),
        part_bias.sum(0).to(D.dtype if bias is None else bias.dtype),
        grad_gate,
        grad_initial,
    )


@_scan_backward.register_fake
def _(x, delta, A, B, C, D, bias, gate, segments, entering, grad_output, grad_memory, grad_final):
    alike = (x, delta, A, B, C, D, D if bias is None else bias, x if gate is None else gate)
    return *(torch.empty(t.shape, dtype=t.dtype, device=t.device) for t in alike), A.new_empty(x.shape[0], *A.shape)


torch.library.register_autograd("sambay::triton_selective_scan", _scan_grad, setup_context=_save_for_backward)


def _num_groups(tiling: Tiling) -> int:
    return tiling.channels // max(tiling.channels * tiling.lanes // (32 * tiling.num_warps), 1)


def _or(tensor: Tensor | None, placeholder: Tensor) -> Tensor:
    return placeholder if tensor is None else tensor


def _only(names: dict[str, object], *wanted: str) -> dict[str, object]:
    return {name: names[name] for name in wanted}


def _device_of(tensor: Tensor) -> torch.cuda.device:
    """Triton launches on the current device, which need not be the tensors'."""
    return torch.cuda.device(tensor.device if tensor.is_cuda else -1)
