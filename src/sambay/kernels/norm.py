"""The residual stream's add and the norm after it on a GPU, one pass forward and one backward.

Letters: R rows (all axes but the last), D model width; a tile is ROWS rows of BLOCK_D >= D columns. Programs stay and
step through the tiles, so that the weight is read once a program and its gradient is summed in registers:

    tile i of program p     rows [(i*P + p) * ROWS, ... + ROWS)      of P programs
    partial                 (P, 1 or 2, D) float32                   sums over a program's rows: weight, bias

A tile is loaded one round before it is used, to hide the wait.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
from functools import lru_cache

import torch
import triton.language as tl  # constexpr; the interpreter also looks for it here
from torch import Tensor

from sambay.kernels import reference
from sambay.kernels.dialect import gl, jit

MAX_WIDTH = 6144  # the backward pass of a wider row would not fit into registers
_TILE = 2048  # elements; a tile of a wider row is that row
_WARPS_PER_PROCESSOR = {"forward": 24, "backward": 16}  # what the registers of a multiprocessor hold of each kernel
_BACKWARD_REGISTERS = 65536 // (32 * _WARPS_PER_PROCESSOR["backward"])


@jit
def _load(base, row, stride, r_R, d_D, R, D: tl.constexpr):
    """Rows `row` + r_R as they lie in memory; 0 past the last row and the last column."""
    mask_RD = (row + r_R < R)[:, None] & (d_D < D)[None, :]
    return gl.load(base + row * stride + (r_R[:, None] * stride + d_D[None, :]), mask=mask_RD, other=0.0)


@jit
def _store(base, row, value_RD, r_R, d_D, R, D: tl.constexpr):
    mask_RD = (row + r_R < R)[:, None] & (d_D < D)[None, :]
    pointers = base + row * D + (r_R[:, None] * D + d_D[None, :])
    gl.store(pointers, value_RD.to(base.dtype.element_ty), mask=mask_RD)


@jit
def _load_R(base, row, r_R, R):
    return gl.load(base + row + r_R, mask=row + r_R < R, other=0.0)


@jit
def _rounded(stream_RD, weight):
    """The stream as the norm sees it: through the weight's type."""
    return stream_RD.to(weight.dtype.element_ty).to(gl.float32)


@jit(do_not_specialize=["R"])
def add_norm_forward(
    hidden, update, weight, bias,  # inputs
    stream, normed, stats,  # outputs; stats: 1 / deviation of each row, then the means unless IS_RMS
    scale, eps, R, hidden_r, update_r,
    D: tl.constexpr, ROWS: tl.constexpr, BLOCK_D: tl.constexpr, IS_RMS: tl.constexpr,
    HAS_UPDATE: tl.constexpr, HAS_BIAS: tl.constexpr, RD: tl.constexpr,
):  # fmt: skip
    r_R = gl.arange(0, ROWS, gl.SliceLayout(1, RD))
    d_D = gl.arange(0, BLOCK_D, gl.SliceLayout(0, RD))
    weight_D = gl.load(weight + d_D, mask=d_D < D, other=0.0).to(gl.float32)
    bias_D = weight_D
    if HAS_BIAS:
        bias_D = gl.load(bias + d_D, mask=d_D < D, other=0.0).to(gl.float32)
    first, step = gl.program_id(0).to(gl.int64) * ROWS, gl.num_programs(0) * ROWS
    next_hidden_RD = _load(hidden, first, hidden_r, r_R, d_D, R, D)
    next_update_RD = next_hidden_RD
    if HAS_UPDATE:
        next_update_RD = _load(update, first, update_r, r_R, d_D, R, D)
    for i in range(gl.cdiv(R - first, step)):
        row = first + i * step
        stream_RD, update_RD = next_hidden_RD.to(gl.float32), next_update_RD
        next_hidden_RD = _load(hidden, row + step, hidden_r, r_R, d_D, R, D)
        next_update_RD = next_hidden_RD
        if HAS_UPDATE:
            next_update_RD = _load(update, row + step, update_r, r_R, d_D, R, D)
            stream_RD = (stream_RD + update_RD.to(gl.float32) * scale).to(stream.dtype.element_ty)
            _store(stream, row, stream_RD, r_R, d_D, R, D)
        centred_RD = _rounded(stream_RD, weight)
        if not IS_RMS:
            mean_R = gl.sum(centred_RD, axis=1) / D
            centred_RD = gl.where((d_D < D)[None, :], centred_RD - mean_R[:, None], 0.0)
            gl.store(stats + R + row + r_R, mean_R, mask=row + r_R < R)
        scale_R = gl.rsqrt(gl.sum(centred_RD * centred_RD, axis=1) / D + eps)
        gl.store(stats + row + r_R, scale_R, mask=row + r_R < R)
        normed_RD = centred_RD * scale_R[:, None] * weight_D[None, :]
        if HAS_BIAS:
            normed_RD += bias_D[None, :]
        _store(normed, row, normed_RD, r_R, d_D, R, D)


