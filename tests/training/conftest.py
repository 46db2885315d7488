from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sambay.training import TrainConfig

# Four rows of 32 tokens a step: seconds for a run, and enough to see every part work.
SMALL_RUN: dict[str, Any] = {
    "data": "synthetic",
    "sequence_tokens": 32, "batch_tokens": 128, "total_tokens": 128 * 12, "micro_batch_rows": 4, "precision": "float32",
    "device": "cpu", "base_learning_rate": 1e-3, "base_batch_tokens": 128, "checkpoint_steps": 3,
    "is_progress_shown": False, "warmup_tokens": 128, "loss_chunk_tokens": 64,
}  # fmt: skip


@pytest.fixture
def small_run(tmp_path: Path) -> Callable[..., TrainConfig]:
    """A configuration of twelve steps, with a checkpoint after every third, with fields replaced."""

    def make(folder: str = "run", **fields: Any) -> TrainConfig:
        return TrainConfig(**{"output": str(tmp_path / folder), **SMALL_RUN, **fields})

    return make


@pytest.fixture
def curves() -> None:
    """Asked for by tests that look at the picture of the curves."""


@pytest.fixture(autouse=True)
def quick_end(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture for the others: drawing it takes as long as training does here."""
    if "curves" not in request.fixturenames:
        monkeypatch.setattr("sambay.training.records.draw", lambda records, path: None)
