"""Rounded quotients and products, against exact fractions and the rounding of Python's decimals."""

from __future__ import annotations

import decimal
import itertools
import re
from decimal import ROUND_HALF_UP
from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum.families.rounded_results import ROUNDED_RESULT
from sambay.data.curriculum.problem import Draft
from sambay.data.curriculum.working import Work
from sambay.data.curriculum.working_decimals import Decimal
from sambay.data.curriculum.working_rounded import divide_decimals, round_off

LEVELS = (1, 2, 3, 4)


def drafts(level: int, count: int = 400) -> list[Draft]:
    return [ROUNDED_RESULT.draw(Random(f"{level} {index}"), level) for index in range(count)]


def rounded(value: Fraction, digits: int, is_significant: bool) -> Fraction:
    """Half up."""
    with decimal.localcontext(decimal.Context(prec=60)):
        number = decimal.Decimal(value.numerator) / value.denominator
        last = number.adjusted() - digits + 1 if is_significant else -digits
        return Fraction(number.quantize(decimal.Decimal(1).scaleb(last), ROUND_HALF_UP))


@pytest.mark.parametrize("level", LEVELS)
def test_answers_by_an_independent_route(level: int) -> None:
    for draft in drafts(level):
        a, sign, b = draft.values["expression"].split(" ")
        exact = Fraction(a) / Fraction(b) if sign == "/" else Fraction(a) * Fraction(b)
        digits, unit = draft.values["to"].split(" ", 1)
        assert unit.rstrip("s") in ("significant digit", "decimal place")
        assert unit.endswith("s") is (digits != "1")
        assert Fraction(draft.answer) == rounded(exact, int(digits), unit.startswith("significant")), draft
        assert not re.search(r"\.\d*0$|\.$", draft.answer)
        assert draft.scenery["tight"] == f"{a}{sign}{b}"
        assert str(draft.scenery["printed"]).replace("×", "*").replace("÷", "/") == draft.values["expression"]


def test_each_digit_of_a_quotient_has_a_line_that_is_true() -> None:
    for draft in drafts(3):
        steps = [line.split(", so ") for line in draft.work.lines if re.match(r"\d+=.*, so \d+\.\d+$", line)]
        for before, after in itertools.pairwise(steps):
            assert after[1].startswith(before[1])
            assert len(after[1]) == len(before[1]) + 1
            assert int(after[0].partition("=")[0]) == 10 * int(before[0].rpartition("+")[2])


def test_both_ways_of_rounding_and_exact_results_occur() -> None:
    lines = [line for draft in drafts(2) for line in draft.work.lines]
    assert any("up" in line for line in lines)
    assert any("down" in line for line in lines)
    assert any(len(draft.work.lines) < 4 and draft.work.lines[-1].startswith("so ") for draft in drafts(1))
    assert len({str(draft.values) for draft in drafts(1, 500)}) > 300


def test_a_carry_may_go_through_all_digits() -> None:
    work = Work()
    assert str(round_off(work, Decimal(9996, 3), 1)) == "10"
    assert work.lines[-1] == "1000 with 2 places is 10.00=10"
    assert str(round_off(work, Decimal(25, 1), 1)) == "3"
    assert str(round_off(work, Decimal(250, 2), 0)) == "2.5"


def test_a_quotient_that_ends_is_exact() -> None:
    assert str(divide_decimals(Work(), Decimal(15, 1), Decimal(4, 0), lambda number: number.places > 9)) == "0.375"