@jit(do_not_specialize=["R"])
def add_norm_backward(
    stream, stats, weight, grad_stream, grad_normed,  # inputs
    grad_hidden, grad_update, partial,  # outputs
    scale, R, stream_r, grad_stream_r, grad_normed_r,
    D: tl.constexpr, ROWS: tl.constexpr, BLOCK_D: tl.constexpr, IS_RMS: tl.constexpr,
    HAS_UPDATE: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_GRAD_STREAM: tl.constexpr, RD: tl.constexpr,
):  # fmt: skip
    r_R = gl.arange(0, ROWS, gl.SliceLayout(1, RD))
    d_D = gl.arange(0, BLOCK_D, gl.SliceLayout(0, RD))
    weight_D = gl.load(weight + d_D, mask=d_D < D, other=0.0).to(gl.float32)
    grad_weight_RD = gl.zeros([ROWS, BLOCK_D], gl.float32, RD)
    grad_bias_RD = gl.zeros([ROWS, BLOCK_D], gl.float32, RD)
    first, step = gl.program_id(0).to(gl.int64) * ROWS, gl.num_programs(0) * ROWS
    next_stream_RD = _load(stream, first, stream_r, r_R, d_D, R, D)
    next_normed_RD = _load(grad_normed, first, grad_normed_r, r_R, d_D, R, D)
    next_grad_RD = next_stream_RD
    if HAS_GRAD_STREAM:
        next_grad_RD = _load(grad_stream, first, grad_stream_r, r_R, d_D, R, D)
    means = stats + R * (not IS_RMS)
    next_scale_R, next_mean_R = _load_R(stats, first, r_R, R), _load_R(means, first, r_R, R)
    for i in range(gl.cdiv(R - first, step)):
        row = first + i * step
        centred_RD = _rounded(next_stream_RD, weight)
        normed_RD, grad_RD = next_normed_RD.to(gl.float32), next_grad_RD
        scale_R, mean_R = next_scale_R, next_mean_R
        next_stream_RD = _load(stream, row + step, stream_r, r_R, d_D, R, D)
        next_normed_RD = _load(grad_normed, row + step, grad_normed_r, r_R, d_D, R, D)
        next_grad_RD = next_stream_RD
        if HAS_GRAD_STREAM:
            next_grad_RD = _load(grad_stream, row + step, grad_stream_r, r_R, d_D, R, D)
        next_scale_R, next_mean_R = _load_R(stats, row + step, r_R, R), _load_R(means, row + step, r_R, R)
        if not IS_RMS:
            centred_RD -= mean_R[:, None]
        unit_RD = centred_RD * scale_R[:, None]  # past the last column its factors below are 0
        slope_RD = normed_RD * weight_D[None, :]
        total_RD = slope_RD - unit_RD * (gl.sum(slope_RD * unit_RD, axis=1) / D)[:, None]
        if not IS_RMS:
            total_RD -= (gl.sum(slope_RD, axis=1) / D)[:, None]
        total_RD *= scale_R[:, None]
        if HAS_GRAD_STREAM:
            total_RD += grad_RD.to(gl.float32)
        _store(grad_hidden, row, total_RD, r_R, d_D, R, D)
        if HAS_UPDATE:
            _store(grad_update, row, total_RD * scale, r_R, d_D, R, D)
        grad_weight_RD += normed_RD * unit_RD
        if HAS_BIAS:
            grad_bias_RD += normed_RD
    partial += gl.program_id(0) * D * (1 + HAS_BIAS)
    gl.store(partial + d_D, gl.sum(grad_weight_RD, axis=0), mask=d_D < D)
    if HAS_BIAS:
        gl.store(partial + D + d_D, gl.sum(grad_bias_RD, axis=0), mask=d_D < D)


