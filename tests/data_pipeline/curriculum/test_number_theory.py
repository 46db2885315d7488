from __future__ import annotations

import math
import re
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import sympy

from sambay.data.curriculum.families import divisibility, divisors, primes
from sambay.data.curriculum.problem import Draft, Family
from sambay.data.curriculum.working import Work

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 300) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def prime_factors(values: dict[str, Any]) -> int:
    factors = [prime for prime, times in sympy.factorint(values["n"]).items() for _ in range(times)]
    return {
        "smallest prime factor": min(factors),
        "largest prime factor": max(factors),
        "number of prime factors (with repetition)": len(factors),
        "sum of the prime factors (with repetition)": sum(factors),
    }[values["asked"]]


def multiple(values: dict[str, Any]) -> int:
    return next(
        number for number in range(values["a"], values["a"] * values["b"] + 1, values["a"]) if number % values["b"] == 0
    )


ANSWERS: dict[Family, Callable[[dict[str, Any]], object]] = {
    divisibility.DIVISIBILITY: lambda v: "yes" if v["a"] % v["b"] == 0 else "no",
    divisibility.MODULAR_ARITHMETIC: lambda v: sympy.sympify(v["expression"]) % v["m"],
    divisors.GCD: lambda v: max(d for d in range(1, v["b"] + 1) if v["a"] % d == v["b"] % d == 0),
    divisors.LCM: multiple,
    primes.PRIME_CHECK: lambda v: "yes" if sympy.isprime(v["n"]) else "no",
    primes.PRIME_FACTORS: prime_factors,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_by_an_independent_route(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        assert draft.answer == str(ANSWERS[family](dict(draft.values))), draft


def test_divisibility_for_every_small_pair_with_every_step_right() -> None:
    for number in range(400):
        for divisor in range(2, 27):
            work = Work()
            assert divisibility.is_divisible(work, number, divisor) == (number % divisor == 0)
            for head, word in re.findall(r"^(\d+/\d+):.*so (yes|no)$", "\n".join(work.lines), re.MULTILINE):
                a, b = map(int, head.split("/"))
                assert (a % b == 0) == (word == "yes")
            assert work.lines[-1].endswith("yes" if number % divisor == 0 else "no")


def test_yes_and_no_are_both_common() -> None:
    for family in (divisibility.DIVISIBILITY, primes.PRIME_CHECK):
        for level in LEVELS:
            assert 60 < sum(draft.answer == "yes" for draft in drafts(family, level)) < 240, (family.name, level)


def test_euclid_has_no_step_that_needs_a_division_of_its_own() -> None:
    for level in LEVELS:
        for draft in drafts(divisors.GCD, level):
            for quotient, divisor in re.findall(r"(\d+)\*(\d+)\+", draft.work.lines[0]):
                assert int(quotient) < 10 or int(divisor) <= 12, draft


def test_all_primes_up_to_the_square_root_are_tried_and_no_other() -> None:
    for draft in drafts(primes.PRIME_CHECK, 3):
        number = draft.values["n"]
        tried = [
            int(line.split(":")[0].split("/")[1]) for line in draft.work.lines if re.match(rf"{number}/\d+:", line)
        ]
        until = min(math.isqrt(number), sympy.primefactors(number)[0])
        assert tried == list(sympy.primerange(until + 1)), draft
