"""Lines that say how the answer is to be written, as examiners put them behind a question: scenery, as a rule."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

NUMBER = (
    *("Answer with a whole number.", "Write only the number.", "Just the number, please.", "One number is enough."),
    *("Your answer should be a single number.", "Use digits for your answer.", "The answer is a whole number."),
    *("Give your result in digits.", "Finish with the number.", "I only want the number.", "Put a number in the box."),
    *("Return an integer.", "Answer: a number.", "Say it as a plain number.", "No words, only the number."),
)
WEEKDAY = (
    *(
        "Answer with a weekday.",
        "Write out the day, such as Friday.",
        "Only the day, please.",
        "No short form.",
    ),
    *("The answer is one of Monday, Tuesday, ..., Sunday.", "Give the whole word, not Mon or Tue."),
    *("Your answer should be the name of a day.", "Use the day's full name.", "One word: the weekday."),
    *("Say the full name, e.g. Thursday.", "Just one weekday.", "Finish with the name of the weekday."),
    *("Return the weekday (Monday, Tuesday and so on).", "State only the weekday's name.", "Answer in one word."),
)
FRACTION = (
    *("Give a fraction in lowest terms.", "Write it as a fraction like 5/12.", "Answer with a simplified fraction."),
    *("The answer should be a fraction that cannot be reduced.", "Reduce the fraction.", "As a fraction, please."),
    *("Write a reduced fraction such as 3/8.", "Use a fraction a/b in lowest terms.", "Cancel as far as you can."),
    *("Your answer is a fraction in simplest form.", "No decimals: a reduced fraction.", "Fraction, fully simplified."),
)


def perhaps(random: Random, lines: Sequence[str], chance: float = 0.6) -> str:
    """One of the lines, with the space before it, or nothing."""
    return " " + random.choice(lines) if random.random() < chance else ""
