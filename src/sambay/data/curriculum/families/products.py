"""Whole numbers: products, even quotients, and division with a remainder."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work
from .asking import asked, asked_held_out
from .sums import number_of_digits


def _multiplication(random: Random, level: int) -> Draft:
    digits = {1: [(2, 1), (2, 1), (1, 1)], 2: [(2, 2), (2, 2), (3, 1)], 3: [(3, 2)], 4: [(3, 3)]}[level]
    factors = [number_of_digits(random, length, length) for length in random.choice(digits)]
    if min(factors) < 2 and random.random() < 0.8:
        factors[factors.index(min(factors))] = random.randint(2, 9)
    random.shuffle(factors)
    a, b = factors
    work = Work()
    return Draft({"a": a, "b": b}, work, str(work.multiply(a, b)))


def _divisor_and_quotient(random: Random, level: int) -> tuple[int, int]:
    """Level 1 stays near the times tables, level 3 has divisors of two digits, level 4 longer quotients by them."""
    if level == 1:
        return random.randint(2, 9), random.randint(2, 99)
    if level == 2:
        return random.randint(2, 12), number_of_digits(random, 2, 3)
    return random.randint(13, 99), number_of_digits(random, 1, 3) if level == 3 else number_of_digits(random, 4, 4)


def _division_exact(random: Random, level: int) -> Draft:
    b, quotient = _divisor_and_quotient(random, level)
    a = b * max(quotient, 1)
    work = Work()
    return Draft({"a": a, "b": b}, work, str(work.quotient(a, b)))


_PARTS = (
    ("quotient", "how many does each get", "How often does it fit completely?"),
    ("remainder", "how many are left over", "What is left over?"),
)


def _division_with_remainder(random: Random, level: int) -> Draft:
    b, quotient = _divisor_and_quotient(random, level)
    a = b * quotient + random.randint(1 if random.random() < 0.9 else 0, b - 1)
    part, share, fit = _PARTS[is_rest := random.random() < 0.6]
    work = Work()
    answer = work.divide(a, b)[is_rest]
    work.say(f"{part} {answer}")
    values = {"a": a, "b": b, "part": part, "share": share, "fit": fit}
    return Draft(values, work, str(answer), closing=f"The {part} is {{answer}}.")


MULTIPLICATION = Family(
    "multiplication",
    _multiplication,
    wordings=(
        *asked("{a} * {b}", "{a} × {b}", "{a}*{b}"),
        "{a} times {b}",
        "What is {a} times {b}?",
        "Multiply {a} by {b}.",
        "Multiply {a} and {b}.",
        "What is the product of {a} and {b}?",
        "Find the product {a} x {b}.",
        "Product of {a} and {b}",
        "There are {a} boxes with {b} pens each. How many pens are there?",
        "What do you get when you multiply {a} by {b}?",
        "${a} \\times {b}$",
        "What is ${a} \\times {b}$?",
        "Compute ${a} \\cdot {b}$.",
        "Evaluate \\({a}\\cdot{b}\\).",
    ),
    held_out_wordings=(
        *asked_held_out("{a} × {b}", "{a}*{b}", count=4),
        "How much is {b} taken {a} times?",
        "One ticket costs {b} dollars. What do {a} tickets cost in dollars?",
        "Let m = {a} and n = {b}. Find m * n.",
        "{a} rows with {b} chairs in each row: how many chairs altogether?",
        "Scale {a} up by a factor of {b}.",
        "The factors are {a} and {b}. Their product?",
    ),
)

DIVISION_EXACT = Family(
    "division_exact",
    _division_exact,
    wordings=(
        *asked("{a} / {b}", "{a} ÷ {b}", "{a}/{b}", count=22),
        "{a} divided by {b}",
        "What is {a} divided by {b}?",
        "Divide {a} by {b}.",
        "What is the quotient of {a} and {b}?",
        "How many times does {b} go into {a}?",
        "Split {a} into {b} equal parts. How large is each part?",
        "{a} sweets are shared equally by {b} children. How many does each child get?",
        "Please divide {a} by {b}.",
        "If you divide {a} by {b}, what do you get?",
        "${a} \\div {b}$",
        "What is ${a} \\div {b}$?",
        "Compute $\\frac{{{a}}}{{{b}}}$.",
        "Evaluate \\(\\dfrac{{{a}}}{{{b}}}\\).",
    ),
    held_out_wordings=(
        *asked_held_out("{a} ÷ {b}", "{a}/{b}", count=4),
        "How often does {b} fit into {a}?",
        "{a} books stand on {b} shelves, the same number on each. How many books are on one shelf?",
        "Let p = {a} and q = {b}. Find p / q.",
        "Cut a rope of {a} cm into {b} pieces of one length. How many cm is a piece?",
        "Which number times {b} makes {a}?",
        "Dividend {a}, divisor {b}: what is the quotient?",
    ),
)

DIVISION_WITH_REMAINDER = Family(
    "division_with_remainder",
    _division_with_remainder,
    wordings=(
        "What is the {part} when {a} is divided by {b}?",
        "Find the {part} of {a} divided by {b}.",
        "Divide {a} by {b} and give the {part}.",
        "{a} divided by {b}: what is the {part}?",
        "What is the {part} of {a} / {b}?",
        "{part} of {a}/{b}",
        "Compute the {part} of {a} ÷ {b}.",
        "Do the integer division {a} / {b}. What is the {part}?",
        "If {a} is divided by {b}, what is the {part}?",
        "Please find the {part} when dividing {a} by {b}.",
        "Work out {a} ÷ {b} with remainder and tell me the {part}.",
        "Give the {part} of the division {a} : {b}.",
        "When I divide {a} by {b}, what {part} do I get?",
        "{a} sweets are shared equally by {b} children; {share}?",
        "{a} cards are dealt to {b} players, the same number to each; {share}?",
        "Share {a} stickers fairly among {b} friends. Tell me: {share}?",
        "We put {b} into {a} as often as possible. {fit}",
        "Divide with remainder: {a} by {b}. I only need the {part}.",
        "Determine the {part} in {a} / {b}.",
        "I have {a} marbles for {b} bags, each bag with the same number. Now {share}?",
        "Long division: {a} by {b}. What is the {part}?",
        "Calculate {a} / {b} in whole numbers and name the {part}.",
        "what's the {part} of {a} divided by {b}",
        "Tell me the {part}: {a} ÷ {b}",
    ),
    held_out_wordings=(
        "Dividing {a} by {b} leaves a quotient and a remainder. Which is the {part}?",
        "Which {part} belongs to the division of {a} by {b}?",
        "Could you do {a} by {b} in long division? Only the {part} matters.",
        "{a} coins, {b} pirates, equal shares: {share}?",
        "Take {b} out of {a} again and again. {fit}",
        "Let n = {a} and d = {b}. What is the {part} when n is divided by d in whole numbers?",
        "In a division with remainder the dividend is {a} and the divisor {b}. State the {part}.",
        "Say the {part} that comes out if {a} is divided by {b} without going into decimals.",
        "Among {b} pupils {a} pencils are handed out evenly, as far as it goes; {share}?",
        "With dividend {a} and divisor {b}, the {part} in whole-number division equals what?",
    ),
)

FAMILIES = (MULTIPLICATION, DIVISION_EXACT, DIVISION_WITH_REMAINDER)
