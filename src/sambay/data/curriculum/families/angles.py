"""Angles: the one that is missing in triangles, quadrilaterals, on lines and around points, and those of polygons."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .wording import asked, asked_held_out, crossed


def _triangle_angle(random: Random, level: int) -> Draft:
    """180 less the two that are known; from level 2 on of isosceles triangles, at level 3 an outer angle."""
    kind = random.choice(("plain", "isosceles", "outer")[: min(level, 3)])
    work = Work()
    if kind == "plain":
        step = 5 if level == 1 else 1
        one = step * random.randint(2, 120 // step)
        two = step * random.randint(1, (175 - one) // step)
        given, answer = f"angles of {one} and {two} degrees", work.subtract(180, work.add(one, two))
        wanted = "third angle"
    elif kind == "isosceles":
        if random.random() < 0.5:
            base = random.randint(3, 88)
            given, wanted = f"two equal angles of {base} degrees each", "third angle"
            answer = work.subtract(180, work.multiply(base, 2))
        else:
            top = 2 * random.randint(2, 88)
            given, wanted = f"an angle of {top} degrees and two equal angles", "size of each equal angle"
            answer = work.quotient(work.subtract(180, top), 2)
    else:
        one = random.randint(10, 120)
        two = random.randint(5, 170 - one)
        given = f"angles of {one} and {two} degrees"
        wanted = "exterior angle at the third corner"
        answer = work.add(one, two)
    return Draft({"given": given, "wanted": wanted}, work, str(answer))


TRIANGLE_ANGLE = Family(
    "triangle_angle",
    _triangle_angle,
    wordings=(
        *asked("the {wanted} of a triangle with {given}", "the {wanted} in degrees if a triangle has {given}"),
        *crossed(
            ("A triangle has {given}.", "In a triangle there are {given}.", "Some triangle has {given}."),
            ("What is the {wanted}?", "Find the {wanted}.", "How many degrees is the {wanted}?"),
        ),
        "Triangle with {given}: {wanted}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} when {given} are in a triangle",
        "the {wanted} in degrees, the triangle having {given}",
    ),
)

# Angles that fill a whole: what they lie in or around, and their sum.
_WHOLES = (
    ("on a straight line", 180),
    ("around a point", 360),
    ("in a quadrilateral", 360),
    ("in a right angle", 90),
    ("in a pentagon", 540),
)


def _missing_angle(random: Random, level: int) -> Draft:
    """The last angle of several that fill a whole."""
    place, whole = random.choice(_WHOLES if level > 1 else _WHOLES[:2])
    count = {180: (1, 3), 90: (1, 2), 360: (1, 4), 540: (4, 4)}[whole]
    num_known = 3 if "quad" in place else random.randint(count[0], min(count[1], max(count[0], level + 1)))
    rest, known = whole, []
    for index in range(num_known):
        if whole == 540:
            known.append(random.randint(70, 130))
            continue
        known.append(random.randint(5, max(6, (rest - 5 * (num_known - index)) // (1 if num_known == 1 else 2))))
        rest -= known[-1]
    work = Work()
    answer = work.subtract(whole, work.add(*known) if len(known) > 1 else known[0])
    text = ", ".join(f"{angle}" for angle in known[:-1]) + " and " * (len(known) > 1) + f"{known[-1]}"
    return Draft({"known": text, "place": place}, work, str(answer))


MISSING_ANGLE = Family(
    "missing_angle",
    _missing_angle,
    wordings=(
        *asked(
            "the last angle {place} if the others are {known} degrees",
            "the missing angle {place} beside {known} degrees",
        ),
        *crossed(
            (
                "The angles {place} are {known} degrees and one more.",
                "All angles {place} but one are known: {known} degrees.",
            ),
            ("What is the last one?", "Find the missing angle.", "How many degrees has the other?"),
        ),
        "Angles {place}: {known}, x. x = ?",
        "{known} degrees and x lie {place} and fill it. What is x?",
    ),
    held_out_wordings=asked_held_out(
        "the remaining angle {place}, the other angles there being {known} degrees in size",
        "x, when x and {known} degrees are all the angles {place}",
    ),
)


def _polygon(random: Random, level: int) -> Draft:
    """The sum of the angles of n corners, the last angle, or from level 2 on n from the sum."""
    work = Work()
    kind = random.choice(("sum", "rest") if level == 1 else ("sum", "count", "rest", "rest"))
    corners = random.randint(3, (60, 60, 99, 400)[level - 1])
    if kind == "sum":
        answer = work.multiply(work.subtract(corners, 2), 180)
        given, wanted = f"{corners} corners", "sum of its angles"
    elif kind == "count":
        given, wanted = f"an angle sum of {180 * (corners - 2)} degrees", "number of its corners"
        work.say(f"{180 * (corners - 2)}/180={18 * (corners - 2)}/18")
        answer = work.add(work.quotient(18 * (corners - 2), 18), 2)
    else:
        corners = random.randint(4, (6, 12, 14, 22)[level - 1])
        total = 180 * (corners - 2)
        last = random.randint(20, 170)
        given, wanted = (
            f"{corners} corners, all but one of its angles adding up to {total - last} degrees",
            "last angle",
        )
        answer = work.subtract(work.multiply(work.subtract(corners, 2), 180), total - last)
    return Draft({"given": given, "wanted": wanted}, work, str(answer))


POLYGON = Family(
    "polygon",
    _polygon,
    wordings=(
        *asked("the {wanted} of a polygon with {given}", "the {wanted} if a polygon has {given}"),
        *crossed(
            ("A polygon has {given}.", "Some flat shape with straight sides has {given}."),
            ("What is the {wanted}?", "Find the {wanted}.", "How much is the {wanted}?"),
        ),
        "Polygon with {given}: {wanted}?",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} for a polygon of {given}", "the {wanted}, the polygon having {given}"
    ),
)

FAMILIES = (TRIANGLE_ANGLE, MISSING_ANGLE, POLYGON)
