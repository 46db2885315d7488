"""The calendar: weekdays some days on, dates some days later, days between two dates, leap years."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Of a year that is not a leap year.
MONTHS = (
    *(("January", 31), ("February", 28), ("March", 31), ("April", 30), ("May", 31), ("June", 30), ("July", 31)),
    *(("August", 31), ("September", 30), ("October", 31), ("November", 30), ("December", 31)),
)


def _day_of_week(random: Random, level: int) -> Draft:
    start, days = random.randrange(7), random.randint(2, {1: 30, 2: 100, 3: 500, 4: 5000}[level])
    is_after = random.random() < 0.6
    work = NamedWork()
    _, rest = work.called("weeks").divide(days, 7)
    step = 1 if is_after else -1
    passed = [WEEKDAYS[(start + step * number) % 7] for number in range(rest + 1)]
    work.say(f"{rest} days: " + ", ".join(passed))
    work.say(f"so {passed[-1]}")
    values = {"day": WEEKDAYS[start], "n": days, "direction": "after" if is_after else "before"}
    return Draft(values, work, passed[-1], cast(random))


def _date_of(day_of_year: int) -> tuple[int, int]:
    """The index of the month and the day in it; the year's days are counted from 0."""
    for index, (_, length) in enumerate(MONTHS):
        if day_of_year < length:
            return index, day_of_year + 1
        day_of_year -= length
    raise AssertionError("a day of the year")


def _two_dates(random: Random, level: int) -> tuple[tuple[int, int], tuple[int, int], int]:
    days = random.randint(2, {1: 30, 2: 60, 3: 120, 4: 300}[level])
    first = random.randrange(365 - days)
    return _date_of(first), _date_of(first + days), days


def _date_after(random: Random, level: int) -> Draft:
    (month, day), (last_month, last_day), days = _two_dates(random, level)
    work = NamedWork()
    count = work.called("day").add(day, days)
    for index in range(month, last_month):
        name, length = MONTHS[index]
        count = work.called(f"{name} has {length}").subtract(count, length)
    assert count == last_day
    answer = f"{MONTHS[last_month][0]} {count}"
    work.say(f"so {answer}")
    return Draft({"start": f"{MONTHS[month][0]} {day}", "n": days}, work, answer, cast(random))


def _days_between(random: Random, level: int) -> Draft:
    (month, day), (last_month, last_day), days = _two_dates(random, level)
    work = NamedWork()
    if month == last_month:
        count = work.called("days").subtract(last_day, day)
    else:
        name, length = MONTHS[month]
        count = work.called(f"{name} has {length}").subtract(length, day)
        for name, length in MONTHS[month + 1 : last_month]:
            count = work.called(name).add(count, length)
        count = work.called(MONTHS[last_month][0]).add(count, last_day)
    assert count == days
    work.say(f"so {count}")
    values = {"start": f"{MONTHS[month][0]} {day}", "end": f"{MONTHS[last_month][0]} {last_day}"}
    return Draft(values, work, str(count), cast(random))


def _leap_year(random: Random, level: int) -> Draft:
    first, last = {1: (16, 24), 2: (10, 29), 3: (10, 99), 4: (100, 999)}[level]
    century = random.randint(first, last)
    years = 0 if random.random() < 0.25 else random.randrange(1, 100)
    work = NamedWork()
    work.say(f"last two digits: {years:02d}")
    if years:
        _, rest = work.divide(years, 4)
    else:
        _, rest = work.called("century").divide(century, 4)
    answer = "no" if rest else "yes"
    work.say(f"so {answer}")
    return Draft({"year": century * 100 + years}, work, answer, cast(random))


