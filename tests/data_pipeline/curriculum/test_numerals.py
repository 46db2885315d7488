"""Digits in other bases and Roman numerals, against Python's own conversions and a brute-force reading."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import base_conversion, count_ones, roman_numerals, sums_in_bases
from sambay.data.curriculum.problem import Draft, Family
from sambay.data.curriculum.working import Work
from sambay.data.curriculum.working_bases import digits_in, from_base, to_base

LEVELS = (1, 2, 3, 4)
ROMANS = {
    roman: number
    for number, roman in enumerate(
        "".join(parts) for parts in itertools.product(
            ("", "M", "MM", "MMM"),
            ("", "C", "CC", "CCC", "CD", "D", "DC", "DCC", "DCCC", "CM"),
            ("", "X", "XX", "XXX", "XL", "L", "LX", "LXX", "LXXX", "XC"),
            ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"),
        )
    )
}  # fmt: skip


def sum_in_base(values: dict[str, Any]) -> bool:
    return {"+": int.__add__, "-": int.__sub__}[values["sign"]](*(int(values[name], values["base"]) for name in "ab"))


# What the answer means, and what the values say that it should.
MEANINGS: dict[Family, tuple[Callable[[dict[str, Any], str], object], Callable[[dict[str, Any]], object]]] = {
    base_conversion.TO_BASE: (lambda v, answer: int(answer, v["b"]), lambda v: v["n"]),
    base_conversion.FROM_BASE: (lambda v, answer: int(answer), lambda v: int(v["digits"], v["b"])),
    base_conversion.CHANGE_BASE: (lambda v, answer: int(answer, v["c"]), lambda v: int(v["digits"], v["b"])),
    count_ones.COUNT_ONES: (lambda v, answer: int(answer), lambda v: f"{v['n']:b}".count(str(v["digit"]))),
    roman_numerals.TO_ROMAN: (lambda v, answer: ROMANS[answer], lambda v: v["n"]),
    roman_numerals.FROM_ROMAN: (lambda v, answer: int(answer), lambda v: ROMANS[v["numeral"]]),
    sums_in_bases.SUM_IN_BASE: (lambda v, answer: int(answer, v["base"]), sum_in_base),
}


def drafts(family: Family, level: int, count: int = 250) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", MEANINGS, ids=lambda family: family.name)
def test_answers_by_an_independent_route(family: Family, level: int) -> None:
    meaning, wanted = MEANINGS[family]
    for draft in drafts(family, level):
        values = dict(draft.values)
        assert meaning(values, draft.answer) == wanted(values), draft
        assert not re.match(r"0\d", draft.answer), draft


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", MEANINGS, ids=lambda family: family.name)
def test_problems_are_many_but_for_small_numbers(family: Family, level: int) -> None:
    least = 60 if level == 1 else 200
    assert len({str(draft.values) for draft in drafts(family, level, 500)}) > least


@pytest.mark.parametrize("base", range(2, 17))
def test_digits_go_there_and_back_in_every_base(base: int) -> None:
    for number in (*range(1, 300), 9999):
        there, back = Work(), Work()
        digits = to_base(there, number, base)
        assert digits == digits_in(number, base)
        assert int(digits, base) == number
        assert from_base(back, digits, base) == number


def test_each_step_of_reading_digits_shows_the_value_and_the_digits_that_are_left() -> None:
    for draft in drafts(base_conversion.FROM_BASE, 3):
        digits, base = draft.values["digits"], draft.values["b"]
        states = [line.split("|") for line in draft.work.lines if "|" in line]
        assert len(states) == len(digits) - 1
        for place, (value, left) in enumerate(states, start=1):
            assert int(value) == int(digits[:place], base)
            assert left.replace(" ", "") == digits[place:]


def test_each_step_of_reading_a_numeral_shows_the_value_and_the_symbols_that_are_left() -> None:
    for draft in drafts(roman_numerals.FROM_ROMAN, 4):
        for line in draft.work.lines:
            if "|" in line:
                value, left = line.split("|")
                assert int(value) + ROMANS[left.replace(" ", "")] == ROMANS[draft.values["numeral"]]


def test_each_column_of_a_sum_is_written_before_those_that_stand() -> None:
    for draft in drafts(sums_in_bases.SUM_IN_BASE, 3):
        written = [line.split("write ")[1].replace(" ", "") for line in draft.work.lines if "write " in line]
        assert [len(digits) for digits in written] == list(range(1, len(written) + 1))
        assert all(later.endswith(digits) for digits, later in itertools.pairwise(written))
        assert written[-1].lstrip("0") == re.sub("^0[xbo]", "", draft.answer)


def test_letters_prefixes_carries_and_borrows_occur() -> None:
    of_sums = drafts(sums_in_bases.SUM_IN_BASE, 3)
    lines = "\n".join(line for draft in of_sums for line in draft.work.lines)
    assert re.search("carry 1", lines)
    assert re.search("borrow 1", lines)
    assert {draft.answer[:2] for draft in of_sums} >= {"0x", "0b"}
    assert any(re.search("[a-f]", draft.answer) for draft in drafts(base_conversion.TO_BASE, 3))
    assert all(draft.values["b"] < 10 for draft in drafts(base_conversion.TO_BASE, 1))


def test_every_roman_numeral_is_written() -> None:
    assert all(roman_numerals.roman(number) == roman for roman, number in ROMANS.items() if number)
