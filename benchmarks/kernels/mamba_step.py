"""A Mamba layer's decode step: correct first, then timed in CUDA graphs beside the floor of bytes at 3.0 TB/s.

    python benchmarks/kernels/mamba_step.py [--json FILE]      # one GPU, half a minute
    python benchmarks/kernels/mamba_step.py --tiny             # a CPU, in Triton's interpreter: no speeds

A graph holds many calls on slots (and weights of the product that makes dt) taken in turn from more memory than the
second-level cache holds, since a decode step reads gigabytes between two uses of a state; the tokens, which the kernel
before has just written, stay hot. A time is a graph's divided by its calls, so the gaps between kernels count. Bytes:
states and tails read and written, tokens read and written, weights read once a call.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when a kernel is defined
sys.path.insert(0, str(Path(__file__).parent))
from isolated import kernel_module
from timing import device_name, milliseconds, relative_error

kernel, twin, reference = (kernel_module(name) for name in ("decode_mamba", "reference_decode", "reference"))
gate = kernel_module("fused").gate
BYTES_PER_US = 3.0e6
MAX_CALLS = 600  # of a graph: 200 MB of the states of one sequence
LIMITS = {"states": 1e-5, "tails": 0.0}  # the rest is rounded to bfloat16: 6e-3


class Step:
    """Random weights of one layer, pools of `num_slots` slots, and the tokens of `batch` sequences."""

    def __init__(self, batch: int, num_tokens: int, sizes: argparse.Namespace, num_slots: int) -> None:
        draw = partial(torch.randn, device="cuda" if torch.cuda.is_available() else "cpu")
        E, N, R, K = sizes.channels, sizes.states, sizes.rank, sizes.taps
        self.batch, self.num_slots = batch, num_slots
        self.weight, self.bias, self.D = draw(E, K).to(sizes.dtype), draw(E).to(sizes.dtype), draw(E).to(sizes.dtype)
        self.delta_bias = torch.log(torch.expm1(torch.logspace(-3, -1, E, device=self.D.device))).to(sizes.dtype)
        self.A = -torch.arange(1.0, N + 1, device=self.D.device).expand(E, N).contiguous()
        self.tails, self.states = draw(num_slots, E, K - 1).to(sizes.dtype), draw(num_slots, E, N)
        self.x, self.gate = draw(batch, num_tokens, 2 * E).to(sizes.dtype).chunk(2, dim=-1)
        self.rank, self.B, self.C = draw(batch, num_tokens, R + 2 * N).to(sizes.dtype).split([R, N, N], dim=-1)
        self.delta = draw(batch, num_tokens, E).to(sizes.dtype)
        shuffled = torch.randperm(num_slots - 1, device=self.D.device) + 1
        self.turns = itertools.cycle(shuffled[: len(shuffled) // batch * batch].view(-1, batch).unbind())

    def conv(self, operations, slots: Tensor, lengths: Tensor | None = None) -> Tensor:
        return operations.conv_step(self.x, self.tails, self.weight, self.bias, slots, lengths_B=lengths)

    def recurrence(self, operations, slots: Tensor, lengths: Tensor | None = None, memory: bool = False):
        return operations.mamba_step(
            self.x, self.delta, self.A, self.B, self.C, self.D, self.states, slots, delta_bias_E=self.delta_bias,
            gate_BSE=self.gate, lengths_B=lengths, return_memory=memory,
        )  # fmt: skip


def check(batch: int, num_tokens: int, sizes: argparse.Namespace) -> float:
    """The worst relative error of an output that is rounded, after all results were held against the plain twin's."""
    step = Step(batch, num_tokens, sizes, num_slots=batch + 2)
    slots = next(step.turns)
    lengths = None if num_tokens == 1 else torch.arange(batch, device=slots.device) % (num_tokens + 1)
    before, results = (step.tails.clone(), step.states.clone()), []
    for operations in (kernel, twin):
        step.tails.copy_(before[0]), step.states.copy_(before[1])
        output, memory = step.recurrence(operations, slots, lengths, memory=True)
        x = step.conv(operations, slots, lengths)
        results.append({"x": x, "output": output, "memory": memory, "tails": step.tails.clone()})
        results[-1]["states"] = step.states.clone()
    results[0]["gate"], results[1]["gate"] = gate(step.x, step.gate), reference.gate(step.x, step.gate)
    errors = {name: relative_error(found, results[1][name]) for name, found in results[0].items()}
    if wrong := {name: error for name, error in errors.items() if not error <= LIMITS.get(name, 6e-3)}:
        raise SystemExit(f"{batch} sequences of {num_tokens} tokens: wrong {wrong}")
    return max(error for name, error in errors.items() if name not in LIMITS)


