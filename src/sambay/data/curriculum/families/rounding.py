"""Rounding, to a place before or behind the point."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal
from .decimals import decimal_of

# By the number of places behind the point that stay.
_NAMES = {
    -4: ("the nearest ten thousand", "the nearest 10000"),
    -3: ("the nearest thousand", "the nearest 1000"),
    -2: ("the nearest hundred", "the nearest 100"),
    -1: ("the nearest ten", "the nearest 10"),
    0: ("the nearest whole number", "the nearest integer"),
    1: ("one decimal place", "the nearest tenth", "1 decimal place"),
    2: ("two decimal places", "the nearest hundredth", "2 decimal places"),
    3: ("three decimal places", "the nearest thousandth", "3 decimal places"),
}


def _rounding(random: Random, level: int) -> Draft:
    if random.random() < 0.5:
        digits = random.randint(level + 1, level + 2)
        number = Decimal(random.randrange(10 ** (digits - 1), 10**digits), 0)
        to_places = -random.randint(1, min(digits - 1, level + 1, 4))
    else:
        places = random.randint(*((1, 2), (2, 3), (2, 4), (4, 5))[level - 1])
        number = decimal_of(random, min(level, 3), places)
        to_places = random.randint(max(0, level - 2), min(places - 1, 3))
    work = Work()
    rounded = _round(work, number, to_places)
    values = {"number": number, "to_places": to_places}
    scenery = {"place": random.choice(_NAMES[to_places])}
    return Draft(values, work, str(rounded), scenery, closing="Rounded, it is {answer}.")


def _round(work: Work, number: Decimal, to_places: int) -> Decimal:
    """Half up: a bar behind what stays, the next digit decides."""
    text = str(number)
    num_dropped = number.places - to_places
    kept = number.units // 10**num_dropped
    next_digit = number.units // 10 ** (num_dropped - 1) % 10
    bar = len(text) - num_dropped
    is_up = next_digit >= 5
    work.say(f"{text[:bar]}|{text[bar:]}, next digit {next_digit}{'>=5: up' if is_up else '<5: down'}")
    if is_up:
        kept = work.add(kept, 1)
    rounded = Decimal(kept, to_places) if to_places >= 0 else Decimal(kept * 10**-to_places, 0)
    work.say(f"so {rounded}")
    return rounded


ROUNDING = Family(
    "rounding",
    _rounding,
    wordings=(
        "Round {number} to {place}.",
        "What is {number} rounded to {place}?",
        "Please round {number} to {place}.",
        "Give {number} to {place}.",
        "Round to {place}: {number}",
        "{number} to {place}",
        "Express {number} to {place}.",
        "Write {number} rounded to {place}.",
        "Can you round {number} to {place}?",
        "I need {number} rounded to {place}.",
        "To {place}, what is {number}?",
        "Find the value of {number} when it is rounded to {place}.",
        "How do you round {number} to {place}?",
        "Rounded to {place}, {number} is what?",
        "What do we get if we round {number} to {place}?",
        "Rounding: {number} to {place}",
        "State {number} correct to {place}.",
        "The scale shows {number} kg. Round this to {place}.",
        "Help me round {number} to {place}, please.",
        "what's {number} rounded to {place}",
        "Take the number {number} and round it to {place}.",
        "My calculator shows {number}. What is that to {place}?",
        "Which number is {number}, rounded to {place}?",
        "Do the rounding of {number} to {place}.",
        "Round off {number} to {place}.",
    ),
    held_out_wordings=(
        "Could you give me {number}, but only to {place}?",
        "Approximate {number} to {place}.",
        "After rounding to {place}, what becomes of {number}?",
        "The report should show {number} to {place}. What do I print?",
        "{number} is too exact for me: {place} is enough. What is it then?",
        "A runner needed {number} seconds. How many is that to {place}?",
        "Let n = {number}. Round n to {place}.",
        "Shorten {number} by rounding it to {place}.",
        "Say {number} with an accuracy of {place}.",
        "If accuracy to {place} is enough, how is {number} written?",
    ),
)

FAMILIES = (ROUNDING,)
