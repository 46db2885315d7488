from __future__ import annotations

import pytest
import torch

from sambay.benchmarking.busy import gpu_shares, shares


@pytest.mark.parametrize(
    ("intervals", "wanted"),
    [
        ([(0.0, 10.0)], (1.0, 0.0)),
        ([(5.0, 10.0), (0.0, 5.0)], (1.0, 0.0)),
        ([(0.0, 40.0), (60.0, 100.0)], (0.8, 0.2)),
        ([(0.0, 45.0), (50.0, 100.0)], (0.95, 0.0)),  # a gap within a graph
        ([(0.0, 60.0), (10.0, 20.0), (50.0, 70.0), (95.0, 100.0)], (0.75, 0.25)),  # streams side by side
        ([(0.0, 100.0), (10.0, 20.0), (90.0, 95.0)], (1.0, 0.0)),
        ([(7.0, 7.0)], (1.0, 0.0)),
    ],
)
def test_what_is_covered_and_what_waits(intervals: list, wanted: tuple) -> None:
    assert shares(intervals, host_gap=10.0) == pytest.approx(wanted)


def test_without_a_gpu_there_is_nothing_to_say() -> None:
    assert gpu_shares(lambda: pytest.fail("not asked for"), torch.device("cpu")) == {}


@pytest.mark.gpu
def test_a_gpu_that_waits_is_seen() -> None:
    import time

    device = torch.device("cuda")
    matrix = torch.randn(4096, 4096, device=device)

    def work(pause_s: float) -> None:
        for _ in range(10):
            torch.mm(matrix, matrix)
            if pause_s:
                torch.cuda.synchronize()
                time.sleep(pause_s)

    work(0.0)
    without, with_pauses = gpu_shares(lambda: work(0.0), device), gpu_shares(lambda: work(0.02), device)
    assert without["gpu_busy"] > 0.9
    assert without["gpu_waiting"] < 0.05
    assert with_pauses["gpu_busy"] < 0.5
    assert with_pauses["gpu_waiting"] > 0.5
