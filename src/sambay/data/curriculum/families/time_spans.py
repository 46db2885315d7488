"""The time between two readings of a clock, written as they are: hours, minutes, seconds and milliseconds."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .span_wordings import SPAN_WORDINGS, SPAN_WORDINGS_HELD_OUT, named_form, span_scenery

_DAY_IN_MS = 24 * 60 * 60 * 1000
# From the right: a unit, how many of it make one of the next, and its length in milliseconds.
_UNITS = (("milliseconds", 1000, 1), ("seconds", 60, 1000), ("minutes", 60, 60_000), ("hours", 24, 3_600_000))
# The last unit that a form shows, counted in milliseconds.
PRECISION_IN_MS = {"HH:MM": 60_000, "HH:MM:SS": 1000, "HH:MM:SS.mmm": 1}
_FORMS_OF_LEVEL = (("HH:MM", "HH:MM:SS"), tuple(PRECISION_IN_MS), tuple(PRECISION_IN_MS), ("HH:MM:SS.mmm",))
_LONGEST_IN_MINUTES = ((1, 15, 240), (1, 60, 600), (1, 120, 1439), (1439,))


def clock_parts(moment_in_ms: int) -> tuple[int, int, int, int]:
    """Milliseconds, seconds, minutes and hours of a time of the day or of a duration."""
    seconds, milliseconds = divmod(moment_in_ms, 1000)
    minutes, second = divmod(seconds, 60)
    return milliseconds, second, minutes % 60, minutes // 60


def written_clock(moment_in_ms: int, form: str) -> str:
    """A time of the day or a duration as 07:05, 07:05:09 or 07:05:09.250, by the form."""
    milliseconds, second, minute, hour = clock_parts(moment_in_ms)
    text = f"{hour:02d}:{minute:02d}"
    if form != "HH:MM":
        text += f":{second:02d}"
    return f"{text}.{milliseconds:03d}" if form == "HH:MM:SS.mmm" else text


def subtract_clocks(work: NamedWork, start_in_ms: int, end_in_ms: int, form: str) -> tuple[int, bool]:
    """Takes one time of the day off another, unit by unit from the right.

    Returns the difference in milliseconds, and whether a day had to be borrowed for it.
    """
    first = {"HH:MM": 2, "HH:MM:SS": 1, "HH:MM:SS.mmm": 0}[form]
    elapsed_in_ms, has_borrowed = 0, False
    parts = zip(_UNITS, clock_parts(start_in_ms), clock_parts(end_in_ms), strict=True)
    for (unit, size, length_in_ms), before, after in list(parts)[first:]:
        work.called(unit)
        is_short = after - has_borrowed < before
        if is_short:
            after = work.add(after, size)
        if has_borrowed:
            after = work.subtract(after, 1)
        elapsed_in_ms += work.subtract(after, before) * length_in_ms
        has_borrowed = is_short
    return elapsed_in_ms, has_borrowed


def _time_span(random: Random, level: int) -> Draft:
    form = random.choice(_FORMS_OF_LEVEL[level - 1])
    step = PRECISION_IN_MS[form]
    longest = random.choice(_LONGEST_IN_MINUTES[level - 1]) * 60_000 // step
    # Minutes alone are few to choose from if the time is short.
    length = random.randint(0 if longest > 1 else 1, longest) * step
    crosses_midnight = level > 2 and random.random() < 0.2
    latest = _DAY_IN_MS if crosses_midnight else _DAY_IN_MS - length
    start = random.randrange(0, latest, step)
    end = (start + length) % _DAY_IN_MS
    work = NamedWork()
    elapsed, _ = subtract_clocks(work, start, end, form)
    answer = written_clock(elapsed, form)
    work.say(f"so {answer}")
    values = {"start": written_clock(start, form), "end": written_clock(end, form), "form": named_form(random, form)}
    return Draft(values, work, answer, span_scenery(random))


TIME_SPAN = Family("time_span", _time_span, SPAN_WORDINGS, SPAN_WORDINGS_HELD_OUT)

FAMILIES = (TIME_SPAN,)
