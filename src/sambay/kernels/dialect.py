"""The language our kernels are written in: Gluon on a GPU, the same source through Triton's interpreter on a CPU.

Gluon is Triton with the layouts in our hands: which thread holds which element. The scan's speed is in its layouts (all
tokens of a tile in one thread, so that the recurrence is a chain of registers), and Triton proper chooses them itself.
Gluon has no interpreter, but a layout never changes a value: for TRITON_INTERPRET=1 this file offers Triton's functions
under Gluon's names and drops the layouts, so that arithmetic, masks and indices are tested without a GPU.
"""

from __future__ import annotations

from typing import Any

import triton
import triton.language as tl

IS_INTERPRETED: bool = triton.knobs.runtime.interpret

if not IS_INTERPRETED:
    from triton.experimental import gluon
    from triton.experimental.gluon import language as gl

    jit = gluon.jit

    @jit
    def exp2(x):
        """2**x in one instruction: the flushing of subnormal results spares two more."""
        return gl.inline_asm_elementwise(
            "ex2.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=gl.float32, is_pure=True, pack=1
        )

    @jit
    def reciprocal(x):
        return gl.inline_asm_elementwise(
            "rcp.approx.ftz.f32 $0, $1;", "=f,f", [x], dtype=gl.float32, is_pure=True, pack=1
        )

else:
    from triton.runtime.interpreter import TensorHandle

    jit = triton.jit

    class _WithoutLayouts:
        """Triton's functions under Gluon's names. Looked up at each call: the interpreter patches them in place."""

        def __getattr__(self, name: str) -> Any:
            return getattr(tl, name)

        def arange(self, start: int, end: int, layout: object = None) -> Any:
            return tl.arange(start, end)

        # Triton's own zeros, cdiv and sum are kernels too: compiled ones, where Triton was imported before the
        # variable was set.

        def zeros(self, shape: list[int], dtype: Any, layout: object = None) -> Any:
            return tl.full(shape, 0, dtype)

        def zeros_like(self, value: Any) -> Any:
            return tl.full(value.shape, 0, value.dtype)

        def cdiv(self, x: Any, y: Any) -> Any:
            return (x + y - 1) // y

        def sum(self, value: Any, axis: int) -> Any:
            return _tensor(value.handle.data.sum(axis), value.dtype)

        def max(self, value: Any, axis: int) -> Any:
            return _tensor(value.handle.data.max(axis), value.dtype)

        def range(self, start: Any, end: Any, step: int) -> Any:
            """Triton 3.6's own fails on numbers of the program with newer NumPy."""
            return range(start.handle.data.item(), end.handle.data.item(), step)

        def full(self, shape: list[int], value: float, dtype: Any, layout: object = None) -> Any:
            return tl.full(shape, value, dtype)

        def convert_layout(self, value: Any, layout: object) -> Any:
            return value

        def BlockedLayout(self, *args: object) -> None:
            return None

        def SliceLayout(self, dim: int, parent: object) -> None:
            return None

        def associative_scan(self, inputs: tuple, axis: int, combine: Any, reverse: bool = False) -> tuple:
            """Triton's interpreter goes element by element; this goes slice by slice along `axis`."""
            outputs = [value.handle.data.copy() for value in inputs]
            length = outputs[0].shape[axis]
            carried = None
            for step in reversed(range(length)) if reverse else range(length):
                at = (slice(None),) * axis + (step,)
                here = tuple(_tensor(value.handle.data[at], value.dtype) for value in inputs)
                carried = here if carried is None else combine(*carried, *here)
                for output, value in zip(outputs, carried, strict=True):
                    output[at] = value.handle.data
            return tuple(_tensor(output, value.dtype) for output, value in zip(outputs, inputs, strict=True))

        def reduce(self, value: Any, axis: int, combine: Any) -> Any:
            """Only for combining functions that choose one side, which is what the kernels use it for."""
            slices = value.handle.data.swapaxes(0, axis)
            earlier, later = (_tensor(slices[i], value.dtype) for i in (0, -1))
            return combine(earlier, later)

    def _tensor(data: Any, dtype: Any) -> Any:
        if data.ndim == 0:
            return tl.tensor(TensorHandle(data.reshape(1), dtype), dtype)
        return tl.tensor(TensorHandle(data.copy(), dtype), tl.block_type(dtype, list(data.shape)))

    gl = _WithoutLayouts()

    @jit
    def exp2(x):
        return tl.exp2(x)

    @jit
    def reciprocal(x):
        return 1.0 / x


@jit
def sigmoid(x):
    return reciprocal(1.0 + exp2(x * -1.4426950408889634))


@jit
def softplus(x):
    """log(1 + exp(x)) with a small relative error for negative x too, where a logarithm of 1 + e has none left.

    With e = exp(-|x|): log(1 + e) = 2 atanh(s), s = e / (2 + e) <= 1/3, whose series ends below float32's rounding.
    """
    e = exp2(gl.abs(x) * -1.4426950408889634)
    s = e * reciprocal(2.0 + e)
    q = s * s
    series = 1.0 + q * (1 / 3 + q * (1 / 5 + q * (1 / 7 + q * (1 / 9 + q * (1 / 11)))))
    return gl.maximum(x, 0.0) + 2.0 * s * series