def add_norm(
    hidden: Tensor,
    update: Tensor | None,
    weight_D: Tensor,
    bias_D: Tensor | None = None,
    *,
    eps: float,
    is_rms: bool,
    scale: float = 1.0,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """`reference.add_norm`, same arguments and result, for D up to MAX_WIDTH."""
    _check(hidden, update, weight_D, bias_D, is_rms)
    dtype = weight_D.dtype if dtype is None else dtype
    if not hidden.numel():
        return reference.add_norm(hidden, update, weight_D, bias_D, eps=eps, is_rms=is_rms, scale=scale, dtype=dtype)
    if update is not None:
        hidden = hidden.to(torch.promote_types(hidden.dtype, update.dtype))
    bias_D = None if bias_D is None else bias_D.contiguous()
    stream, normed, _ = _add_norm(hidden, update, weight_D.contiguous(), bias_D, float(scale), eps, is_rms, dtype)
    return hidden if update is None else stream, normed


def _check(hidden: Tensor, update: Tensor | None, weight_D: Tensor, bias_D: Tensor | None, is_rms: bool) -> None:
    width = hidden.shape[-1]
    if width > MAX_WIDTH:
        raise ValueError(f"hidden must have a width of at most {MAX_WIDTH}, got {width}")
    if is_rms and bias_D is not None:
        raise ValueError("bias must be None with is_rms: the root-mean-square norm has none")
    expected = {"update": (update, hidden.shape), "weight": (weight_D, (width,)), "bias": (bias_D, (width,))}
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tensor.shape != shape:
            raise ValueError(f"{name} must have the shape {tuple(shape)}, got {tuple(tensor.shape)}")


def _rows(tensor: Tensor) -> Tensor:
    """[R, D] with contiguous rows: a view wherever the leading axes can be merged."""
    tensor = tensor.reshape(-1, tensor.shape[-1])
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


@lru_cache
def _tiling(width: int) -> tuple[dict, int]:
    """The tile's constants and its number of warps."""
    block = max(128, 1 << (width - 1).bit_length())  # 128: a warp's 32 threads of 4 neighbours each
    rows = max(1, _TILE // block)
    num_warps = 8 if width <= 3072 else 16  # 12 elements a thread: what _BACKWARD_REGISTERS hold
    warps_of_rows = min(rows, num_warps)
    layout = gl.BlockedLayout([1, 4], [1, 32], [warps_of_rows, num_warps // warps_of_rows], [1, 0])
    return {"D": width, "ROWS": rows, "BLOCK_D": block, "RD": layout}, num_warps


def _num_programs(tensor: Tensor, num_rows: int, direction: str) -> int:
    """As many as run at once, and no more than tiles."""
    tiling, num_warps = _tiling(tensor.shape[-1])
    per_processor = _WARPS_PER_PROCESSOR[direction] // num_warps
    processors = torch.cuda.get_device_properties(tensor.device).multi_processor_count if tensor.is_cuda else 1
    return min(-(-num_rows // tiling["ROWS"]), per_processor * processors)


@torch.library.custom_op("sambay::triton_add_norm", mutates_args=())
def _add_norm(
    hidden: Tensor, update: Tensor | None, weight: Tensor, bias: Tensor | None, scale: float, eps: float, is_rms: bool,
    dtype: torch.dtype,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Returns the new stream (empty without an update), the normed stream, and what the kernel calls stats."""
    stream, normed, stats = _outputs(hidden, update, is_rms, dtype)
    hidden_RD, update_RD = _rows(hidden), _rows(hidden if update is None else update)
    tiling, num_warps = _tiling(hidden.shape[-1])
    with torch.cuda.device(hidden.device if hidden.is_cuda else -1):
        add_norm_forward[(_num_programs(hidden, len(hidden_RD), "forward"),)](
            hidden_RD, update_RD, weight, weight if bias is None else bias, stream, normed, stats, scale, eps,
            len(hidden_RD), hidden_RD.stride(0), update_RD.stride(0), IS_RMS=is_rms, HAS_UPDATE=update is not None,
            HAS_BIAS=bias is not None, **tiling, num_warps=num_warps,
        )  # fmt: skip
    return stream, normed, stats


def _outputs(hidden: Tensor, update: Tensor | None, is_rms: bool, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    stats = hidden.new_empty(1 if is_rms else 2, hidden.numel() // hidden.shape[-1], dtype=torch.float32)
    stream = hidden.new_empty(0 if update is None else hidden.shape)
    return stream, hidden.new_empty(hidden.shape, dtype=dtype), stats


@_add_norm.register_fake
def _(hidden, update, weight, bias, scale, eps, is_rms, dtype):
    return _outputs(hidden, update, is_rms, dtype)


@torch.library.custom_op("sambay::triton_add_norm_backward", mutates_args=())
def _add_norm_backward(
    stream: Tensor, stats: Tensor, weight: Tensor, grad_stream: Tensor | None, grad_normed: Tensor, scale: float,
    has_bias: bool, update_dtype: torch.dtype | None,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Gradients of hidden, of the update (empty without one), and of weight and bias as the rows of one tensor."""
    is_rms, num_rows = stats.shape[0] == 1, stats.shape[1]
    num_programs = _num_programs(stream, num_rows, "backward")
    tiling, num_warps = _tiling(stream.shape[-1])
    partial = stats.new_empty(num_programs, 1 + has_bias, stream.shape[-1])
    grad_hidden, grad_update = _gradients(stream, update_dtype)
    stream_RD, grad_normed_RD = _rows(stream), _rows(grad_normed)
    grad_stream_RD = stream_RD if grad_stream is None else _rows(grad_stream)
    with torch.cuda.device(stream.device if stream.is_cuda else -1):
        add_norm_backward[(num_programs,)](
            stream_RD, stats, weight, grad_stream_RD, grad_normed_RD, grad_hidden, grad_update, partial, scale,
            num_rows, stream_RD.stride(0), grad_stream_RD.stride(0), grad_normed_RD.stride(0), IS_RMS=is_rms,
            HAS_UPDATE=update_dtype is not None, HAS_BIAS=has_bias, HAS_GRAD_STREAM=grad_stream is not None,
            **tiling, num_warps=num_warps, maxnreg=_BACKWARD_REGISTERS,
        )  # fmt: skip
    return grad_hidden, grad_update, partial.sum(0)


def _gradients(stream: Tensor, update_dtype: torch.dtype | None) -> tuple[Tensor, Tensor]:
    shape = 0 if update_dtype is None else stream.shape
    return stream.new_empty(stream.shape), stream.new_empty(shape, dtype=update_dtype or stream.dtype)


@_add_norm_backward.register_fake
def _(stream, stats, weight, grad_stream, grad_normed, scale, has_bias, update_dtype):
    return *_gradients(stream, update_dtype), stats.new_empty(1 + has_bias, stream.shape[-1])


def _save_for_backward(ctx, inputs, output) -> None:
    hidden, update, weight, bias, ctx.scale, *_ = inputs
    ctx.save_for_backward(hidden if update is None else output[0], output[2], weight)
    ctx.update_dtype, ctx.bias_dtype = (None if tensor is None else tensor.dtype for tensor in (update, bias))
    ctx.set_materialize_grads(False)  # no zeros for what nobody used


def _add_norm_grad(ctx, grad_stream, grad_normed, _grad_stats):
    stream, stats, weight = ctx.saved_tensors
    if grad_normed is None:
        grad_normed = torch.zeros_like(stream)
    if ctx.update_dtype is None:
        grad_stream = None
    grad_hidden, grad_update, grad_sums = _add_norm_backward(
        stream, stats, weight, grad_stream, grad_normed, ctx.scale, ctx.bias_dtype is not None, ctx.update_dtype
    )
    return (
        grad_hidden, None if ctx.update_dtype is None else grad_update, grad_sums[0].to(weight.dtype),
        None if ctx.bias_dtype is None else grad_sums[1].to(ctx.bias_dtype), None, None, None, None,
    )  # fmt: skip


torch.library.register_autograd("sambay::triton_add_norm", _add_norm_grad, setup_context=_save_for_backward)
