from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
import sympy

from sambay.data.curriculum.families import order, products, sums
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 250) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def by_sympy(values: dict[str, Any]) -> int:
    expression = sympy.sympify(values["expression"])
    pretty = values["pretty"].replace("×", "*").replace("÷", "/")
    assert sympy.sympify(pretty) == expression
    return int(expression) if expression.is_integer else pytest.fail(f"{values}: not whole")


def missing(values: dict[str, Any]) -> int:
    left, right = values["equation"].split(" = ")
    (solution,) = sympy.solve(sympy.sympify(left.replace("?", "x")) - int(right), sympy.Symbol("x"))
    assert values["blank"].replace("___", "?") == values["equation"]
    words = {"plus": "+", "minus": "-", "times": "*", "divided by": "/", "some number": "?"}
    spoken = re.sub("|".join(words), lambda word: words[word.group()], values["spoken"])
    assert f"{spoken} = {values['c']}" == values["equation"]
    return int(solution)


ANSWERS = {
    sums.ADDITION: lambda v: int(sympy.Integer(v["a"]) + v["b"]),
    sums.SUBTRACTION: lambda v: int(sympy.Integer(v["a"]) - v["b"]),
    sums.SUMS_OF_SEVERAL: lambda v: sum(int(number) for number in f"{v['listed']}, {v['last']}".split(", ")),
    sums.SIGNED_ARITHMETIC: by_sympy,
    products.MULTIPLICATION: lambda v: sum(v["a"] for _ in range(v["b"])),
    products.DIVISION_EXACT: lambda v: int(sympy.Rational(v["a"], v["b"])),
    products.DIVISION_WITH_REMAINDER: lambda v: sympy.Integer(v["a"]).__divmod__(v["b"])[v["part"] == "remainder"],
    order.ORDER_OF_OPERATIONS: by_sympy,
    order.MISSING_NUMBER: missing,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_by_an_independent_route(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        assert draft.answer == str(ANSWERS[family](draft.values)), draft


def test_sums_and_lists_tell_the_same() -> None:
    for draft in drafts(sums.SUMS_OF_SEVERAL, 3):
        assert draft.values["sum"].replace(" + ", ", ") == f"{draft.values['listed']}, {draft.values['last']}"


def test_signed_arithmetic_has_a_negative_number_and_subtraction_goes_below_zero_from_level_2() -> None:
    assert all("-" in draft.values["expression"] for level in LEVELS for draft in drafts(sums.SIGNED_ARITHMETIC, level))
    assert not any(draft.answer.startswith("-") for draft in drafts(sums.SUBTRACTION, 1))
    assert sum(draft.answer.startswith("-") for draft in drafts(sums.SUBTRACTION, 2)) > 20


def test_both_parts_of_a_division_are_asked_for_in_every_wording() -> None:
    asked = {(draft.values["part"], draft.values["share"]) for draft in drafts(products.DIVISION_WITH_REMAINDER, 2)}
    assert asked == {("remainder", "how many are left over"), ("quotient", "how many does each get")}
    for wording in (*products.DIVISION_WITH_REMAINDER.wordings, *products.DIVISION_WITH_REMAINDER.held_out_wordings):
        assert re.search(r"\{(part|share|fit)\}", wording), wording
