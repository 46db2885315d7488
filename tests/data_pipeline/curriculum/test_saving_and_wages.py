"""Savings, coins, wages and rates: answers from the values by another route than the work's."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import saving, wages

CENTS = {"half dollars": 50, "quarters": 25, "dimes": 10, "nickels": 5}


def weeks_until(v: dict[str, Any]) -> int:
    weeks, money = 0, v["start"]
    while money < v["goal"]:
        weeks, money = weeks + 1, money + v["weekly"]
    return weeks


def pay_by_the_hour(v: dict[str, Any]) -> int:
    return sum(v["wage"] if hour < v["normal"] else v["extra"] for hour in range(v["hours"]))


def hours_until(v: dict[str, Any]) -> int:
    hours, made = 0, 0
    while made < v["total"]:
        hours, made = hours + 1, made + v["workers"] * v["rate"]
    assert made == v["total"]
    return hours


ANSWERS: dict[str, Callable[[Any], int]] = {
    "coins": lambda v: v["pennies"] + sum(int(n) * CENTS[c] for n, c in re.findall(r"(\d+) ([a-z ]+)", v["coins"])),
    "savings_over_weeks": lambda v: v["start"] + sum([v["weekly"]] * v["weeks"]) - v["spent"],
    "savings_goal": weeks_until,
    "earnings": lambda v: v["bonus"] + sum(v["wage"] for _ in range(v["days"]) for _ in range(v["hours"])),
    "overtime_pay": pay_by_the_hour,
    "work_rate": lambda v: sum([v["rate"] * v["hours"]] * v["workers"]),
    "time_needed": hours_until,
}
FAMILIES = {family.name: family for family in (*saving.FAMILIES, *wages.FAMILIES)}


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_by_counting(name: str) -> None:
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = FAMILIES[name].draw(Random(seed), level)
            assert draft.answer == str(ANSWERS[name](draft.values))
            assert int(draft.answer) > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_each_wording_names_all_that_decides(name: str) -> None:
    needed = set(FAMILIES[name].draw(Random(0), 1).values)
    for wording in (*FAMILIES[name].wordings, *FAMILIES[name].held_out_wordings):
        named = {slot for slot in needed if f"{{{slot}}}" in wording.replace("{listed}", "{coins}")}
        assert named == needed, wording
