"""Fractions: products, quotients, and parts of a number."""

from __future__ import annotations

from random import Random

from ..latex import Typeset
from ..problem import Draft, Family
from ..working import Work
from ..working_fractions import Ratio, bracketed, divide, multiply, quotient_text
from .asking import asked, asked_held_out
from .fraction_sums import proper_fraction


def _fractions_multiply_divide(random: Random, level: int) -> Draft:
    most = (9, 12, 20, 50)[level - 1]
    factors = [proper_fraction(random, most) for _ in range(2)]
    if random.random() < 0.2:
        factors[random.randrange(2)] = Ratio(random.randint(2, most), 1)
    a, b = factors
    work = Work()
    if random.random() < 0.5:
        value = multiply(work, a, b)
        values = {"typed": f"{a} * {b}", "printed": Typeset(f"{a} × {b}"), "spoken": f"{a} times {b}"}
    else:
        value = divide(work, a, b)
        values = {
            "typed": quotient_text(a, b),
            "printed": Typeset(f"{a} ÷ {bracketed(b)}"),
            "spoken": f"{a} divided by {b}",
        }
    return Draft(values, work, str(value))


def _fraction_of_number(random: Random, level: int) -> Draft:
    bottom = random.randint(2, (10, 12, 12, 25)[level - 1])
    if level == 4:
        bottom = random.randint(13, 25)
    top = random.randint(1, bottom - 1)
    number = bottom * random.randint(2, (12, 99, 400, 400)[level - 1])
    work = Work()
    part = work.quotient(number, bottom)
    answer = work.multiply(part, top) if top != 1 else part
    return Draft({"a": f"{top}/{bottom}", "n": number}, work, str(answer))


FRACTIONS_MULTIPLY_DIVIDE = Family(
    "fractions_multiply_divide",
    _fractions_multiply_divide,
    wordings=(
        *asked("{typed}", "{printed}"),
        "{spoken}",
        "What is {spoken}?",
        "Calculate {typed} and simplify.",
        "Give {printed} as a fraction in lowest terms.",
        "Work with fractions: {typed}",
        "How much is {spoken}, as a fraction?",
        "Compute ${printed:latex}$.",
        "What is ${printed:latex}$?",
        "\\({printed:cdot}\\)",
        "Simplify ${printed:cdot}$.",
    ),
    held_out_wordings=(
        *asked_held_out("{printed}", "{typed}", count=7),
        "As a reduced fraction, {spoken} is what?",
        "Use the rules for fractions on {printed}.",
        "Which fraction is {spoken}?",
    ),
)

FRACTION_OF_NUMBER = Family(
    "fraction_of_number",
    _fraction_of_number,
    wordings=(
        "What is {a} of {n}?",
        "Find {a} of {n}.",
        "Calculate {a} of {n}.",
        "{a} of {n}",
        "{a} of {n} = ?",
        "How much is {a} of {n}?",
        "Compute {a} of {n}.",
        "Work out {a} of {n}.",
        "Take {a} of {n}.",
        "Please find {a} of {n}.",
        "Tell me {a} of {n}.",
        "What number is {a} of {n}?",
        "A box holds {n} pens. How many pens are {a} of them?",
        "There are {n} pupils and {a} of that number sing. How many is that?",
        "I walked {a} of {n} km. How many km is that?",
        "Determine {a} of the number {n}.",
        "Which number equals {a} of {n}?",
        "Give me {a} of {n}.",
        "How many are {a} of {n} apples?",
        "what's {a} of {n}",
        "A bill is {n} dollars and I pay {a} of it. How many dollars do I pay?",
        "Multiply {n} by the fraction {a}.",
        "If you take {a} of {n}, what do you get?",
        "Evaluate {a} of {n}.",
    ),
    held_out_wordings=(
        "Of {n} marbles {a} are red. How many red marbles is that?",
        "The tank has {n} litres; we use {a} of this. How many litres do we use?",
        "Could you get {a} of {n} for me?",
        "From {n}, the part {a} is how much?",
        "Let n = {n}. What is {a} of n?",
        "State {a} of {n}.",
        "A film of {n} minutes has run for {a} of its time. How many minutes is that?",
        "Say how many {a} of {n} sheep are.",
        "How large is the share if it is {a} of {n}?",
        "With {n} as the whole, how much is {a}?",
    ),
)

FAMILIES = (FRACTIONS_MULTIPLY_DIVIDE, FRACTION_OF_NUMBER)
