"""Orders, queues, truth values and letters: answers by trying every order, by a list, by eval and by str."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import permutations
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import logic, ordering
from sambay.data.curriculum.families.ordering import _SCALES

FAMILIES = {family.name: family for module in (ordering, logic) for family in module.FAMILIES}
Values = Any


def placed(v: Values) -> str:
    """The one order of all permutations in which every fact holds; its place that is asked for."""
    facts = re.findall(r"(\w+) is (\w+) than (\w+)\.", v["facts"])
    more = {scale[0] for scale in _SCALES}
    pairs = [(a, b) if word in more else (b, a) for a, word, b in facts]
    names = sorted({name for pair in pairs for name in pair})
    fits = [order for order in permutations(names) if all(order.index(a) < order.index(b) for a, b in pairs)]
    assert len(fits) == 1, "the facts leave no choice"
    asked, most = v["asked"], {scale[2] for scale in _SCALES}
    if asked == "in the middle":
        return fits[0][len(names) // 2]
    return fits[0][(1 if "second" in asked else 0) if asked.split()[-1] in most else -1]


def queued(v: Values) -> int:
    line = ["front"] * v["front"] + ["name"] + ["behind"] * v["behind"]
    return len(line[v["gone"] :] + ["new"] * v["joined"])


def evaluated(v: Values) -> str:
    asked, statements = v["expression"].split(", where ")
    values: dict[str, Any] = {"__builtins__": {}, "true": True, "false": False}
    for name, expression in re.findall(r"(\w) = \(([^)]*)\)", statements):
        values[name] = eval(expression, dict(values))
    return str(values[asked]).lower()


ANSWERS: dict[str, Callable[[Values], Any]] = {
    "ordering_puzzle": placed,
    "queue_position": queued,
    "boolean_logic": evaluated,
    "reverse_word": lambda v: "".join(reversed(v["word"])),
    "count_letter": lambda v: v["word"].count(v["letter"]),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_by_another_route(name: str) -> None:
    for level in (1, 2, 3, 4):
        for seed in range(200 if level < 4 else 40):
            draft = FAMILIES[name].draw(Random(seed), level)
            assert draft.answer == str(ANSWERS[name](draft.values)), draft


@pytest.mark.parametrize("name", FAMILIES)
def test_each_wording_names_all_that_decides(name: str) -> None:
    for wording in (*FAMILIES[name].wordings, *FAMILIES[name].held_out_wordings):
        for value in FAMILIES[name].draw(Random(0), 1).values:
            told_by = {"facts": ("facts", "told", "one_told")}.get(value, (value,))
            assert any(f"{{{slot}}}" in wording for slot in told_by), (value, wording)


def test_each_truth_value_is_met_often() -> None:
    answers = [logic.BOOLEAN_LOGIC.draw(Random(seed), 2).answer for seed in range(500)]
    assert 100 < answers.count("true") < 400


def test_facts_are_told_in_many_ways_and_all_say_the_same() -> None:
    """The one who is more is named as more, or the other as less, whatever the sentence."""
    assert len(set(ordering._FACTS)) >= 20
    for form in ordering._FACTS:
        told = form.format(a="Ann", b="Bob", more="taller", less="shorter", how="tall")
        assert ("taller" in told) + ("shorter" in told) + ("not as tall" in told) == 1, told
    for seed in range(100):
        draft = ordering.ORDERING_PUZZLE.draw(Random(seed), 3)
        names = set(re.findall(r"(\w+) is \w+ than (\w+)\.", draft.values["facts"])[0])
        assert all(name in draft.scenery["told"] and name in draft.scenery["one_told"] for name in names)
