"""Dates and other values as they are written in many forms that all mean the same problem."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random

from ..named_work import NamedWork
from .calendar_days import MONTHS, WEEKDAYS

# Month before day where both are numbers, as it is usual with slashes.
DATE_FORMS = (
    *("{Month} {day}, {year}", "{day} {Month} {year}", "{month:02d}/{day:02d}/{year}", "{year}-{month:02d}-{day:02d}"),
    *("{Mon} {day}, {year}", "{Month} {day:02d}, {year}", "{day:02d} {Month} {year}", "{day} {Mon} {year}"),
)
DATE_FORMS_WITH_WEEKDAYS = (
    *("{Weekday}, {Month} {day}, {year}", "{Weekday}, {Month} {day:02d}, {year}", "{Wkd} {Mon} {day:02d} {year}"),
    *("{year}-{month:02d}-{day:02d} ({Weekday})", "{Weekday} {day} {Month} {year}"),
)


@dataclass(frozen=True)
class Written:
    """A value of a problem that is shown in one of several forms: `{start:shown}` in a wording.

    The split goes by what is the same in all forms, so that none of them is trained if another is a test.
    """

    same: str
    shown: str

    def __str__(self) -> str:
        return self.same

    def __format__(self, form: str) -> str:
        return self.shown if form == "shown" else self.same


def written_date(day: date, form: str) -> str:
    """A date in one of the forms above."""
    month, weekday = MONTHS[day.month - 1][0], WEEKDAYS[day.weekday()]
    return form.format(
        year=day.year, month=day.month, day=day.day, Month=month, Mon=month[:3], Weekday=weekday, Wkd=weekday[:3]
    )


def random_date(random: Random, first_year: int, last_year: int) -> date:
    """A day of the years from the first to the last."""
    start = date(first_year, 1, 1).toordinal()
    return date.fromordinal(random.randrange(start, date(last_year + 1, 1, 1).toordinal()))


def has_leap_day(work: NamedWork, year: int) -> bool:
    """Whether February has 29 days: the last two digits, or those before them if they are 00, are divided by 4."""
    century, years = divmod(year, 100)
    _, rest = work.called(f"year {year}").divide(years or century, 4)
    return not rest
