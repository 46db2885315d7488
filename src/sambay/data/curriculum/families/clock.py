"""The clock of 24 hours: a time some hours and minutes later or earlier, and the minutes between two."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories

DAY = 24 * 60
EVENTS = (
    *("film", "meeting", "lesson", "match", "concert", "party", "tour", "flight", "trip", "show", "class", "talk"),
    *("game", "walk", "race", "visit", "dance", "sale", "market", "test", "play", "nap", "shift", "drive"),
)


def written(minutes: int) -> str:
    """Minutes after midnight as 7:05 or 14:35."""
    return f"{minutes // 60}:{minutes % 60:02d}"


def _lasting(minutes: int) -> str:
    """A duration in words: 2 hours and 15 minutes."""
    hours, rest = divmod(minutes, 60)
    counts = [(number, unit) for number, unit in ((hours, "hour"), (rest, "minute")) if number]
    return " and ".join(f"{number} {unit}{'s' if number > 1 else ''}" for number, unit in counts)


def _start_and_length(random: Random, level: int) -> tuple[int, int]:
    """A time and a duration: multiples of five minutes, any minutes, and from the third level on past midnight."""
    step = 5 if level == 1 else 1
    length = random.randrange(step, {1: 4, 2: 8, 3: 12, 4: 24}[level] * 60, step)
    latest = DAY if level > 2 else max(DAY - length, 60)
    return random.randrange(0, latest, step), length


def _clock_add(random: Random, level: int) -> Draft:
    start, length = _start_and_length(random, level)
    work = NamedWork()
    hours = work.called("hours").add(start // 60, length // 60)
    minutes = work.called("minutes").add(start % 60, length % 60)
    if minutes >= 60:
        minutes = work.called("an hour of minutes").subtract(minutes, 60)
        hours = work.called("hours").add(hours, 1)
    if hours >= 24:
        hours = work.called("next day").subtract(hours, 24)
    end = hours * 60 + minutes
    work.say(f"so {written(end)}")
    values = {"start": written(start), "length": _lasting(length)}
    return Draft(values, work, written(end), cast(random) | {"event": random.choice(EVENTS)})


def _clock_back(random: Random, level: int) -> Draft:
    end, length = _start_and_length(random, level)
    if level < 3:
        end = (end + length) % DAY
    work = NamedWork()
    hours, minutes = end // 60, end % 60
    if minutes < length % 60:
        hours, minutes = (hours - 1) % 24, minutes + 60
        work.say(f"{written(end)} is {hours} hours {minutes} minutes")
    minutes = work.called("minutes").subtract(minutes, length % 60)
    if hours < length // 60:
        hours = work.called("a day more").add(hours, 24)
    hours = work.called("hours").subtract(hours, length // 60)
    start = hours * 60 + minutes
    work.say(f"so {written(start)}")
    values = {"end": written(end), "length": _lasting(length)}
    return Draft(values, work, written(start), cast(random) | {"event": random.choice(EVENTS)})


def _clock_duration(random: Random, level: int) -> Draft:
    start, length = _start_and_length(random, level)
    end = (start + length) % DAY
    work = NamedWork()
    hours, minutes = end // 60, end % 60
    if end < start:
        hours = work.called("next day").add(hours, 24)
    if minutes < start % 60:
        work.say(f"{hours} hours {minutes} minutes is {hours - 1} hours {minutes + 60} minutes")
        hours, minutes = hours - 1, minutes + 60
    hours = work.called("hours").subtract(hours, start // 60)
    minutes = work.called("minutes").subtract(minutes, start % 60)
    in_minutes = work.called("in minutes").multiply(hours, 60)
    answer = work.called("together").add(in_minutes, minutes)
    assert answer == length
    work.say(f"so {answer}")
    values = {"start": written(start), "end": written(end)}
    return Draft(values, work, str(answer), cast(random) | {"event": random.choice(EVENTS)})


CLOCK_ADD = Family(
    "clock_add",
    _clock_add,
    stories("""
        What time is it {length} after {start}?
        A {event} starts at {start} and lasts {length}. When does it end?
        It is {start} now. What time will it be in {length}?
        {name} leaves at {start} and is on the way for {length}. At what time does {he} arrive?
        {start} plus {length}: what time?
        Add {length} to {start} on a 24-hour clock.
        The clock shows {start}. {length} later, what does it show?
        A train departs at {start}. The ride takes {length}. When does it get there?
        {name} begins to work at {start} and works for {length}. When does {he} stop?
        The cake goes into the oven at {start} and stays there for {length}. When is it taken out?
        If a {event} of {length} begins at {start}, at what time is it over?
        Please tell the time {length} after {start}.
        What will a 24-hour clock read {length} after it reads {start}?
        {name} goes to bed at {start} and sleeps {length}. When does {he} wake up?
        The {event} at the {place} opens at {start} and closes after {length}. When does it close?
        I start at {start} and need {length}. When am I done?
        A bus is due at {start} but comes {length} late. When does it come?
        {length} from {start} on: which time is that?
        {name} sets an alarm at {start} to ring in {length}. When does it ring?
        From {start}, go {length} forward. Which time do you reach?
        The rain began at {start} and went on for {length}. When did it stop?
    """),
    stories("""
        Starting time {start}, duration {length}. What is the ending time?
        At {start} {name} puts a coin in a parking meter for {length}. Until when may {he} park?
        Move the hands of a clock from {start} by {length}. What time do they show on a 24-hour clock?
        When is a {event} finished that needs {length} and got going at {start}?
        A plane took off at {start}. It is in the air for {length}. At which time does it land?
        Exactly {length} have gone by since {start}. What time is it?
        The battery of {name}'s phone was full at {start} and was empty {length} later. When was that?
        Which time lies {length} past {start}?
        {name} says at {start}: "I will be back in {length}." When will {he} be back?
        A {job} opens the shop at {start} and closes it {length} afterwards. What is the closing time?
    """),
)

CLOCK_BACK = Family(
    "clock_back",
    _clock_back,
    stories("""
        What time was it {length} before {end}?
        A {event} ended at {end}. It lasted {length}. When did it start?
        It is {end} now. What time was it {length} ago?
        {name} must be at the {place} at {end}. The way takes {length}. When must {he} leave?
        {end} minus {length}: what time?
        Subtract {length} from {end} on a 24-hour clock.
        The clock shows {end}. What did it show {length} earlier?
        A train arrives at {end} after a ride of {length}. When did it depart?
        {name} stops working at {end} after {length} of work. When did {he} begin?
        A cake was in the oven for {length} and comes out at {end}. When was it put in?
        If a {event} of {length} is over at {end}, at what time did it begin?
        Please tell the time {length} before {end}.
        What did a 24-hour clock read {length} before it read {end}?
        {name} wakes up at {end} after {length} of sleep. When did {he} fall asleep?
        The {event} at the {place} closes at {end} and is open for {length}. When does it open?
        I was done at {end} and needed {length}. When did I start?
        A bus came at {end}, {length} late. When was it due?
        {length} back from {end}: which time is that?
        {name}'s alarm rang at {end}, set {length} before. When did {he} set it?
        From {end}, go {length} backward. Which time do you reach?
        The rain stopped at {end} after {length}. When did it begin?
    """),
    stories("""
        Ending time {end}, duration {length}. What was the starting time?
        A parking ticket for {length} runs out at {end}. When did {name} buy it?
        Turn the hands of a clock back from {end} by {length}. What time do they show on a 24-hour clock?
        When did a {event} get going that took {length} and was finished at {end}?
        A plane landed at {end}. It was in the air for {length}. At which time did it take off?
        At {end} exactly {length} have gone by. Since when?
        The battery of {name}'s phone was empty at {end}, {length} after it was full. When was it full?
        Which time is earlier than {end} by {length}?
        {name} is back at {end} and says: "I was away for {length}." When did {he} go?
        A {job} closes the shop at {end}, {length} after opening it. What was the opening time?
    """),
)

CLOCK_DURATION = Family(
    "clock_duration",
    _clock_duration,
    stories("""
        How many minutes are there from {start} to {end}?
        A {event} starts at {start} and ends at {end}. How many minutes does it last?
        It is {start}. How many minutes is it until {end}?
        {name} leaves at {start} and arrives at {end}. How many minutes is {he} on the way?
        From {start} to {end}: how many minutes?
        Find the time between {start} and the next {end} in minutes.
        The clock shows {start}, and later {end}. How many minutes have passed?
        A train departs at {start} and gets there at {end}. How long is the ride in minutes?
        {name} works from {start} to {end}. How many minutes is that?
        The bread is in the oven from {start} until {end}. For how many minutes?
        If a {event} begins at {start} and is over at {end}, what is its length in minutes?
        Please count the minutes from {start} to {end}.
        How many minutes pass on a 24-hour clock from {start} to {end}?
        {name} goes to bed at {start} and wakes up at {end}. How many minutes did {he} sleep?
        The {event} at the {place} opens at {start} and closes at {end}. How many minutes is it open?
        I start at {start} and am done at {end}. How many minutes do I need?
        Rain fell from {start} to {end}. How many minutes did it fall?
        What is the duration, in minutes, of a {event} from {start} to {end}?
        {name} waits from {start} until {end}. How many minutes does {he} wait?
        A shop opens at {start} and closes at {end}. Give its opening time in minutes.
        How long, in minutes, does it take to get from {start} to {end}?
    """),
    stories("""
        Start {start}, end {end}. Duration in minutes?
        {name} parks at {start} and drives off at {end}. For how many minutes did {he} park?
        The hands of a clock go from {start} to {end}. How many minutes is that?
        A plane takes off at {start} and lands at {end}, local time of one and the same zone. How many minutes is it
          in the air?
        When it was {start}, {name} lit a candle. At {end} it had burned down. How many minutes did it burn?
        Between {start} and the {end} that follows lie how many minutes?
        The guard came at {start} and went at {end}. Tell how many minutes the guard stayed.
        Counting from {start}, after how many minutes is it {end} for the first time?
        The power was off from {start} to {end}. How many minutes was there no light?
        A {job} is at work between {start} and {end}. How many minutes of work are these?
    """),
)

FAMILIES = (CLOCK_ADD, CLOCK_BACK, CLOCK_DURATION)
