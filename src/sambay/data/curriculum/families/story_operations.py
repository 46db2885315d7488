"""What can happen to the one number of a story, with the lines that compute it, and what can be asked about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from ..named_work import NamedWork
from .scenery import NUMBER_WORDS

Numbers = dict[str, int]

# For each level: the largest number of a sentence, of things in a group, and the largest number of the story.
_MOST = {1: 20, 2: 50, 3: 200, 4: 500}
_MOST_IN_GROUP = {1: 9, 2: 12, 3: 25, 4: 60}
MOST_OF_ALL = {1: 100, 2: 400, 3: 1500, 4: 5000}
LEAST_OF_ALL = 2

_PARTS = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth", 6: "a sixth", 8: "an eighth", 10: "a tenth"}
_TIMES = {2: "twice", 3: "three times", 4: "four times"}
_MULTIPLY = {2: "double", 3: "triple", 4: "quadruple"}
_PERCENTS = (10, 20, 25, 30, 40, 50, 60, 75, 80)


class Operation(NamedTuple):
    """draw(random, number, level): its numbers, None if it cannot be; apply(work, number, numbers): what it makes."""

    draw: Callable[[Random, int, int], Numbers | None]
    apply: Callable[[NamedWork, int, Numbers], int]


def _amount(random: Random, _number: int, level: int) -> Numbers:
    return {"n": random.randint(2, _MOST[level])}


def _amount_within(random: Random, number: int, level: int) -> Numbers | None:
    most = min(_MOST[level], number - LEAST_OF_ALL)
    return {"n": random.randint(2, most)} if most >= 2 else None


def _factor(random: Random, _number: int, _level: int) -> Numbers:
    return {"k": random.choice((2, 2, 3, 4))}


def _groups(random: Random, _number: int, level: int) -> Numbers:
    return {"k": random.randint(2, 9), "m": random.randint(2, _MOST_IN_GROUP[level])}


def _days(random: Random, _number: int, level: int) -> Numbers:
    return {"d": random.randint(2, 9), "n": random.randint(2, _MOST_IN_GROUP[level])}


def _divisor(random: Random, number: int, _level: int) -> Numbers | None:
    divisors = [divisor for divisor in _PARTS if number % divisor == 0 and number // divisor >= LEAST_OF_ALL]
    return {"k": random.choice(divisors)} if divisors else None


def _percent(random: Random, number: int, _level: int) -> Numbers | None:
    percents = [percent for percent in _PERCENTS if number * percent % 100 == 0]
    return {"p": random.choice(percents)} if percents else None


def _gain(work: NamedWork, number: int, n: Numbers) -> int:
    return work.called("now").add(number, n["n"])


def _lose(work: NamedWork, number: int, n: Numbers) -> int:
    return work.called("left").subtract(number, n["n"])


def _multiply(work: NamedWork, number: int, n: Numbers) -> int:
    return work.called("now").multiply(number, n["k"])


def _gain_groups(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("groups").multiply(n["k"], n["m"])
    return work.called("now").add(number, changed)


def _lose_groups(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("groups").multiply(n["k"], n["m"])
    return work.called("left").subtract(number, changed)


def _gain_daily(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("in all").multiply(n["d"], n["n"])
    return work.called("now").add(number, changed)


def _lose_daily(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("in all").multiply(n["d"], n["n"])
    return work.called("left").subtract(number, changed)


def _lose_part(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("part").exact_quotient(number, n["k"])
    return work.called("left").subtract(number, changed)


def _keep_part(work: NamedWork, number: int, n: Numbers) -> int:
    return work.called("left").exact_quotient(number, n["k"])


def _lose_percent(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("percent").percent(n["p"], number)
    return work.called("left").subtract(number, changed)


def _gain_percent(work: NamedWork, number: int, n: Numbers) -> int:
    changed = work.called("percent").percent(n["p"], number)
    return work.called("now").add(number, changed)


def _nothing(_work: NamedWork, number: int, _numbers: Numbers) -> int:
    return number


OPERATIONS: Mapping[str, Operation] = {
    "gain": Operation(_amount, _gain),
    "lose": Operation(_amount_within, _lose),
    "times": Operation(_factor, _multiply),
    "groups_in": Operation(_groups, _gain_groups),
    "groups_out": Operation(_groups, _lose_groups),
    "daily_in": Operation(_days, _gain_daily),
    "daily_out": Operation(_days, _lose_daily),
    "lose_part": Operation(_divisor, _lose_part),
    "keep_part": Operation(_divisor, _keep_part),
    "percent_out": Operation(_percent, _lose_percent),
    "percent_in": Operation(_percent, _gain_percent),
    "aside": Operation(_amount, _nothing),
}


def ask(random: Random, kind: str, work: NamedWork, start: int, number: int, level: int) -> tuple[int, Numbers]:
    """The answer to a question of a kind about the last number, and the number in the question."""
    if kind == "change":
        return work.called("difference").subtract(max(start, number), min(start, number)), {}
    if kind == "worth":
        price = random.randint(2, _MOST_IN_GROUP[level])
        return work.called("all").multiply(number, price), {"q": price}
    if kind in ("packs", "rest"):
        size = random.randint(2, min(12, max(2, number)))
        answer = work.called("shares").divide(number, size)[kind == "rest"]
        work.say(f"{'rest' if kind == 'rest' else 'full'}: {answer}")
        return answer, {"q": size}
    if kind == "needed":
        goal = number + random.randint(2, _MOST[level])
        return work.called("missing").subtract(goal, number), {"q": goal}
    assert kind == "now", kind
    return number, {}


def spelt(random: Random, numbers: Numbers) -> dict[str, str]:
    """Slots of a sentence: numbers in digits or, if small, now and then as words; parts and factors in words."""
    slots = {
        name: NUMBER_WORDS[value] if value < len(NUMBER_WORDS) and name != "p" and random.random() < 0.2 else str(value)
        for name, value in numbers.items()
    }
    if "k" in numbers and "m" not in numbers:
        k = numbers["k"]
        slots["part"] = _PARTS[k] if k in _PARTS and (k == 2 or random.random() < 0.6) else f"1/{k}"
        multiply = _MULTIPLY.get(k, "")
        slots |= {"times": _TIMES.get(k, ""), "multiply": multiply}
        slots |= {"multiplies": f"{multiply}s", "multiplied": f"{multiply}d"}
    return slots
