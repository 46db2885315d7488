"""The clock, the calendar and units: answers by datetime, calendar and exact fractions of base units."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import calendar_days, clock, clock_forms, units

MODULES = (calendar_days, clock, clock_forms, units)
FAMILIES = {family.name: family for module in MODULES for family in module.FAMILIES}
Values = Any

# Each unit in the smallest of its kind.
METRES = {"mm": "0.001", "cm": "0.01", "dm": "0.1", "m": "1", "km": "1000", "inches": "1", "feet": "12", "yards": "36"}
GRAMS = {"mg": "0.001", "g": "1", "kg": "1000", "tonnes": "1000000", "ounces": "1", "pounds": "16"}
VOLUMES = {"ml": "0.001", "dl": "0.1", "litres": "1", "pints": "1", "quarts": "2", "gallons": "8"}
TIMES = {"seconds": "1", "minutes": "60", "hours": "3600", "days": "86400", "weeks": "604800"}
COUNTS = {"months": "1", "years": "12", "pieces": "1", "dozens": "12"}
SIZES = {unit: Fraction(size) for kind in (METRES, GRAMS, VOLUMES, TIMES, COUNTS) for unit, size in kind.items()}


def moment(text: str) -> datetime:
    return datetime.strptime(f"2001-05-05 {text}", "%Y-%m-%d %H:%M")


def lasting(text: str) -> timedelta:
    hours, minutes = (re.search(rf"(\d+) {unit}", text) for unit in ("hour", "minute"))
    return timedelta(hours=int(hours.group(1)) if hours else 0, minutes=int(minutes.group(1)) if minutes else 0)


def shown(time: datetime) -> str:
    return f"{time.hour}:{time.minute:02d}"


def with_half(time: datetime) -> str:
    return time.strftime("%I:%M %p").lstrip("0").lower()


def minutes_between(v: Values) -> int:
    return int((moment(v["end"]) - moment(v["start"])).total_seconds() // 60) % (24 * 60)


def from_am_pm(text: str) -> datetime:
    return datetime.strptime(f"2001-05-05 {text.upper()}", "%Y-%m-%d %I:%M %p")


def date(text: str) -> datetime:
    return datetime.strptime(f"2001 {text}", "%Y %B %d")


def weekday(v: Values) -> str:
    first = next(d for d in (datetime(2001, 5, day) for day in range(1, 8)) if d.strftime("%A") == v["day"])
    return (first + timedelta(days=v["n"] if v["direction"] == "after" else -v["n"])).strftime("%A")


def one_unit(v: Values) -> Fraction:
    total = sum(int(n) * SIZES[unit] for n, unit in re.findall(r"(\d+) (\w+)", v["told"]))
    return Fraction(total) / SIZES[v["unit"]]


def a_date(time: datetime) -> str:
    return f"{time.strftime('%B')} {time.day}"


ANSWERS: dict[str, Callable[[Values], Any]] = {
    "clock_add": lambda v: shown(moment(v["start"]) + lasting(v["length"])),
    "clock_back": lambda v: shown(moment(v["end"]) - lasting(v["length"])),
    "clock_duration": minutes_between,
    "to_24_hour_clock": lambda v: shown(from_am_pm(v["start"]) + timedelta(hours=v["later"])),
    "to_am_pm": lambda v: with_half(moment(v["start"]) + timedelta(hours=v["later"])),
    "day_of_week": weekday,
    "date_after": lambda v: a_date(date(v["start"]) + timedelta(days=v["n"])),
    "days_between": lambda v: (date(v["end"]) - date(v["start"])).days,
    "leap_year": lambda v: "yes" if calendar.isleap(v["year"]) else "no",
    "unit_conversion": lambda v: v["n"] * SIZES[v["unit"]] / SIZES[v["wanted"]],
    "mixed_units": one_unit,
}


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_by_another_route(name: str) -> None:
    for level in (1, 2, 3, 4):
        for seed in range(250):
            draft = FAMILIES[name].draw(Random(seed), level)
            assert draft.answer == str(ANSWERS[name](draft.values)), draft


@pytest.mark.parametrize("name", FAMILIES)
def test_each_wording_names_all_that_decides(name: str) -> None:
    told_by = {"moved": ("moved", "moved_at"), "later": ("moved", "moved_at")}
    for wording in (*FAMILIES[name].wordings, *FAMILIES[name].held_out_wordings):
        for value in FAMILIES[name].draw(Random(0), 1).values:
            assert any(f"{{{slot}}}" in wording for slot in told_by.get(value, (value,))), (value, wording)


def test_days_cross_midnight_only_from_the_third_level_on() -> None:
    def crossing(level: int) -> int:
        drafts = [clock.CLOCK_ADD.draw(Random(seed), level) for seed in range(300)]
        return sum("next day" in "\n".join(draft.work.lines) for draft in drafts)

    assert crossing(1) == crossing(2) == 0
    assert crossing(3) > 30


def test_leap_years_are_met_often() -> None:
    answers = [calendar_days.LEAP_YEAR.draw(Random(seed), 2).answer for seed in range(1000)]
    assert 150 < answers.count("yes") < 500


def test_sixty_minutes_are_carried_to_the_hours() -> None:
    for level in (1, 2):
        for seed in range(400):
            draft = clock.CLOCK_ADD.draw(Random(seed), level)
            minutes = int(draft.values["start"].split(":")[1]) + int(lasting(draft.values["length"]).seconds // 60 % 60)
            assert ("an hour of minutes" in "\n".join(draft.work.lines)) == (minutes >= 60)
