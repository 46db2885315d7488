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
from torch.utils._device import _device_constructors

from sambay import SambaYConfig, SambaYForCausalLM, named_config

if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when a kernel is defined

_device_constructors()  # `with torch.device(...)` looks its functions up once: before `poison` replaces them
torch.set_num_threads(1)  # the same sums on every machine, and no threads waiting for each other at tiny sizes

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
        pytest.skip("the o200k_base ranks are not in the repository and ../shared/reference/tokenizer is absent")
    return path


# ----------------------------------------------------------------------------------------------- the model


@pytest.fixture
def tiny_config() -> SambaYConfig:
    """Eight layers with every mixer, and a window of 16 tokens, shorter than the tests' sequences."""
    return named_config("tiny")


@pytest.fixture
def tiny_model(tiny_config: SambaYConfig) -> SambaYForCausalLM:
    """The tiny size in float32 with weights large enough that a wrong state shows in the logits."""
    return spread_out(SambaYForCausalLM(tiny_config))


def spread_out(model: SambaYForCausalLM) -> SambaYForCausalLM:
    """Scales a fresh model's matrices to 1/sqrt(inputs), and moves everything that starts at a constant."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "embed_tokens" in name:
                weight.normal_(0, 1)
            elif weight.ndim == 2 and not name.endswith("A_log"):
                weight.normal_(0, 1.5 * weight.shape[1] ** -0.5)
            elif weight.ndim == 1 and "lambda" not in name:
                weight.add_(0.2 * torch.randn_like(weight))
    return model.eval()


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
        if torch.compiler.is_compiling():
            return tensor  # torch 2.13's compiler fails on a graph that only fills an empty tensor
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
