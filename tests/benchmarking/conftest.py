from __future__ import annotations

import pytest

from sambay.benchmarking.models import Subject, open_subjects


@pytest.fixture(scope="package")
def subjects() -> list[Subject]:
    """A tiny model and its Transformer, random, in float32 on the CPU."""
    return open_subjects("tiny", "equal", "cpu", None, seed=0)
