from __future__ import annotations

from random import Random

import pytest
import sympy

from sambay.data.curriculum.families.derivatives import FAMILIES


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_answers_are_the_derivatives_of_every_spelling(level: int) -> None:
    (family,) = FAMILIES
    for seed in range(200):
        draft = family.draw(Random(seed), level)
        letter = draft.values["letter"]
        f, caret = (sympy.parse_expr(draft.values[name].replace("^", "**")) for name in ("f", "f_caret"))
        assert sympy.expand(sympy.diff(f, letter) - sympy.parse_expr(draft.answer)) == 0, draft
        assert sympy.expand(f - caret) == 0
        hand = draft.values["f_hand"].replace("^", "**").replace(letter, f"*{letter}")
        hand = hand.replace(" *", " ").removeprefix("*").replace("-*", "-")
        assert sympy.expand(f - sympy.parse_expr(hand)) == 0, draft
