"""Whole numbers: sums and differences."""

from __future__ import annotations

from random import Random

from .problem import Draft, Family
from .working import Work

# Digits of the numbers at each level.
_DIGITS = {1: (1, 2), 2: (2, 3), 3: (3, 4), 4: (5, 5)}


def number_of_digits(random: Random, least: int, most: int) -> int:
    """A number with from `least` to `most` digits, each length as likely."""
    digits = random.randint(least, most)
    return random.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)


def _addition(random: Random, level: int) -> Draft:
    a, b = (number_of_digits(random, *_DIGITS[level]) for _ in range(2))
    work = Work()
    return Draft({"a": a, "b": b}, work, str(work.add(a, b)))


ADDITION = Family(
    "addition",
    _addition,
    wordings=(
        "What is {a} + {b}?",
        "Calculate {a} + {b}.",
        "Compute {a} + {b}.",
        "{a} + {b} = ?",
        "{a}+{b}",
        "{a} plus {b}",
        "What is {a} plus {b}?",
        "Add {a} and {b}.",
        "Add {b} to {a}.",
        "What is the sum of {a} and {b}?",
        "Find the sum of {a} and {b}.",
        "How much is {a} and {b} together?",
        "Please add the numbers {a} and {b}.",
        "I have {a} and get {b} more. How many is that?",
        "Work out {a} + {b}.",
        "Tell me {a} + {b}.",
        "If you add {a} to {b}, what do you get?",
        "Evaluate {a} + {b}.",
        "The numbers are {a} and {b}. What is their sum?",
        "Sum: {a} + {b}",
    ),
    held_out_wordings=(
        "Could you total {a} and {b} for me?",
        "What number is {b} more than {a}?",
        "Put {a} and {b} together. What is the result?",
        "What does {a} + {b} come to?",
        "Let a = {a} and b = {b}. Find a + b.",
        "Increase {a} by {b}.",
        "Which number do you reach from {a} by going up {b}?",
        "Result of {a} + {b}, please.",
        "Starting with {a}, count on {b}. Where do you end?",
        "One number is {a}, the other is {b}. Together they make what?",
    ),
)

FAMILIES = (ADDITION,)
