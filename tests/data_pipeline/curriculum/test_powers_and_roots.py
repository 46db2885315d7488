from __future__ import annotations

import re
from fractions import Fraction
from random import Random

import pytest
import sympy

from sambay.data.curriculum.families import powers, roots
from sambay.data.curriculum.problem import Draft, Family
from sambay.data.curriculum.working import Work

LEVELS = (1, 2, 3, 4)
FAMILIES = (*powers.FAMILIES, *roots.FAMILIES)


def drafts(family: Family, level: int, count: int = 250) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", roots.FAMILIES, ids=lambda family: family.name)
def test_roots_are_those_of_sympy(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        answer = sympy.sympify(draft.values["expression"], locals={"cbrt": lambda cube: sympy.real_root(cube, 3)})
        assert draft.answer == str(answer), draft


@pytest.mark.parametrize("level", LEVELS)
def test_powers_are_products_of_as_many_factors(level: int) -> None:
    for draft in drafts(powers.POWERS, level):
        base, exponent = re.fullmatch(r"\(?(-?\d+)\)?\^(-?\d+)", draft.values["power"]).groups()
        product = Fraction(1)
        for _ in range(abs(int(exponent))):
            product *= int(base)
        assert Fraction(draft.answer) == (1 / product if int(exponent) < 0 else product), draft


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_problems_are_many(family: Family, level: int) -> None:
    assert len({str(draft.values) for draft in drafts(family, level, 500)}) > (180 if level == 1 else 230)


def test_each_multiplication_is_named_by_the_power_that_it_gives() -> None:
    for draft in drafts(powers.POWERS, 3):
        named = [line.split(":")[0] for line in draft.work.lines if re.match(r"\d+\^\d+: ", line)]
        base = re.search(r"\d+", draft.values["power"]).group()
        assert named == [f"{base}^{step}" for step in range(2, 2 + len(named))], draft


@pytest.mark.parametrize("root", [*range(1, 100), -1, -9, -10, -27, -99])
def test_every_cube_root_is_found_between_neighbouring_tens(root: int) -> None:
    work = Work()
    assert roots.cube_root(work, root**3) == root
    text = "\n".join(work.lines)
    if abs(root) > 10 and root % 10:
        lower, upper = map(int, re.search(r"^(\d+)\^3=\d+, (\d+)\^3=", text).groups())
        assert lower < abs(root) < upper == lower + 10
        assert re.search(rf"ends in {abs(root) ** 3 % 10} as {abs(root) % 10}\^3=\d+: {abs(root)}$", work.lines[0])
    assert work.lines[-1].startswith(f"{root**3}=")


def test_negative_bases_and_exponents_occur() -> None:
    texts = [draft.values["power"] for draft in drafts(powers.POWERS, 2)]
    assert any(text.startswith("(-") for text in texts)
    assert any("^-" in text for text in texts)
