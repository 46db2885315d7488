"""Sequences, proportions and rates: every answer is found again from the text, by counting, listing or fractions."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from sambay.data.curriculum.families import motion, proportion, sequences
from sambay.data.curriculum.problem import Draft, Family

LEVELS = (1, 2, 3, 4)


def drafts(family: Family, level: int, count: int = 200) -> list[Draft]:
    return [family.draw(Random(f"{family.name} {level} {index}"), level) for index in range(count)]


def numbers(text: object) -> list[int]:
    return [int(number) for number in re.findall(r"(?<![\w])-?\d+", str(text))]


def continued(values: dict[str, Any], is_geometric: bool) -> Fraction:
    terms = [Fraction(term) for term in numbers(values["terms"])]
    while len(terms) < int(re.sub(r"\D", "", values["place"])):
        terms.append(terms[-1] * terms[1] / terms[0] if is_geometric else terms[-1] + terms[1] - terms[0])
    return terms[-1]


def recursion(values: dict[str, Any]) -> int:
    factor, shift = re.fullmatch(r"(\d+)a_\{n-1\}([+-]\d+)", values["rule"]).groups()
    term = values["start"]
    for _ in range(values["number"] - 1):
        term = int(factor) * term + int(shift)
    return term


def series(values: dict[str, Any]) -> int:
    first, second = numbers(values["start"])
    assert values["summed"] == f"{first}+{second}+...+{values['last']}"
    assert (first, second - first) == (values["first"], values["step"])
    return sum(range(first, values["last"] + 1, second - first))


def next_of_pattern(values: dict[str, Any]) -> int:
    terms = numbers(values["terms"])
    steps = [two - one for one, two in pairwise(terms)]
    if steps[0] == steps[2] and steps[1] == steps[3]:
        return terms[-1] + steps[0]
    changes = [two - one for one, two in pairwise(steps)]
    if len(set(changes)) == 1:
        return terms[-1] + steps[-1] + changes[0]
    assert len({Fraction(two, one) for one, two in pairwise(steps)}) == 1, terms
    return terms[-1] + steps[-1] * steps[1] // steps[0]


def share(values: dict[str, Any]) -> Fraction:
    parts = [int(part) for part in values["ratio"].split(":")]
    return Fraction(values["total"] * parts[("first", "second", "third").index(values["place"])], sum(parts))


def price_of_one(values: dict[str, Any]) -> Fraction:
    count, price, *other = numbers(values["offer"])
    if not other:
        return Fraction(price, count)
    prices = Fraction(price, count), Fraction(other[1], other[0])
    return min(prices) if "lower" in values["wanted"] else max(prices) - min(prices)


def on_the_map(values: dict[str, Any]) -> Fraction:
    (length,) = numbers(values["given"])
    if "1:" in values["scale"]:
        assert values["wanted"] == "metres outside"
        return Fraction(int(values["scale"].split("1:")[1]) * length, 100)
    _, each = numbers(values["scale"])
    return Fraction(length, each) if values["wanted"] == "cm on the map" else Fraction(length * each)


def motion_of(values: dict[str, Any]) -> Fraction:
    one, two = numbers(values["given"])
    if "minutes" in values["given"]:
        return Fraction(one * two, 60)
    return {"distance in km": Fraction(one * two), "speed in km/h": Fraction(one, two)}.get(
        values["wanted"], Fraction(one, two)
    )


def interest(values: dict[str, Any]) -> Fraction:
    gain = Fraction(values["principal"] * values["percent"] * values["years"], 100)
    return gain + (values["principal"] if values["wanted"] == "final amount" else 0)


def gain(values: dict[str, Any]) -> Fraction:
    (bought,), (sold,) = numbers(values["bought"]), numbers(values["sold"])
    change = (sold - bought) * (1 if "profit" in values["wanted"] else -1)
    assert change > 0
    return Fraction(100 * change, bought) if "per cent" in values["wanted"] else Fraction(change * values["count"])


ANSWERS: dict[Family, Callable[[dict[str, Any]], object]] = {
    sequences.ARITHMETIC_SEQUENCE: lambda values: continued(values, is_geometric=False),
    sequences.GEOMETRIC_SEQUENCE: lambda values: continued(values, is_geometric=True),
    sequences.RECURSIVE_SEQUENCE: recursion,
    sequences.SEQUENCE_SUM: series,
    sequences.NUMBER_PATTERN: next_of_pattern,
    proportion.PROPORTION: lambda values: Fraction(values["c"], values["a"]) * values["b"],
    proportion.INVERSE_PROPORTION: lambda values: Fraction(values["a"] * values["c"], values["b"]),
    proportion.RATIO_SPLIT: share,
    proportion.UNIT_RATE: price_of_one,
    proportion.MAP_SCALE: on_the_map,
    motion.SPEED_DISTANCE_TIME: motion_of,
    motion.SIMPLE_INTEREST: interest,
    motion.PROFIT_LOSS: gain,
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("family", ANSWERS, ids=lambda family: family.name)
def test_answers_are_those_of_an_independent_solution(family: Family, level: int) -> None:
    for draft in drafts(family, level):
        assert Fraction(draft.answer) == ANSWERS[family](dict(draft.values)), draft


def test_words_of_a_recursive_rule_say_what_its_formulas_say() -> None:
    for draft in drafts(sequences.RECURSIVE_SEQUENCE, 3):
        factor, shift = re.fullmatch(r"(\d+)\*a\(n-1\) ([+-] \d+)", draft.values["starred"]).groups()
        assert draft.values["rule"] == f"{factor}a_{{n-1}}{shift.replace(' ', '')}"
        assert draft.values["factor"] == int(factor)
        assert draft.values["change"] == shift.replace("+", "add").replace("-", "subtract")
