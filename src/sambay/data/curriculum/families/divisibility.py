"""Divisibility by rules or by division, and what remains: modular arithmetic."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work, long_division
from .sums import number_of_digits

_BY_LAST_DIGIT = (2, 5, 10)


def is_divisible(work: Work, number: int, divisor: int) -> bool:
    """Worked out by the last digit, the last two, or the sum of the digits where that helps, else by division."""
    if divisor == 6:
        return is_divisible(work, number, 2) and is_divisible(work, number, 3)
    is_even_division = number % divisor == 0
    if divisor in _BY_LAST_DIGIT:
        reason = f"last digit {number % 10}"
    elif divisor == 4:
        reason = f"last two digits {number % 100}, {_rest(number % 100, 4)}"
    elif divisor in (3, 9):
        steps, total = digit_sums(number)
        reason = ", ".join([*steps, _rest(total, divisor)])
    else:
        _, rest = work.divide(number, divisor)
        work.say(f"remainder {rest}, so {yes_or_no(is_even_division)}")
        return is_even_division
    work.say(f"{number}/{divisor}: {reason}, so {yes_or_no(is_even_division)}")
    return is_even_division


def digit_sums(number: int) -> tuple[list[str], int]:
    """The digits added from left to right, and their sum."""
    total, *others = map(int, str(number))
    steps = []
    for digit in others:
        steps.append(f"{total}+{digit}={total + digit}")
        total += digit
    return steps, total


def _rest(number: int, divisor: int) -> str:
    return f"{number}={number // divisor}*{divisor}+{number % divisor}"


def yes_or_no(is_so: bool) -> str:
    """The word."""
    return "yes" if is_so else "no"


def _divisibility(random: Random, level: int) -> Draft:
    most = 25 if level > 2 and random.random() < 0.4 else (10, 12, 12, 12)[level - 1]
    divisor = random.randint(2, most)
    digits = {1: (2, 3), 2: (3, 4), 3: (4, 5), 4: (6, 6)}[level]
    number = number_of_digits(random, *digits)
    number -= number % divisor
    if random.random() < 0.5:
        number += random.randint(1, divisor - 1)
    work = Work()
    answer = yes_or_no(is_divisible(work, number, divisor))
    return Draft({"a": number, "b": divisor}, work, answer)


def _modular_arithmetic(random: Random, level: int) -> Draft:
    m = random.randint(2, 12)
    kind = random.choice({1: "n", 2: "n+*", 3: "n+*^", 4: "n*^"}[level])
    work = Work()
    if kind == "n":
        m = m if level < 3 else random.randint(13, 30 if level == 3 else 99)
        number = number_of_digits(random, *((2, 2), (3, 3), (3, 4), (5, 5))[level - 1])
        expression, rest = str(number), work.divide(number, m)[1]
    elif kind == "^":
        m = max(m, 3)
        base = m * random.randint(0, 2) + random.randint(2, m - 1)
        exponent = random.randint(*((2, 5) if level == 3 else (6, 9)))
        expression, rest = f"{base}^{exponent}", _power_mod(work, base, exponent, m)
    else:
        digits = {2: (1, 2), 3: (2, 3), 4: (4, 4)}[level]
        a, b = (number_of_digits(random, *digits) for _ in range(2))
        rests = [work.divide(number, m)[1] for number in (a, b)]
        result = work.add(*rests) if kind == "+" else work.multiply(*rests)
        expression, rest = f"({a} {kind} {b})", _reduced(work, result, m)
    work.say(f"remainder {rest}")
    return Draft({"expression": expression, "m": m}, work, str(rest))


def _power_mod(work: Work, base: int, exponent: int, m: int) -> int:
    """Power by power; below 12 every product and its remainder are known."""
    base = _reduced(work, base, m)
    value = base
    for power in range(2, exponent + 1):
        product = value * base
        work.say(f"power {power}: {value}*{base}={product}{f', {_rest(product, m)}' if product >= m else ''}")
        value = product % m
    return value


def _reduced(work: Work, number: int, m: int) -> int:
    if number >= m:
        work.say(long_division(number, m))
    return number % m


DIVISIBILITY = Family(
    "divisibility",
    _divisibility,
    wordings=(
        "Is {a} divisible by {b}?",
        "Is {a} a multiple of {b}?",
        "Does {b} divide {a}?",
        "Is {b} a divisor of {a}?",
        "Is {b} a factor of {a}?",
        "Can {a} be divided by {b} without remainder?",
        "Check whether {a} is divisible by {b}.",
        "{a} divisible by {b}?",
        "Tell me if {b} divides {a}.",
        "Does {b} go into {a} evenly?",
        "Decide if {a} is a multiple of {b}. Answer yes or no.",
        "Please check if {b} is a factor of {a}.",
        "Is the number {a} divisible by {b}? Yes or no?",
        "Yes or no: {b} divides {a}.",
        "Is {a} in the times table of {b}?",
        "Can {a} sweets be shared equally by {b} children?",
        "Is {a}/{b} a whole number?",
        "Does {a} leave no remainder when divided by {b}?",
        "Test {a} for divisibility by {b}.",
        "I want to know whether {a} can be divided evenly by {b}.",
        "is {a} divisible by {b}",
        "Does dividing {a} by {b} give a whole number?",
        "Would {a} be a multiple of {b}?",
        "Find out if {a} is divisible by {b}.",
        "{b} | {a}: true? Answer yes or no.",
    ),
    held_out_wordings=(
        "Does the division of {a} by {b} come out even?",
        "Could you see if {b} fits into {a} exactly?",
        "Can I pack {a} eggs into boxes of {b} with none left over?",
        "Say yes if {a} is a multiple of {b}, otherwise no.",
        "When {b} divides {a}, is the remainder zero?",
        "Do we reach {a} if we count in steps of {b} from zero?",
        "Among the divisors of {a}, is there {b}?",
        "Is it true that {a} is divisible by {b}?",
        "Could {a} people line up in rows of {b}, all rows full?",
        "Number {a}, divisor {b}: does it divide evenly?",
    ),
)

MODULAR_ARITHMETIC = Family(
    "modular_arithmetic",
    _modular_arithmetic,
    wordings=(
        "What is {expression} mod {m}?",
        "Calculate {expression} mod {m}.",
        "Compute {expression} modulo {m}.",
        "{expression} mod {m}",
        "{expression} mod {m} = ?",
        "What is the remainder of {expression} modulo {m}?",
        "Find {expression} mod {m}.",
        "Work out {expression} modulo {m}.",
        "Evaluate {expression} (mod {m}).",
        "What remains of {expression} when we divide by {m}?",
        "Reduce {expression} modulo {m}.",
        "What is the remainder when {expression} is divided by {m}?",
        "Give the remainder of {expression} divided by {m}.",
        "Tell me {expression} mod {m}.",
        "{expression} % {m}",
        "What does {expression} % {m} give?",
        "Modulo {m}, what is {expression}?",
        "Please compute {expression} mod {m}.",
        "Determine the remainder of {expression} on division by {m}.",
        "what's {expression} mod {m}",
        "In arithmetic modulo {m}, what is {expression}?",
        "Find the smallest non-negative number congruent to {expression} mod {m}.",
        "Let n = {expression}. What is n mod {m}?",
        "I need {expression} modulo {m}.",
    ),
    held_out_wordings=(
        "Working modulo {m}, simplify {expression}.",
        "Which number from 0 to {m} - 1 is congruent to {expression} modulo {m}?",
        "Could you take {expression} mod {m} for me?",
        "If {expression} is divided by {m}, what is left?",
        "State the value of {expression} mod {m}.",
        "How much is {expression} % {m} in Python?",
        "Which residue does {expression} have modulo {m}?",
        "{m} is taken out of {expression} as often as possible. What stays?",
        "Result of {expression} modulo {m}, please.",
        "The modulus is {m}. To what does {expression} reduce?",
    ),
)

FAMILIES = (DIVISIBILITY, MODULAR_ARITHMETIC)
