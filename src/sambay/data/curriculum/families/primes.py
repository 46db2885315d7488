"""Primes by trial division, and factors by taking primes out one by one."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ..problem import Draft, Family
from ..working import Work, long_division
from .divisibility import is_divisible, yes_or_no

_PRIMES = tuple(p for p in range(2, 100) if all(p % divisor for divisor in range(2, p)))


def _trial(work: Work, number: int, prime: int) -> bool:
    """Does the prime divide? By a rule for 2, 3 and 5, else by a division whose table is known by heart."""
    if prime < 7:
        return is_divisible(work, number, prime)
    work.say(long_division(number, prime))
    return number % prime == 0


def _prime_check(random: Random, level: int) -> Draft:
    most = (250, 500, 900, 2500)[level - 1]
    number = random.randint(2, most)
    if random.random() < 0.6:  # mostly what no easy rule decides
        while min(number % 2, number % 3, number % 5) == 0 and number > 5:
            number = random.randint(2, most)
    work = Work()
    is_prime = _is_prime(work, number)
    return Draft({"n": number}, work, yes_or_no(is_prime))


def _is_prime(work: Work, number: int) -> bool:
    for prime in _PRIMES:
        if prime * prime > number:
            work.say(f"{prime}*{prime}={prime * prime}>{number}, so prime: yes")
            return True
        if _trial(work, number, prime):
            work.say(f"{prime} divides {number}, so prime: no")
            return False
    raise AssertionError(f"{number} is too large for the primes below 100")


def _composite(random: Random, level: int) -> int:
    """A product of small primes, at times with one that is larger."""
    most = (99, 300, 999, 4000)[level - 1]
    number = random.choice((1, 1, 3, 7, 11, 13, 17, 19, 23))
    while True:
        prime = random.choice((2, 2, 2, 3, 3, 5, 7, 11) if level > 1 else (2, 2, 3, 3, 5, 7))
        if number * prime > most:
            break
        number *= prime
        if random.random() < 0.2 and number > most // 8:
            break
    return number if number > 3 and number not in _PRIMES else _composite(random, level)


def factors_in_order(work: Work, number: int) -> Iterator[int]:
    """Prime factors in order, each found by lines of its own before the number is divided by it."""
    for prime in _PRIMES:
        while prime * prime <= number and _is_factor(work, number, prime):
            yield prime
            number = work.quotient(number, prime) if prime < 7 else number // prime
        if prime * prime > number:
            break
    work.say(f"{number} is prime")
    yield number


def _is_factor(work: Work, number: int, prime: int) -> bool:
    """As a trial, but nothing is written where the last digit shows that the prime divides."""
    return (prime in (2, 5) and number % prime == 0) or _trial(work, number, prime)


_ASKED = (
    "smallest prime factor",
    "largest prime factor",
    "number of prime factors (with repetition)",
    "sum of the prime factors (with repetition)",
)


def _prime_factors(random: Random, level: int) -> Draft:
    number, asked = _composite(random, level), random.choice(_ASKED)
    work = Work()
    if asked == _ASKED[0]:
        answer = next(factors_in_order(work, number))
        work.say(f"smallest {answer}")
    else:
        factors = list(factors_in_order(work, number))
        work.say(f"{number}={'*'.join(map(str, factors))}")
        if asked == _ASKED[3]:
            answer = work.add(*factors)
        else:
            answer = factors[-1] if asked == _ASKED[1] else len(factors)
            work.say(f"largest {answer}" if asked == _ASKED[1] else f"{answer} factors")
    return Draft({"n": number, "asked": asked}, work, str(answer))


PRIME_CHECK = Family(
    "prime_check",
    _prime_check,
    wordings=(
        "Is {n} prime?",
        "Is {n} a prime number?",
        "Is the number {n} prime?",
        "{n} prime?",
        "Check whether {n} is a prime number.",
        "Tell me if {n} is prime.",
        "Decide if {n} is prime. Answer yes or no.",
        "Is {n} a prime? Yes or no?",
        "Please check if {n} is prime.",
        "Would you call {n} a prime number?",
        "Yes or no: {n} is prime.",
        "Test {n} for primality.",
        "Find out whether {n} is prime.",
        "Does {n} belong to the primes?",
        "I want to know whether {n} is prime.",
        "is {n} prime",
        "Can you check if {n} is a prime number?",
        "Primality check: {n}",
        "Are 1 and {n} the only divisors of {n}?",
        "Determine if the number {n} is prime.",
        "Does {n} count as a prime number?",
        "Use trial division: is {n} prime?",
        "Is it true that {n} is a prime?",
        "Prime or not: is {n} prime?",
    ),
    held_out_wordings=(
        "Could you find out if {n} has no divisors besides 1 and itself?",
        "Say yes if {n} is prime, otherwise no.",
        "Among the prime numbers, is there {n}?",
        "{n}: is this number prime?",
        "My teacher claims that {n} is a prime number. Is that right?",
        "Is {n} divisible by 1 and by itself only?",
        "A question about primes: is {n} one of them?",
        "Do the primes include {n}?",
        "Let n = {n}. Is n prime?",
        "Prove or disprove: {n} is prime. Is it?",
    ),
)

PRIME_FACTORS = Family(
    "prime_factors",
    _prime_factors,
    wordings=(
        "What is the {asked} of {n}?",
        "Find the {asked} of {n}.",
        "Factor {n} into primes and give the {asked} of it.",
        "Compute the {asked} of {n}.",
        "Determine the {asked} of {n}.",
        "Give the {asked} of {n}.",
        "Please find the {asked} of {n}.",
        "Tell me the {asked} of {n}.",
        "Work out the {asked} of {n}.",
        "I need the {asked} of {n}.",
        "What is the {asked} of the number {n}?",
        "Write {n} as a product of primes. What is the {asked} of {n}?",
        "Take {n} apart into primes. What is the {asked} of {n}?",
        "For the number {n}, find the {asked} please.",
        "The number is {n}. What is its {asked} exactly?",
        "Calculate the {asked} of {n}.",
        "Prime factorization of {n}: what is the {asked} in it?",
        "Can you tell me the {asked} of {n}?",
        "Do the prime factorization of {n} and name the {asked} there.",
        "Let n = {n}. What is the {asked} of n?",
        "what's the {asked} of {n}",
        "Split {n} into prime factors. Give the {asked} of {n}.",
        "How large is the {asked} of {n}?",
        "Use trial division to find the {asked} of {n}.",
    ),
    held_out_wordings=(
        "Could you work with {n} and say what the {asked} is?",
        "Someone factored {n}. What should they report as the {asked} of it?",
        "State the {asked} of {n}.",
        "Consider {n}. Its {asked} is what?",
        "After decomposing {n} into primes, which number is the {asked} of it?",
        "Looking at the primes that multiply to {n}, what is the {asked} of {n}?",
        "With {n} given, the {asked} equals what?",
        "Show me the {asked} of {n}.",
        "In the prime decomposition of {n}, look for the {asked} and write it down.",
        "Which number is the {asked} of {n}?",
    ),
)

FAMILIES = (PRIME_CHECK, PRIME_FACTORS)
