"""Forms of work that algebra and geometry add to the arithmetic: moved terms, lowest terms, square roots."""

from __future__ import annotations

from math import isqrt

from .working import Work

_KNOWN_ROOT = 20


def less(work: Work, a: int, b: int) -> int:
    """a-b as it is done when a term +b or -b moves to the other side: nothing is written for 0."""
    if not a or not b:
        return a - b
    return work.subtract(a, b) if b > 0 else work.add(a, -b)


def lowest_terms(work: Work, numerator: int, denominator: int) -> str:
    """The fraction of two positive numbers in lowest terms, as 3/4 or, if whole, as 3; the last line states it."""
    assert numerator >= 0, "not negative"
    if not numerator:
        work.say(f"0/{denominator}=0")
        return "0"
    if denominator == 1:
        work.say(f"{numerator}/1={numerator}")
        return f"{numerator}"
    divisor = work.gcd(numerator, denominator) if numerator > 1 else 1
    if divisor == 1:
        work.say(f"so {numerator}/{denominator}")
        return f"{numerator}/{denominator}"
    top, bottom = work.quotient(numerator, divisor), work.quotient(denominator, divisor)
    text = f"{top}/{bottom}" if bottom > 1 else f"{top}"
    work.say(f"{numerator}/{denominator}={text}")
    return text


def square_root(work: Work, square: int) -> int:
    """The root of a square below 40,000: known up to 20, else ten by squares of tens, unit by the last digit."""
    root = isqrt(square)
    assert root * root == square < 40_000, f"{square} is a square"
    if root <= _KNOWN_ROOT or root % 10 == 0:
        work.say(f"{square}={root}*{root}")
        return root
    ten = root - root % 10
    units = [unit for unit in range(1, 10) if unit * unit % 10 == square % 10]
    around = f"{ten}*{ten}={ten**2}, {ten + 10}*{ten + 10}={(ten + 10) ** 2}"
    work.say(f"{around}, ends in {square % 10}: try {' or '.join(str(ten + unit) for unit in units)}")
    for unit in units:
        work.multiply(ten + unit, ten + unit)
        if ten + unit == root:
            break
    work.say(f"{square}={root}*{root}")
    return root
