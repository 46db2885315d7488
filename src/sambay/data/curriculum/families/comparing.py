"""The largest or smallest of two and more numbers: whole, negative, decimal, or fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal
from .decimals import decimal_of

_WANTED = {(2, True): "larger", (2, False): "smaller", (3, True): "largest", (3, False): "smallest"}


def _comparing_numbers(random: Random, level: int) -> Draft:
    count = {1: 2, 2: random.choice((2, 3)), 3: 3, 4: 4}[level]
    is_largest = random.random() < 0.6
    work = Work()
    if random.random() < 0.35:
        fractions = _fractions(random, count, 9 if level == 1 else 12)
        texts = [f"{top}/{bottom}" for top, bottom in fractions]
        answer = _extreme_fraction(work, fractions, is_largest)
    else:
        decimals = _decimals(random, count, level)
        texts = [str(decimal) for decimal in decimals]
        answer = _extreme_decimal(work, decimals, is_largest)
    listed = ", ".join(texts[:-1])
    values = {
        "listed": f"{listed} and {texts[-1]}",
        "choice": f"{listed} or {texts[-1]}",
        "wanted": _WANTED[min(count, 3), is_largest],
    }
    return Draft(values, work, answer, closing="It is {answer}.")


def _decimals(random: Random, count: int, level: int) -> list[Decimal]:
    """Different numbers: whole ones at times, of different lengths, with a digit or two in common, or all negative."""
    places = (0, 1) if level == 1 else (0, level)
    has_places = random.random() < 0.75
    is_negative = random.random() < 0.3
    is_near = random.random() < 0.6
    whole = random.randint(0, 10 ** min(level, 2) - 1)
    found: dict[Fraction, Decimal] = {}
    while len(found) < count:
        length = random.randint(*places) if has_places else 0
        if has_places and is_near:
            number = Decimal(whole * 10**length + random.randrange(10**length), length)
        else:
            number = decimal_of(random, level if has_places else level + 1, length)
        number = number if not length or number.units % 10 else Decimal(number.units + 1, length)
        if is_negative or random.random() < 0.1:
            number = Decimal(-number.units, number.places)
        found.setdefault(Fraction(number.units, 10**number.places), number)
    return list(found.values())


def _fractions(random: Random, count: int, most: int) -> list[tuple[int, int]]:
    found: dict[Fraction, tuple[int, int]] = {}
    while len(found) < count:
        bottom = random.randint(2, most)
        top = random.randint(1, bottom - 1)
        found.setdefault(Fraction(top, bottom), (top, bottom))
    return list(found.values())


def _extreme_decimal(work: Work, numbers: Sequence[Decimal], is_largest: bool) -> str:
    places = max(number.places for number in numbers)
    units = [number.to_places(places).units for number in numbers]
    if places:
        work.say(f"{places} place{'s' if places > 1 else ''}: {', '.join(map(str, units))}")
    best, steps = 0, []
    for index in range(1, len(units)):
        is_less = units[best] < units[index]
        steps.append(f"{units[best]}{'<' if is_less else '>'}{units[index]}")
        best = index if is_less == is_largest else best
    work.say(f"{', '.join(steps)}, so {numbers[best]}")
    return str(numbers[best])


def _extreme_fraction(work: Work, fractions: Sequence[tuple[int, int]], is_largest: bool) -> str:
    """By multiplying crosswise."""
    best = fractions[0]
    for other in fractions[1:]:
        (a, b), (c, d) = best, other
        left, right = work.multiply(a, d), work.multiply(c, b)
        is_less = left < right
        sign = "<" if is_less else ">"
        work.say(f"{left}{sign}{right}, so {a}/{b}{sign}{c}/{d}")
        best = other if is_less == is_largest else best
    work.say(f"so {best[0]}/{best[1]}")
    return f"{best[0]}/{best[1]}"


COMPARING_NUMBERS = Family(
    "comparing_numbers",
    _comparing_numbers,
    wordings=(
        "Which is {wanted}, {choice}?",
        "Which number is {wanted}: {choice}?",
        "Which of {listed} is {wanted}?",
        "Find the {wanted} of {listed}.",
        "Which one is the {wanted}: {choice}?",
        "What is the {wanted} of the numbers {listed}?",
        "Compare {listed}. Which is {wanted}?",
        "Give the {wanted} of {listed}.",
        "{choice}: which is {wanted}?",
        "Pick the {wanted} number: {choice}",
        "Please tell me which is {wanted}: {choice}.",
        "Of {listed}, name the {wanted}.",
        "{wanted}: {choice}",
        "Tell me the {wanted} of {listed}.",
        "Which one of {listed} is the {wanted} number?",
        "Look at {listed}. Write down the {wanted} one.",
        "Is {choice} the {wanted} number?",
        "Choose the {wanted}: {choice}",
        "what is {wanted}, {choice}",
        "Compare the values {listed} and say which is {wanted}.",
        "Determine the {wanted} of {listed}.",
        "I have the numbers {listed}. Which is {wanted}?",
        "Which has the {wanted} value, {choice}?",
        "The {wanted} number of {listed} is what?",
    ),
    held_out_wordings=(
        "Between {listed}, which is the {wanted} one?",
        "Given {listed}, identify the {wanted}.",
        "Somebody wants the {wanted} of these: {listed}. Which should I hand over?",
        "Decide which of the values {listed} is {wanted}.",
        "On my cards stand {listed}. Show me the {wanted} card.",
        "Would {choice} be the {wanted}?",
        "Point out the {wanted} among {listed}.",
        "Here are some values: {listed}. I want the {wanted} one.",
        "Say which is {wanted}. Your options: {choice}",
        "Put {listed} side by side: which is the {wanted}?",
    ),
)

FAMILIES = (COMPARING_NUMBERS,)
