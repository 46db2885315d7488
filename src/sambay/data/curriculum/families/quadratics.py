"""Quadratic equations with whole roots: the discriminant, its root, then the wanted solution."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..terms import joined, letter_of, polynomial, styles
from ..working import Work
from .equations import nonzero
from .wording import asked, asked_held_out

# The size of the roots, and of their distance, whose product with the leading number has a square that is known.
_MOST, _MOST_ROOT = {1: 12, 2: 15, 3: 12, 4: 30}, 20


def _quadratic_equation(random: Random, level: int) -> Draft:
    a, smaller, larger = whole_roots(random, level)
    b, c = -a * (smaller + larger), a * smaller * larger
    letter = letter_of(a, b, c)
    moved = random.choice((0, 0, c, b)) if level > 1 else 0
    equation = _written(a, b, c, moved, letter)
    wanted = random.choice(("larger", "smaller", "sum"))
    work = Work()
    work.say(equation)
    if moved:
        work.say(f"{polynomial((a, b, c), letter)}=0")
    root = discriminant_root(work, a, b, c)
    answer = wanted_solution(work, wanted, a, b, root)
    values = {**styles("equation", equation), "wanted": _WANTED[wanted]}
    return Draft(values, work, str(answer), {"letter": letter})


def whole_roots(random: Random, level: int) -> tuple[int, int, int]:
    """The leading number and two roots, the smaller first."""
    most = _MOST[level]
    while True:
        a = random.choice((1, 2, 3)) if level == 3 else 1 if level < 3 else random.choice((1, 2))
        one, two = random.randint(1, most), random.randint(1, most)
        if level > 1:
            one, two = nonzero(random, most), nonzero(random, most)
        elif random.random() < 0.5:
            one, two = -one, -two if random.random() < 0.5 else two
        smaller, larger = sorted((one, two))
        if 0 < a * (larger - smaller) <= _MOST_ROOT and one + two:
            return a, smaller, larger


def _written(a: int, b: int, c: int, moved: int, letter: str) -> str:
    """ax^2+bx+c=0, or with the last or the last two terms on the right."""
    if moved == c and moved:
        return f"{polynomial((a, b, 0), letter)}={-c}"
    if moved == b and moved:
        return f"{polynomial((a, 0, 0), letter)}={joined(((-b, letter), (-c, '')))}"
    return f"{polynomial((a, b, c), letter)}=0"


def discriminant_root(work: Work, a: int, b: int, c: int) -> int:
    """The root of b*b-4ac of ax^2+bx+c, at most 20."""
    square = work.multiply(abs(b), abs(b))
    product = work.multiply(work.multiply(4, a) if a > 1 else 4, abs(c))
    discriminant = work.add(square, product) if c < 0 else work.subtract(square, product)
    root = next(number for number in range(_MOST_ROOT + 1) if number * number == discriminant)
    work.say(f"D={discriminant}={root}*{root}")
    return root


def wanted_solution(work: Work, wanted: str, a: int, b: int, root: int) -> int:
    """(-b+root)/2a is the larger solution, (-b-root)/2a the smaller."""
    double = work.multiply(2, a) if a > 1 else 2
    solutions = []
    for name, sign in (("larger", 1), ("smaller", -1)):
        if wanted in (name, "sum"):
            work.say(f"{name}: ({joined(((-b, ''), (sign * root, '')))})/{double}")
            top = work.add(-b, root) if sign > 0 else work.subtract(-b, root)
            solutions.append(work.quotient(top, double) if top else 0)
            work.say(f"{name}: {solutions[-1]}")
    return work.add(*solutions) if wanted == "sum" else solutions[0]


_WANTED = {"larger": "larger solution", "smaller": "smaller solution", "sum": "sum of the solutions"}

QUADRATIC_EQUATION = Family(
    "quadratic_equation",
    _quadratic_equation,
    wordings=(
        *asked("the {wanted} of {equation_spaced}", "the {wanted} of the equation {equation_starred}"),
        "Solve {equation_spaced}. What is the {wanted}?",
        "Solve {equation} and give the {wanted}.",
        "{equation}, {wanted}",
        "{equation_spaced}. The {wanted}?",
        "The quadratic equation {equation_spaced} has two solutions. Find the {wanted}.",
        "Solve for {letter}: {equation_spaced}. Give the {wanted}.",
        "{letter} satisfies {equation_starred}. State the {wanted}.",
        "Given {equation_spaced}, work out the {wanted}.",
    ),
    held_out_wordings=(
        *asked_held_out("the {wanted} if {equation_spaced}", "the {wanted} for {equation_starred}")[:6],
        "Which number is the {wanted} of {equation_spaced}?",
        "Consider {equation_spaced}. How big is the {wanted}?",
        "I have to solve {equation}. I want only the {wanted}.",
        "Quadratic: {equation_spaced}. Wanted: {wanted}.",
    ),
)

FAMILIES = (QUADRATIC_EQUATION,)
