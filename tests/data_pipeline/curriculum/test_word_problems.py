"""Sharing, parts, comparisons, ages, heads and legs, trips, recipes, averages: answers by counting and by fractions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import (
    ages,
    averages,
    legs_and_heads,
    parts,
    people_compared,
    recipes,
    sharing,
    trips,
)
from sambay.data.curriculum.problem import Draft

MODULES = (ages, averages, legs_and_heads, parts, people_compared, recipes, sharing, trips)
FAMILIES = {family.name: family for module in MODULES for family in module.FAMILIES}
Values = Any


def dealt(total: int, people: int) -> tuple[int, int]:
    """What each has and what is left after full rounds of dealing one by one."""
    rounds = 0
    while total >= people:
        rounds, total = rounds + 1, total - people
    return rounds, total


def fraction(pair: tuple[int, int]) -> Fraction:
    return Fraction(*pair)


def compared(v: Values) -> Fraction:
    change: dict[str, Callable[[Fraction, int], Fraction]] = {
        "times": lambda x, n: x * n,
        "twice": lambda x, n: x + x,
        "more": lambda x, n: x + n,
        "fewer": lambda x, n: x - n,
        "part": lambda x, n: x / n,
        "half": lambda x, n: x / 2,
    }
    numbers = [Fraction(v["known"])]
    for kind, n in v["relations"]:
        numbers.append(change[kind](numbers[-1], n))
    last = numbers[-1]
    return {"total": sum(numbers, Fraction(0)), "last": last, "difference": abs(last - numbers[0])}[v["question"]]


def age_pair(v: Values, fits: Callable[[int, int], bool]) -> int:
    (pair,) = [(age, v["sum"] - age) for age in range(v["sum"]) if fits(age, v["sum"] - age)]
    return pair[0 if v["is_older_asked"] else 1] + v["years"]


def asked_kind(v: Values, draft: Draft) -> int:
    (pair,) = [
        (few, v["heads"] - few)
        for few in range(v["heads"] + 1)
        if few * v["least"] + (v["heads"] - few) * v["most"] == v["legs"]
    ]
    return pair[0 if v["asked"] == draft.scenery["few"] else 1]


def missing_score(v: Values) -> Fraction:
    scores = [int(score) for score in re.findall(r"\d+", v["scores"])]
    assert len(scores) == v["count"] - 1
    return v["average"] + sum(Fraction(v["average"] - score) for score in scores)


ANSWERS: dict[str, Callable[[Values, Draft], Any]] = {
    "sharing_equally": lambda v, _: dealt(v["total"], v["people"])[0],
    "sharing_leftover": lambda v, _: dealt(v["total"], v["people"])[1],
    "container_capacity": lambda v, _: len(range(0, v["total"], v["size"])),
    "groups_total": lambda v, _: sum([v["items"]] * v["boxes"], v["loose"]),
    "part_of_whole": lambda v, _: v["total"] * (1 - fraction(v["fraction"])),
    "part_of_rest": lambda v, _: v["total"] * (1 - fraction(v["first"])) * (1 - fraction(v["second"])),
    "percent_of_group": lambda v, _: v["total"] * Fraction(100 - v["percent"], 100),
    "times_as_many": lambda v, _: compared(v),
    "ages_sum_difference": lambda v, _: age_pair(v, lambda older, younger: older - younger == v["difference"]),
    "ages_multiple": lambda v, _: age_pair(v, lambda older, younger: older == younger * v["times"]),
    "legs_and_heads": asked_kind,
    "distance_trip": lambda v, _: sum(hours * speed for hours, speed in v["legs"]),
    "recipe_scaling": lambda v, _: Fraction(v["amount"] * v["guests"], v["people"]),
    "average_score_needed": lambda v, _: missing_score(v),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_by_another_route(name: str) -> None:
    for level in (1, 2, 3, 4):
        for seed in range(220):
            draft = FAMILIES[name].draw(Random(seed), level)
            assert draft.answer == str(ANSWERS[name](draft.values, draft)), draft
            assert int(draft.answer) >= 0


# Values that a wording tells by another slot, or that follow from what it tells.
TOLD_BY = {
    "fraction": {"part", "Part"},
    "first": {"part", "Part"},
    "second": {"part2", "Part2"},
    "is_older_asked": {"asked"},
    "legs": {"legs", "others", "others_short"},
    "relations": {"told", "one_told", "other_told"},
    "question": {"asked", "asked_small", "other_asked", "other_asked_small"},
    "count": {"scores"},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_each_wording_names_all_that_decides(name: str) -> None:
    for wording in (*FAMILIES[name].wordings, *FAMILIES[name].held_out_wordings):
        for value in FAMILIES[name].draw(Random(0), 1).values:
            assert any(f"{{{slot}}}" in wording for slot in TOLD_BY.get(value, {value})), (value, wording)


def test_sentences_of_comparisons_tell_their_number() -> None:
    for kind, sentences in people_compared._TOLD.items():
        for sentence in (*sentences.trained, *sentences.held_out):
            number = {"times": "{k}", "part": "{k}", "more": "{n}", "fewer": "{n}"}.get(kind, "")
            assert number in sentence, sentence
            assert "{x}" in sentence, sentence
            assert "{y}" in sentence, sentence


def test_no_sentence_starts_with_a_small_letter() -> None:
    for name, family in FAMILIES.items():
        for wording in (*family.wordings, *family.held_out_wordings):
            draft = family.draw(Random(wording), 3)
            question = wording.format(**draft.values, **draft.scenery)
            small = re.search(r"(?:^|[.?!] )[a-z]", question)
            assert not small, (name, question)
