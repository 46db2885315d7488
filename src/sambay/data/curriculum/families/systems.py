"""Two equations with two unknowns: the first unknown is eliminated, the second found and put back."""

from __future__ import annotations

from random import Random

from ..forms import less
from ..problem import Draft, Family
from ..terms import joined, spaced, starred
from ..working import Work
from .equations import nonzero, solve
from .wording import asked, asked_held_out

Equation = tuple[int, int, int]  # a, b, c of ax+by=c
_PAIRS = ("xy", "ab", "pq", "mn", "uv", "xz")
# The size of the unknowns at each level.
_MOST = {1: 12, 2: 12, 3: 12, 4: 30}
# The size of the coefficients, and of the last divisor, which stays in the tables.
_MOST_FACTOR, _MOST_DIVISOR = {1: 5, 2: 6, 3: 5, 4: 9}, 12


def _linear_system(random: Random, level: int) -> Draft:
    x, y = random.randint(1, _MOST[level]), random.randint(1, _MOST[level])
    if level > 3:
        x, y = random.choice(((x, y), (x, y), (-x, y), (x, -y)))
    (a, b), (c, d) = _coefficients(random, level)
    first, second = (a, b, a * x + b * y), (c, d, c * x + d * y)
    pair = _PAIRS[sum((*first, *second)) % len(_PAIRS)]
    wanted = random.choice((pair[0], pair[1], f"{pair[0]}+{pair[1]}"))
    work = Work()
    work.say(written(first, pair))
    work.say(written(second, pair))
    _solve_system(work, pair, first, second)
    answer = {pair[0]: x, pair[1]: y}.get(wanted, x + y)
    if "+" in wanted:
        work.add(x, y)
    work.say(f"{wanted}={answer}")
    one, two = written(first, pair), written(second, pair)
    values = {"one": spaced(one), "two": spaced(two), "one_tight": one, "two_tight": two, "wanted": wanted}
    values |= {"one_starred": starred(one), "two_starred": starred(two), "wanted_spaced": spaced(wanted)}
    return Draft(values, work, str(answer), {"x": pair[0], "y": pair[1]})


