"""The weekday of a date: year, its quarter, and the numbers of century and month are added, and sevens taken off."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .answer_lines import WEEKDAY, perhaps
from .calendar_days import MONTHS, WEEKDAYS
from .date_forms import DATE_FORMS, Written, random_date, written_date
from .scenery import cast, stories

# Known by heart: what a month adds to the weekday, from January on, and what a century adds, by its number modulo 4.
_OF_MONTH = (0, 3, 3, 6, 1, 4, 6, 2, 5, 0, 3, 5)
_OF_MONTH_BEFORE_LEAP_DAY = (6, 2)
_OF_CENTURY = (6, 4, 2, 0)
# In this count 0 is a Sunday.
_COUNTED = (WEEKDAYS[-1], *WEEKDAYS[:-1])
_YEARS = ((2010, 2029), (1950, 2049), (1800, 2199), (1600, 2999))


def _weekday_of_date(random: Random, level: int) -> Draft:
    day = random_date(random, *_YEARS[level - 1])
    work = NamedWork()
    century, years = divmod(day.year, 100)
    quarter, rest = work.called(f"year {years:02d}").divide(years, 4)
    count = work.add(years, quarter)
    count = work.called(f"{century}00 is {_OF_CENTURY[century % 4]}").add(count, _OF_CENTURY[century % 4])
    number, name = _OF_MONTH[day.month - 1], MONTHS[day.month - 1][0]
    if day.month <= 2:
        if not years:
            _, rest = work.called("century").divide(century, 4)
        if not rest:
            number, name = _OF_MONTH_BEFORE_LEAP_DAY[day.month - 1], f"{name} of a leap year"
    count = work.called(f"{name} is {number}").add(count, number)
    count = work.called(f"day {day.day}").add(count, day.day)
    _, rest = work.divide(count, 7)
    work.say(f"{rest} is {_COUNTED[rest]}")
    work.say(f"so {_COUNTED[rest]}")
    date = Written(day.isoformat(), written_date(day, random.choice(DATE_FORMS)))
    return Draft({"date": date}, work, _COUNTED[rest], cast(random) | {"how": perhaps(random, WEEKDAY)})


WEEKDAY_OF_DATE = Family(
    "weekday_of_date",
    _weekday_of_date,
    stories("""
        Which weekday is {date:shown}?{how}
        What weekday was {date:shown}?{how}
        Find the day of the week of {date:shown}.{how}
        {date:shown}: which day of the week?{how}
        Which day of the week does {date:shown} fall on?{how}
        Tell me the weekday that belongs to the date {date:shown}.{how}
        {name} was born on {date:shown}. Which day of the week was it?{how}
        What is the weekday of {date:shown}?{how}
        The {place} opened on {date:shown}. Which weekday was that?{how}
        Weekday of {date:shown}?{how}
        A letter is dated {date:shown}. On what day of the week was it written?{how}
        Work out the weekday for the date {date:shown}.{how}
        Give the day of the week for {date:shown}.{how}
        Please say which weekday {date:shown} is.{how}
        On a calendar, {date:shown} stands under which weekday?{how}
        Is {date:shown} a Monday, a Tuesday, or which day?{how}
        {name} has an appointment on {date:shown}. What day of the week is it?{how}
        Here is a date: {date:shown}. What is its weekday?{how}
        Determine the weekday of {date:shown} in our calendar.{how}
        What day was {date:shown}, a Sunday, a Monday, or another one?{how}
        On what day of the week will or did {date:shown} fall?{how}
        Day of the week on {date:shown}, please.{how}
        I need the weekday for {date:shown}.{how}
        A {job} finished work on {date:shown}. Name that weekday.{how}
        Compute the day of the week on which {date:shown} fell.{how}
        Consider the date {date:shown}. Name its weekday.{how}
        What was the name of the weekday on {date:shown}?{how}
        The date is {date:shown}. What weekday is it?{how}
    """),
    stories("""
        A diary entry is from {date:shown}. Under which weekday is it found?{how}
        Could you tell what day of the week {date:shown} was?{how}
        When the date was {date:shown}, which weekday did people have?{how}
        {name} asks on what weekday {his} birthday, {date:shown}, was.{how}
        For {date:shown}, name the weekday.{how}
        The day {date:shown} was which of the seven weekdays?{how}
        Did {date:shown} come on a Monday or on what other day?{how}
        Say the weekday: {date:shown}.{how}
        What did the calendar give as weekday on {date:shown}?{how}
        Whatever happened on {date:shown}, which weekday did it happen on?{how}
    """),
)

FAMILIES = (WEEKDAY_OF_DATE,)
