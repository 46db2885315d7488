"""Fractions put in lowest terms that are typeset in LaTeX or as plain text; the answer is set as the question is."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from ..forms import lowest_terms
from ..problem import Draft, Family
from ..working import Work
from .scenery import stories

# The largest term in lowest terms, and the largest factor that both are multiplied by.
_MOST_TERM = {1: 12, 2: 40, 3: 100, 4: 300}
_MOST_FACTOR = {1: 9, 2: 10, 3: 10, 4: 30}
_FRAMES = ("${}$", "${}$", "\\({}\\)", "{}")


class _Question(NamedTuple):
    """A fraction as it is asked; its side of the split is that of its numbers, however it is set."""

    top: int
    bottom: int
    command: str
    frame: str

    def __str__(self) -> str:
        return f"{self.top}/{self.bottom}"

    def __format__(self, spec: str) -> str:
        """By "set" as it is asked, else as its numbers."""
        return (
            str(self)
            if spec != "set"
            else self.frame.replace("{}", _set(self.command, str(self.top), str(self.bottom)))
        )


def _typeset_fraction(random: Random, level: int) -> Draft:
    most = _MOST_TERM[level]
    top, bottom = random.randint(1, most), random.randint(2, most)
    while top == bottom:
        top = random.randint(1, most)
    if top > bottom and random.random() < 0.75:
        top, bottom = bottom, top
    factor = random.randint(1, _MOST_FACTOR[level])
    command = random.choice(("\\frac", "\\frac", "\\dfrac", ""))
    frame = random.choice(_FRAMES)
    work = Work()
    answer = lowest_terms(work, top * factor, bottom * factor)
    if command and "/" in answer:
        answer = _set(command, *answer.split("/"))
        work.say(f"so {answer}")
    return Draft({"a": _Question(top * factor, bottom * factor, command, frame)}, work, answer)


def _set(command: str, top: str, bottom: str) -> str:
    return f"{command}{{{top}}}{{{bottom}}}" if command else f"{top}/{bottom}"


FRACTIONS_TYPESET = Family(
    "fractions_typeset",
    _typeset_fraction,
    stories("""
        Write the fraction {a:set} in lowest terms.
        Bring the fraction {a:set} to lowest terms.
        Simplify the following fraction: {a:set}
        Fraction: {a:set}. Simplify it fully.
        Reduce this fraction as far as possible: {a:set}
        {a:set} in lowest terms
        {a:set} in simplest form?
        {a:set} simplified
        What is the fraction {a:set} in lowest terms?
        What do you get if you reduce {a:set}?
        Cancel the common factors of {a:set}.
        Cancel what numerator and denominator of {a:set} have in common.
        Give the fraction equal to {a:set} in lowest terms.
        Please reduce the fraction {a:set} to simplest terms.
        Can {a:set} be reduced? Give it in lowest terms.
        Find the simplest fraction that equals {a:set}.
        Rewrite {a:set} with the smallest possible whole numbers.
        Simplify {a:set} completely, and write the result as the question does.
        The fraction {a:set}: what is it once simplified?
        Reduce {a:set}
        To simplify: {a:set}
        Remove all common factors from {a:set}.
        Tell me {a:set}, fully reduced.
        Work out the lowest terms of {a:set}.
        My result is {a:set}. Simplify it.
    """),
    stories("""
        My teacher wants {a:set} in simplest form. What should I write?
        Divide the numerator and the denominator of {a:set} by their greatest common divisor. What is the result?
        Cancel all common factors in {a:set} and give what remains.
        I got {a:set} as my answer, but the answer key has it fully reduced. What does the key say?
        Fill in the blank so that it is in lowest terms: {a:set} = ____
        How far can {a:set} be reduced? Give its simplest form.
        write {a:set} with the smallest possible whole numbers on top and bottom
        Exercise: reduce the following fraction completely: {a:set}
        Please make {a:set} as simple as you can, no decimals.
        Someone wrote {a:set} in a report. What is the same number as a fraction in lowest terms?
    """),
)

FAMILIES = (FRACTIONS_TYPESET,)
