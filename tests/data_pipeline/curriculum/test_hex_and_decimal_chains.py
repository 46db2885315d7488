"""Hexadecimal arithmetic against Python's own, chains of decimals against its decimals."""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random

import pytest

from sambay.data.curriculum.families.decimal_chains import DECIMAL_CHAIN
from sambay.data.curriculum.families.hex_arithmetic import HEX_ARITHMETIC
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 400) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


@pytest.mark.parametrize("level", LEVELS)
def test_hexadecimal_answers_are_those_of_python(level: int) -> None:
    for draft in drafts(HEX_ARITHMETIC, level):
        expression = f"{draft.values['a']} {draft.values['sign']} {draft.values['b']}"
        assert draft.answer == hex(eval(expression)), draft


def test_every_operation_occurs_and_differences_below_zero() -> None:
    found = drafts(HEX_ARITHMETIC, 3)
    assert {draft.values["sign"] for draft in found} == {"+", "-", "<<", ">>", "*"}
    assert {draft.values["b"] for draft in found if draft.values["sign"] == ">>"} == {"0x0", "0x1", "0x2", "0x3"}
    assert 5 < sum(draft.answer.startswith("-") for draft in found) < 60


def test_each_step_of_a_shift_shows_what_is_left_and_what_stands() -> None:
    for draft in drafts(HEX_ARITHMETIC, 3):
        lines, digits = draft.work.lines, draft.values["a"].removeprefix("0x")
        if draft.values["sign"] == ">>" and draft.values["b"] != "0x0":
            left = [line.split("|")[1].replace(" ", "") for line in lines if "|" in line]
            assert left == [digits[place:] for place in range(len(digits))]
            stands = [line.split("have ")[1].replace(" ", "") for line in lines if "have " in line]
            for place, have in enumerate(stands, start=1):
                assert int(have, 16) == int(digits[:place], 16) >> int(draft.values["b"], 16)


@pytest.mark.parametrize("level", LEVELS)
def test_chains_of_decimals_are_exact(level: int) -> None:
    for draft in drafts(DECIMAL_CHAIN, level):
        chain = str(draft.values["chain"])
        value = sum(Decimal(term.replace(" ", "")) for term in re.findall(r"(?:^|[+-] )\d+\.\d+", chain))
        assert len(re.findall(r"\d+\.\d+", chain)) == 1 + len(re.findall(r" [+-] ", chain))
        assert Decimal(draft.answer) == value, draft
        assert not re.search(r"\.\d*0$|\.$", draft.answer), draft


def test_chains_hold_zeros_at_ends_and_fall_below_zero_at_every_level() -> None:
    for level in LEVELS:
        found = drafts(DECIMAL_CHAIN, level)
        assert sum(bool(re.search(r"\.\d*0( |$)", str(draft.values["chain"]))) for draft in found) > 20
        assert sum(draft.answer.startswith("-") for draft in found) > 40


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", [HEX_ARITHMETIC, DECIMAL_CHAIN], ids=lambda family: family.name)
def test_problems_are_many(family: Family, level: int) -> None:
    assert len({str(draft.values) for draft in drafts(family, level, 500)}) > 300
