from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import fraction_products, fraction_sums, percents
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 300) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def exact(expression: str) -> Fraction:
    """Of fractions without blanks between their numbers; Python's precedence is that of mathematics."""
    return Fraction(eval(re.sub(r"\d+", r"Fraction(\g<0>)", expression), {"Fraction": Fraction}))


def sum_of_fractions(values: dict[str, Any]) -> Fraction:
    assert values["spaced"].replace(" ", "") == values["compact"]
    assert values["spoken"].replace("plus", "+").replace("minus", "-") == values["spaced"]
    return exact(values["compact"])


def product_of_fractions(values: dict[str, Any]) -> Fraction:
    result = exact(values["typed"])
    assert exact(values["printed"].replace("×", "*").replace("÷", "/")) == result
    a, b = re.split(" times | divided by ", values["spoken"])
    assert (Fraction(a) * Fraction(b) if "times" in values["spoken"] else Fraction(a) / Fraction(b)) == result
    return result


def applied(values: dict[str, Any]) -> Fraction:
    assert values["name"] in values["a_name"]
    part = Fraction(values["n"]) * Fraction(str(values["p"])) / 100
    return values["n"] + (part if values["past"] == "rose" else -part)


def change(values: dict[str, Any]) -> Fraction:
    assert (values["name"] == "increase") == (values["new"] > values["old"])
    return abs(Fraction(values["new"], values["old"]) - 1) * 100


ANSWERS: dict[Family, Callable[[dict[str, Any]], Fraction]] = {
    fraction_sums.FRACTIONS_SIMPLIFY: lambda v: Fraction(v["a"].top, v["a"].bottom),
    fraction_sums.FRACTIONS_ADD_SUBTRACT: sum_of_fractions,
    fraction_products.FRACTIONS_MULTIPLY_DIVIDE: product_of_fractions,
    fraction_products.FRACTION_OF_NUMBER: lambda v: Fraction(v["a"]) * v["n"],
    percents.PERCENT_OF_NUMBER: lambda v: Fraction(str(v["p"])) / 100 * v["n"],
    percents.PERCENT_APPLIED: applied,
    percents.PERCENT_CHANGE: change,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_by_an_independent_route(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        wanted = ANSWERS[family](dict(draft.values))
        assert Fraction(draft.answer) == wanted, draft
        # In lowest terms, or a decimal without zeros at its end.
        assert draft.answer == str(wanted) or re.fullmatch(r"\d+\.\d*[1-9]", draft.answer), draft


def test_differences_below_zero_come_from_level_3_on() -> None:
    family = fraction_sums.FRACTIONS_ADD_SUBTRACT
    negative = [sum(draft.answer.startswith("-") for draft in drafts(family, level)) for level in LEVELS]
    assert negative[:2] == [0, 0]
    assert min(negative[2:]) > 5


def test_percents_of_easy_numbers_are_whole() -> None:
    for family in (percents.PERCENT_OF_NUMBER, percents.PERCENT_APPLIED):
        assert all("." not in draft.answer for draft in drafts(family, 1))
