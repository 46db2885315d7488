"""Weekdays some days away from a whole date, and how often a weekday, or a working day, comes between two dates."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .answer_lines import NUMBER, WEEKDAY, perhaps
from .calendar_days import WEEKDAYS
from .date_forms import DATE_FORMS_WITH_WEEKDAYS, Written, random_date, written_date
from .date_spans import days_between_dates
from .scenery import cast, stories

_YEARS = (1990, 2059)
_MOST_DAYS_AWAY = (30, 100, 400, 3000)
_MOST_DAYS_COUNTED = (30, 60, 120, 250)
_WORKING_DAYS = (
    *("working days (Monday to Friday)", "days that are neither Saturday nor Sunday", "days from Monday to Friday"),
    *("days without those of the weekend", "business days (Mondays to Fridays)", "workdays (no weekends)"),
    *("weekdays from Monday to Friday", "days outside the weekend", "working days (no Saturdays, no Sundays)"),
    *("Monday-to-Friday days", "office days (all but Saturday and Sunday)", "days not on a weekend"),
)


def _in_a_row(first: int, count: int, step: int = 1) -> list[str]:
    return [WEEKDAYS[(first + step * number) % 7] for number in range(count)]


def _weekday_away(random: Random, level: int) -> Draft:
    """As for a bare weekday: the weeks are taken off, the rest is walked."""
    day, days = random_date(random, *_YEARS), random.randint(1, _MOST_DAYS_AWAY[level - 1])
    is_after = random.random() < 0.5
    work = NamedWork()
    _, rest = work.called("weeks").divide(days, 7)
    passed = _in_a_row(day.weekday(), rest + 1, 1 if is_after else -1)
    work.say(f"{rest} days: " + ", ".join(passed))
    work.say(f"so {passed[-1]}")
    start = _shown(random, day)
    told = random.choice(("after", "later than") if is_after else ("before", "earlier than"))
    values = {"start": start, "away": Written(f"{days if is_after else -days}", f"{days} day{'s' * (days > 1)} {told}")}
    return Draft(values, work, passed[-1], cast(random) | {"how": perhaps(random, WEEKDAY)})


def _weekdays_counted(random: Random, level: int) -> Draft:
    """Both ends count. Each whole week has the weekday once; the days that remain are listed from the first on."""
    start = random_date(random, *_YEARS)
    end = start + timedelta(days=random.randint(0, _MOST_DAYS_COUNTED[level - 1]))
    work = NamedWork()
    later = days_between_dates(work, start, end)
    days = work.called("both counted").add(later, 1)
    weeks, rest = work.called("weeks").divide(days, 7)
    remaining = _in_a_row(start.weekday(), rest)
    work.say(f"{rest} days: {', '.join(remaining) or 'none'}")
    if random.random() < 0.6:
        weekday = random.choice(WEEKDAYS)
        wanted = Written(weekday, f"{weekday}s")
        count = work.called(f"{weekday}s").add(weeks, remaining.count(weekday))
    else:
        wanted = Written("working days", random.choice(_WORKING_DAYS))
        found = sum(day not in WEEKDAYS[5:] for day in remaining)
        count = work.add(work.called("in weeks").multiply(weeks, 5), found)
    work.say(f"so {count}")
    form = random.choice(DATE_FORMS_WITH_WEEKDAYS)
    values = {"start": _shown(random, start, form), "end": _shown(random, end, form), "wanted": wanted}
    return Draft(values, work, str(count), cast(random) | {"how": perhaps(random, NUMBER)})


def _shown(random: Random, day: date, form: str = "") -> Written:
    return Written(day.isoformat(), written_date(day, form or random.choice(DATE_FORMS_WITH_WEEKDAYS)))


WEEKDAY_AWAY = Family(
    "weekday_away",
    _weekday_away,
    stories("""
        Which weekday is {away:shown} {start:shown}?{how}
        The date is {start:shown}. Find the weekday {away:shown} it.{how}
        What day of the week do you reach {away:shown} {start:shown}?{how}
        {name} was born on {start:shown}. {His} friend was born {away:shown} that. On which weekday?{how}
        {away:shown} {start:shown}: which weekday?{how}
        Tell me the day of the week that is {away:shown} {start:shown}.{how}
        Take the date {start:shown}. Which day of the week is {away:shown} it?{how}
        A {job} works on {start:shown} and on the day {away:shown} it. Name the weekday of the other day.{how}
        Given {start:shown}, determine the weekday of the day {away:shown} that date.{how}
        Please find the weekday {away:shown} {start:shown}.{how}
        We look at {start:shown}. A day {away:shown} it is what weekday?{how}
        The {place} has a feast {away:shown} {start:shown}. On what weekday is the feast?{how}
        Weekday wanted: {away:shown} {start:shown}.{how}
        Someone marks {start:shown} and the day {away:shown} it. What weekday is the second mark on?{how}
        What weekday comes {away:shown} {start:shown}?{how}
        Say which day of the week is {away:shown} {start:shown}.{how}
        One letter is of {start:shown}, another one {away:shown} it. What weekday has the other one?{how}
        Work out the day of the week {away:shown} {start:shown}.{how}
        I write {start:shown} in my diary. What weekday is the page {away:shown} it?{how}
        If a date is {start:shown}, what weekday is the date {away:shown} it?{how}
        The date asked for is {away:shown} {start:shown}. Which weekday has it?{how}
    """),
    stories("""
        Which day does the calendar name {away:shown} {start:shown}?{how}
        With {start:shown} as the day to count from, what weekday is {away:shown} it?{how}
        {name} thinks of the day {away:shown} {start:shown}. Which weekday is in {his} mind?{how}
        Compute the weekday: {away:shown} {start:shown}.{how}
        Begin at {start:shown}. The day {away:shown} this one is a what?{how}
        Of the seven days, which one is {away:shown} {start:shown}?{how}
        There is a sale {away:shown} {start:shown}. Give the weekday of the sale.{how}
        Could you name the weekday that lies {away:shown} {start:shown}?{how}
        Today's date may be {start:shown}. What would the weekday be {away:shown} it?{how}
        A train left on {start:shown}; another one {away:shown} it. What weekday did the other train leave?{how}
    """),
)

WEEKDAYS_COUNTED = Family(
    "weekdays_counted",
    _weekdays_counted,
    stories("""
        How many {wanted:shown} lie from {start:shown} to {end:shown}, both days counted?{how}
        Count the {wanted:shown} from {start:shown} up to {end:shown}, first and last day as well.{how}
        From {start:shown} to {end:shown} inclusive, how many {wanted:shown}?{how}
        {name} swims on all {wanted:shown} from {start:shown} to {end:shown}, with both of these days. On how many days
          does {he} swim?{how}
        Find the number of {wanted:shown} in the time from {start:shown} through {end:shown}.{how}
        A course runs from {start:shown} to {end:shown} (inclusive). How many {wanted:shown} are in it?{how}
        The {place} is open on {wanted:shown} only. How many days is it open from {start:shown} to {end:shown}, these
          two days included?{how}
        {wanted:shown} from {start:shown} to {end:shown}, both ends included: how many?{how}
        What is the number of {wanted:shown} if you go from {start:shown} to {end:shown} and count both?{how}
        Please count all {wanted:shown}, beginning with {start:shown} and ending with {end:shown}.{how}
        A {job} comes on {wanted:shown}. How often does that happen from {start:shown} to {end:shown}, both
          included?{how}
        Starting on {start:shown} and stopping after {end:shown}, how many {wanted:shown} pass?{how}
        In the days {start:shown} to {end:shown}, ends included, how many are {wanted:shown}?{how}
        Tell me how many {wanted:shown} there are between {start:shown} and {end:shown} if both dates count.{how}
        Work out how many of the days from {start:shown} to {end:shown} (both too) are {wanted:shown}.{how}
        My holiday goes from {start:shown} to {end:shown}, both days are part of it. How many {wanted:shown} does it
          have?{how}
        Determine the number of {wanted:shown} from {start:shown} until {end:shown}, with the first and last day.{how}
        A bus runs on {wanted:shown}. How many times does it run from {start:shown} through {end:shown}?{how}
        The first day is {start:shown}, the last is {end:shown}. With them, how many {wanted:shown} are there?{how}
        Between {start:shown} and {end:shown}, inclusive, count the {wanted:shown}.{how}
        How often do {wanted:shown} come up from {start:shown} to {end:shown}, both dates counted in?{how}
    """),
    stories("""
        All {wanted:shown} of the time {start:shown} to {end:shown} are marked, at both ends too. How many marks?{how}
        Give the count of {wanted:shown}: {start:shown} through {end:shown}.{how}
        How many {wanted:shown} would {name} live through from {start:shown} to {end:shown}, these two included?{how}
        On a calendar someone circles the {wanted:shown} from {start:shown} to {end:shown} (inclusive). How many circles
          are drawn?{how}
        A fair lasts from {start:shown} through {end:shown}. What number of {wanted:shown} does it cover?{how}
        Of the days {start:shown} through {end:shown}, how many are {wanted:shown}?{how}
        If one counts {wanted:shown} from {start:shown} on and stops with {end:shown}, how far does one get?{how}
        With both dates in, how many {wanted:shown} has the span {start:shown} to {end:shown}?{how}
        What is the number of {wanted:shown} among {start:shown}, {end:shown} and all dates between them?{how}
        Say how many {wanted:shown} there will be, {start:shown} being the first day and {end:shown} the last.{how}
    """),
)

FAMILIES = (WEEKDAY_AWAY, WEEKDAYS_COUNTED)