DAY_OF_WEEK = Family(
    "day_of_week",
    _day_of_week,
    stories("""
        Which day of the week is {n} days {direction} a {day}?
        What weekday do you get {n} days {direction} {day}?
        {n} days {direction} a {day} is which day?
        {name}'s birthday is {n} days {direction} a {day}. On which day of the week is it?
        Take a {day}. Which weekday is it {n} days {direction} that?
        The {place} opens {n} days {direction} a {day}. Which weekday is that?
        {n} days {direction} {day}?
        Tell me the day of the week {n} days {direction} a {day}.
        Please find the weekday {n} days {direction} a {day}.
        A {job} came on the day that is {n} days {direction} a {day}. Name the weekday.
        If some day is a {day}, what is the day {n} days {direction} it?
        {name} planned a party for the date {n} days {direction} a {day}. Which day of the week is the party?
        A letter was sent {n} days {direction} a {day}. On what weekday?
        On the calendar, which weekday lies {n} days {direction} a {day}?
        Count {n} days from a {day} to the days {direction} it. On which weekday do you end?
        The school trip is {n} days {direction} a {day}. What day is the trip?
        Which weekday do we have {n} days {direction} a {day}?
        Someone says: {n} days {direction} {day}. Which day is meant?
        What is the name of the day that is {n} days {direction} a {day}?
        {name} buys {things} {n} days {direction} a {day}. Which weekday is it?
    """),
    stories("""
        Starting on a {day}, find the weekday that is {n} days {direction} it.
        With a {day} marked on the wall, {name} looks for the day {n} days {direction} it. What weekday is that?
        A ship sails {n} days {direction} a {day}. Say the weekday.
        {day} is given. The day wanted is {n} days {direction} it. Which one is it?
        Between a day and a {day} there is a step of {n} days: the day is {direction} the {day}. Which day is it?
        Weekday wanted: {n} days {direction} {day}.
        What day of the week does {name} write down for the date {n} days {direction} a {day}?
        Now think of a {day} and the date {n} days {direction}. What weekday is that date?
        In a diary there is a note for the day {n} days {direction} a {day}. Which weekday is at its top?
        The day {n} days {direction} a {day} is called what?
    """),
)

DATE_AFTER = Family(
    "date_after",
    _date_after,
    stories("""
        What date is {n} days after {start} in a year that is not a leap year?
        A library book is borrowed on {start} for {n} days. When is it due? The year has 365 days.
        {name} leaves on {start} and comes back {n} days later. On which date? It is not a leap year.
        {start} plus {n} days, no leap year: which date?
        It is {start} in a normal year. What is the date in {n} days?
        Count {n} days on from {start}. February has 28 days. Which date do you reach?
        The {place} opens {n} days after {start}. What is the date, if the year is no leap year?
        A plant needs {n} days to bloom. It is planted on {start} of a year with 365 days. On which date does it
          bloom?
        In a common year, which date comes {n} days after {start}?
        Please find the date {n} days after {start}, not in a leap year.
        A ticket bought on {start} ends {n} days later. Give the date, with 28 days in February.
        {name} starts a course on {start}. It ends {n} days later in the same common year. When does it end?
        From {start}, wait {n} days. Which date is it then, in a year with 365 days?
        A bill of {start} must be paid within {n} days. What is the last date, in a year that is no leap year?
        Add {n} days to the date {start} of a common year.
        The {job} says on {start}: "Come back in {n} days." Which date is that? It is no leap year.
        A ship sails on {start} and lands {n} days after that. Which date is it? February has 28 days.
        Which date follows {start} by {n} days in a normal year?
        {name} was born on {start} and is {n} days old today, in the same year, which is no leap year. What is the
          date?
        Today is {start}. Tell me the date {n} days from now; the year is not a leap year.
    """),
    stories("""
        {n} days have passed since {start} of a common year. What is the date?
        Starting from {start}, mark the date that is {n} days on. The year has 365 days. Which one is it?
        A race begins on {start} and ends exactly {n} days later, in no leap year. Name the day it ends.
        Milk bought on {start} keeps for {n} days. Until which date, if February has 28 days?
        If {start} is day zero in a normal year, what date is day {n}?
        {name} counts down {n} days to a feast, beginning on {start}. On which date is it, in a year of 365 days?
        When {n} more days are gone after {start}, which date is written on the calendar of a common year?
        The contract was signed on {start} and lasts {n} days. Find the date of its end (no leap year).
        Date wanted: {n} days after {start}, common year.
        {name}'s trip of {n} days started on {start}. What was the date at the end, in a year that is no leap year?
    """),
)

