"""Time that has passed on a device, and the memory that it had in use at most."""

from __future__ import annotations

import time

import torch


class Clock:
    """Reads the time once all work given to the device is done."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def now(self) -> float:
        """Seconds."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def at_results(self) -> float:
        """Seconds, for who has just read results on the host: waits for no step that has been started since."""
        return time.perf_counter()

    def restart_memory(self) -> int:
        """Forgets the most memory that was in use; returns what is in use, bytes; 0 on a CPU, which counts none."""
        if self.device.type != "cuda":
            return 0
        torch.cuda.reset_peak_memory_stats(self.device)
        return torch.cuda.memory_allocated(self.device)

    def most_memory(self) -> int | None:
        """The most bytes that tensors had in use since; None on a CPU."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else None
