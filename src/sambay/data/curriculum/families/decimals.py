"""Decimals: sums, differences and products."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, add_decimals, multiply_decimals, subtract_decimals
from .asking import asked, asked_held_out


def decimal_of(random: Random, digits: int, places: int) -> Decimal:
    """A positive decimal with so many digits before the point at most, and exactly so many places behind it."""
    while True:
        units = random.randrange(1, 10 ** (random.randint(0 if places else 1, digits) + places))
        if not places or units % 10:
            return Decimal(units, places)


def _decimals_add_subtract(random: Random, level: int) -> Draft:
    digits, places = {1: (2, (1, 1)), 2: (2, (0, 2)), 3: (3, (1, 3)), 4: (3, (3, 4))}[level]
    a = decimal_of(random, digits, random.randint(max(places[0], 1), places[1]))
    b = decimal_of(random, digits, random.randint(*places))
    a, b = (b, a) if random.random() < 0.5 else (a, b)
    is_sum = random.random() < 0.5
    if not is_sum and (level < 3 or random.random() < 0.7) and a.units * 10**b.places < b.units * 10**a.places:
        a, b = b, a
    work = Work()
    result = add_decimals(work, a, b) if is_sum else subtract_decimals(work, a, b)
    sign, name, word = ("+", "sum", "plus") if is_sum else ("-", "difference", "minus")
    values = {"a": a, "b": b, "sign": sign, "name": name, "word": word}
    return Draft(values, work, str(result))


def _decimals_multiply(random: Random, level: int) -> Draft:
    if level == 1:
        a, b = decimal_of(random, 1, 1), Decimal(random.choice((*range(2, 10), 10, 100)), 0)
    elif level == 2:
        a, b = decimal_of(random, 1, 1), decimal_of(random, 1, random.choice((1, 1, 0)))
        if random.random() < 0.3:
            a, b = decimal_of(random, 1, 2), Decimal(random.choice((*range(2, 10), 10, 100, 1000)), 0)
    elif level == 3:
        a, b = random.choice((decimal_of(random, 2, 1), decimal_of(random, 1, 2))), decimal_of(random, 1, 1)
    else:
        a, b = decimal_of(random, 1, 2), decimal_of(random, 2, random.choice((1, 2)))
    if random.random() < 0.5:
        a, b = b, a
    work = Work()
    return Draft({"a": a, "b": b}, work, str(multiply_decimals(work, a, b)))


DECIMALS_ADD_SUBTRACT = Family(
    "decimals_add_subtract",
    _decimals_add_subtract,
    wordings=(
        *asked("{a} {sign} {b}", "{a}{sign}{b}"),
        "{a} {word} {b}",
        "What is {a} {word} {b}?",
        "What is the {name} {a} {sign} {b}?",
        "Find the {name}: {a} {sign} {b}",
        "Work with decimals: {a} {sign} {b}",
        "How much is {a} {word} {b}, exactly?",
        "What is ${a} {sign} {b}$?",
        "Compute \\({a} {sign} {b}\\).",
    ),
    held_out_wordings=(
        *asked_held_out("{a} {sign} {b}", "{a}{sign}{b}", count=7),
        "Take the decimals x = {a} and y = {b}. What is x {sign} y?",
        "Exactly how much does {a} {word} {b} make?",
        "State the {name} {a} {sign} {b} as a decimal.",
    ),
)

DECIMALS_MULTIPLY = Family(
    "decimals_multiply",
    _decimals_multiply,
    wordings=(
        *asked("{a} * {b}", "{a} × {b}", "{a}*{b}"),
        "{a} times {b}",
        "What is {a} times {b}?",
        "Multiply {a} by {b}.",
        "What is the product of {a} and {b}?",
        "Find the product {a} x {b}.",
        "Multiply the decimals {a} and {b}.",
        "What is ${a} \\times {b}$?",
        "Compute ${a} \\cdot {b}$.",
        "\\({a} \\times {b}\\)",
    ),
    held_out_wordings=(
        *asked_held_out("{a} × {b}", "{a}*{b}", count=5),
        "Take the numbers x = {a} and y = {b}. What is x * y?",
        "One metre weighs {a} kg. How many kg do {b} metres weigh?",
        "A rectangle is {a} m by {b} m. How many square metres is that?",
        "The factors are {a} and {b}. Their exact product?",
        "If {a} is scaled by the factor {b}, what is the result?",
    ),
)

FAMILIES = (DECIMALS_ADD_SUBTRACT, DECIMALS_MULTIPLY)
