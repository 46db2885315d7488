"""Stories of several steps: the answer from the story's values by fractions, the sentences against their operations."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from sambay.data.curriculum.families.scenery import NAMES, THINGS, cast, listed, person, stories
from sambay.data.curriculum.families.stories import GAIN_AND_LOSS, MULTI_STEP_STORY, TWO_STEP_STORY
from sambay.data.curriculum.families.story_operations import OPERATIONS
from sambay.data.curriculum.families.story_settings import SETTINGS
from sambay.data.curriculum.named_work import NamedWork
from sambay.data.curriculum.problem import slots

CHANGES = {
    "gain": lambda x, n: x + n["n"],
    "lose": lambda x, n: x - n["n"],
    "times": lambda x, n: x * n["k"],
    "groups_in": lambda x, n: x + n["k"] * n["m"],
    "groups_out": lambda x, n: x - n["k"] * n["m"],
    "daily_in": lambda x, n: x + n["d"] * n["n"],
    "daily_out": lambda x, n: x - n["d"] * n["n"],
    "lose_part": lambda x, n: x * (1 - Fraction(1, n["k"])),
    "keep_part": lambda x, n: x * Fraction(1, n["k"]),
    "percent_out": lambda x, n: x * Fraction(100 - n["p"], 100),
    "percent_in": lambda x, n: x * Fraction(100 + n["p"], 100),
    "aside": lambda x, n: x,
}
ANSWERS = {
    "now": lambda x, start, n: x,
    "change": lambda x, start, n: abs(x - start),
    "worth": lambda x, start, n: x * n["q"],
    "packs": lambda x, start, n: x // n["q"],
    "rest": lambda x, start, n: x % n["q"],
    "needed": lambda x, start, n: n["q"] - x,
}


@pytest.mark.parametrize("family", [MULTI_STEP_STORY, TWO_STEP_STORY, GAIN_AND_LOSS], ids=lambda family: family.name)
def test_the_answer_follows_from_what_is_told(family) -> None:
    kinds, questions = set(), set()
    for level in (1, 2, 3, 4):
        for seed in range(400):
            draft = family.draw(Random(seed * 10 + level), level)
            values = draft.values
            number = Fraction(values["start"])
            for kind, numbers in values["operations"]:
                number = CHANGES[kind](number, numbers)
                assert number.denominator == 1
                assert number >= 2
                kinds.add(kind)
            question, numbers = values["question"]
            questions.add(question)
            answer = ANSWERS[question](number, values["start"], numbers)
            assert draft.answer == str(answer)
    if family is MULTI_STEP_STORY:
        assert kinds == set(OPERATIONS)
        assert questions == set(ANSWERS)


def test_steps_grow_with_the_level() -> None:
    counts = [
        {len(MULTI_STEP_STORY.draw(Random(seed), level).values["operations"]) for seed in range(50)}
        for level in (1, 2, 3, 4)
    ]
    assert counts == [{2, 3}, {3, 4}, {4, 5}, {6}]


# The slots that say what an operation does: a sentence without one of them would tell another story.
NEEDED = {"times": ({"multiplies"}, {"times"}), "lose_part": ({"part"},), "keep_part": ({"part"},)}


def test_every_sentence_tells_all_numbers_of_its_operation() -> None:
    for setting in SETTINGS:
        for kind in set(setting) & set(OPERATIONS):
            numbers = OPERATIONS[kind].draw(Random(0), 1200, 3)
            assert numbers is not None
            for sentence in (*setting[kind].trained, *setting[kind].held_out):
                found = slots(sentence) & {"n", "k", "m", "d", "p", "part", "times", "multiplies"}
                assert found in NEEDED.get(kind, (set(numbers),)), (kind, sentence)
                assert sentence.endswith("."), sentence
                assert sentence.count("{q}") == 0


def test_every_question_tells_its_number_and_every_opening_the_start() -> None:
    for setting in SETTINGS:
        for question in set(setting) & set(ANSWERS):
            for sentence in (*setting[question].trained, *setting[question].held_out):
                assert ("{q}" in sentence) == (question not in ("now", "change")), sentence
        openings = (*setting["opening"].trained, *setting["opening"].held_out)
        assert all(opening.count("{start}") == 1 for opening in openings)


def test_scenery_is_large_and_people_have_their_pronouns() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 150
    assert len(set(THINGS)) == len(THINGS) >= 100
    assert person("Ada", 2) == {
        "name2": "Ada",
        "he2": "she",
        "his2": "her",
        "him2": "her",
        "He2": "She",
        "His2": "Her",
    }
    assert person("Tom")["him"] == "him"
    for seed in range(100):
        drawn = cast(Random(seed), num_people=3, num_things=3)
        assert len({drawn["name"], drawn["name2"], drawn["name3"]}) == 3
        assert len({drawn["things"], drawn["things2"], drawn["things3"]}) == 3
        assert drawn["he"] != drawn["he2"]
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert stories("\n    one story\n      goes on\n    two\n") == ("one story goes on", "two")


def test_a_name_stands_before_the_first_line_only() -> None:
    work = NamedWork()
    assert work.called("bags").multiply(34, 16) == 544
    assert work.percent(25, 80) == 20
    assert work.lines[0] == "bags: 34*6: 4*6=24, 3*6+2=20, so 204"
    assert [line for line in work.lines[1:] if "bags" in line] == []
    assert work.lines[-1] == "2000/100=20"
