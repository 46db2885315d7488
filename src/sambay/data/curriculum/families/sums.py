"""Whole numbers: sums and differences of two or more, of either sign."""

from __future__ import annotations

from random import Random

from ..expressions import Token, evaluate, pretty, written
from ..problem import Draft, Family
from ..working import Work
from .asking import asked, asked_held_out

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


def _subtraction(random: Random, level: int) -> Draft:
    a, b = (number_of_digits(random, *_DIGITS[level]) for _ in range(2))
    if a < b and (level == 1 or random.random() < 0.6):
        a, b = b, a
    work = Work()
    return Draft({"a": a, "b": b}, work, str(work.subtract(a, b)))


def _sums_of_several(random: Random, level: int) -> Draft:
    num_terms = {1: 3, 2: random.randint(3, 4), 3: random.randint(3, 5), 4: 6}[level]
    digits = {1: (1, 2), 2: (2, 2), 3: (2, 3), 4: (3, 3)}[level]
    terms = [number_of_digits(random, *digits) for _ in range(num_terms)]
    tokens: list[Token] = [terms[0]]
    for term in terms[1:]:
        tokens += ["+", term]
    work = Work()
    total = evaluate(work, tokens)
    listed = ", ".join(str(term) for term in terms[:-1])
    values = {"sum": " + ".join(map(str, terms)), "listed": listed, "last": terms[-1]}
    return Draft(values, work, str(total))


def _signed_arithmetic(random: Random, level: int) -> Draft:
    num_signs = max(1, level - 1)
    signs = [random.choice("+-") for _ in range(num_signs)]
    if random.random() < 0.4:
        signs[random.randrange(num_signs)] = "*" if level > 2 else random.choice("*/")
    numbers = _magnitudes(random, level, signs)
    forced = random.randrange(len(numbers))
    tokens: list[Token] = []
    for index, number in enumerate(numbers):
        is_negative = index == forced or random.random() < 0.4
        tokens += [-number if is_negative else number, *signs[index : index + 1]]
    work = Work()
    value = evaluate(work, tokens)
    return Draft({"expression": written(tokens), "pretty": pretty(tokens)}, work, str(value))


def _magnitudes(random: Random, level: int, signs: list[str]) -> list[int]:
    """Numbers for a chain of signs: products of two digits by one, and even quotients of such."""
    most = (20, 99, 30, 30)[level - 1]
    numbers = [random.randint(1, most) for _ in range(len(signs) + 1)]
    for index, sign in enumerate(signs):
        if sign in "*/":
            numbers[index], numbers[index + 1] = random.randint(2, 12 if level == 1 else most), random.randint(2, 9)
        if sign == "/":
            numbers[index] *= numbers[index + 1]
    return numbers


ADDITION = Family(
    "addition",
    _addition,
    wordings=(
        *asked("{a} + {b}", "{a}+{b}", count=22),
        "{a} plus {b}",
        "What is {a} plus {b}?",
        "Add {a} and {b}.",
        "Add {b} to {a}.",
        "What is the sum of {a} and {b}?",
        "Find the sum of {a} and {b}.",
        "How much is {a} and {b} together?",
        "Please add the numbers {a} and {b}.",
        "I have {a} and get {b} more. How many is that?",
        "If you add {a} to {b}, what do you get?",
        "The numbers are {a} and {b}. What is their sum?",
        "Sum: {a} + {b}",
        "${a} + {b}$",
        "Compute ${a}+{b}$.",
        "What is \\({a} + {b}\\)?",
    ),
    held_out_wordings=(
        "Could you total {a} and {b} for me?",
        "What number is {b} more than {a}?",
        "Piles of {a} and {b} cards are put together. How many cards is that?",
        "What does {a} + {b} come to?",
        "Let a = {a} and b = {b}. Find a + b.",
        "Increase {a} by {b}.",
        "Which number do you reach from {a} by going up {b}?",
        "Result of {a} + {b}, please.",
        "Starting with {a}, count on {b}. Where do you end?",
        "One number is {a}, the other is {b}. Together they make what?",
    ),
)

SUBTRACTION = Family(
    "subtraction",
    _subtraction,
    wordings=(
        *asked("{a} - {b}", "{a}-{b}", count=22),
        "{a} minus {b}",
        "What is {a} minus {b}?",
        "Subtract {b} from {a}.",
        "Take {b} away from {a}.",
        "What is the difference {a} - {b}?",
        "What remains when {b} is subtracted from {a}?",
        "If you subtract {b} from {a}, what do you get?",
        "Please take {b} from {a}.",
        "Start with {a} and subtract {b}.",
        "Difference: {a} - {b}",
        "${a} - {b}$",
        "Compute ${a}-{b}$.",
        "What is \\({a} - {b}\\)?",
        "Let x = {a} and y = {b}. What is x - y?",
    ),
    held_out_wordings=(
        *asked_held_out("{a} - {b}", "{a}-{b}", count=4),
        "What number is {b} less than {a}?",
        "Decrease {a} by {b}.",
        "Remove {b} from {a}. What number is left?",
        "From {a}, deduct {b}.",
        "Let a = {a} and b = {b}. Find a - b.",
        "Starting at {a}, count back {b}. Where do you end?",
    ),
)

SUMS_OF_SEVERAL = Family(
    "sums_of_several",
    _sums_of_several,
    wordings=(
        *asked("{sum}", count=15),
        "Add {listed} and {last}.",
        "Add up {listed} and {last}.",
        "What is the sum of {listed} and {last}?",
        "Find the total of {listed} and {last}.",
        "Please add these numbers: {listed}, {last}.",
        "The numbers are {listed} and {last}. What is their sum?",
        "How much are {listed} and {last} together?",
        "Sum of {listed}, {last}",
        "Sum up {listed} and {last}, please.",
        "Total: {listed}, {last}",
        "Here is a list: {listed}, {last}. Add all its numbers.",
        "My boxes weigh {listed} and {last} kg. What do they weigh together?",
    ),
    held_out_wordings=(
        *asked_held_out("{sum}", count=4),
        "What do {listed} and {last} make altogether?",
        "Put the numbers {listed} and {last} together in one sum.",
        "I scored {listed} and {last} points. What is my score overall?",
        "Give the grand total of {listed} and {last}.",
        "If all of {listed} and {last} are summed, what comes out?",
        "Count these up for me: {listed}, {last}",
    ),
)

SIGNED_ARITHMETIC = Family(
    "signed_arithmetic",
    _signed_arithmetic,
    wordings=(
        *asked("{expression}", "{pretty}"),
        "Mind the signs: {expression}",
        "Compute with negative numbers: {pretty}.",
        "What number is {pretty}?",
        "Watch out for the minus signs and evaluate {expression}.",
        "Compute ${pretty:latex}$.",
        "What is the value of ${pretty:cdot}$?",
        "\\({pretty:latex}\\)",
        "Evaluate $${pretty:latex}$$",
    ),
    held_out_wordings=asked_held_out("{pretty}", "{expression}"),
)

FAMILIES = (ADDITION, SUBTRACTION, SUMS_OF_SEVERAL, SIGNED_ARITHMETIC)
