"""Fractions in lowest terms; their sums and differences."""

from __future__ import annotations

from random import Random

from ..forms import lowest_terms
from ..latex import Typeset
from ..problem import Draft, Family
from ..working import Work
from ..working_fractions import Ratio, combine
from .asking import asked, asked_held_out

# The largest term in lowest terms, and the largest factor that both are multiplied by.
_MOST_TERM = {1: 12, 2: 20, 3: 50, 4: 99}
_MOST_FACTOR = {1: 9, 2: 12, 3: 12, 4: 30}
_MOST_DENOMINATOR = {1: 6, 2: 12, 3: 20, 4: 12}


def _fractions_simplify(random: Random, level: int) -> Draft:
    while True:
        top, bottom = random.randint(1, _MOST_TERM[level]), random.randint(2, _MOST_TERM[level])
        if top != bottom:
            break
    if top > bottom and random.random() < 0.6:
        top, bottom = bottom, top
    factor = random.randint(2, _MOST_FACTOR[level]) if random.random() < 0.9 else 1
    work = Work()
    answer = lowest_terms(work, top * factor, bottom * factor)
    return Draft({"a": Ratio(top * factor, bottom * factor)}, work, answer)


def proper_fraction(random: Random, most: int) -> Ratio:
    """A fraction in lowest terms below 1 at most times, its denominator from 2 to `most`."""
    while True:
        bottom = random.randint(2, most)
        top = random.randint(1, bottom - 1 if random.random() < 0.85 else 2 * bottom)
        if _are_coprime(top, bottom):
            return Ratio(top, bottom)


def _are_coprime(a: int, b: int) -> bool:
    while b:
        a, b = b, a % b
    return a == 1


def _fractions_add_subtract(random: Random, level: int) -> Draft:
    terms = [proper_fraction(random, _MOST_DENOMINATOR[level]) for _ in range(3 if level == 4 else 2)]
    if random.random() < (0.4, 0.25, 0.1, 0)[level - 1]:
        bottom = random.randint(3, 2 * _MOST_DENOMINATOR[level])
        terms = [Ratio(random.randint(1, bottom - 1), bottom) for _ in terms]
    elif level > 1 and random.random() < 0.1:
        terms[random.randrange(2)] = Ratio(random.randint(1, 9), 1)
    signs = [random.choice("+-") for _ in terms[1:]]
    (a, b), (c, d) = terms[0], terms[1]
    if signs[0] == "-" and a * d < c * b and (level < 3 or random.random() < 0.7):
        terms[0], terms[1] = terms[1], terms[0]
    work = Work()
    value = terms[0]
    for sign, term in zip(signs, terms[1:], strict=True):
        value = combine(work, value, sign, term)
    compact = str(terms[0]) + "".join(f"{sign}{term}" for sign, term in zip(signs, terms[1:], strict=True))
    spaced = str(terms[0]) + "".join(f" {sign} {term}" for sign, term in zip(signs, terms[1:], strict=True))
    spoken = spaced.replace("+", "plus").replace("-", "minus")
    return Draft({"compact": Typeset(compact), "spaced": Typeset(spaced), "spoken": spoken}, work, str(value))


FRACTIONS_SIMPLIFY = Family(
    "fractions_simplify",
    _fractions_simplify,
    wordings=(
        "Simplify {a}.",
        "Simplify the fraction {a}.",
        "Reduce {a} to lowest terms.",
        "Write {a} in lowest terms.",
        "What is {a} in simplest form?",
        "Reduce the fraction {a}.",
        "Express {a} in its simplest form.",
        "What is the simplest form of {a}?",
        "Put {a} in lowest terms.",
        "Please simplify {a}.",
        "Cancel {a} as far as possible.",
        "simplify {a}",
        "Can you simplify the fraction {a}?",
        "Give {a} in lowest terms.",
        "Bring {a} to its lowest terms.",
        "Find the reduced form of {a}.",
        "How does {a} look when fully reduced?",
        "Write {a} as simply as possible.",
        "Simplest form: {a}",
        "Which fraction in lowest terms equals {a}?",
        "Help me reduce {a}, please.",
        "Lowest terms of {a}?",
        "Determine the simplest form of the fraction {a}.",
        "I need {a} fully simplified.",
    ),
    held_out_wordings=(
        "Divide top and bottom of {a} by their greatest common divisor. What do you get?",
        "Shorten the fraction {a} completely.",
        "Could {a} be written with smaller numbers? Give the smallest.",
        "Turn {a} into an irreducible fraction.",
        "{a}, but in lowest terms, please.",
        "My answer is {a}, the teacher wants it fully reduced. What do I write?",
        "State {a} with the smallest possible numerator and denominator.",
        "Which irreducible fraction has the same value as {a}?",
        "Let f = {a}. Give f in simplest form.",
        "Make {a} as simple as it gets.",
    ),
)

FRACTIONS_ADD_SUBTRACT = Family(
    "fractions_add_subtract",
    _fractions_add_subtract,
    wordings=(
        *asked("{spaced}", "{compact}"),
        "{spoken}",
        "What is {spoken}?",
        "Calculate {spaced} and simplify.",
        "Give {spaced} as a fraction in lowest terms.",
        "Work with fractions: {compact}",
        "How much is {spoken}, as a fraction?",
        "Compute ${spaced:latex}$.",
        "What is ${spaced:latex}$?",
        "\\({spaced:latex}\\)",
        "Simplify ${compact:latex}$.",
    ),
    held_out_wordings=(
        *asked_held_out("{spaced}", "{compact}", count=7),
        "As a reduced fraction, {spoken} is what?",
        "Bring these fractions to one denominator and combine them: {spaced}",
        "Which fraction is {spoken}?",
    ),
)

FAMILIES = (FRACTIONS_SIMPLIFY, FRACTIONS_ADD_SUBTRACT)
