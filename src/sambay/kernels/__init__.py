"""The operations the model calls, chosen by the device of their inputs: kernels for GPUs, else the plain twins.

The environment variable SAMBAY_KERNELS=reference keeps to the plain twins everywhere.
"""

import importlib
import os
from collections.abc import Callable
from functools import cache, wraps
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from sambay.kernels import reference, reference_decode, reference_paged
from sambay.kernels.reference import differential_combine

__all__ = [
    "add_norm",
    "causal_conv",
    "conv_step",
    "decode_add_norm",
    "decode_gate",
    "differential_combine",
    "gate",
    "mamba_step",
    "paged_attention",
    "selective_scan",
    "write_cache",
]

_loaded: dict[str, Callable[..., Any]] = {}
_KERNEL_DTYPES = (torch.float32, torch.bfloat16, torch.float16)


def _by_device(
    operation: str,
    module: str,
    fits: Callable[..., bool],
    plain_twins: ModuleType = reference,
    is_for_engine: bool = False,
) -> Callable[..., Any]:
    """The operation of that name: `sambay.kernels.<module>` where it serves these inputs, else its plain twin."""
    plain = getattr(plain_twins, operation)

    @wraps(plain)
    def chosen(x: Tensor, *arguments: Any, **options: Any) -> Any:
        # One token a sequence stays plain: launching a kernel costs the host more than its few elements. Not so for
        # the engine, whose CUDA graphs take the launches away.
        is_worth_it = is_for_engine or (x.ndim == 3 and x.shape[1] > 1)
        is_served = _is_on_gpu(x) and is_worth_it and fits(*arguments)
        if not (is_served and _has_kernel(operation, module)):
            return plain(x, *arguments, **options)
        return _loaded[operation](x, *arguments, **options)

    return chosen


def _is_on_gpu(x: Tensor) -> bool:
    return x.is_cuda and x.dtype in _KERNEL_DTYPES


@torch.compiler.assume_constant_result
def _has_kernel(operation: str, module: str) -> bool:
    """Whether there is a kernel, which is then in `_loaded`; torch.compile asks once and keeps the answer."""
    if operation not in _loaded and (kernel := _load(operation, module)) is not None:
        _loaded[operation] = kernel
    return operation in _loaded


@cache
def _load(operation: str, module: str) -> Callable[..., Any] | None:
    """The kernel, or None where this process cannot run it: without an NVIDIA GPU or Triton's layout dialect."""
    choice = os.environ.get("SAMBAY_KERNELS", "auto")
    if choice not in ("auto", "reference"):
        raise ValueError(f"SAMBAY_KERNELS={choice!r}: allowed are 'auto' and 'reference'")
    if choice == "reference" or torch.version.cuda is None:
        return None
    try:
        importlib.import_module("triton.experimental.gluon")
    except ImportError:
        return None
    return getattr(importlib.import_module(f"sambay.kernels.{module}"), operation)


def _is_power_of_two_to_128(_delta: Tensor, A_EN: Tensor, *_: Tensor) -> bool:
    num_states = A_EN.shape[1]
    return num_states <= 128 and num_states & (num_states - 1) == 0


def _is_width_to_6144(update: Tensor | None, weight_D: Tensor, *_: Tensor) -> bool:
    return weight_D.shape[0] <= 6144 and all(x is None or x.dtype in _KERNEL_DTYPES for x in (update, weight_D))


def _any(*_: Any) -> bool:
    return True


selective_scan = _by_device("selective_scan", "scan", _is_power_of_two_to_128)
causal_conv = _by_device("causal_conv", "convolution", _any)
gate = _by_device("gate", "fused", _any)
add_norm = _by_device("add_norm", "norm", _is_width_to_6144)

# The engine's.
decode_gate = _by_device("gate", "fused", _any, is_for_engine=True)
decode_add_norm = _by_device("add_norm", "norm", _is_width_to_6144, is_for_engine=True)
conv_step = _by_device("conv_step", "decode_mamba", _any, reference_decode, is_for_engine=True)
mamba_step = _by_device("mamba_step", "decode_mamba", _is_power_of_two_to_128, reference_decode, is_for_engine=True)
paged_attention = _by_device("paged_attention", "paged", _any, reference_paged, is_for_engine=True)
write_cache = _by_device("write_cache", "paged", _any, reference_paged, is_for_engine=True)
