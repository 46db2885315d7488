"""Right triangles and the plane: the third side, the distance of two points, their middle, and slopes."""

from __future__ import annotations

from math import gcd
from random import Random

from ..forms import lowest_terms, square_root
from ..problem import Draft, Family
from ..working import Work
from .wording import asked, asked_held_out, crossed


def _triples(most: int) -> tuple[tuple[int, int, int], ...]:
    """All right triangles with whole sides whose longest is at most so long, by Euclid's formula and its multiples."""
    found = set()
    for m in range(2, most):
        for n in range(1, m):
            if gcd(m, n) == 1 and (m - n) % 2 and m * m + n * n <= most:
                a, b, c = sorted((m * m - n * n, 2 * m * n, m * m + n * n))
                found |= {(a * factor, b * factor, c * factor) for factor in range(1, most // c + 1)}
    return tuple(sorted(found))


# By the level, from 2 on.
_TRIPLES = tuple(_triples(most) for most in (75, 125, 199))


def _pythagoras(random: Random, level: int) -> Draft:
    """At level 1 the square of the long side; then the long side, a leg, and what follows from them."""
    work = Work()
    if level == 1:
        a, b = random.randint(2, 30), random.randint(2, 30)
        answer = work.add(work.multiply(a, a), work.multiply(b, b))
        values = {"given": f"legs {a} and {b}", "wanted": "square of the hypotenuse"}
        return Draft(values, work, str(answer), _told(random, a, b))
    a, b, c = random.choice(_TRIPLES[level - 2])
    if random.random() < 0.5:
        a, b = b, a
    kinds = {
        2: ("hypotenuse", "perimeter"),
        3: ("other leg", "hypotenuse", "perimeter", "area"),
        4: ("area", "perimeter"),
    }
    wanted = random.choice(kinds[level])
    if wanted in ("other leg", "area") or level == 4:
        given, told, answer = f"hypotenuse {c} and one leg {a}", _told(random, a, longest=c), _leg(work, c, a)
    else:
        given, told, answer = f"legs {a} and {b}", _told(random, a, b), _hypotenuse(work, a, b)
    if wanted == "perimeter":
        answer = work.add(a, b, c)
    elif wanted == "area":
        answer = work.quotient(work.multiply(a, b), 2)
    return Draft({"given": given, "wanted": wanted}, work, str(answer), told)


# Two legs, or a leg and the hypotenuse, as they are told.
_TWO_LEGS = (
    *(
        "a leg of {} and another leg of {}",
        "legs of {} and {}",
        "the legs {} and {}",
        "sides of {} and {} at the right angle",
    ),
    *("one leg {}, the other leg {}", "leg = {}, other leg = {}", "two shorter sides of {} and {}"),
)
_LEG_AND_LONGEST = (
    *("a leg of {} and a hypotenuse of {}", "one leg {}, hypotenuse {}", "the leg {} and the hypotenuse {}"),
    *("leg = {}, hypotenuse = {}", "one shorter side of {} and a longest side of {}", "leg: {}, hypotenuse: {}"),
)


def _told(random: Random, *legs: int, longest: int | None = None) -> dict[str, str]:
    """The slot {told}: the known sides in one of many forms."""
    sides = legs if longest is None else (*legs, longest)  # in their order, which the side of the split knows
    return {"told": random.choice(_TWO_LEGS if longest is None else _LEG_AND_LONGEST).format(*sides)}


def _hypotenuse(work: Work, a: int, b: int) -> int:
    return square_root(work, work.add(work.multiply(a, a), work.multiply(b, b)))


def _leg(work: Work, c: int, a: int) -> int:
    return square_root(work, work.subtract(work.multiply(c, c), work.multiply(a, a)))


PYTHAGORAS = Family(
    "pythagoras",
    _pythagoras,
    wordings=(
        *asked("the {wanted} of a right triangle with {given}", "the {wanted}, given a right triangle with {given}"),
        *crossed(
            ("A right triangle has {given}.", "In a triangle with a right angle we have {given}."),
            ("What is its {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "Right triangle, {given}: {wanted}?",
        "Of a right triangle you are told: {told}. Find its {wanted}.",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} for a right-angled triangle with {given}",
        "the {wanted} that belongs to a right triangle of {given}",
    ),
)


def _points(random: Random, most: int, level: int) -> tuple[int, int]:
    """A point, at level 1 with no negative number."""
    least = 0 if level == 1 else -most
    return random.randint(least, most), random.randint(least, most)


def _midpoint(random: Random, level: int) -> Draft:
    """One coordinate of the middle."""
    most = (20, 60, 300, 2000)[level - 1]
    (x, y), (u, v) = _points(random, most, level), _points(random, most, level)
    u, v = u + (x + u) % 2, v + (y + v) % 2
    wanted, one, two = random.choice((("x-coordinate", x, u), ("y-coordinate", y, v)))
    work = Work()
    work.say(f"{wanted[0]}: {one}, {two}")
    answer = work.quotient(work.add(one, two), 2)
    return Draft({"points": f"({x}, {y}) and ({u}, {v})", "wanted": wanted}, work, str(answer))


MIDPOINT = Family(
    "midpoint",
    _midpoint,
    wordings=(
        *asked("the {wanted} of the midpoint of {points}", "the {wanted} of the point halfway between {points}"),
        *crossed(
            ("M is the midpoint of {points}.", "A segment joins {points}, and M is its middle."),
            ("What is the {wanted} of M?", "Find the {wanted} of M.", "Which {wanted} has M?"),
        ),
        "Midpoint of {points}: {wanted}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} of the centre of the segment between {points}",
        "the {wanted} of the middle point between {points}",
    ),
)


def _distance(random: Random, level: int) -> Draft:
    """Of points on a grid: their differences are the legs of a right triangle; at level 1 its square."""
    x, y = _points(random, (10, 10, 20, 60)[level - 1], level)
    if level == 1:
        a, b, wanted = random.randint(1, 12), random.randint(1, 12), "square of the distance"
    else:
        a, b, _ = random.choice(_GRID_TRIPLES[level - 2])
        wanted = "distance"
        if random.random() < 0.5:
            a, b = b, a
    u, v = (x + a, y + b) if level == 1 else (x + a * random.choice((-1, 1)), y + b * random.choice((-1, 1)))
    work = Work()
    dx, dy = abs(work.subtract(u, x)), abs(work.subtract(v, y))
    total = work.add(work.multiply(dx, dx), work.multiply(dy, dy))
    answer = total if level == 1 else square_root(work, total)
    return Draft({"points": f"({x}, {y}) and ({u}, {v})", "wanted": wanted}, work, str(answer))


_GRID_TRIPLES = tuple(_triples(most) for most in (25, 50, 75))

DISTANCE = Family(
    "distance",
    _distance,
    wordings=(
        *asked("the {wanted} of the points {points}", "the {wanted} between {points}"),
        *crossed(
            ("Two points are {points}.", "On a grid there are the points {points}."),
            ("What is the {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "{points}: {wanted}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} in the plane that separates {points}", "the {wanted} for the pair of points {points}"
    ),
)


def _slope(random: Random, level: int) -> Draft:
    """Rise over run, whole at level 1, then a fraction in lowest terms; the second point lies to the right."""
    most = (10, 10, 25, 80)[level - 1]
    x, y = _points(random, most, level)
    run = random.randint(1, 12)
    rise = run * random.randint(1, 9) if level == 1 else random.randint(-most, most) or 1
    points = f"({x}, {y}) and ({x + run}, {y + rise})"
    work = Work()
    rise, run = work.subtract(y + rise, y), work.subtract(x + run, x)
    work.say(f"slope {rise}/{run}")
    sign = "-" if rise < 0 else ""
    answer = f"{sign}{lowest_terms(work, abs(rise), run)}"
    if sign:
        work.say(f"slope {answer}")
    return Draft({"points": points}, work, answer)


SLOPE = Family(
    "slope",
    _slope,
    wordings=(
        *asked("the slope of the line through {points}", "the gradient of the line through {points}"),
        *crossed(
            ("A line goes through {points}.", "Two points of a line are {points}."),
            ("What is its slope?", "Find the slope.", "Which slope has it?"),
        ),
        "slope, {points}",
    ),
    held_out_wordings=asked_held_out(
        "the rise over run of the straight line that joins {points}", "the slope that a line has which meets {points}"
    ),
)

FAMILIES = (PYTHAGORAS, MIDPOINT, DISTANCE, SLOPE)
