"""The days between two dates of any years, and the days and the time of the clock between two moments."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .calendar_days import MONTHS
from .date_forms import DATE_FORMS, DATE_FORMS_WITH_WEEKDAYS, Written, has_leap_day, random_date, written_date
from .span_wordings import SPAN_WORDINGS, SPAN_WORDINGS_HELD_OUT, named_form, span_scenery
from .time_spans import PRECISION_IN_MS, clock_parts, subtract_clocks, written_clock

_DAY_IN_MS = 24 * 60 * 60 * 1000
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_MOST_DAYS = ((1, 1, 10, 30), (1, 7, 40), (1, 30, 100), (200,))
_ALL_DATE_FORMS = (*DATE_FORMS, *DATE_FORMS_WITH_WEEKDAYS)


def days_between_dates(work: NamedWork, start: date, end: date) -> int:
    """Days from one date to a later one: the rest of the first month, the months between, the days of the last."""
    if (start.year, start.month) == (end.year, end.month):
        return work.called("days").subtract(end.day, start.day)
    year, month = start.year, start.month
    count = _left_of_month(work, year, month, start.day)
    while True:
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        if (year, month) == (end.year, end.month):
            return work.called(MONTHS[month - 1][0]).add(count, end.day)
        length = _length(work, year, month)
        count = work.called(MONTHS[month - 1][0]).add(count, length)


def _left_of_month(work: NamedWork, year: int, month: int, day: int) -> int:
    length = _length(work, year, month)
    return work.called(f"{MONTHS[month - 1][0]} has {length}").subtract(length, day)


def _length(work: NamedWork, year: int, month: int) -> int:
    return 29 if month == 2 and has_leap_day(work, year) else MONTHS[month - 1][1]


def _date_span(random: Random, level: int) -> Draft:
    days = random.randint(0, random.choice(_MOST_DAYS[level - 1]))
    start, end = _dates(random, days)
    work = NamedWork()
    answer = f"{days_between_dates(work, start, end)} days"
    form = random.choice(_ALL_DATE_FORMS)
    work.say(f"so {answer}")
    values = {
        "start": Written(start.isoformat(), written_date(start, form)),
        "end": Written(end.isoformat(), written_date(end, form)),
        "form": named_form(random, "D days"),
    }
    return Draft(values, work, answer, span_scenery(random))


def _dates(random: Random, days: int) -> tuple[date, date]:
    start = random_date(random, _FIRST_YEAR, _LAST_YEAR - 1)
    return start, start + timedelta(days=days)


_MINUTES, _HOURS = 60_000, 3_600_000
_LONGEST_IN_MS = ((_MINUTES, 4 * _HOURS), (_MINUTES, 12 * _HOURS, _DAY_IN_MS), (_MINUTES, _DAY_IN_MS), (_DAY_IN_MS,))
_JOINS = ("{date} {clock}", "{date} at {clock}", "{date}, {clock}")
_ZONES = ("{sign}{hours:02d}00", "{sign}{hours:02d}00", "{sign}{hours:02d}:00", "UTC{sign}{hours}")
_CHANCE_OF_ZONES = (0, 0.4, 0.4, 0.6)


def _moment_span(random: Random, level: int) -> Draft:
    """Dates with times; from level 2 on at times with zones, where what is later by the clock may be earlier."""
    given, wanted = random.choice(("HH:MM", "HH:MM:SS")), random.choice(("HH:MM", "HH:MM:SS"))
    step = PRECISION_IN_MS[given]
    days = random.randint(0, random.choice(_MOST_DAYS[level - 1]))
    start, last = _dates(random, days)
    start_in_ms = random.randrange(0, _DAY_IN_MS, step)
    end_in_ms = start_in_ms + random.randrange(0, random.choice(_LONGEST_IN_MS[level - 1]) + step, step)
    end, end_in_ms = last + timedelta(days=end_in_ms // _DAY_IN_MS), end_in_ms % _DAY_IN_MS
    has_zones = random.random() < _CHANCE_OF_ZONES[level - 1]
    zones = tuple(random.randint(-12, 12) for _ in range(2)) if has_zones else ()
    answer, work = _elapsed(start, start_in_ms, end, end_in_ms, zones, given, wanted)
    work.say(f"so {answer}")
    forms = (random.choice(_ALL_DATE_FORMS), random.choice(_JOINS), random.choice(_ZONES))
    values = {
        "start": _moment(start, written_clock(start_in_ms, given), zones[:1], forms),
        "end": _moment(end, written_clock(end_in_ms, given), zones[1:], forms),
        "form": named_form(random, f"D days, {wanted}"),
    }
    return Draft(values, work, answer, span_scenery(random))


def _elapsed(
    start: date, start_in_ms: int, end: date, end_in_ms: int, zones: tuple[int, ...], given: str, wanted: str
) -> tuple[str, NamedWork]:
    work = NamedWork()
    clock, has_borrowed = subtract_clocks(work, start_in_ms, end_in_ms, given)
    days = days_between_dates(work, start, end)
    if has_borrowed:
        days = work.called("a day less").subtract(days, 1)
    hours = clock_parts(clock)[3]
    if zones and (shift := work.called("zones").subtract(*zones)):
        shifted = work.called("hours").add(hours, shift)
        if shifted >= 24:
            shifted, days = work.subtract(shifted, 24), work.called("a day more").add(days, 1)
        elif shifted < 0:
            shifted, days = work.add(shifted, 24), work.called("a day less").subtract(days, 1)
        clock += (shifted - hours) * _HOURS
    return f"{days} days, {written_clock(clock, wanted)}", work


def _moment(day: date, clock: str, zone: tuple[int, ...], forms: tuple[str, str, str]) -> Written:
    """A date with a time and, if there is one, the hours by which its zone is ahead of UTC."""
    date_form, join, zone_form = forms
    same, shown = f"{day.isoformat()} {clock}", join.format(date=written_date(day, date_form), clock=clock)
    for ahead in zone:
        sign = "-" if ahead < 0 else "+"
        same += f" {ahead:+03d}00"
        shown += " " + zone_form.format(sign=sign, hours=abs(ahead))
    return Written(same, shown)


DATE_SPAN = Family(
    "date_span",
    _date_span,
    tuple(wording.replace("{start}", "{start:shown}").replace("{end}", "{end:shown}") for wording in SPAN_WORDINGS),
    tuple(
        wording.replace("{start}", "{start:shown}").replace("{end}", "{end:shown}")
        for wording in SPAN_WORDINGS_HELD_OUT
    ),
)
MOMENT_SPAN = Family("moment_span", _moment_span, DATE_SPAN.wordings, DATE_SPAN.held_out_wordings)

FAMILIES = (DATE_SPAN, MOMENT_SPAN)
