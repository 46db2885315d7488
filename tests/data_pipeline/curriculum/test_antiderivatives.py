from __future__ import annotations

from random import Random

import pytest
import sympy

from sambay.data.curriculum.families import antiderivatives
from sambay.evaluation.grading import is_right

POLYNOMIAL, LINEAR_POWER = antiderivatives.FAMILIES


def read(text: str) -> sympy.Expr:
    return sympy.parse_expr(text, local_dict={"C": sympy.Symbol("C")})


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("family", antiderivatives.FAMILIES, ids=lambda family: family.name)
def test_the_derivative_of_the_answer_is_the_integrand(family, level: int) -> None:
    for seed in range(200):
        draft = family.draw(Random(seed), level)
        answer, integrand = read(draft.answer), read(draft.values["f"])
        assert sympy.expand(sympy.diff(answer, draft.values["letter"]) - integrand) == 0, draft
        assert sympy.Symbol("C") in answer.free_symbols
        assert sympy.expand(read(draft.values["f_caret"].replace("^", "**")) - integrand) == 0


def test_a_wrong_antiderivative_is_graded_as_wrong() -> None:
    for seed in range(40):
        draft = POLYNOMIAL.draw(Random(seed), 2)
        exponent = max(term.count("**") for term in draft.answer.split(" "))
        assert is_right(draft.answer, draft.answer.replace(" + C", "+C"))
        if exponent:
            assert not is_right(draft.answer.replace("**", "**1"), draft.answer), draft.answer


@pytest.mark.parametrize(
    ("name", "family"), [("simple_integration", POLYNOMIAL), ("intermediate_integration", LINEAR_POWER)]
)
def test_answers_of_this_form_are_accepted_by_the_library_that_examines(name: str, family) -> None:
    """Its verifier, on problems of the family's own: no LaTeX, two stars, C."""
    pytest.importorskip("reasoning_gym")
    import reasoning_gym

    dataset = reasoning_gym.create_dataset(name, seed=0, size=1)
    for seed in range(30):
        draft = family.draw(Random(seed), 2)
        entry = {"metadata": {"variable": draft.values["letter"], "integrand": draft.values["f"]}}
        assert dataset.score_answer(answer=draft.answer, entry=entry) == 1.0, draft
        assert dataset.score_answer(answer=draft.answer.replace("**", "**1"), entry=entry) < 1.0 or (
            "**" not in draft.answer
        )
