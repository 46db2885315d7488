"""Powers worked out: one multiplication a step, each named by the power that it gives."""

from __future__ import annotations

from random import Random

from ..latex import Typeset
from ..named_work import NamedWork
from ..problem import Draft, Family
from ..working import bracketed
from .asking import asked, asked_held_out

# The largest base of each exponent, by level.
_MOST_BASE = {
    1: {2: 199, 3: 20, 4: 10, 5: 5, 6: 4, 7: 3, 8: 2, 9: 2, 10: 2},
    2: {2: 300, 3: 40, 4: 12, 5: 10, 6: 6, 7: 5, 8: 4, 9: 3, 10: 2},
    3: {2: 599, 3: 99, 4: 25, 5: 12, 6: 10, 7: 7, 8: 5, 9: 4, 10: 3, 11: 2, 12: 2},
    4: {3: 300, 4: 99, 5: 30, 6: 15, 7: 12, 8: 9, 9: 6, 10: 5, 11: 3, 12: 3, 13: 2, 14: 2},
}
_MOST_RECIPROCAL = 1000  # what is below the line of a power with a negative exponent, before level 4


def _powers(random: Random, level: int) -> Draft:
    base, exponent = _base_and_exponent(random, level)
    kind = random.random()
    if kind < 0.2:
        base = -base
    elif kind < 0.3 and level > 1:
        return _reciprocal(base, exponent)
    work, text = NamedWork(), f"{bracketed(base)}^{exponent}"
    answer = power_by_steps(work, base, exponent)
    return Draft({"power": Typeset(text)}, work, str(answer))


def _base_and_exponent(random: Random, level: int) -> tuple[int, int]:
    most = _MOST_BASE[level]
    weights = [bound**0.7 for bound in most.values()]  # squares of more bases than fourth powers
    exponent = random.choices(list(most), weights)[0]
    if random.random() < 0.04:
        exponent = random.choice((0, 1))
    return random.randint(2, most.get(exponent, 99)), exponent


def _reciprocal(base: int, exponent: int) -> Draft:
    """A negative exponent: one over the power."""
    work, exponent = NamedWork(), max(exponent, 1)
    while base**exponent > _MOST_RECIPROCAL and exponent > 1:
        exponent -= 1
    text = f"{base}^-{exponent}"
    work.say(f"{text}=1/{base}^{exponent}")
    power = power_by_steps(work, base, exponent)
    work.say(f"so 1/{power}")
    return Draft({"power": Typeset(text)}, work, f"1/{power}")


def power_by_steps(work: NamedWork, base: int, exponent: int) -> int:
    """base to an exponent of at least 0; a negative base has its sign settled first. The last line states the value."""
    text = f"{bracketed(base)}^{exponent}"
    if exponent < 2:
        work.say(f"{text}={base**exponent}")
        return base**exponent
    if base < 0:
        sign = "-" if exponent % 2 else ""
        work.say(f"{exponent} is {'odd' if sign else 'even'}: {text} is {sign}{-base}^{exponent}")
        value = power_by_steps(work, -base, exponent)
        if sign:
            work.say(f"so -{value}")
        return base**exponent
    value = base
    for step in range(2, exponent + 1):
        value = work.called(f"{base}^{step}").multiply(value, base)
    return value


POWERS = Family(
    "powers",
    _powers,
    wordings=(
        *asked("{power}"),
        "Write the power {power} as a plain number.",
        "Expand the power {power}. What number is it?",
        "Work out this power: {power}",
        "Multiply out {power}.",
        "Compute ${power:latex}$.",
        "What is ${power:latex}$?",
        "\\({power:latex}\\)",
    ),
    held_out_wordings=asked_held_out("{power}"),
)

FAMILIES = (POWERS,)
