from __future__ import annotations

from random import Random

import pytest
import sympy

from sambay.data.curriculum.families.polynomial_products import FAMILIES

(PRODUCT,) = FAMILIES


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_answers_are_the_expanded_products(level: int) -> None:
    for seed in range(200):
        draft = PRODUCT.draw(Random(seed), level)
        for name in ("p", "p_caret"):
            product = sympy.expand(sympy.parse_expr(draft.values[name].replace("^", "**")))
            assert sympy.expand(sympy.parse_expr(draft.answer)) == product, draft
        assert "(" not in draft.answer


def test_the_library_that_examines_accepts_answers_of_this_form_and_no_others() -> None:
    pytest.importorskip("reasoning_gym")
    import reasoning_gym

    dataset = reasoning_gym.create_dataset("polynomial_multiplication", seed=0, size=1)
    for seed in range(30):
        draft = PRODUCT.draw(Random(seed), 2)
        entry = {"answer": str(sympy.expand(sympy.parse_expr(draft.values["p"])))}
        assert dataset.score_answer(answer=draft.answer, entry=entry) == 1.0
        assert dataset.score_answer(answer=f"{draft.answer} + 1", entry=entry) < 1.0
