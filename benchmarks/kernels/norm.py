"""Adding to the residual stream and the next norm: PyTorch's one by one, fused by torch.compile, and our kernel.

    python benchmarks/kernels/norm.py                                  # one GPU
    python benchmarks/kernels/norm.py --shapes 40x64 --repeats 3       # a CPU, half a minute; without ours

The stream and the norm are float32, the layer's output and the normed input of the next product bfloat16, as in
training under autocast. Correct
first, values and gradients against float64; then medians in milliseconds, beside the floor of the bytes that must move
at 3.0 TB/s. All runs of a kind are queued before the first starts, so that launches are not what is timed.
"Ours" needs Triton, and on a CPU TRITON_INTERPRET=1, which is slow: --shapes 40x64 --kinds ours --repeats 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from isolated import kernel_module
from timing import device_name, milliseconds, relative_error

# bytes of an element that must move: forward reads 4 + 2 and writes 4 + 2; backward reads the stream, its gradient and
# the normed input's, and writes the gradients of the stream and of the layer's output
FORWARD_BYTES, BACKWARD_BYTES = 12, 4 + 4 + 2 + 4 + 2
BYTES_PER_MS = 3.0e9
HOST_MS = 1.0  # more than any of these costs the host to launch
LIMIT = 5e-3  # relative: the normed input and the gradient of the layer's output are rounded to 2^-9


def add_layer_norm(stream: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    stream = torch.add(stream, mixed)
    return stream, F.layer_norm(stream, weight.shape, weight, bias, 1e-5).to(mixed.dtype)


def add_rms_norm(stream: Tensor, mixed: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    stream = torch.add(stream, mixed)
    return stream, F.rms_norm(stream, weight.shape, weight, 1e-5).to(mixed.dtype)


def ours(plain) -> Callable[..., tuple[Tensor, Tensor]]:
    add_norm, is_rms = kernel_module("norm").add_norm, plain is add_rms_norm

    def fused(stream: Tensor, mixed: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return add_norm(stream, mixed, weight, bias, eps=1e-5, is_rms=is_rms, dtype=mixed.dtype)

    return fused


def inputs(plain, shape: tuple[int, int], device: str) -> list[Tensor]:
    stream, mixed = 3 * torch.randn(shape, device=device), torch.randn(shape, device=device).bfloat16()
    weight, bias = 1 + 0.2 * torch.randn(shape[1], device=device), 0.2 * torch.randn(shape[1], device=device)
    return [stream, mixed, weight, bias] if plain is add_layer_norm else [stream, mixed, weight]


def values_and_gradients(function, given: list[Tensor], grads: list[Tensor]) -> list[Tensor]:
    leaves = [tensor.detach().requires_grad_() for tensor in given]
    outputs = function(*leaves)
    sums = [(output * grad.to(output.dtype)).sum() for output, grad in zip(outputs, grads, strict=True)]
    return [*(output.detach() for output in outputs), *torch.autograd.grad(sum(sums), leaves)]


def check(name: str, function, plain, shape: tuple[int, int], device: str) -> None:
    given = inputs(plain, shape, device)
    grads = [torch.randn(shape, device=device).bfloat16() for _ in range(2)]
    found = values_and_gradients(function, given, grads)
    wanted = values_and_gradients(plain, [tensor.double() for tensor in given], [grad.double() for grad in grads])
    worst = max(relative_error(*pair) for pair in zip(found, wanted, strict=True))
    if not worst <= LIMIT:
        raise SystemExit(f"{name} {shape} is wrong: {worst:.1e}")


def measure(function, plain, shape: tuple[int, int], device: str, repeats: int) -> tuple[float, float]:
    leaves = [tensor.requires_grad_() for tensor in inputs(plain, shape, device)]
    outputs = function(*leaves)
    grads = [torch.randn_like(output) for output in outputs]
    backward = partial(torch.autograd.grad, outputs, leaves, grads, retain_graph=True)
    forward = partial(function, *leaves)
    return milliseconds(forward, repeats, host_ms=HOST_MS), milliseconds(backward, repeats, host_ms=HOST_MS)


def make(kind: str, plain) -> Callable[..., tuple[Tensor, Tensor]]:
    if kind == "ours":
        return ours(plain)
    return plain if kind == "eager" else torch.compile(plain, dynamic=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["8192x2560", "16384x1984"], metavar="TOKENSxWIDTH")
    kinds = ["eager", "compiled", "ours"] if torch.cuda.is_available() else ["eager", "compiled"]
    parser.add_argument("--kinds", nargs="+", choices=["eager", "compiled", "ours"], default=kinds)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if "ours" in options.kinds and "ours" not in kinds and os.environ.get("TRITON_INTERPRET") != "1":
        parser.error("--kinds ours needs a CUDA device, or TRITON_INTERPRET=1")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(device_name(), "torch", torch.__version__)
    rows = []
    for text in options.shapes:
        shape = tuple(int(part) for part in text.split("x"))
        for plain in (add_layer_norm, add_rms_norm):
            for kind in options.kinds:
                function = make(kind, plain)
                check(f"{plain.__name__} {kind}", function, plain, shape, device)
                forward, backward = measure(function, plain, shape, device, options.repeats)
                row = {"norm": plain.__name__, "kind": kind, "shape": shape}
                rows.append({**row, "forward_ms": forward, "backward_ms": backward})
                floors = [part * shape[0] * shape[1] / BYTES_PER_MS for part in (FORWARD_BYTES, BACKWARD_BYTES)]
                speeds = [
                    floor / ms * BYTES_PER_MS / 1e9 for floor, ms in zip(floors, (forward, backward), strict=True)
                ]
                print(f"{plain.__name__:15} {kind:9} {text}: forward {forward:.3f} ms ({speeds[0]:.2f} TB/s, floor "
                      f"{floors[0]:.3f}), backward {backward:.3f} ms ({speeds[1]:.2f} TB/s, floor {floors[1]:.3f})",
                      flush=True)  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps({"device": device_name(), "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
