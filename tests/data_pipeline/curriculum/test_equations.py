"""Equations, systems, polynomials and exponents: every answer found again from the text by plain arithmetic."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import log
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import equations, exponents, polynomials, quadratics, systems
from sambay.data.curriculum.forms import less, lowest_terms, square_root
from sambay.data.curriculum.problem import Draft, Family
from sambay.data.curriculum.terms import joined, linear, ordinal, polynomial, spaced, starred
from sambay.data.curriculum.working import Work

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 200) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def value(text: str, **letters: int) -> Fraction:
    """The value of an expression with signs of multiplication, or 0 or 1 of a comparison."""
    exact = re.sub(r"(?<![\w.])\d+", lambda number: f"Fraction({number.group()})", text)
    return Fraction(eval(exact.replace("^", "**"), {"Fraction": Fraction, **letters}))


def sides(equation: str, **letters: int) -> Fraction:
    left, right = equation.split("=")
    return value(left, **letters) - value(right, **letters)


def letters_of(text: str) -> list[str]:
    return sorted(set(re.findall("[a-z]", text)))


def linear_root(values: dict[str, Any]) -> Fraction:
    equation = values["equation_starred"]
    (letter,) = letters_of(equation)
    at_0, at_1 = (sides(equation, **{letter: number}) for number in (0, 1))
    return -at_0 / (at_1 - at_0)


def integer_bound(values: dict[str, Any]) -> int:
    (letter,) = letters_of(values["inequality"])
    allowed = [n for n in range(-1, 500) if value(values["inequality_starred"], **{letter: n})]
    assert (0 in allowed) == (values["wanted"] == "largest")
    return max(allowed) if values["wanted"] == "largest" else min(allowed)


def cramer(values: dict[str, Any]) -> Fraction:
    x, y = letters_of(values["one"] + values["two"])
    numbers = []
    for equation in (values["one_starred"], values["two_starred"]):
        free = sides(equation, **{x: 0, y: 0})
        numbers.append((sides(equation, **{x: 1, y: 0}) - free, sides(equation, **{x: 0, y: 1}) - free, -free))
    (a, b, c), (d, e, f) = numbers
    found = {x: (c * e - b * f) / (a * e - b * d), y: (a * f - c * d) / (a * e - b * d)}
    return sum((found[letter] for letter in values["wanted"].split("+")), Fraction(0))


def half_of_sum_and_difference(values: dict[str, Any]) -> Fraction:
    sign = {"larger": 1, "smaller": -1}[values["wanted"]]
    return Fraction(values["total"] + sign * values["difference"], 2)


def quadratic_root(values: dict[str, Any]) -> int:
    equation = values["equation_starred"]
    (letter,) = letters_of(equation)
    roots = [n for n in range(-60, 61) if sides(equation, **{letter: n}) == 0]
    assert len(roots) == 2, equation
    return {"larger solution": max, "smaller solution": min, "sum of the solutions": sum}[values["wanted"]](roots)


def polynomial_at(values: dict[str, Any]) -> Fraction:
    letters = letters_of(values["polynomial"])
    return value(values["polynomial_starred"], **dict.fromkeys(letters, values["x"]))


def numbers_of(text: str, letter: str) -> dict[int, Fraction]:
    """The coefficients of a polynomial of degree below 5 by its values: they are read off at a large number."""
    large, found = 10**6, {}
    rest = value(text, **{letter: large})
    for degree in range(5):
        low = int(rest) % large
        found[degree] = Fraction(low - large if low > large // 2 else low)
        rest = (rest - found[degree]) / large
    return found


def expanded(values: dict[str, Any]) -> Fraction:
    (letter,) = letters_of(values["product"])
    power = values["wanted"].split()[-1]
    degree = 0 if power == "term" else int(power.partition("^")[2] or 1)
    return numbers_of(values["product_starred"], letter)[degree]


def collected(values: dict[str, Any]) -> Fraction:
    letters = dict.fromkeys(letters_of(values["terms"]), 0)
    text = values["terms_starred"]
    return value(text, **{**letters, values["wanted"]: 1}) - value(text, **letters)


def composed(values: dict[str, Any]) -> Fraction:
    functions = {name: (lambda x, name=name: value(values[f"{name}_starred"], x=x)) for name in "fg"}
    return Fraction(eval(values["call"], functions))


def exponent(values: dict[str, Any]) -> int:
    number, base, count = value(values["power"]), values["base"], 0
    while number > 1:
        number, count = number / base, count + 1
    assert number == 1
    return count


def logarithms(values: dict[str, Any]) -> int:
    return eval(re.sub(r"log_(\d+)\((\d+)\)", lambda m: str(round(log(int(m[2]), int(m[1])))), values["logs"]))


def absolute(values: dict[str, Any]) -> int:
    task = values["task"]
    if "solution" not in task:
        return eval(re.sub(r"\|([^|]*)\|", r"abs(\1)", task))
    wanted, equation = re.fullmatch(r"the (\w+) solution of (.*)", task).groups()
    (letter,) = letters_of(equation)
    inner, right = re.fullmatch(r"\|(.*)\| = (\d+)", equation).groups()
    roots = [n for n in range(-5000, 5001) if abs(eval(inner, {letter: n})) == int(right)]
    return max(roots) if wanted == "larger" else min(roots)


ANSWERS: dict[Family, Callable[[dict[str, Any]], object]] = {
    equations.LINEAR_EQUATION: linear_root,
    equations.LINEAR_INEQUALITY: integer_bound,
    systems.LINEAR_SYSTEM: cramer,
    systems.SUM_AND_DIFFERENCE: half_of_sum_and_difference,
    quadratics.QUADRATIC_EQUATION: quadratic_root,
    polynomials.POLYNOMIAL_VALUE: polynomial_at,
    polynomials.POLYNOMIAL_EXPAND: expanded,
    polynomials.LIKE_TERMS: collected,
    polynomials.FUNCTION_COMPOSITION: composed,
    exponents.EXPONENT_RULES: exponent,
    exponents.LOGARITHMS: logarithms,
    exponents.ABSOLUTE_VALUE: absolute,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_are_those_of_an_independent_solution(family: Family, level: int) -> None:
    for draft in drafts(family, level, 60 if family is exponents.ABSOLUTE_VALUE else 200):
        assert Fraction(draft.answer) == ANSWERS[family](dict(draft.values)), draft


@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_the_styles_of_a_text_differ_in_spaces_and_signs_only(family: Family) -> None:
    for draft in drafts(family, 3, 50):
        for name, text in draft.values.items():
            if name.endswith("_starred"):
                tight = draft.values[name.removesuffix("_starred")]
                assert re.sub(r"[\s*]", "", text) == re.sub(r"[\s*]", "", tight)


def test_terms_are_written_as_in_books() -> None:
    assert polynomial((3, -1, 0, 5)) == "3x^3-x^2+5"
    assert polynomial((-1, 0), "t") == "-t"
    assert linear(0, 0) == "0"
    assert joined(((2, "x"), (-7, "y"), (1, ""))) == "2x-7y+1"
    assert spaced("-3x-2<=7(x-1)") == "-3x - 2 <= 7(x - 1)"
    assert starred("(2x+1)(x-3)") == "(2*x + 1)*(x - 3)"
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21)] == ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st"]


def test_square_roots_are_found_by_the_tens_and_the_last_digit() -> None:
    for root in range(1, 200):
        work = Work()
        assert square_root(work, root * root) == root
        assert work.lines[-1] == f"{root * root}={root}*{root}"
    work = Work()
    square_root(work, 3364)
    assert work.lines[0] == "50*50=2500, 60*60=3600, ends in 4: try 52 or 58"


def test_lowest_terms_and_moved_terms() -> None:
    for top in range(1, 40):
        for bottom in range(1, 40):
            work = Work()
            assert lowest_terms(work, top, bottom) == str(Fraction(top, bottom))
            assert str(Fraction(top, bottom)) in work.lines[-1]
    assert lowest_terms(Work(), 0, 7) == "0"
    for a in (-30, 0, 7):
        for b in (-12, 0, 30):
            assert less(Work(), a, b) == a - b
