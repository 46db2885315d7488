"""What every family promises, checked on fresh draws of each level: true steps, parsable answers, disjoint splits."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, HARDER_LEVEL, TRAINED_LEVELS, Problem, Split, draw_problem
from sambay.data.curriculum.problem import slots

LEVELS = (*TRAINED_LEVELS, HARDER_LEVEL)
NUM_DRAWS = 40

# A chain of sides of numbers and signs, such as 4+8+1=13, that is not a piece of something longer, such as 3x+2=11.
_SIDE = r"\(?-?\(*\d[\d.+\-*/^() ]*"
EQUATION = re.compile(rf"(?<![\w.)+\-*/^%:$]){_SIDE}(?:={_SIDE})+(?![\w.(:%])")


def problems(family: str, level: int, split: Split = Split.TEST, count: int = NUM_DRAWS, **options) -> list[Problem]:
    return [
        draw_problem(FAMILIES[family], Random(f"{family}{level}{index}"), level, split, **options)
        for index in range(count)
    ]


def value(expression: str) -> Fraction:
    """The value of a sum, product, quotient or power of decimal numbers, exactly."""
    exact = re.sub(r"\d+(?:\.\d+)?", lambda number: f"Fraction('{number.group()}')", expression)
    return Fraction(eval(exact.replace("^", "**"), {"Fraction": Fraction}))


def balanced(text: str) -> str:
    """Without a bracket that was opened before the piece, or is closed after it."""
    while text.count(")") > text.count("(") and text.endswith(")"):
        text = text[:-1]
    while text.count("(") > text.count(")") and text.startswith("("):
        text = text[1:]
    return text.strip()


def false_equations(line: str) -> list[str]:
    chains = [balanced(match.group().rstrip(" .")) for match in EQUATION.finditer(line)]
    return [chain for chain in chains if len({value(balanced(side)) for side in chain.split("=")}) > 1]


def test_the_checker_finds_what_is_false_and_reads_what_is_not_arithmetic() -> None:
    assert false_equations("347+586: 7+6=13, 4+8+1=12, so 933") == ["4+8+1=12"]
    assert false_equations("(-3)^3=-27, 2^-1=0.5, 1/3+1/6=1/2, -(7+30)=-37") == []
    assert false_equations("3x+2=11, so x=9/3=3; at 9:40+0:50=10:30; 5 km=5000 m") == []
    assert false_equations("x=9/3=4") == ["9/3=4"]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_step_is_true_and_the_last_one_states_the_answer(family: str, level: int) -> None:
    # Training problems where there are any: one draw in 32 is a test problem, so those cost 32 draws each.
    for problem in problems(family, level, Split.TEST if level == HARDER_LEVEL else Split.TRAIN):
        for line in problem.steps:
            assert not false_equations(line), (problem.question, line)
            assert line == line.strip(), problem
            assert line, problem
        assert problem.answer.lower() in problem.steps[-1].lower(), problem
        assert f"\\boxed{{{problem.answer}}}" in problem.closing


def superscript(text: str) -> str:
    """x**2 as x^{2}, as `is_right` has it: of 6*x**2+5 math-verify reads the 5 alone."""
    return re.sub(r"\*\*(\d+)", r"^{\1}", text)


@pytest.mark.parametrize("family", FAMILIES)
def test_answers_are_read_by_math_verify_from_the_reply(family: str) -> None:
    math_verify = pytest.importorskip("math_verify")
    for level in LEVELS:
        for problem in problems(family, level, count=8):
            wanted = math_verify.parse(superscript(f"\\boxed{{{problem.answer}}}"), parsing_timeout=None)
            assert wanted, problem
            found = math_verify.parse(superscript(problem.reply), parsing_timeout=None)
            assert math_verify.verify(wanted, found, timeout_seconds=None), problem


@pytest.mark.parametrize("family", FAMILIES)
def test_wordings_are_many_and_use_the_values(family: str) -> None:
    wordings = FAMILIES[family].wordings
    assert len(wordings) >= 20
    draft = FAMILIES[family].draw(Random(0), 1)
    for wording in (*wordings, *FAMILIES[family].held_out_wordings):
        assert slots(wording) & set(draft.values), wording
        assert slots(wording) <= set(draft.values) | set(draft.scenery), wording


@pytest.mark.parametrize("family", FAMILIES)
def test_training_and_test_problems_differ_whatever_the_seed(family: str) -> None:
    for level in TRAINED_LEVELS:
        train = {normalised(problem.question) for problem in problems(family, level, Split.TRAIN, count=400)}
        test = {normalised(problem.question) for problem in problems(family, level)}
        assert not train & test
        assert len(train) > 100, f"level {level} has few problems: {len(train)} of 400 draws differ"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_problem(family: str) -> None:
    assert problems(family, 2, count=20) == problems(family, 2, count=20)


def test_levels_and_wordings_of_tests_are_refused_in_training() -> None:
    family = next(iter(FAMILIES.values()))
    for wrong in ({"level": 5}, {"level": HARDER_LEVEL}, {"level": 1, "is_wording_held_out": True}):
        with pytest.raises(ValueError, match="allowed"):
            draw_problem(family, Random(0), split=Split.TRAIN, **wrong)  # type: ignore[arg-type]


def normalised(question: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9+\-*/^=.]", " ", question.lower()).split())
