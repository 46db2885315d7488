"""Greatest common divisors and least common multiples."""

from __future__ import annotations

from random import Random

from ..problem import Draft, Family
from ..working import Work

# The most that the common divisor, and what it is multiplied by, may be.
_MOST_COMMON = {1: 9, 2: 12, 3: 30, 4: 99}
_MOST_OTHER = {1: 9, 2: 15, 3: 25, 4: 60}


def _gcd(random: Random, level: int) -> Draft:
    while True:
        common = random.randint(2, _MOST_COMMON[level]) if random.random() < 0.85 else 1
        most = _MOST_OTHER[level] * (3 if common == 1 else 1)
        a, b = (common * random.randint(1, most) for _ in range(2))
        if level == 3 and random.random() < 0.4:
            a, b = _of_three_digits(random)
        if a != b and min(a, b) > 1 and _has_short_steps(a, b):
            break
    work = Work()
    return Draft({"a": a, "b": b}, work, str(work.gcd(a, b)))


def _of_three_digits(random: Random) -> tuple[int, int]:
    """Any two: what they have in common is mostly little."""
    return random.randint(100, 1000), random.randint(100, 1000)


def _has_short_steps(a: int, b: int) -> bool:
    """No quotient of Euclid's algorithm needs a division to be written out."""
    while b:
        if a // b > 9 and b > 12:
            return False
        a, b = b, a % b
    return True


def _lcm(random: Random, level: int) -> Draft:
    most = (30, 60, 99, 300)[level - 1]
    while True:
        common = random.randint(1, 12)
        a, b = (common * random.randint(1, max(2, most // common)) for _ in range(2))
        if level == 3 and random.random() < 0.3:
            a, b = _of_three_digits(random)
        elif max(a, b) > most:
            continue
        if a != b and min(a, b) > 1 and _has_short_steps(a, b):
            break
    work = Work()
    divisor = work.gcd(a, b)
    return Draft({"a": a, "b": b}, work, str(work.multiply(work.quotient(a, divisor), b)))


GCD = Family(
    "gcd",
    _gcd,
    wordings=(
        "What is the greatest common divisor of {a} and {b}?",
        "Find the greatest common divisor of {a} and {b}.",
        "gcd({a}, {b})",
        "gcd({a},{b}) = ?",
        "What is gcd({a}, {b})?",
        "Compute the gcd of {a} and {b}.",
        "Calculate gcd({a}, {b}).",
        "What is the greatest common factor of {a} and {b}?",
        "Find the GCF of {a} and {b}.",
        "What is the GCD of {a} and {b}?",
        "Which is the largest number that divides both {a} and {b}?",
        "Find the largest common divisor of {a} and {b}.",
        "Please give the greatest common divisor of {a} and {b}.",
        "Determine the highest common factor of {a} and {b}.",
        "HCF of {a} and {b}",
        "Use Euclid's algorithm on {a} and {b}.",
        "Tell me the greatest common divisor of the numbers {a} and {b}.",
        "What is the biggest factor shared by {a} and {b}?",
        "greatest common divisor: {a}, {b}",
        "I need the gcd of {a} and {b}.",
        "Work out the greatest common divisor of {a} and {b}.",
        "By which largest number can the fraction {a}/{b} be reduced?",
        "Name the highest number that goes into {a} and into {b}.",
        "what's the gcd of {a} and {b}",
    ),
    held_out_wordings=(
        "Ropes of {a} m and {b} m are cut into equal pieces, as long as possible, no waste. How long is a piece in m?",
        "Could you run the Euclidean algorithm with {a} and {b}?",
        "Of all common divisors of {a} and {b}, state the greatest.",
        "Which number is the largest factor that {a} and {b} have in common?",
        "Let a = {a} and b = {b}. Find gcd(a, b).",
        "How big is the greatest common divisor when the numbers are {a} and {b}?",
        "{a} roses and {b} tulips make as many equal bunches as possible, none left. How many bunches?",
        "GCD, please: {a} and {b}.",
        "The numbers {a} and {b} share several divisors. What is the greatest?",
        "Say the highest common factor for {a} and {b}.",
    ),
)

LCM = Family(
    "lcm",
    _lcm,
    wordings=(
        "What is the least common multiple of {a} and {b}?",
        "Find the least common multiple of {a} and {b}.",
        "lcm({a}, {b})",
        "lcm({a},{b}) = ?",
        "What is lcm({a}, {b})?",
        "Compute the lcm of {a} and {b}.",
        "Calculate lcm({a}, {b}).",
        "What is the lowest common multiple of {a} and {b}?",
        "Find the LCM of {a} and {b}.",
        "What is the LCM of {a} and {b}?",
        "Which is the smallest positive number that both {a} and {b} divide?",
        "Find the smallest common multiple of {a} and {b}.",
        "Please give the least common multiple of {a} and {b}.",
        "Determine the lowest common multiple of {a} and {b}.",
        "LCM of {a} and {b}",
        "What is the smallest number in both times tables, that of {a} and that of {b}?",
        "Tell me the least common multiple of the numbers {a} and {b}.",
        "least common multiple: {a}, {b}",
        "I need the lcm of {a} and {b}.",
        "Work out the least common multiple of {a} and {b}.",
        "Two buses leave now, one every {a} minutes, one every {b}. In how many minutes do both leave again?",
        "What is the smallest common denominator of 1/{a} and 1/{b}?",
        "Name the first number that is a multiple of {a} and of {b}.",
        "what's the lcm of {a} and {b}",
    ),
    held_out_wordings=(
        "Lamps flash every {a} s and every {b} s, now together. After how many seconds is that so again?",
        "Of all positive common multiples of {a} and {b}, state the least.",
        "Which number is the lowest that can be divided by {a} as well as by {b}?",
        "Let a = {a} and b = {b}. Find lcm(a, b).",
        "How big is the least common multiple when the numbers are {a} and {b}?",
        "LCM, please: {a} and {b}.",
        "Count from zero in steps of {a} and in steps of {b}: which positive number comes first in both?",
        "The numbers {a} and {b} share many multiples. What is the smallest positive one?",
        "Say the lowest common multiple for {a} and {b}.",
        "Could you look for the least common multiple of {a} with {b}?",
    ),
)

FAMILIES = (GCD, LCM)