DAYS_BETWEEN = Family(
    "days_between",
    _days_between,
    stories("""
        How many days is it from {start} to {end} in a year that is not a leap year?
        A book is borrowed on {start} and brought back on {end}. How many days later is that? The year has 365 days.
        {name} leaves on {start} and comes back on {end}. After how many days? It is not a leap year.
        From {start} to {end}, no leap year: how many days?
        It is {start} in a normal year. In how many days is it {end}?
        Count the days from {start} until {end}. February has 28 days.
        The {place} closes on {start} and opens on {end}. How many days lie between these dates, the last day counted?
          The year is no leap year.
        A plant is set on {start} and blooms on {end} of the same year with 365 days. How many days did it take?
        In a common year, how many days after {start} is {end}?
        Please find the number of days from {start} to {end}, not in a leap year.
        A ticket bought on {start} ends on {end}. How many days later is that, with 28 days in February?
        {name} starts a course on {start}. It ends on {end} of the same common year. How many days is that later?
        How many nights are there from {start} to {end}, in a year with 365 days?
        A bill of {start} must be paid by {end}. How many days is that, in a year that is no leap year?
        What is the difference in days between {start} and {end} of a common year?
        The {job} says on {start}: "Come back on {end}." In how many days is that? It is no leap year.
        A ship sails on {start} and lands on {end}. How many days is it at sea? February has 28 days.
        By how many days does {end} follow {start} in a normal year?
        {name} was born on {start}. How many days old is {he} on {end} of the same year, which is no leap year?
        Today is {start}. How many days are left until {end}? The year is not a leap year.
    """),
    stories("""
        How many days have passed on {end} since {start} of the same common year?
        Starting from {start}, after how many days do you reach {end}? The year has 365 days.
        A race begins on {start} and ends on {end}, in no leap year. How many days later does it end?
        If {start} is day zero in a normal year, which number does the day {end} have?
        {name} waits from {start} for a feast on {end}. How many times must {he} sleep, in a year of 365 days?
        The contract runs from {start} to {end} (no leap year). By how many days is its end after its start?
        Days wanted: {start} to {end}, common year.
        Milk bought on {start} keeps until {end}. For how many days, if February has 28 days?
        {end} is how many days later than {start}, when February has 28 days?
        On {start} a {job} begins to build, and on {end} it is done. Find the days from one date to the other (no
          leap year).
    """),
)

LEAP_YEAR = Family(
    "leap_year",
    _leap_year,
    stories("""
        Is {year} a leap year?
        Was or will {year} be a leap year? Answer yes or no.
        Does February {year} have 29 days?
        Does the year {year} have 366 days?
        Tell me if {year} is a leap year, yes or no.
        Leap year {year}: yes or no?
        {name} asks if {year} is a leap year. What is the answer?
        Is there a February 29 in {year}?
        Decide whether {year} is a leap year.
        Is the year {year} a leap year in our calendar?
        Please check: is {year} a leap year?
        Can someone be born on February 29, {year}?
        Yes or no: {year} is a leap year.
        In the calendar, is {year} one day longer than a common year?
        {name} says that {year} is a leap year. Is {he} right?
        Is it true that {year} is a leap year?
        I need to know if {year} is a leap year. Is it?
        Does the year {year} contain a leap day?
        Check the year {year}. Is it a leap year?
        Find out if February of {year} has 29 days. Yes or no?
    """),
    stories("""
        Would a calendar for {year} show 29 days in February?
        Are there 366 days in {year}?
        The year is {year}. Does it get an extra day?
        Is February longer than 28 days in {year}?
        Say yes if {year} is a leap year and no otherwise.
        {name} has to print a calendar of {year}. Does it need a February 29?
        Do we count {year} among the leap years?
        Does {year} follow the leap year rule, so that it has one more day?
        {year}, a leap year?
        Will a date like February 29, {year} be found in the calendar?
    """),
)

FAMILIES = (DAY_OF_WEEK, DATE_AFTER, DAYS_BETWEEN, LEAP_YEAR)
