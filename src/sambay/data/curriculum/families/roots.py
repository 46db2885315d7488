"""Square and cube roots that come out even: the ten by bracketing, the unit by the last digit."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ..expressions import operate
from ..forms import square_root
from ..problem import Draft, Family
from ..working import Work, bracketed
from .asking import asked, asked_held_out

_MOST_SQUARE_ROOT = {1: 40, 2: 99, 3: 150, 4: 199}
_MOST_CUBE_ROOT = {1: 12, 2: 30, 3: 60, 4: 99}
_KNOWN_CUBE_ROOT = 10


def cube_root(work: Work, cube: int) -> int:
    """The root of a cube of either sign below a million: known up to 10, else by tens and the last digit.

    Every last digit is that of the cube of one digit only, so there is nothing to try, as there is for squares.
    """
    if cube < 0:
        root = -cube_root(work, -cube)
        work.say(f"{cube}=({root})^3")
        return root
    root = round(cube ** (1 / 3))
    assert root**3 == cube < 1_000_000, f"{cube} is a cube"
    ten, unit = root - root % 10, root % 10
    if root > _KNOWN_CUBE_ROOT and unit:
        around = ", ".join(f"{side}^3={side**3}" for side in (ten, ten + 10))
        work.say(f"{around}, ends in {cube % 10} as {unit}^3={unit**3}: {root}")
    work.say(f"{cube}={root}^3")
    return root


def _square_roots(random: Random, level: int) -> Draft:
    most = _MOST_SQUARE_ROOT[level]
    roots = [random.randint(2, most), random.randint(2, 20)]  # the second is known by heart
    return _drawn(random, level, roots, 2, square_root)


def _cube_roots(random: Random, level: int) -> Draft:
    most = _MOST_CUBE_ROOT[level]
    roots = [random.randint(2, most) * (-1 if random.random() < 0.2 else 1) for _ in range(2)]
    return _drawn(random, level, roots, 3, cube_root)


# What stands beside a root: nothing, a number added, taken off or multiplied, or a second root.
_BESIDE = {1: ("", "+", "-"), 2: ("", "", "+", "-", "*"), 3: ("", "+", "-", "*", "root"), 4: ("+", "-", "*", "root")}


def _drawn(random: Random, level: int, roots: list[int], exponent: int, root_of: Callable[[Work, int], int]) -> Draft:
    """A root, often with a number or a second root beside it."""
    name, radical, kind = ("sqrt", "√", "square") if exponent == 2 else ("cbrt", "∛", "cube")
    work, beside = Work(), random.choice(_BESIDE[level])
    first, second = (root**exponent for root in roots)
    text, said, answer = f"{name}({first})", f"the {kind} root of {first}", root_of(work, first)
    if beside:
        sign = random.choice("+-") if beside == "root" else beside
        other = root_of(work, second) if beside == "root" else random.randint(2, 12 if beside == "*" else 60)
        answer = operate(work, answer, sign, other)
        text += f" {sign} " + (f"{name}({second})" if beside == "root" else bracketed(other))
        said = text
    work.say(f"so {answer}")
    values = {"expression": text, "radical": text.replace(name, radical), "said": said}
    return Draft(values, work, str(answer))


SQUARE_ROOTS = Family(
    "square_roots",
    _square_roots,
    wordings=(
        *asked("{expression}", "{said}", "{radical}"),
        "The root is a whole number. What is {said}?",
        "Simplify {radical}.",
        "Find {said}, please.",
        "Take the square root and give me {expression}.",
        "Which whole number is {said}?",
        "sqrt stands for the square root: {expression}",
    ),
    held_out_wordings=asked_held_out("{radical}", "{said}", "{expression}"),
)

CUBE_ROOTS = Family(
    "cube_roots",
    _cube_roots,
    wordings=(
        *asked("{said}", "{radical}", "{expression}"),
        "The root is a whole number. What is {said}?",
        "Simplify {radical}.",
        "Find {said}, please.",
        "Take the cube root and give me {expression}.",
        "Which whole number is {said}?",
        "cbrt stands for the cube root: {expression}",
    ),
    held_out_wordings=asked_held_out("{said}", "{expression}", "{radical}"),
)

FAMILIES = (SQUARE_ROOTS, CUBE_ROOTS)
