"""The short causal convolution with its SiLU on a GPU, one pass over the tokens forward, two backward.

Letters: B sequences, S positions, E channels, K taps; T tokens and E channels of a program. Output token t reads

    taps    [t - (K-1), t]              of x, or of the tail where negative; weight K-1-j belongs to the tap t - j

The backward pass computes the convolution again and writes the gradient before the SiLU; a second one spreads it.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
from functools import lru_cache

import torch
import triton.language as tl  # constexpr; the interpreter also looks for it here
from torch import Tensor

from sambay.kernels.dialect import gl, jit, sigmoid

_TILE = {"T": 32, "BLOCK_E": 128}
_NUM_WARPS = 4


@jit
def _taps(x, tail, at_T, e_E, S, E, x_s, K: tl.constexpr, HAS_TAIL: tl.constexpr):
    """x at the positions `at_T`, the tail (E, K-1) before them, zero elsewhere."""
    is_mine_E = (e_E < E)[None, :]
    inside = ((at_T >= 0) & (at_T < S))[:, None] & is_mine_E
    value_TE = gl.load(x + at_T[:, None].to(gl.int64) * x_s + e_E[None, :], mask=inside, other=0.0).to(gl.float32)
    if HAS_TAIL:
        before = ((at_T < 0) & (at_T > -K))[:, None] & is_mine_E
        at_TE = e_E[None, :] * (K - 1) + (at_T + K - 1)[:, None]
        value_TE += gl.load(tail + at_TE, mask=before, other=0.0).to(gl.float32)
    return value_TE


@jit
def _same_document(segments, one_T, two_T, S, HAS_SEGMENTS: tl.constexpr):
    """Whether two positions share a document; what lies before the first token belongs to its document."""
    same_T = one_T < S
    if HAS_SEGMENTS:
        one_T, two_T = gl.maximum(one_T, 0), gl.maximum(two_T, 0)
        one = gl.load(segments + one_T, mask=one_T < S, other=0)
        same_T = same_T & (one == gl.load(segments + two_T, mask=two_T < S, other=0))
    return same_T[:, None]


@jit
def _before_silu(
    x, tail, weight, bias, segments, t_T, e_E, S, E, x_s,
    K: tl.constexpr, HAS_TAIL: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_SEGMENTS: tl.constexpr,
):  # fmt: skip
    weight_E = gl.load(weight + e_E * K + K - 1, mask=e_E < E, other=0.0)
    total_TE = _taps(x, tail, t_T, e_E, S, E, x_s, K, HAS_TAIL) * weight_E[None, :]
    for j in gl.static_range(1, K):
        weight_E = gl.load(weight + e_E * K + K - 1 - j, mask=e_E < E, other=0.0)
        tap_TE = _taps(x, tail, t_T - j, e_E, S, E, x_s, K, HAS_TAIL)
        total_TE += gl.where(_same_document(segments, t_T, t_T - j, S, HAS_SEGMENTS), tap_TE * weight_E[None, :], 0.0)
    if HAS_BIAS:
        total_TE += gl.load(bias + e_E, mask=e_E < E, other=0.0)[None, :]
    return total_TE


@jit(do_not_specialize=["S"])
def conv_forward(
    x, tail, weight, bias, segments, output, S, E, x_b, x_s,
    K: tl.constexpr, T: tl.constexpr, BLOCK_E: tl.constexpr,
    HAS_TAIL: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_SEGMENTS: tl.constexpr, TE: tl.constexpr,
):  # fmt: skip
    b = gl.program_id(2).to(gl.int64)
    t_T = gl.program_id(1) * T + gl.arange(0, T, gl.SliceLayout(1, TE))
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, TE))
    x, tail, segments, output = x + b * x_b, tail + b * E * (K - 1), segments + b * S, output + b * S * E
    total_TE = _before_silu(x, tail, weight, bias, segments, t_T, e_E, S, E, x_s, K, HAS_TAIL, HAS_BIAS, HAS_SEGMENTS)
    value_TE = (total_TE * sigmoid(total_TE)).to(output.dtype.element_ty)
    mask_TE = (t_T < S)[:, None] & (e_E < E)[None, :]
    gl.store(output + t_T[:, None].to(gl.int64) * E + e_E[None, :], value_TE, mask=mask_TE)


@jit(do_not_specialize=["S"])
def conv_slope(
    x, tail, weight, bias, segments, grad_output, slope,
    grad_weight, grad_bias,  # partial sums (B, blocks of tokens, K, E) and (B, blocks of tokens, E)
    S, E, x_b, x_s, output_b, output_s,
    K: tl.constexpr, T: tl.constexpr, BLOCK_E: tl.constexpr,
    HAS_TAIL: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_SEGMENTS: tl.constexpr, TE: tl.constexpr,
):  # fmt: skip
    """Backward, first pass: the gradient before the SiLU, and its products with the taps."""
    b = gl.program_id(2).to(gl.int64)
    t_T = gl.program_id(1) * T + gl.arange(0, T, gl.SliceLayout(1, TE))
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, TE))
    x, tail, segments = x + b * x_b, tail + b * E * (K - 1), segments + b * S
    grad_output, slope = grad_output + b * output_b, slope + b * S * E
    partial = b * gl.num_programs(1) + gl.program_id(1)

    total_TE = _before_silu(x, tail, weight, bias, segments, t_T, e_E, S, E, x_s, K, HAS_TAIL, HAS_BIAS, HAS_SEGMENTS)
    gate_TE = sigmoid(total_TE)
    slope_TE = _taps(grad_output, tail, t_T, e_E, S, E, output_s, K, False)
    slope_TE *= gate_TE * (1.0 + total_TE * (1.0 - gate_TE))
    mask_TE = (t_T < S)[:, None] & (e_E < E)[None, :]
    gl.store(slope + t_T[:, None].to(gl.int64) * E + e_E[None, :], slope_TE.to(slope.dtype.element_ty), mask=mask_TE)
    for j in gl.static_range(K):
        tap_TE = _taps(x, tail, t_T - j, e_E, S, E, x_s, K, HAS_TAIL)
        tap_TE = gl.where(_same_document(segments, t_T, t_T - j, S, HAS_SEGMENTS), tap_TE * slope_TE, 0.0)
        gl.store(grad_weight + (partial * K + K - 1 - j) * E + e_E, gl.sum(tap_TE, axis=0), mask=e_E < E)
    gl.store(grad_bias + partial * E + e_E, gl.sum(slope_TE, axis=0), mask=e_E < E)


@jit(do_not_specialize=["S"])
def conv_inputs(
    slope, weight, segments, grad_x, grad_tail, S, E,
    K: tl.constexpr, T: tl.constexpr, BLOCK_E: tl.constexpr,
    HAS_TAIL: tl.constexpr, HAS_SEGMENTS: tl.constexpr, TE: tl.constexpr,
):  # fmt: skip
    """Backward, second pass. Rows are inputs: position -(K-1) first where there is a tail, 0 first otherwise."""
    b = gl.program_id(2).to(gl.int64)
    p_T = gl.program_id(1) * T + gl.arange(0, T, gl.SliceLayout(1, TE)) - (K - 1) * HAS_TAIL
    e_E = gl.program_id(0) * BLOCK_E + gl.arange(0, BLOCK_E, gl.SliceLayout(0, TE))
    is_mine_E = (e_E < E)[None, :]
    slope, segments = slope + b * S * E, segments + b * S
    grad_x, grad_tail = grad_x + b * S * E, grad_tail + b * E * (K - 1)
    grad_TE = gl.zeros([T, BLOCK_E], gl.float32, TE)
    for j in gl.static_range(K):  # output p + j reads input p as its tap j
        weight_E = gl.load(weight + e_E * K + K - 1 - j, mask=e_E < E, other=0.0)
        slope_TE = _taps(slope, slope, p_T + j, e_E, S, E, E, K, False)
        grad_TE += gl.where(_same_document(segments, p_T + j, p_T, S, HAS_SEGMENTS), slope_TE * weight_E[None, :], 0.0)
    inside = ((p_T >= 0) & (p_T < S))[:, None] & is_mine_E
    gl.store(grad_x + p_T[:, None].to(gl.int64) * E + e_E[None, :], grad_TE.to(grad_x.dtype.element_ty), mask=inside)
    if HAS_TAIL:
        at_TE = e_E[None, :] * (K - 1) + (p_T + K - 1)[:, None]
        gl.store(grad_tail + at_TE, grad_TE.to(grad_tail.dtype.element_ty), mask=(p_T < 0)[:, None] & is_mine_E)


def causal_conv(
    x_BSE: Tensor,
    weight_EK: Tensor,
    bias_E: Tensor | None = None,
    *,
    tail_BEK: Tensor | None = None,
    segment_ids_BS: Tensor | None = None,
) -> Tensor:
    """`reference.causal_conv`, same arguments and result; x is read in place where its channels are contiguous."""
    if x_BSE.ndim != 3 or min(x_BSE.shape) < 1:
        raise ValueError(f"x must be (B, S, E) with no empty axis, got {tuple(x_BSE.shape)}")
    batch, length, channels = x_BSE.shape
    taps = weight_EK.shape[-1]
    expected = {
        "weight": (weight_EK, (channels, taps)),
        "bias": (bias_E, (channels,)),
        "tail": (tail_BEK, (batch, channels, taps - 1)),
        "segment_ids": (segment_ids_BS, (batch, length)),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must have the shape {shape}, got {tuple(tensor.shape)}")
    if taps < 2:
        raise ValueError(f"the convolution must have at least 2 taps, got {taps}")
    return _conv(
        x_BSE if x_BSE.stride(-1) == 1 else x_BSE.contiguous(),
        weight_EK.float().contiguous(),
        None if bias_E is None else bias_E.float().contiguous(),
        None if tail_BEK is None else tail_BEK.to(x_BSE.dtype).contiguous(),
        None if segment_ids_BS is None else segment_ids_BS.int().contiguous(),
    )


@lru_cache(maxsize=1)
def _layout() -> object:
    return gl.BlockedLayout([1, 4], [1, 32], [_NUM_WARPS, 1], [1, 0])


def _grid(channels: int, rows: int, batch: int) -> tuple[int, int, int]:
    return -(-channels // _TILE["BLOCK_E"]), -(-rows // _TILE["T"]), batch


@torch.library.custom_op("sambay::triton_causal_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor | None, segments: Tensor | None) -> Tensor:
    batch, length, channels = x.shape
    output = x.new_empty(x.shape)
    with torch.cuda.device(x.device if x.is_cuda else -1):
        conv_forward[_grid(channels, length, batch)](
            x, x if tail is None else tail, weight, weight if bias is None else bias, x if segments is None else
            segments,
            output, length, channels, x.stride(0), x.stride(1), K=weight.shape[1], **_TILE,
            HAS_TAIL=tail is not None, HAS_BIAS=bias is not None, HAS_SEGMENTS=segments is not None, TE=_layout(),
            num_warps=_NUM_WARPS,
        )  # fmt: skip
    return output


@_conv.register_fake
def _(x, weight, bias, tail, segments):
    return x.new_empty(x.shape)


@torch.library.custom_op("sambay::triton_causal_conv_backward", mutates_args=())
def _conv_backward(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor | None, segments: Tensor | None, grad_output: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (batch, length, channels), taps = x.shape, weight.shape[1]
    grad_output = grad_output if grad_output.stride(-1) == 1 else grad_output.contiguous()
    grid = _grid(channels, length, batch)
    slope, grad_x, grad_tail = x.new_empty(x.shape), x.new_empty(x.shape), x.new_empty(batch, channels, taps - 1)
    part_weight, part_bias = (
        weight.new_empty(batch, grid[1], taps, channels),
        weight.new_empty(batch, grid[1], channels),
    )
    common = dict(
        K=taps,
        **_TILE,
        HAS_TAIL=tail is not None,
        HAS_SEGMENTS=segments is not None,
        TE=_layout(),
        num_warps=_NUM_WARPS,
    )
    with torch.cuda.device(x.device if x.is_cuda else -1):
        conv_slope[grid](
            x, x if tail is None else tail, weight, weight if bias is None else bias, x if segments is None else
            segments,
            grad_output, slope, part_weight, part_bias,
            length, channels, x.stride(0), x.stride(1), grad_output.stride(0), grad_output.stride(1),
            HAS_BIAS=bias is not None, **common,
        )  # fmt: skip
        conv_inputs[_grid(channels, length if tail is None else length + taps - 1, batch)](
            slope, weight, x if segments is None else segments, grad_x, grad_tail, length, channels, **common
        )
    return grad_x, part_weight.sum((0, 1)).t().contiguous(), part_bias.sum((0, 1)), grad_tail


@_conv_backward.register_fake
def _(x, weight, bias, tail, segments, grad_output):
    tail_shape = (x.shape[0], x.shape[2], weight.shape[1] - 1)
    return x.new_empty(x.shape), torch.empty_like(weight), weight.new_empty(x.shape[2]), x.new_empty(tail_shape)


def _save_for_backward(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _conv_grad(ctx, grad_output):
    _, _, bias, tail, _ = ctx.saved_tensors
    grad_x, grad_weight, grad_bias, grad_tail = _conv_backward(*ctx.saved_tensors, grad_output)
    return grad_x, grad_weight, None if bias is None else grad_bias, None if tail is None else grad_tail, None


torch.library.register_autograd("sambay::triton_causal_conv", _conv_grad, setup_context=_save_for_backward)
