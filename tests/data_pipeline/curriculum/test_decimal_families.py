from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import comparing, decimals, rounding
from sambay.data.curriculum.families.rounding import _NAMES
from sambay.data.curriculum.problem import Draft, Family
from sambay.data.curriculum.working import Work
from sambay.data.curriculum.working_decimals import Decimal, point_set

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 300) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def plain(number: decimal.Decimal) -> str:
    return f"{number.normalize():f}"


def sum_or_difference(values: dict[str, Any]) -> str:
    a, b = decimal.Decimal(str(values["a"])), decimal.Decimal(str(values["b"]))
    assert (values["sign"], values["word"], values["name"]) in {("+", "plus", "sum"), ("-", "minus", "difference")}
    return plain(a + b if values["sign"] == "+" else a - b)


def rounded(values: dict[str, Any]) -> str:
    step = decimal.Decimal(1).scaleb(-values["to_places"])
    return f"{decimal.Decimal(str(values['number'])).quantize(step, ROUND_HALF_UP):f}"


def extreme(values: dict[str, Any]) -> str:
    texts = re.split(", | and ", values["listed"])
    assert texts == re.split(", | or ", values["choice"])
    numbers = {Fraction(text): text for text in texts}
    assert len(numbers) == len(texts), "no two are equal"
    assert values["wanted"].endswith("er" if len(texts) == 2 else "est")
    return numbers[max(numbers) if values["wanted"].startswith("larg") else min(numbers)]


ANSWERS: dict[Family, Callable[[dict[str, Any]], str]] = {
    decimals.DECIMALS_ADD_SUBTRACT: sum_or_difference,
    decimals.DECIMALS_MULTIPLY: lambda v: plain(decimal.Decimal(str(v["a"])) * decimal.Decimal(str(v["b"]))),
    rounding.ROUNDING: rounded,
    comparing.COMPARING_NUMBERS: extreme,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_by_an_independent_route(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        assert draft.answer == ANSWERS[family](dict(draft.values)), draft


def test_decimal_sums_have_a_decimal() -> None:
    for level in LEVELS:
        for draft in drafts(decimals.DECIMALS_ADD_SUBTRACT, level):
            assert draft.values["a"].places + draft.values["b"].places > 0, draft


def test_the_names_of_places_say_how_many_stay() -> None:
    words = ["whole number", "tenth", "hundredth", "thousandth"]
    for places, names in _NAMES.items():
        if places >= 0:
            assert any(words[places] in name for name in names), names
        else:
            assert f"the nearest {10**-places}" in names
    for draft in drafts(rounding.ROUNDING, 3):
        assert draft.scenery["place"] in _NAMES[draft.values["to_places"]]


def test_decimals_are_written_with_their_places() -> None:
    random = Random(7)
    assert [str(Decimal(*number)) for number in ((5, 0), (-5, 2), (340, 2), (-1234, 3))] == [
        "5",
        "-0.05",
        "3.40",
        "-1.234",
    ]
    for _ in range(500):
        units, places = random.randint(-(10**6), 10**6), random.randint(0, 4)
        work = Work()
        short = point_set(work, units, places)
        value = Fraction(units, 10**places)
        assert Fraction(str(short)) == value == Fraction(str(Decimal(units, places).to_places(6)))
        assert not re.search(r"\.\d*0$", str(short))
        assert work.lines[-1].endswith(str(short))
