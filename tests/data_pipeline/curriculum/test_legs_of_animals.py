"""Legs of animals: the known numbers against another list of the same facts, the totals by reading the question."""

from __future__ import annotations

import re
from random import Random

import pytest

from sambay.data.curriculum import draw_problem
from sambay.data.curriculum.families import legs_of_animals

FAMILY = legs_of_animals.LEGS_OF_ANIMALS
FIVE_OR_MANY = {"starfish": 5, "woodlouse": 14} | dict.fromkeys(("crab", "lobster", "shrimp", "prawn"), 10)
EIGHT = {"spider", "scorpion", "tick", "mite"}


def test_the_numbers_of_legs_agree_with_the_gym_where_it_knows_the_animal() -> None:
    gym = pytest.importorskip("reasoning_gym.arithmetic.leg_counting")
    assert {animal: legs_of_animals.LEGS.get(animal) for animal in gym.ANIMALS} == gym.ANIMALS
    for animal, legs in legs_of_animals.LEGS.items():
        if legs >= 5 and animal in FIVE_OR_MANY:
            assert legs == FIVE_OR_MANY[animal]
        assert (legs == 8) == (animal in EIGHT)


def test_the_total_is_what_a_reader_of_the_question_counts() -> None:
    legs = dict(legs_of_animals.LEGS)
    legs |= {f"{one}s": number for one, number in legs_of_animals.LEGS.items()}
    legs |= {many: legs_of_animals.LEGS[one] for one, many in legs_of_animals._PLURALS.items()}
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = FAMILY.draw(Random(seed), level)
            told = re.split(r", | and ", draft.values["animals"])
            total = sum(int(number) * legs[animal] for number, animal in (part.split(" ", 1) for part in told))
            assert draft.answer == str(total), draft


def test_both_ways_to_write_a_plural_are_met_and_one_problem_has_one_way() -> None:
    texts = {}
    for seed in range(4000):
        draft = FAMILY.draw(Random(seed), 1)
        if " and " not in draft.values["animals"] and "," not in draft.values["animals"]:
            texts.setdefault(draft.values["animals"].removesuffix("s"), set()).add(draft.values["animals"])
    assert all(len(ways) == 1 for ways in texts.values())
    questions = " ".join(draw_problem(FAMILY, Random(seed), 2).question for seed in range(800))
    assert {"sheeps", "woodlouses"} & set(re.findall(r"\w+", questions))
    assert {"mice", "woodlice", "wolves"} & set(re.findall(r"\w+", questions))
