"""The time between clock readings, dates and moments: answers by datetime, of what the question shows."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from random import Random

import pytest

from sambay.data.curriculum.families import date_spans, time_spans

FAMILIES = {family.name: family for module in (time_spans, date_spans) for family in module.FAMILIES}
LEVELS = (1, 2, 3, 4)


def drafts(name: str, count: int = 300):
    return [FAMILIES[name].draw(Random(seed), level) for level in LEVELS for seed in range(count)]


def clock(text: str) -> timedelta:
    hours, minutes, seconds = ([float(part) for part in text.split(":")] + [0.0])[:3]
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def test_the_time_between_two_readings_of_the_clock() -> None:
    for draft in drafts("time_span"):
        start, end, form = (str(draft.values[slot]) for slot in ("start", "end", "form"))
        assert clock(draft.answer) == (clock(end) - clock(start)) % timedelta(days=1), draft
        assert re.sub(r"\d", "#", draft.answer) == re.sub(r"[HMSm]", "#", form)


def test_midnight_is_crossed_only_from_the_third_level_on() -> None:
    def is_crossing(draft) -> bool:
        return clock(draft.values["end"]) < clock(draft.values["start"])

    assert not any(is_crossing(FAMILIES["time_span"].draw(Random(seed), 2)) for seed in range(500))
    assert sum(is_crossing(FAMILIES["time_span"].draw(Random(seed), 3)) for seed in range(500)) > 10


def test_the_days_between_two_dates() -> None:
    crossed = 0
    for draft in drafts("date_span"):
        start, end = (date.fromisoformat(str(draft.values[slot])) for slot in ("start", "end"))
        assert draft.answer == f"{(end - start).days} days", draft
        crossed += start.year != end.year
    assert crossed > 20


def test_the_days_and_the_time_between_two_moments() -> None:
    num_negative = 0
    for draft in drafts("moment_span"):
        start, end = (moment(str(draft.values[slot])) for slot in ("start", "end"))
        passed = end - start
        is_with_seconds = str(draft.values["form"]).endswith("SS")
        of_day = (datetime(2000, 1, 1) + timedelta(seconds=passed.seconds)).strftime("%H:%M:%S")
        assert draft.answer == f"{passed.days} days, {of_day if is_with_seconds else of_day[:5]}", draft
        num_negative += passed.days < 0
    assert num_negative > 10


def moment(text: str) -> datetime:
    seconds = ":%S" if text.count(":") == 2 else ""
    zone = " %z" if len(text.split()) == 3 else ""
    return datetime.strptime(text, f"%Y-%m-%d %H:%M{seconds}{zone}")


@pytest.mark.parametrize("name", ["date_span", "moment_span"])
def test_what_is_shown_is_what_decides(name: str) -> None:
    """The shown forms are read by a reader that knows none of them."""
    parser = pytest.importorskip("dateutil.parser")
    for draft in drafts(name, 100):
        for slot in ("start", "end"):
            shown = re.sub(r" \([A-Z]\w+\)|UTC", "", f"{draft.values[slot]:shown}")
            same = str(draft.values[slot])
            assert parser.parse(shown) == (moment(same) if ":" in same else datetime.fromisoformat(same)), draft
