"""Shopping: answers from the values by exact fractions of a dollar."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum.families.shopping import CHANGE_FROM_PAYMENT, MONEY_LEFT, PERCENT_DISCOUNT, SHOPPING_TOTAL

ANSWERS = {
    CHANGE_FROM_PAYMENT: lambda v: Fraction(v["paid"]) - v["n"] * Fraction(v["p"]),
    SHOPPING_TOTAL: lambda v: v["n"] * Fraction(v["p"]) + sum(n * Fraction(price) for n, price in v["others"]),
    MONEY_LEFT: lambda v: Fraction(v["money"]) - v["n"] * Fraction(v["p"]) - Fraction(v["q"]),
    PERCENT_DISCOUNT: lambda v: v["p"] * (1 - Fraction(v["percent"], 100)),
}
BY_NAME = {family.name: family for family in ANSWERS}


@pytest.mark.parametrize("name", BY_NAME)
def test_answers_by_fractions(name: str) -> None:
    family = BY_NAME[name]
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = family.draw(Random(seed), level)
            assert Fraction(draft.answer) == ANSWERS[family](draft.values) > 0
            assert "." not in draft.answer or len(draft.answer.split(".")[1]) == 2, "money has two decimals"
            if level < 3 and family is not PERCENT_DISCOUNT:
                assert "." not in draft.answer


def test_the_other_kinds_of_a_basket_are_told_in_each_form() -> None:
    for seed in range(50):
        draft = SHOPPING_TOTAL.draw(Random(seed), 3)
        for form in ("at", "more", "prices"):
            for number, price in draft.values["others"]:
                assert f"{number} " in draft.scenery[form]
                assert price in draft.scenery[form]


def test_each_wording_names_all_that_decides() -> None:
    for family in (CHANGE_FROM_PAYMENT, MONEY_LEFT, PERCENT_DISCOUNT):
        needed = set(family.draw(Random(0), 1).values)
        for wording in (*family.wordings, *family.held_out_wordings):
            assert {name for name in needed if f"{{{name}}}" in wording} == needed, wording
    for wording in (*SHOPPING_TOTAL.wordings, *SHOPPING_TOTAL.held_out_wordings):
        assert sum(f"{{{name}}}" in wording for name in ("at", "more", "prices")) == 1, wording
        assert "{n}" in wording
        assert "{p}" in wording
