"""Quotients and products of decimals, rounded to so many significant digits or places."""

from __future__ import annotations

from random import Random

from ..latex import Typeset
from ..problem import Draft, Family
from ..working import Work
from ..working_decimals import Decimal, multiply_decimals
from ..working_rounded import divide_decimals, num_significant, round_off
from .scenery import stories

# Places of both numbers, and the largest whole part, by level.
_PLACES = {1: ((0, 1), (0, 1)), 2: ((1, 2), (0, 1)), 3: ((2, 4), (2, 3)), 4: ((4, 5), (4, 4))}
_MOST_WHOLE = {1: 12, 2: 10, 3: 10, 4: 10}
_SIGNIFICANT = {1: (2, 3), 2: (3, 4), 3: (3, 6), 4: (7, 8)}
_BEHIND = {1: (1, 1), 2: (1, 2), 3: (2, 4), 4: (5, 6)}


def _rounded_result(random: Random, level: int) -> Draft:
    a, b = (_number(random, _MOST_WHOLE[level], places) for places in _PLACES[level])
    if random.random() < 0.5:
        a, b = b, a
    is_quotient = random.random() < 0.6
    digits, unit = random.randint(*_SIGNIFICANT[level]), "significant digits"
    if random.random() < 0.4 or digits < len(str(_whole_part(a, b, is_quotient))):
        digits, unit = random.randint(*_BEHIND[level]), "decimal places"
    work = Work()
    result = (_quotient if is_quotient else _product)(work, a, b, digits, unit == "significant digits")
    sign = "/" if is_quotient else "*"
    values = {"expression": f"{a} {sign} {b}", "to": f"{digits} {unit[: -1 if digits == 1 else None]}"}
    printed = Typeset(f"{a} {'÷' if is_quotient else '×'} {b}")
    return Draft(values, work, str(result), {"printed": printed, "tight": f"{a}{sign}{b}"})


def _number(random: Random, most: int, places: tuple[int, int]) -> Decimal:
    """Zeros may end it."""
    num_places = random.randint(*places)
    return Decimal(random.randint(2, most * 10**num_places), num_places)


def _whole_part(a: Decimal, b: Decimal, is_quotient: bool) -> int:
    if is_quotient:
        return a.units * 10**b.places // (b.units * 10**a.places)
    return a.units * b.units // 10 ** (a.places + b.places)


def _quotient(work: Work, a: Decimal, b: Decimal, digits: int, is_significant: bool) -> Decimal:
    """With one digit more than is wanted, and rounded by it."""

    def num_digits(number: Decimal) -> int:
        return num_significant(number) if is_significant else number.places

    found = divide_decimals(work, a, b, lambda number: num_digits(number) > digits)
    return round_off(work, found, num_digits(found) - digits)


def _product(work: Work, a: Decimal, b: Decimal, digits: int, is_significant: bool) -> Decimal:
    found = multiply_decimals(work, a, b)
    return round_off(work, found, (num_significant(found) if is_significant else found.places) - digits)


ROUNDED_RESULT = Family(
    "rounded_result",
    _rounded_result,
    stories("""
        {expression} to {to}
        What is {expression} to {to}?
        Compute {printed} to {to}.
        Calculate {tight} and round to {to}.
        Give {expression} rounded to {to}.
        {tight} = ? Use at most {to}.
        Work out {printed}, rounded to {to}.
        Round the result of {expression} to {to}.
        Rounded to {to}, what is {printed}?
        To {to}: {expression}
        Evaluate {tight} to {to}; halves are rounded up.
        Please find {expression}, correct to {to}.
        Tell me {printed} with {to}.
        How much is {expression}? Round to {to}.
        Decimal answer with {to}, please: {tight}
        Find the value of ${printed:latex}$ to {to}.
        Compute $({printed:cdot})$ and keep {to}.
        ({tight}), rounded to {to}
        Solve {tight} = ? to no more than {to}, rounding half up.
        Determine {printed} with a precision of {to}.
        I need {expression} to {to}.
        By hand, {tight} to {to} is what?
        Write {expression} as a decimal of {to}.
        what's {tight} rounded to {to}
    """),
    stories("""
        What is {expression}, accurate to {to}?
        My phone gives too many digits for {tight}. What is the result when it is rounded to {to}?
        Round your answer to {to}: ${printed:latex}$
        Fill in the blank with a number rounded to {to}: {expression} = ____
        Our lab report asks for {to}. What should I write for {printed}?
        Evaluate {tight} and express the result using {to}.
        hi, i need {expression} rounded off, {to} is enough
        Suppose that all results have to be reported to {to}. How would you report {printed}?
        First compute {expression}, then round what you get to {to}.
        How much is {tight} if the final answer is given to {to}?
    """),
)

FAMILIES = (ROUNDED_RESULT,)
