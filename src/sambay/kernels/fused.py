"""value * silu(gate) on a GPU, forward and backward in one pass each: SwiGLU and the gated memory unit.

Letters: R rows (all axes but the last), F gated width. Both inputs may be halves of one projection: rows keep their
stride.
"""

# No `from __future__ import annotations`: the kernels' annotations must be objects.
import torch
import triton.language as tl  # constexpr; the interpreter also looks for it here
from torch import Tensor

from sambay.kernels.dialect import gl, jit, sigmoid

_BLOCK_F = 1024
_NUM_WARPS = 4


@jit
def gate_forward(value, gate, output, F, value_r, gate_r, BLOCK_F: tl.constexpr, LAYOUT: tl.constexpr):
    row = gl.program_id(0).to(gl.int64)
    f_F = gl.program_id(1) * BLOCK_F + gl.arange(0, BLOCK_F, LAYOUT)
    value_F = gl.load(value + row * value_r + f_F, mask=f_F < F, other=0.0).to(gl.float32)
    gate_F = gl.load(gate + row * gate_r + f_F, mask=f_F < F, other=0.0).to(gl.float32)
    result_F = (value_F * gate_F * sigmoid(gate_F)).to(output.dtype.element_ty)
    gl.store(output + row * F + f_F, result_F, mask=f_F < F)


@jit
def gate_backward(
    value, gate, grad, grad_value, grad_gate, F, value_r, gate_r, grad_r, BLOCK_F: tl.constexpr, LAYOUT: tl.constexpr
):
    row = gl.program_id(0).to(gl.int64)
    f_F = gl.program_id(1) * BLOCK_F + gl.arange(0, BLOCK_F, LAYOUT)
    value_F = gl.load(value + row * value_r + f_F, mask=f_F < F, other=0.0).to(gl.float32)
    gate_F = gl.load(gate + row * gate_r + f_F, mask=f_F < F, other=0.0).to(gl.float32)
    grad_F = gl.load(grad + row * grad_r + f_F, mask=f_F < F, other=0.0).to(gl.float32)
    sigmoid_F = sigmoid(gate_F)
    slope_F = sigmoid_F * (1.0 + gate_F * (1.0 - sigmoid_F))
    grad_value_F = (grad_F * gate_F * sigmoid_F).to(grad_value.dtype.element_ty)
    gl.store(grad_value + row * F + f_F, grad_value_F, mask=f_F < F)
    gl.store(grad_gate + row * F + f_F, (grad_F * value_F * slope_F).to(grad_gate.dtype.element_ty), mask=f_F < F)


def gate(value: Tensor, gate: Tensor) -> Tensor:
    """`reference.gate`: value * silu(gate), elementwise, in value's type."""
    if value.shape != gate.shape:
        raise ValueError(f"value and gate must have one shape, got {tuple(value.shape)} and {tuple(gate.shape)}")
    return _gate(value, gate) if value.numel() else torch.empty_like(value)


def _rows(tensor: Tensor) -> Tensor:
    """[R, F] with contiguous rows: a view wherever the leading axes can be merged."""
    tensor = tensor.reshape(-1, tensor.shape[-1])
    return tensor if tensor.stride(-1) == 1 else tensor.contiguous()


def _launch(kernel, tensors: list[Tensor], width: int, strides: list[int]) -> None:
    first = tensors[0]
    layout = gl.BlockedLayout([8], [32], [_NUM_WARPS], [0])
    with torch.cuda.device(first.device if first.is_cuda else -1):
        kernel[(first.shape[0], -(-width // _BLOCK_F))](
            *tensors, width, *strides, BLOCK_F=_BLOCK_F, LAYOUT=layout, num_warps=_NUM_WARPS
        )


@torch.library.custom_op("sambay::triton_gate", mutates_args=())
def _gate(value: Tensor, gate: Tensor) -> Tensor:
    output = torch.empty(value.shape, dtype=value.dtype, device=value.device)
    value_RF, gate_RF = _rows(value), _rows(gate)
    _launch(gate_forward, [value_RF, gate_RF, output], value.shape[-1], [value_RF.stride(0), gate_RF.stride(0)])
    return output


@_gate.register_fake
def _(value, gate):
    return value.new_empty(value.shape)


@torch.library.custom_op("sambay::triton_gate_backward", mutates_args=())
def _gate_backward(value: Tensor, gate: Tensor, grad: Tensor) -> tuple[Tensor, Tensor]:
    grad_value, grad_gate = value.new_empty(value.shape), gate.new_empty(gate.shape)
    value_RF, gate_RF, grad_RF = _rows(value), _rows(gate), _rows(grad)
    strides = [value_RF.stride(0), gate_RF.stride(0), grad_RF.stride(0)]
    _launch(gate_backward, [value_RF, gate_RF, grad_RF, grad_value, grad_gate], value.shape[-1], strides)
    return grad_value, grad_gate


@_gate_backward.register_fake
def _(value, gate, grad):
    return value.new_empty(value.shape), gate.new_empty(gate.shape)


def _save_for_backward(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _gate_grad(ctx, grad):
    return _gate_backward(*ctx.saved_tensors, grad)


torch.library.register_autograd("sambay::triton_gate", _gate_grad, setup_context=_save_for_backward)
