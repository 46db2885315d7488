"""Shapes and their sizes: rectangles, triangles, boxes and circles, and the side that is missing."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import listed
from .wording import asked, asked_held_out, crossed

# Ways to name one measure of a shape and its size.
_MEASURES = ("a {} of {}", "a {} of {}", "{} {}", "{} = {}", "{}: {}", "{} equal to {}", "the {} {}")


def _told(random: Random, given: str) -> dict[str, str]:
    """The measures of `given`, such as "length 5 and width 6", in any order and in other forms: the slot {told}."""
    parts = [part.rsplit(" ", 1) for part in given.replace(" and ", ", ").split(", ")]
    random.shuffle(parts)
    form = random.choice(_MEASURES)
    told = [form.format(name, size).replace("a area", "an area") for name, size in parts]
    return {"told": listed(told) if form[0] == "a" or random.random() < 0.5 else ", ".join(told)}


def _rectangle(random: Random, level: int) -> Draft:
    """Area, perimeter, or from level 2 on a side from one of them and the other side."""
    most = (20, 40, 99, 400)[level - 1]
    length, width = random.randint(2, most), random.randint(2, most)
    work, kind = Work(), random.choice(("area", "perimeter", "by area", "by perimeter")[: 2 if level == 1 else 4])
    given, wanted = f"length {length} and width {width}", kind
    if kind == "area":
        answer = work.multiply(length, width)
    elif kind == "perimeter":
        answer = work.multiply(work.add(length, width), 2)
    elif kind == "by area":
        length = random.randint(2, 12)
        given, wanted = f"area {length * width} and length {length}", "width"
        answer = work.quotient(length * width, length)
    else:
        given, wanted = f"perimeter {2 * (length + width)} and length {length}", "width"
        answer = work.subtract(work.quotient(2 * (length + width), 2), length)
    return Draft({"given": given, "wanted": wanted}, work, str(answer), _told(random, given))


RECTANGLE = Family(
    "rectangle",
    _rectangle,
    wordings=(
        *asked("the {wanted} of a rectangle with {given}", "the {wanted}, given a rectangle of {given}"),
        *crossed(
            (
                "A rectangle has {given}.",
                "A garden is a rectangle with {given}.",
                "The {given} of a rectangle are known.",
            ),
            ("What is its {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "Rectangle, {given}: {wanted}?",
        "Of a rectangle you are told: {told}. Find its {wanted}.",
        "For a rectangular field with {given}, calculate the {wanted}.",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} of a rectangular room whose {given} are known", "the {wanted} that a rectangle with {given} has"
    ),
)


def _triangle_area(random: Random, level: int) -> Draft:
    """Base times height, halved; from level 2 on also the height from the area and the base."""
    most = (40, 60, 99, 300)[level - 1]
    base, height = random.randint(2, most), random.randint(2, most)
    height += base * height % 2
    work, given, wanted = Work(), f"base {base} and height {height}", "area"
    if level > 1 and random.random() < 0.4:
        base = random.randint(2, 12)
        height += base * height % 2
        area = base * height // 2
        given, wanted = f"area {area} and base {base}", "height"
        answer = work.quotient(work.multiply(area, 2), base)
    else:
        answer = work.quotient(work.multiply(base, height), 2)
    return Draft({"given": given, "wanted": wanted}, work, str(answer), _told(random, given))


TRIANGLE_AREA = Family(
    "triangle_area",
    _triangle_area,
    wordings=(
        *asked("the {wanted} of a triangle with {given}", "the {wanted}, given a triangle of {given}"),
        *crossed(
            ("A triangle has {given}.", "A sail is a triangle with {given}.", "The {given} of a triangle are known."),
            ("What is its {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "Triangle, {given}: {wanted}?",
        "Of a triangle you are told: {told}. Find its {wanted}.",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} of a triangular plot whose {given} are known", "the {wanted} that a triangle with {given} has"
    ),
)


def _box(random: Random, level: int) -> Draft:
    """Volume; from level 2 on also the surface, from level 3 on also the height from the volume."""
    most = (9, 12, 20, 60)[level - 1]
    length, width, height = (random.randint(2, most) for _ in range(3))
    kind = random.choice(("volume", "surface area", "height")[: min(level, 3)])
    given, work = f"length {length}, width {width} and height {height}", Work()
    if kind == "volume":
        answer = work.multiply(work.multiply(length, width), height)
    elif kind == "height":
        length, width = random.choice(((2, 2), (2, 3), (2, 5), (2, 6), (3, 3), (3, 4), (5, 2), (4, 3)))
        given = f"length {length}, width {width} and volume {length * width * height}"
        answer = work.quotient(length * width * height, work.multiply(length, width))
    else:
        faces = work.multiply(length, width), work.multiply(length, height), work.multiply(width, height)
        answer = work.multiply(work.add(*faces), 2)
    return Draft({"given": given, "wanted": kind}, work, str(answer), _told(random, given))


BOX = Family(
    "box",
    _box,
    wordings=(
        *asked("the {wanted} of a box with {given}", "the {wanted}, given a box of {given}"),
        *crossed(
            ("A box has {given}.", "A tank is a box with {given}.", "The {given} of a cuboid are known."),
            ("What is its {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "Box, {given}: {wanted}?",
        "Of a box you are told: {told}. Find its {wanted}.",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} of a cuboid whose {given} are known", "the {wanted} that a box with {given} has"
    ),
)


def _circle(random: Random, level: int) -> Draft:
    """Area or circumference as a multiple of pi, or the radius from the circumference."""
    kind = random.choice(("area", "circumference", "radius"))
    radius = random.randint(2, (30, 60, 200, 800)[level - 1] if kind == "area" else (150, 300, 900, 4000)[level - 1])
    work, has_radius = Work(), random.random() < 0.5
    given = f"radius {radius}" if has_radius else f"diameter {2 * radius}"
    if kind == "radius":
        given, wanted = f"circumference {2 * radius}*pi", "radius"
        answer = f"{work.quotient(2 * radius, 2)}"
    elif kind == "circumference":
        wanted = "circumference in terms of pi"
        answer = f"{work.multiply(radius, 2) if has_radius else 2 * radius}\\pi"
    else:
        wanted = "area in terms of pi"
        half = radius if has_radius else work.quotient(2 * radius, 2)
        answer = f"{work.multiply(half, half)}\\pi"
    work.say(f"{kind}: {answer}")
    return Draft({"given": given, "wanted": wanted}, work, answer, _told(random, given))


CIRCLE = Family(
    "circle",
    _circle,
    wordings=(
        *asked("the {wanted} of a circle with {given}", "the {wanted}, given a circle of {given}"),
        *crossed(
            ("A circle has {given}.", "A round table has {given}."),
            ("What is its {wanted}?", "Find the {wanted}.", "How large is the {wanted}?"),
        ),
        "Circle, {given}: {wanted}?",
        "Of a circle you are told: {told}. Find its {wanted}.",
    ),
    held_out_wordings=asked_held_out(
        "the {wanted} of a disc whose {given} is known", "the {wanted} that a circle with {given} has"
    ),
)

FAMILIES = (RECTANGLE, TRIANGLE_AREA, BOX, CIRCLE)
