"""Shapes, angles and the plane: every answer is found again from the text, by counting squares, search or floats."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import angles, right_angles, shapes
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 200) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def sizes(text: str) -> dict[str, int]:
    """{"length": 5, "width": 3} of "length 5 and width 3"."""
    return {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", text)}


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def rectangle(values: dict[str, Any]) -> object:
    given = sizes(values["given"])
    if values["wanted"] == "width":
        is_right = (
            (lambda width: width * given["length"] == given["area"])
            if "area" in given
            else (lambda width: 2 * width + 2 * given["length"] == given["perimeter"])
        )
        return next(width for width in range(1, 1000) if is_right(width))
    if values["wanted"] == "area":
        return sum(given["width"] for _ in range(given["length"]))
    return sum((given["length"], given["width"]) * 2)


def triangle_area(values: dict[str, Any]) -> object:
    given = sizes(values["given"])
    if values["wanted"] == "height":
        return next(height for height in range(1, 10_000) if given["base"] * height == 2 * given["area"])
    return Fraction(given["base"] * given["height"], 2)


def box(values: dict[str, Any]) -> object:
    given = sizes(values["given"])
    if values["wanted"] == "height":
        return Fraction(given["volume"], given["length"] * given["width"])
    a, b, c = given.values()
    return a * b * c if values["wanted"] == "volume" else 2 * (a * b + b * c + c * a)


def circle(values: dict[str, Any]) -> str:
    name, number = re.match(r"(\w+) (\d+)", values["given"]).groups()
    radius = Fraction(int(number), 1 if name == "radius" else 2)
    factor = {"radius": radius, "circumference": 2 * radius, "area": radius * radius}[values["wanted"].split()[0]]
    return f"{factor}" if values["wanted"] == "radius" else f"{factor}\\pi"


def triangle_angle(values: dict[str, Any]) -> object:
    found, wanted = numbers(values["given"]), values["wanted"]
    if "two equal angles of" in values["given"]:
        return 180 - 2 * found[0]
    if "equal" in wanted:
        return Fraction(180 - found[0], 2)
    third = 180 - sum(found)
    return 180 - third if "exterior" in wanted else third


def missing_angle(values: dict[str, Any]) -> int:
    corners = {"in a quadrilateral": 4, "in a pentagon": 5}.get(values["place"])
    whole = {"on a straight line": 180, "around a point": 360, "in a right angle": 90}.get(values["place"])
    known = numbers(values["known"])
    assert corners is None or len(known) == corners - 1
    return (whole or 180 * (corners - 2)) - sum(known)


def polygon(values: dict[str, Any]) -> object:
    found = numbers(values["given"])
    if "angle sum of" in values["given"]:
        return Fraction(found[0], 180) + 2
    total = sum(180 for _ in range(found[0] - 2))
    return total - found[1] if values["wanted"] == "last angle" else total


def right_triangle(values: dict[str, Any]) -> object:
    one, two = numbers(values["given"])
    if "hypotenuse" in values["given"]:
        sides = (two, math.sqrt(one * one - two * two), one)
    else:
        sides = (one, two, math.hypot(one, two))
    assert all(side == int(side) for side in sides) or "square" in values["wanted"]
    return round(
        {
            "square of the hypotenuse": sides[2] ** 2,
            "hypotenuse": sides[2],
            "other leg": sides[1],
            "perimeter": sum(sides),
            "area": sides[0] * sides[1] / 2,
        }[values["wanted"]]
    )


def midpoint(values: dict[str, Any]) -> Fraction:
    x, y, u, v = numbers(values["points"])
    return Fraction(x + u, 2) if values["wanted"] == "x-coordinate" else Fraction(y + v, 2)


def distance(values: dict[str, Any]) -> object:
    x, y, u, v = numbers(values["points"])
    return round(math.dist((x, y), (u, v)) ** 2) if "square" in values["wanted"] else math.dist((x, y), (u, v))


def slope(values: dict[str, Any]) -> Fraction:
    x, y, u, v = numbers(values["points"])
    return Fraction(v - y, u - x)


ANSWERS: dict[Family, Callable[[dict[str, Any]], object]] = {
    shapes.RECTANGLE: rectangle,
    shapes.TRIANGLE_AREA: triangle_area,
    shapes.BOX: box,
    shapes.CIRCLE: circle,
    angles.TRIANGLE_ANGLE: triangle_angle,
    angles.MISSING_ANGLE: missing_angle,
    angles.POLYGON: polygon,
    right_angles.PYTHAGORAS: right_triangle,
    right_angles.MIDPOINT: midpoint,
    right_angles.DISTANCE: distance,
    right_angles.SLOPE: slope,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_are_those_of_an_independent_solution(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        wanted = ANSWERS[family](dict(draft.values))
        assert draft.answer == (wanted if isinstance(wanted, str) else str(Fraction(wanted))), draft


@pytest.mark.parametrize("level", LEVELS)
def test_angles_are_such_as_occur(level: int) -> None:
    for family in (angles.TRIANGLE_ANGLE, angles.MISSING_ANGLE):
        for draft in drafts(family, level):
            assert 0 < int(draft.answer) < 360, draft
    for draft in drafts(angles.TRIANGLE_ANGLE, level):
        assert int(draft.answer) < 180, draft
