"""The two ways to write a time: on a clock of 24 hours, and with am or pm."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .clock import DAY, EVENTS, written
from .scenery import cast, stories


def twelve_hours(minutes: int) -> str:
    """As 2:35 pm; 12:05 am is five past midnight."""
    hour = minutes // 60 % 12 or 12
    return f"{hour}:{minutes % 60:02d} {'am' if minutes < DAY // 2 else 'pm'}"


def _to_24_hour_clock(random: Random, level: int) -> Draft:
    return _converted(random, level, is_to_24=True)


def _to_am_pm(random: Random, level: int) -> Draft:
    return _converted(random, level, is_to_24=False)


def _converted(random: Random, level: int, *, is_to_24: bool) -> Draft:
    """A time in the other form; from the second level on of a later hour, so that hours are added first."""
    later = 0 if level == 1 else random.randint(1, {2: 6, 3: 14, 4: 40}[level])
    moment = random.randrange(DAY)
    work = NamedWork()
    hour, minute = moment // 60, moment % 60
    if is_to_24:
        hour = _to_24(work, hour)
    if later:
        hour = work.called("later").add(hour, later)
        while hour >= 24:
            hour = work.called("next day").subtract(hour, 24)
    end = hour * 60 + minute
    if not is_to_24:
        _to_12(work, hour)
    answer = written(end) if is_to_24 else twelve_hours(end)
    work.say(f"so {answer}")
    start = twelve_hours(moment) if is_to_24 else written(moment)
    moved = "" if not later else f"{later} hour{'s' if later > 1 else ''} after "
    scenery = cast(random) | {"event": random.choice(EVENTS), "moved_at": moved or "at "}
    return Draft({"start": start, "moved": moved, "later": later}, work, answer, scenery)


def _to_24(work: NamedWork, hour: int) -> int:
    shown = hour % 12 or 12
    half = "am" if hour < 12 else "pm"
    if shown == 12 or half == "am":
        work.say(f"{shown} {half} is {hour}")
        return hour
    return work.called(half).add(shown, 12)


def _to_12(work: NamedWork, hour: int) -> None:
    shown, half = hour % 12 or 12, "am" if hour < 12 else "pm"
    if hour > 12:
        work.called(half).subtract(hour, 12)
    else:
        work.say(f"{hour} is {shown} {half}")


TO_24_HOUR_CLOCK = Family(
    "to_24_hour_clock",
    _to_24_hour_clock,
    stories("""
        Write the time {moved}{start} as on a 24-hour clock.
        What is the time {moved}{start} on a 24-hour clock?
        A {event} starts {moved_at}{start}. What does a 24-hour clock show then?
        {name} says: "The time I mean is {moved}{start}." Write it with 24 hours.
        Give the 24-hour form of the time {moved}{start}.
        Change to 24-hour time: {moved}{start}.
        The time {moved}{start}, in 24-hour form?
        The bus comes {moved_at}{start}. How does this time look in a 24-hour timetable?
        Convert the time {moved}{start} to the 24-hour clock.
        How do you write {moved}{start} with hours from 0 to 23?
        At the {place} the {event} is {moved_at}{start}. Which time is that on a digital clock with 24 hours?
        {name}'s watch knows only am and pm. What would a 24-hour watch show {moved_at}{start}?
        Please write the time {moved}{start} without am or pm.
        In 24-hour time, what is {moved}{start}?
        The train leaves {moved_at}{start}. Express this on the 24-hour clock.
        {name} meets a {job} {moved_at}{start}. Write this time in the 24-hour way.
        Tell me the 24-hour time for {moved}{start}.
        I read am and pm on my clock. Which 24-hour time is {moved}{start}?
        A ticket is valid from a time {moved}{start}. Print it in 24-hour form.
        What would a clock that counts hours from 0 to 23 show {moved_at}{start}?
    """),
    stories("""
        Someone says "{moved}{start}". Put that time into the 24-hour system.
        Which reading of a 24-hour clock belongs to {moved}{start}?
        A flight is listed for the time {moved}{start}. How is it listed in 24-hour notation?
        {name} wants to drop am and pm. How should {he} write the time {moved}{start}?
        24-hour notation, please: {moved}{start}.
        Without am and pm, the time {moved}{start} reads how?
        The {event} is to begin {moved_at}{start}. State this in hours from 0 to 23 and minutes.
        Find the 24-hour time that means {moved}{start}.
        When it is {moved}{start}, a 24-hour clock on the wall of the {place} reads what?
        Rewrite for a 24-hour clock: the time {moved}{start}.
    """),
)

TO_AM_PM = Family(
    "to_am_pm",
    _to_am_pm,
    stories("""
        Write the time {moved}{start} with am or pm.
        What is the time {moved}{start} on a 12-hour clock, with am or pm?
        A {event} starts {moved_at}{start}. What time is that with am or pm?
        {name} says: "The time I mean is {moved}{start}." Write it with am or pm.
        Give the 12-hour form (am or pm) of the time {moved}{start}.
        Change to 12-hour time with am or pm: {moved}{start}.
        The time {moved}{start}, with am or pm?
        The bus comes {moved_at}{start} by the 24-hour timetable. Which time is that with am or pm?
        Convert the time {moved}{start} from the 24-hour clock to am or pm.
        How do you write {moved}{start} with am or pm?
        At the {place} the {event} is {moved_at}{start}. Say this time with am or pm.
        {name}'s watch shows 24 hours. What does a 12-hour watch show {moved_at}{start}, with am or pm?
        Please write the time {moved}{start} using am or pm.
        In am and pm time, what is {moved}{start}?
        The train leaves {moved_at}{start}. Express this on the 12-hour clock with am or pm.
        {name} meets a {job} {moved_at}{start}. Write this time in the 12-hour way, with am or pm.
        Tell me the time {moved}{start} with am or pm.
        I use am and pm. Which time is {moved}{start} for me?
        A ticket is valid from a time {moved}{start}. Print it with am or pm.
        What would a clock with twelve hours show {moved_at}{start}? Add am or pm.
    """),
    stories("""
        A sign says "{moved}{start}". Put that time into am or pm form.
        Which time of the 12-hour clock, am or pm, belongs to {moved}{start}?
        A flight is listed for the time {moved}{start}. How is it listed with am or pm?
        {name} likes am and pm. How should {he} write the time {moved}{start}?
        Using am or pm, please: {moved}{start}.
        With am or pm, the time {moved}{start} reads how?
        The {event} is to begin {moved_at}{start}. State this in twelve-hour time with am or pm.
        Find the am or pm time that means {moved}{start}.
        When it is {moved}{start}, what do people say who use am and pm?
        Rewrite for a 12-hour clock, with am or pm: the time {moved}{start}.
    """),
)

FAMILIES = (TO_24_HOUR_CLOCK, TO_AM_PM)
