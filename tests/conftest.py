"""What every test stands on: fixed seeds, no network, NaN for uninitialised memory, the reference data."""

from __future__ import annotations

import os

# Read by libraries when they are imported, so set before anything else.
os.environ["HF_HUB_OFFLINE"] = "1"  # a test that would download fails at once instead of hanging
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # silences the warning about forks after use
os.environ.setdefault("MPLBACKEND", "Agg")

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when a kernel is defined

torch.set_num_threads(2)  # the same sums on every machine

TESTS = Path(__file__).resolve().parent
SHARED_REFERENCE = TESTS.parent.parent / "shared" / "reference"

# ------------------------------------------------------------------------------------------ reference data


@pytest.fixture(scope="session")
def reference_dir() -> Path:
    """Holds golden_tiny, golden_padded, phi4_mini_flash: ../shared/reference, else the copy in tests/data."""
    return SHARED_REFERENCE if SHARED_REFERENCE.is_dir() else TESTS / "data"


@pytest.fixture(scope="session")
def tokenizer_ranks() -> Path:
    """The 199,998 ranks of o200k_base: too large to copy into the repository."""
    path = SHARED_REFERENCE / "tokenizer" / "o200k_base.tiktoken"
    if not path.is_file():
        pytest.skip(
            "the o200k_base ranks are not in the repository and ../shared/reference/tokenizer is absent"
        )
    return path


# ----------------------------------------------------------------------------------------------- the model
# tiny_config and what is built from it go here.

# --------------------------------------------------------------------------------- what holds for each test


@pytest.fixture(autouse=True)
def seed() -> int:
    """Every test starts from the same random state, alone or in the suite."""
    value = 0
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)
    return value


def _poisoned(allocate: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def allocate_nan(*args: Any, **kwargs: Any) -> torch.Tensor:
        tensor = allocate(*args, **kwargs)
        # float4 has no NaN; integers stay as they are, since any poison would be a valid index somewhere
        if tensor.is_floating_point() and tensor.dtype != torch.float4_e2m1fn_x2:
            with torch.no_grad():
                tensor.fill_(float("nan"))
        return tensor

    return allocate_nan


@pytest.fixture(autouse=True)
def poison(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uninitialised memory is NaN, so that reading it shows. A test of memory use asks for `no_poison`."""
    if "no_poison" in request.fixturenames:
        return
    for owner, names in {
        torch: ("empty", "empty_like", "empty_strided"),
        torch.Tensor: ("new_empty", "new_empty_strided"),
    }.items():
        for name in names:
            monkeypatch.setattr(owner, name, _poisoned(getattr(owner, name)))


@pytest.fixture
def no_poison() -> None:
    """Leaves uninitialised memory untouched (filling it would make every page resident)."""
