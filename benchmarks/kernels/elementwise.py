"""The causal convolution with its SiLU, and value * silu(gate): correct first, then timed beside plain PyTorch.

    python benchmarks/kernels/elementwise.py

Times are medians of CUDA events in milliseconds on fresh random bf16 inputs; the floor is the bytes that
must move at 3.0 TB/s.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent))
from isolated import kernel_module
from scan import milliseconds, relative_error

causal_conv = kernel_module("convolution").causal_conv
gate = kernel_module("fused").gate
reference = kernel_module("reference")


def main() -> None:
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    for shape in [(2, 1_001, 515), (1, 8_192, 5_120), (8, 4_096, 3_968)]:
        x, _ = halves(shape)
        weight, bias = torch.randn(shape[2], 4, device="cuda"), torch.randn(shape[2], device="cuda")
        report("conv", shape, causal_conv, reference.causal_conv, eager_conv, [x, weight, bias])
    for shape in [(3, 501, 515), (1, 8_192, 10_240), (8, 4_096, 7_936)]:
        report("gate", shape, gate, reference.gate, eager_gate, list(halves(shape)))


def halves(shape) -> tuple[torch.Tensor, torch.Tensor]:
    """Of one projection: strided views."""
    both = torch.randn(*shape[:2], 2 * shape[2], device="cuda", dtype=torch.bfloat16)
    return both.chunk(2, dim=-1)


def eager_conv(x, weight, bias):
    weight, bias = weight[:, None].to(x.dtype), bias.to(x.dtype)
    total = F.conv1d(x.transpose(1, 2), weight, bias, padding=3, groups=x.shape[2])
    return F.silu(total[..., : x.shape[1]]).transpose(1, 2)


def eager_gate(value, gates):
    return value * F.silu(gates)


def report(name, shape, ours, twin, eager, given) -> None:
    results = []
    weight = torch.randn(shape, device="cuda")
    for function, leaves in ((ours, given), (twin, [tensor.float() for tensor in given])):
        leaves = [leaf.detach().requires_grad_() for leaf in leaves]
        output = function(*leaves)
        (output.float() * weight).sum().backward()
        results.append([output.detach(), *(leaf.grad for leaf in leaves)])
    worst = max(relative_error(found, wanted) for found, wanted in zip(*results, strict=True))
    if not worst <= 1e-2:
        raise SystemExit(f"{name} {shape} is wrong: {worst:.1e}")
    times = []
    for function in (ours, eager):
        leaves = [leaf.detach().requires_grad_() for leaf in given]
        output = function(*leaves)
        grad = torch.randn_like(output)
        times.append(milliseconds(partial(function, *leaves)))
        times.append(milliseconds(partial(torch.autograd.grad, output, leaves, grad, retain_graph=True)))
    elements = output.numel() * 2 / 3e9  # ms to move one bf16 tensor of the output's size at 3.0 TB/s
    moved = (2, 3) if name == "conv" else (3, 5)
    print(
        f"{name} {shape}: worst error {worst:.1e}; "
        f"forward {times[0]:.3f} (PyTorch {times[2]:.3f}, floor {moved[0] * elements:.3f}), "
        f"backward {times[1]:.3f} (PyTorch {times[3]:.3f}, floor {moved[1] * elements:.3f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
