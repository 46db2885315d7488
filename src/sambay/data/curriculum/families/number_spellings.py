"""The largest or smallest of several numbers written with thousands separators, with an exponent, or plainly.

1.2345e+4 12,340.5 12399.000    the smallest is asked for
12345                           the first one, plainly
12340.5<12345                   the next one, plainly, beside the one to take so far
12399>12340.5
so 12340.5
"""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .scenery import stories

_COUNTS = {1: (3, 4), 2: (4, 7), 3: (5, 12), 4: (26, 30)}
_MOST_COUNT = 25  # at times, at level 3
_PLACES = {1: (0, 1), 2: (0, 3), 3: (2, 3), 4: (3, 3)}
_SPREAD = 10  # of numbers near each other


def _extreme_spelling(random: Random, level: int) -> Draft:
    count = random.randint(*_COUNTS[level])
    if level == 3 and random.random() < 0.2:
        count = random.randint(count, _MOST_COUNT)
    texts = _texts(random, level, count)
    is_largest, work = random.random() < 0.5, Work()
    best = plain(texts[0])
    work.say(best)
    for text in texts[1:]:
        number = plain(text)
        is_less = _value(number) < _value(best)
        work.say(f"{number}{'<' if is_less else '>'}{best}")
        best = best if is_less == is_largest else number
    work.say(f"so {best}")
    values = {"spaced": " ".join(texts), "wanted": "largest" if is_largest else "smallest"}
    scenery = {
        "listed": ", ".join(texts),
        "parted": "; ".join(texts),
        "lines": "\n" + "\n".join(texts),
    }
    return Draft(values, work, best, scenery, closing="It is {answer}.")


def _texts(random: Random, level: int, count: int) -> list[str]:
    """Spellings of different numbers, some of them with what binary fractions leave behind the last place."""
    places = random.randint(*_PLACES[level])
    unit = 10**places
    start = random.randint(1_000 * unit, (10_000, 99_999, 99_999, 999_999)[level - 1] * unit)
    spread = unit * (_SPREAD if level > 2 or random.random() < 0.5 else 500)
    deltas: dict[int, None] = {}
    while len(deltas) < count:
        deltas[random.randint(-spread, spread)] = None
    if not places:
        return [_spelled(random, start + delta, level) for delta in deltas]
    if level > 2:
        return [_spelled(random, start / unit + delta / unit, level) for delta in deltas]
    return [_spelled(random, (start + delta) / unit, level) for delta in deltas]


def _spelled(random: Random, number: float, level: int) -> str:
    form = random.randrange(3)
    if form == 0:
        return f"{number:,}"
    is_padded = level > 2 or random.random() < 0.2
    if form == 1:
        return f"{number:f}" if is_padded else str(number)
    if is_padded:
        return f"{number:.15e}"
    digits, _, exponent = f"{number:.15e}".partition("e")
    digits = digits.rstrip("0").rstrip(".")
    return f"{digits}{random.choice(('e+0', 'e+', 'e', 'E'))}{int(exponent)}"


def plain(text: str) -> str:
    """A number of at least 1 without separators, exponent, and zeros at its end."""
    digits, _, exponent = text.replace(",", "").lower().partition("e")
    whole, _, behind = digits.partition(".")
    shift = int(exponent or 0)
    behind = behind.ljust(shift, "0")
    whole, behind = whole + behind[:shift], behind[shift:].rstrip("0")
    return f"{whole}.{behind}" if behind else whole


def _value(number: str) -> tuple[int, str]:
    """By which plain numbers without zeros at the end are ordered."""
    whole, _, behind = number.partition(".")
    return int(whole), behind


EXTREME_SPELLING = Family(
    "extreme_spelling",
    _extreme_spelling,
    stories("""
        Which of these numbers is the {wanted}? {spaced}
        Find the {wanted} number: {listed}
        Find the {wanted} of {spaced}.
        {wanted} number: {spaced}
        {spaced}: which one is the {wanted}?
        The numbers {spaced} are written in several ways. Which is the {wanted}?
        Some are written with e, some with commas: {spaced}. Give the {wanted}.
        Pick out the {wanted} number among {spaced}
        Compare {parted}. Which is the {wanted}?
        Choose the {wanted} from this list: {spaced}
        What is the {wanted} value here? {spaced}
        what's the {wanted} of {spaced}
        Please tell me which number is the {wanted}: {spaced}
        Determine the {wanted} of these values: {parted}
        Several notations, one question: which is the {wanted}? {spaced}
        Which line holds the {wanted} number? Give the number.{lines}
        Name the {wanted} one of these numbers.{lines}
        I need the {wanted} number of the list {listed}.
        Give the {wanted} number. The choices are {spaced}
        From {parted}, select the {wanted} number.
        Look for the {wanted} of the numbers below.{lines}
        min or max? I want the {wanted}: {spaced}
        A file has the entries {spaced} and I need the {wanted}.
        Options: {spaced}. Take the {wanted} and write it as a plain number.
    """),
    stories("""
        {parted} - pick out the {wanted} of these numbers.
        I exported a spreadsheet column and its number formats are mixed up. What is the {wanted} value?{lines}
        Compare these numbers and write the {wanted} one in ordinary decimal notation: {parted}
        What was the {wanted} of these measurements from our lab?{lines}
        Some of these may be in scientific notation. Which one has the {wanted} value: {spaced}
        which is the {wanted} of these?? {spaced}
        The numbers {parted} look almost the same to me. Which of them is {wanted}?
        Multiple choice. Select the {wanted} number.{lines}
        A program printed {spaced} on the screen. What is the {wanted} number in its output?
        If you had to name the {wanted} number in the list {parted}, which would it be?
    """),
)

FAMILIES = (EXTREME_SPELLING,)