def microseconds(call: Callable[[], object], num_calls: int, repeats: int) -> float:
    """Of one call: in a CUDA graph of many, or by the clock on a CPU."""
    if not torch.cuda.is_available():
        return 1e3 * milliseconds(call, repeats=1, warmup=0)
    call()  # compiles outside the graph
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(num_calls):
            call()
    return 1e3 * milliseconds(graph.replay, repeats) / num_calls


def operations_of(step: Step, sizes: argparse.Namespace) -> dict[str, tuple[Callable[[], object], float]]:
    """Name: a call on the next slots, and the bytes it must move."""
    E, N, R, K, batch, size = sizes.channels, sizes.states, sizes.rank, sizes.taps, step.batch, step.x.element_size()
    copies = max(1, sizes.cold_bytes // (E * R * size))
    projections = itertools.cycle(torch.randn(copies, E, R, device=step.x.device).to(sizes.dtype).unbind())
    conv_bytes = batch * E * size * (2 + 2 * (K - 1)) + E * size * (K + 1)
    scan_bytes = batch * (8 * E * N + size * (4 * E + 2 * N)) + E * (4 * N + 2 * size)
    return {
        "conv_step": (lambda: step.conv(kernel, next(step.turns)), conv_bytes),
        "mamba_step": (lambda: step.recurrence(kernel, next(step.turns)), scan_bytes),
        "plain mamba_step": (lambda: step.recurrence(twin, next(step.turns)), scan_bytes),
        "gate": (lambda: gate(step.x, step.gate), 3 * batch * E * size),
        "dt product": (lambda: F.linear(step.rank, next(projections)), size * (E * R + batch * (E + R))),
    }


def measure(batch: int, sizes: argparse.Namespace, repeats: int) -> list[dict]:
    tail_bytes = sizes.channels * (sizes.taps - 1) * sizes.dtype.itemsize
    step, rows = Step(batch, 1, sizes, num_slots=1 + max(batch, sizes.cold_bytes // tail_bytes)), []
    num_calls = min(MAX_CALLS, step.num_slots // batch)
    for name, (call, num_bytes) in operations_of(step, sizes).items():
        us, floor_us = microseconds(call, num_calls, repeats), num_bytes / BYTES_PER_US
        rows.append({"batch": batch, "operation": name, "us": us, "floor_us": floor_us})
        times = f"{us / floor_us:7.2f}" if torch.cuda.is_available() else "  a CPU"
        print(f"{batch:5}  {name:16} {us:9.2f} {floor_us:9.2f} {times}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="33 channels, small batches")
    parser.add_argument("--batches", type=int, nargs="+")
    parser.add_argument("--rows", type=int, choices=[1, 2, 4, 8], help="sequences of a program, instead of the chosen")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    big = {"channels": 5_120, "states": 16, "rank": 160, "taps": 4, "dtype": torch.bfloat16, "cold_bytes": 200_000_000}
    sizes = argparse.Namespace(**big)
    if options.tiny:
        sizes = argparse.Namespace(**big | {"channels": 33, "rank": 5, "cold_bytes": 1 << 16})
    if options.rows:
        kernel._ROWS = ((1, options.rows),)
    batches = options.batches or ([1, 3] if options.tiny else [1, 16, 64, 256])
    print(device_name(), "torch", torch.__version__)
    with torch.no_grad():
        worst = max(check(batch, num_tokens, sizes) for batch in batches for num_tokens in (1, 3))
        print(f"correct: states within 1e-5, tails to the bit, outputs within {worst:.1e} of the plain twin's")
        print(f"batch  {'operation':16} {'us':>9} {'floor':>9} {'times':>7}")
        rows = [row for batch in batches for row in measure(batch, sizes, options.repeats)]
    if options.json:
        report = {"device": device_name(), "torch": torch.__version__, "worst_error": worst, "rows": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
