"""How much of a stretch of time the GPU works, and how much it waits for the host, from a profiler's record."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch.profiler import ProfilerActivity, profile

HOST_GAP_US = 20.0  # a graph's kernels lie closer together; longer gaps are the host's


def gpu_shares(run: Callable[[], object], device: torch.device) -> dict[str, float]:
    """Shares of the time from the first kernel of `run` to its last: `gpu_busy`, in which a kernel or copy runs, and
    `gpu_waiting`, of gaps longer than HOST_GAP_US, in which the GPU waits for the host. Empty where there is no GPU."""
    if device.type != "cuda":
        return {}
    torch.cuda.synchronize(device)
    with profile(activities=[ProfilerActivity.CUDA]) as found:
        run()
        torch.cuda.synchronize(device)
    intervals = [
        (event.time_range.start, event.time_range.end)
        for event in found.events() or ()
        if event.device_type == torch.autograd.DeviceType.CUDA
        and not getattr(event, "is_user_annotation", False)
        and not event.name.endswith(" Sync")  # the host's waiting, which some versions list beside kernels
    ]
    if not intervals:
        return {}
    busy, waiting = shares(intervals)
    return {"gpu_busy": busy, "gpu_waiting": waiting}


def shares(intervals: Iterable[tuple[float, float]], host_gap: float = HOST_GAP_US) -> tuple[float, float]:
    """Of the time from the first start to the last end: what the intervals cover together, and the gaps above
    `host_gap`. Intervals (start, end) may overlap and come in any order; at least one."""
    ordered = sorted(intervals)
    began = at = ordered[0][0]
    busy = waiting = 0.0
    for start, end in ordered:
        gap = max(0.0, start - at)
        waiting += gap if gap > host_gap else 0.0
        busy += max(0.0, end - max(at, start))
        at = max(at, end)
    whole = at - began
    return (busy / whole, waiting / whole) if whole > 0 else (1.0, 0.0)
