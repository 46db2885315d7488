"""How the kernels' benchmarks time and compare: medians of events on a GPU, of the clock on a CPU."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
import torch._functorch.config
from torch import Tensor

# A backward pass is timed on one graph again and again: compiled ones must not reuse the graph's memory for results.
torch._functorch.config.donated_buffer = False
_CYCLES_PER_MS = 2_000_000  # of a GPU, rounded up


def milliseconds(run: Callable[[], object], repeats: int = 20, warmup: int = 3, host_ms: float | None = None) -> float:
    """The median time of `run` in milliseconds.

    With `host_ms`, a bound of what one run costs the host, the GPU waits until all runs are queued: else what takes it
    less time than the host needs for the launches would be timed at the host's pace.
    """
    for _ in range(warmup):
        run()
    if host_ms is not None and torch.cuda.is_available():
        torch.cuda._sleep(int(repeats * host_ms * _CYCLES_PER_MS))
    times = _on_gpu(run, repeats) if torch.cuda.is_available() else _on_cpu(run, repeats)
    return sorted(times)[repeats // 2]


def _on_gpu(run: Callable[[], object], repeats: int) -> list[float]:
    events = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        end.record()
        events.append((start, end))
    torch.cuda.synchronize()
    return [start.elapsed_time(end) for start, end in events]


def _on_cpu(run: Callable[[], object], repeats: int) -> list[float]:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - began))
    return times


def relative_error(found: Tensor, wanted: Tensor) -> float:
    """Of norms; infinity where `found` has NaN."""
    error = ((found.double() - wanted.double()).norm() / wanted.double().norm()).item()
    return error if error == error else float("inf")


def device_name() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
