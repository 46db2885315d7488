from __future__ import annotations

from random import Random

import pytest
import sympy

from sambay.data.curriculum.families.real_roots import FAMILIES
from sambay.evaluation.grading import is_right

(FAMILY,) = FAMILIES


def roots(equation: str, letter: str) -> list[float]:
    left, right = equation.replace("^", "**").split(" = ")
    letters = {letter: sympy.Symbol(letter)}
    difference = sympy.parse_expr(left, local_dict=letters) - sympy.parse_expr(right, local_dict=letters)
    return sorted(round(float(root), 4) for root in sympy.roots(sympy.Poly(difference)) if root.is_real)


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_answers_are_all_real_roots_rounded_to_four_places(level: int) -> None:
    for seed in range(250):
        draft = FAMILY.draw(Random(seed), level)
        for name in ("e", "e_caret"):
            assert [float(root) for root in draft.answer.split(", ")] == roots(
                draft.values[name], draft.values["letter"]
            )


def test_the_library_that_examines_accepts_answers_of_this_form_and_no_others() -> None:
    pytest.importorskip("reasoning_gym")
    import reasoning_gym

    dataset = reasoning_gym.create_dataset("polynomial_equations", seed=0, size=1)
    for seed in range(60):
        draft = FAMILY.draw(Random(seed), 2)
        entry = {"answer": ", ".join(str(root) for root in roots(draft.values["e"], draft.values["letter"]))}
        assert dataset.score_answer(answer=draft.answer, entry=entry) == 1.0
        assert dataset.score_answer(answer=f"{draft.answer}1", entry=entry) < 1.0


def test_one_root_of_two_is_graded_as_wrong() -> None:
    answers = [FAMILY.draw(Random(seed), 2).answer for seed in range(60)]
    for answer in (answer for answer in answers if ", " in answer):
        assert not is_right(answer.split(", ")[0], answer)
        assert is_right(", ".join(answer.split(", ")[::-1]), answer)
