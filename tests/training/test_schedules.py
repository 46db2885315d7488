from __future__ import annotations

import pytest

from sambay.training.schedules import Schedule, batch_rows, lr_factor


def factors(schedule: Schedule, **options) -> list[float]:
    """Twelve steps of ten tokens, the first two of them warm-up."""
    return [lr_factor(schedule, 10 * step, 10, 120, warmup_tokens=20, **options) for step in range(12)]


def test_linear() -> None:
    assert factors(Schedule.LINEAR) == pytest.approx([0.5, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_cosine_with_a_floor() -> None:
    found = factors(Schedule.COSINE, final_fraction=0.1)
    assert found[:3] == [0.5, 1, 1]
    assert found[7] == pytest.approx(0.55)  # half way
    assert found == sorted(found[:2]) + sorted(found[2:], reverse=True)
    assert lr_factor(Schedule.COSINE, 120, 10, 120, final_fraction=0.1) == pytest.approx(0.1)


def test_warmup_stable_decay() -> None:
    found = factors(Schedule.WSD, decay_fraction=0.4)  # of the hundred tokens after the warm-up
    assert found == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 1, 1, 0.75, 0.5, 0.25])


def test_constant() -> None:
    assert factors(Schedule.CONSTANT) == [0.5] + [1] * 11


def test_the_batch_grows_in_equal_steps() -> None:
    grown = [batch_rows(tokens, 16, 4, 120, 4) for tokens in range(0, 161, 20)]
    assert grown == [4, 4, 8, 8, 12, 12, 16, 16, 16]
    assert batch_rows(0, 16, 0, 0, 1) == 16
