"""Means, counting and chance: every answer found again from the text, by the statistics module or by listing cases."""

from __future__ import annotations

import itertools
import math
import re
import statistics
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import chance, counting, means
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 200) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def mean(values: dict[str, Any]) -> Fraction:
    found = numbers(values["numbers"])
    if values["wanted"] == "missing number":
        *known, average = found
        return next(
            Fraction(n) for n in range(5000) if statistics.mean([*map(Fraction, known), Fraction(n)]) == average
        )
    return statistics.mean(map(Fraction, found))


def mode_or_range(values: dict[str, Any]) -> int:
    found = numbers(values["numbers"])
    if values["wanted"] == "range":
        return max(found) - min(found)
    (mode,) = statistics.multimode(found)
    return mode


def mean_of_groups(values: dict[str, Any]) -> Fraction:
    found = numbers(values["groups"])
    return statistics.mean(
        Fraction(average) for count, average in zip(found[::2], found[1::2], strict=True) for _ in range(count)
    )


def arrangements(values: dict[str, Any]) -> int:
    size, guests = numbers(values["group"])
    return math.perm(size, 3 if "clerk" in values["posts"] else 2) * guests


def selections(values: dict[str, Any]) -> int:
    taken, size, chosen, second = numbers(values["group"])
    return math.comb(size, taken) * math.comb(second, chosen)


def set_sizes(values: dict[str, Any]) -> int:
    found, wanted = numbers(values["given"]), values["wanted"]
    total = found.pop(0) if "in all" in values["given"] else None
    a, b, third = found
    both = a + b - third if "at least one" in values["given"] else third
    chess, tennis = set(range(a)), set(range(a - both, a - both + b))
    counts = {
        "play at least one of the two": chess | tennis,
        "play both": chess & tennis,
        "play exactly one of the two": chess ^ tennis,
    }
    return total - len(chess | tennis) if wanted == "play neither" else len(counts[wanted])


def drawing(values: dict[str, Any]) -> Fraction:
    balls = [colour for count, colour in re.findall(r"(\d+) (\w+)", values["bag"]) for _ in range(int(count))]
    event = values["event"]
    if "both" in event:
        pairs = list(itertools.combinations(balls, 2))
        return Fraction(sum(one == two == event.split()[-1] for one, two in pairs), len(pairs))
    named = re.findall("red|blue|green|yellow|white|black", event)
    return Fraction(sum((ball in named) != ("not" in event) for ball in balls), len(balls))


def dice(values: dict[str, Any]) -> Fraction:
    sides, event = numbers(values["dice"]), values["event"]
    rolls = list(itertools.product(*(range(1, count + 1) for count in sides)))
    if "sum" in event:
        return Fraction(sum(sum(roll) == numbers(event)[0] for roll in rolls), len(rolls))
    test = {"at least": int.__ge__, "at most": int.__le__, "more than": int.__gt__, "less than": int.__lt__}
    limits = re.findall(r"(at least|at most|more than|less than) (\d+)", event)
    good = sum(
        all(test[sign](face, int(limit)) for face, (sign, limit) in zip(roll, limits, strict=True)) for roll in rolls
    )
    return Fraction(good, len(rolls))


ANSWERS: dict[Family, Callable[[dict[str, Any]], object]] = {
    means.MEAN: mean,
    means.MEDIAN: lambda values: statistics.median(map(Fraction, numbers(values["numbers"]))),
    means.MODE_AND_RANGE: mode_or_range,
    means.WEIGHTED_MEAN: mean_of_groups,
    counting.PRODUCT_RULE: lambda values: math.prod(numbers(values["choices"])),
    counting.ARRANGEMENTS: arrangements,
    counting.SELECTIONS: selections,
    counting.SET_SIZES: set_sizes,
    chance.DRAWING_PROBABILITY: drawing,
    chance.DICE_PROBABILITY: dice,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_are_those_of_an_independent_solution(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        assert draft.answer == str(Fraction(ANSWERS[family](dict(draft.values)))), draft


@pytest.mark.parametrize("family", [counting.PRODUCT_RULE, chance.DRAWING_PROBABILITY], ids=lambda family: family.name)
def test_the_same_numbers_come_with_the_same_things(family: Family) -> None:
    """So that a problem cannot be trained under other names than it is examined with."""
    things: dict[tuple[int, ...], set[str]] = {}
    for draft in drafts(family, 1, 3000):
        text = draft.values.get("choices") or draft.values["bag"]
        things.setdefault(tuple(numbers(text)), set()).add(text)
    assert len(things) > 200
    assert all(len(texts) == 1 for texts in things.values())