def _coefficients(random: Random, level: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Of x and y in both equations; at level 1 those of x are equal, at level 2 the first is 1."""
    most = _MOST_FACTOR[level]
    while True:
        a, c = random.randint(2, most), random.randint(2, most)
        b, d = random.randint(1, 9), nonzero(random, 9)
        if level == 1:
            a = c = random.randint(1, 5)
        elif level == 2:
            a, d = 1, abs(d)
        else:
            b = nonzero(random, most)
        slope = abs(b - d) if a == c else abs(b * c - a * d)
        if 0 < slope <= _MOST_DIVISOR:
            return (a, b), (c, d)


def _solve_system(work: Work, pair: str, first: Equation, second: Equation) -> None:
    """Both equations, already written: x is made alike in both, the one with less y taken off, y put into the first."""
    a, b, c = first
    one, two = first, second
    if a != second[0]:
        one, two = _scaled(work, pair, first, second[0]), _scaled(work, pair, second, a)
    more, fewer = (one, two) if one[1] > two[1] else (two, one)
    work.say(f"{joined(((more[1], pair[1]), (-fewer[1], pair[1])))}={joined(((more[2], ''), (-fewer[2], '')))}")
    slope, right = less(work, more[1], fewer[1]), less(work, more[2], fewer[2])
    work.say(f"{joined(((slope, pair[1]),))}={right}")
    y = solve(work, pair[1], (slope, 0), (0, right))
    product = work.multiply(b, y) if abs(b) > 1 else b * y
    work.say(f"{joined(((a, pair[0]), (product, '')))}={c}")
    solve(work, pair[0], (a, product), (0, c))


def _scaled(work: Work, pair: str, equation: Equation, factor: int) -> Equation:
    """All three numbers times a positive factor; their signs stay."""
    if factor == 1:
        return equation
    work.say(f"times {factor}")
    for number in equation:
        if abs(number) > 1:
            work.multiply(abs(number), factor)
    a, b, c = (number * factor for number in equation)
    work.say(written((a, b, c), pair))
    return a, b, c


def written(equation: Equation, pair: str) -> str:
    """ax+by=c."""
    a, b, c = equation
    return f"{joined(((a, pair[0]), (b, pair[1])))}={c}"


LINEAR_SYSTEM = Family(
    "linear_system",
    _linear_system,
    wordings=(
        *asked("{wanted_spaced} if {one} and {two}", "{wanted} when {one_starred} and {two_starred}"),
        "Solve {one}, {two} for {wanted_spaced}.",
        "Solve the system {one} and {two}. What is {wanted_spaced}?",
        "{one_tight}, {two_tight}, {wanted} = ?",
        "{one}; {two}. {wanted}?",
        "Two equations: {one} and {two}. Find {wanted_spaced}.",
        "Given {one} and {two}, what is {wanted_spaced}?",
        "Suppose that {one_tight} and {two_tight}. How much is {wanted}?",
        "{x} and {y} satisfy {one} and {two}. Find {wanted_spaced}.",
        "The system of equations is\n{one}\n{two}\nDetermine {wanted_spaced}.",
        "Let {one_starred} and {two_starred}. Compute {wanted_spaced}.",
    ),
    held_out_wordings=(
        *asked_held_out("{wanted_spaced}, where {one} and also {two}", "{wanted} from {one_tight} and {two_tight}")[:6],
        "We have {one} together with {two}. How big is {wanted_spaced}?",
        "What value does {wanted_spaced} take when both {one} and {two} hold?",
        "Use {one} and {two} to find {wanted_spaced}.",
        "System: {one}, {two}. Wanted: {wanted_spaced}.",
    ),
)


def _sum_and_difference(random: Random, level: int) -> Draft:
    most = {1: 20, 2: 100, 3: 400, 4: 5000}[level]
    smaller = random.randint(1, most)
    larger = smaller + random.randint(1, most)
    total, difference = larger + smaller, larger - smaller
    wanted = random.choice(("larger", "smaller"))
    work = Work()
    double = work.subtract(total, difference) if wanted == "smaller" else work.add(total, difference)
    answer = work.quotient(double, 2)
    work.say(f"{wanted}: {answer}")
    return Draft({"total": total, "difference": difference, "wanted": wanted}, work, str(answer))


SUM_AND_DIFFERENCE = Family(
    "sum_and_difference",
    _sum_and_difference,
    wordings=(
        *asked(
            "the {wanted} of two numbers whose sum is {total} and whose difference is {difference}",
            "the {wanted} of two numbers that add up to {total} and differ by {difference}",
        ),
        "The sum of two numbers is {total} and their difference is {difference}. What is the {wanted} one?",
        "Two numbers have sum {total} and difference {difference}. Find the {wanted} number.",
        "Two numbers add up to {total}. One is {difference} more than the other. What is the {wanted} number?",
        "Sum {total}, difference {difference}: {wanted} number?",
        "I think of two numbers. Their sum is {total}, their difference {difference}. Which is the {wanted}?",
        "Together two ropes are {total} m long; one is {difference} m longer. How long in metres is the {wanted} one?",
        "{total} is the sum of two numbers and {difference} their difference. Which is the {wanted} one?",
        "Of two numbers with total {total} and difference {difference}, give the {wanted}.",
    ),
    held_out_wordings=(
        "If two numbers differ by {difference} and have the sum {total}, what is the {wanted} number?",
        "A pair of numbers adds to {total}; they are {difference} apart. Name the {wanted}.",
        "Split {total} into two numbers with difference {difference}. Which is the {wanted} part?",
        "One number exceeds another by {difference}, and together they make {total}. Find the {wanted} of them.",
        "Difference: {difference}. Sum: {total}. Of these two numbers, the {wanted} one, please.",
        "The total of two numbers is {total}, and the gap between them is {difference}. What is the {wanted} number?",
        "What is the {wanted} number, if two numbers are {difference} apart and sum to {total}?",
        "Two numbers make {total} together and one beats the other by {difference}. The {wanted} is what?",
        "Find two numbers with sum {total} and difference {difference}, and tell me just the {wanted}.",
        "Knowing the sum {total} and the difference {difference} of two numbers, compute the {wanted} one.",
    ),
)

FAMILIES = (LINEAR_SYSTEM, SUM_AND_DIFFERENCE)
