"""Totals of dice: probabilities by rolling all dice in every way, of what the question shows."""

from __future__ import annotations

import re
from fractions import Fraction
from math import comb
from random import Random

from sambay.data.curriculum.families import dice_totals

FAMILY = dice_totals.DICE_TOTALS


def chance(sides: list[int], sign: str, limit: int) -> Fraction:
    """By adding one die after the other to the counts of all totals."""
    counts = {0: 1}
    for side in sides:
        grown: dict[int, int] = {}
        for total, count in counts.items():
            for face in range(1, side + 1):
                grown[total + face] = grown.get(total + face, 0) + count
        counts = grown
    wanted = sum(count for total, count in counts.items() if (total >= limit if sign == ">=" else total <= limit))
    return Fraction(wanted, sum(counts.values()))


def test_probabilities_are_those_of_all_throws() -> None:
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = FAMILY.draw(Random(seed), level)
            sides = [int(side) for side in str(draft.values["dice"]).split()]
            sign, limit = re.fullmatch(r"([<>]=)(\d+)", str(draft.values["event"])).groups()
            wanted = chance(sides, sign, int(limit))
            assert 0 < wanted < 1
            assert draft.answer == f"{wanted.numerator}/{wanted.denominator}", draft


def test_what_is_shown_is_what_decides() -> None:
    for seed in range(400):
        draft = FAMILY.draw(Random(seed), 3)
        shown, event = f"{draft.values['dice']:shown}", f"{draft.values['event']:shown}"
        numbers = [int(number) for number in re.findall(r"\d+", shown.replace("1d", "d"))]
        assert sorted(numbers, reverse=True) == [int(side) for side in str(draft.values["dice"]).split()]
        number = int(re.search(r"\d+", event).group())
        is_at_least = bool(re.search(r"at least|or more|or higher|no less|or above|^more than", event))
        number += event.startswith("more than") - event.startswith("less than")
        assert str(draft.values["event"]) == f"{'>=' if is_at_least else '<='}{number}", event


def test_the_known_numbers_of_ways_are_true_and_few() -> None:
    facts = set()
    for level in (1, 2, 3, 4):
        for seed in range(400):
            lines = "\n".join(FAMILY.draw(Random(seed), level).work.lines)
            facts |= set(re.findall(r"(\d+)C(\d)=(\d+)", lines))
    assert all(comb(int(n), int(k)) == int(ways) for n, k, ways in facts)
    assert len(facts) < 110
