"""Dates: weekdays and days between dates by datetime, of questions read back in all their forms."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, timedelta
from random import Random

from sambay.data.curriculum.families import weekday_of_date, weekdays_of_spans
from sambay.data.curriculum.families.date_forms import DATE_FORMS, DATE_FORMS_WITH_WEEKDAYS, written_date
from sambay.data.curriculum.problem import split_of

LEVELS = (1, 2, 3, 4)
# The same forms as the standard library has them; a day of one digit is written with a space or a zero there.
STANDARD_FORMS = (
    *("%B %d, %Y", "%d %B %Y", "%m/%d/%Y", "%Y-%m-%d", "%b %d, %Y", "%B %d, %Y", "%d %B %Y", "%d %b %Y"),
    *("%A, %B %d, %Y", "%A, %B %d, %Y", "%a %b %d %Y", "%Y-%m-%d (%A)", "%A %d %B %Y"),
)


def test_dates_are_written_as_the_standard_library_writes_them() -> None:
    for day in (date(2024, 2, 29), date(1907, 11, 10), date(2999, 12, 31)):
        for form, standard in zip((*DATE_FORMS, *DATE_FORMS_WITH_WEEKDAYS), STANDARD_FORMS, strict=True):
            assert written_date(day, form) == day.strftime(standard)


def test_the_weekday_of_a_date_is_that_of_the_calendar() -> None:
    met = Counter()
    for level in LEVELS:
        for seed in range(400):
            draft = weekday_of_date.WEEKDAY_OF_DATE.draw(Random(seed), level)
            day = date.fromisoformat(str(draft.values["date"]))
            assert draft.answer == day.strftime("%A"), draft
            met[day.month <= 2, "leap" in "\n".join(draft.work.lines)] += 1
    assert met[True, True] > 20
    assert met[False, True] == 0


def test_a_date_is_on_one_side_of_the_split_in_all_its_forms() -> None:
    drafts = [weekday_of_date.WEEKDAY_OF_DATE.draw(Random(seed), 1) for seed in range(4000)]
    shown: dict[str, set[str]] = {}
    sides: dict[str, set[str]] = {}
    for draft in drafts:
        key = str(draft.values["date"])
        shown.setdefault(key, set()).add(f"{draft.values['date']:shown}")
        sides.setdefault(key, set()).add(split_of("weekday_of_date", draft.values))
    assert any(len(forms) > 1 for forms in shown.values())
    assert all(len(side) == 1 for side in sides.values())


def test_the_weekday_some_days_away_from_a_date() -> None:
    for level in LEVELS:
        for seed in range(250):
            draft = weekdays_of_spans.WEEKDAY_AWAY.draw(Random(seed), level)
            start, away = date.fromisoformat(str(draft.values["start"])), int(str(draft.values["away"]))
            assert draft.answer == (start + timedelta(days=away)).strftime("%A"), draft
            direction, shown = ("after|later" if away > 0 else "before|earlier"), f"{draft.values['away']:shown}"
            assert re.match(rf"{abs(away)} days? ({direction})", shown), draft


def test_the_weekdays_between_two_dates_are_counted_one_by_one() -> None:
    for level in LEVELS:
        for seed in range(250):
            draft = weekdays_of_spans.WEEKDAYS_COUNTED.draw(Random(seed), level)
            start, end = (date.fromisoformat(str(draft.values[slot])) for slot in ("start", "end"))
            days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
            wanted = str(draft.values["wanted"])
            if wanted == "working days":
                found = [day for day in days if day.weekday() < 5]
            else:
                found = [day for day in days if day.strftime("%A") == wanted]
            assert draft.answer == str(len(found)), draft
