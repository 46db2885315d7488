"""Powers in e notation, against exact fractions."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum.families.scientific_powers import SCIENTIFIC_POWER, _worked
from sambay.data.curriculum.problem import Draft
from sambay.data.curriculum.working import Work
from sambay.data.curriculum.working_decimals import Decimal

LEVELS = (1, 2, 3, 4)


def drafts(level: int, count: int = 300) -> list[Draft]:
    return [SCIENTIFIC_POWER.draw(Random(f"{level} {index}"), level) for index in range(count)]


def three_figures(value: Fraction) -> str:
    """Half up, with e."""
    size, ten = abs(value), 0
    while size >= 10:
        size, ten = size / 10, ten + 1
    while size < 1:
        size, ten = size * 10, ten - 1
    kept = int(size * 100 + Fraction(1, 2))
    kept, ten = (100, ten + 1) if kept == 1000 else (kept, ten)
    return f"{'-' if value < 0 else ''}{kept // 100}.{kept % 100:02d}e{ten:+d}"


@pytest.mark.parametrize("level", LEVELS)
def test_answers_by_an_independent_route(level: int) -> None:
    for draft in drafts(level):
        base, exponent = Fraction(str(draft.values["base"])), draft.values["exponent"]
        assert draft.answer == three_figures(base**exponent), draft
        assert draft.scenery["bracketed"].strip("()") == str(draft.values["base"])
        assert (base < 0) is draft.scenery["bracketed"].startswith("(")


@pytest.mark.parametrize("level", LEVELS)
def test_signs_reciprocals_and_many_problems(level: int) -> None:
    found = drafts(level, 500)
    assert {draft.values["exponent"] for draft in found} == ({3, -3} if level == 4 else {2, -2})
    assert any(draft.answer.startswith("-") for draft in found) is (level == 4)
    assert len({str(draft.values) for draft in found}) > 250


def test_long_bases_are_rounded_to_four_figures_first() -> None:
    num_rounded = 0
    for draft in drafts(3):
        base = str(draft.values["base"]).lstrip("-")
        if len(base.replace(".", "")) > 5:
            num_rounded += 1
            first = draft.work.lines["minus" in draft.work.lines[0]]
            assert len(re.sub(r"\.", "", first.split("|")[0])) == 4, draft
    assert num_rounded > 50


def test_three_nines_that_are_rounded_up_give_the_next_power_of_ten() -> None:
    assert _worked(Work(), Decimal(9998, 3), 2) == three_figures(Fraction("9.998") ** 2) == "1.00e+2"
    assert _worked(Work(), Decimal(10002, 1), -2) == three_figures(1 / Fraction("1000.2") ** 2) == "1.00e-6"
