"""CUDA graphs of a decode step: one launch instead of hundreds, captured for some batch sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# A batch is padded to the next of these sizes: by less than a half, and by less than a fifth from 64 on.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 48, 56, 64, 72, 80, 96, 112, 128, 144, 160, 192, 224, 256)
_WARM_UPS = 2  # libraries and kernels are loaded and tuned outside of the capture


class DecodeGraphs:
    """Replays `step` (its one input (B, 3), its output (B, V)); batches above the largest size run it as it is.

    A size is captured when it first comes. The output is overwritten by the next replay of any size.
    """

    def __init__(self, step: Callable[[Tensor], Tensor], max_batch: int, device: torch.device) -> None:
        self._step = step
        sizes = [size for size in SIZES if size < max_batch]
        self.sizes = (*sizes, min(max_batch, SIZES[-1]))
        self._input_B3 = torch.zeros(self.sizes[-1], 3, dtype=torch.int64, device=device)
        self._graphs: dict[int, tuple[torch.cuda.CUDAGraph, Tensor]] = {}
        self._pool: Any = None

    def __call__(self, columns_B3: Tensor) -> Tensor:
        batch = len(columns_B3)
        if batch > self.sizes[-1]:
            return self._step(columns_B3)
        size = next(size for size in self.sizes if size >= batch)
        if size not in self._graphs:
            self.capture(size)
        self._input_B3[:batch].copy_(columns_B3, non_blocking=True)
        if size > batch:
            self._input_B3[batch:size].zero_()  # slot 0, position 0
        graph, logits_BV = self._graphs[size]
        graph.replay()
        return logits_BV[:batch]

    def capture(self, size: int) -> None:
        """Records a step of `size` rows that belong to nobody."""
        columns = self._input_B3[:size]
        columns.zero_()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._step(columns)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            logits_BV = self._step(columns)
        self._pool = self._pool or graph.pool()
        self._graphs[size] = (graph, logits_BV)
