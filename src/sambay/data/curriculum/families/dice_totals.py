"""How likely dice of different sizes show a total of at least, or at most, so much, as a fraction in lowest terms.

Ways are counted without listing them: n dice that show at most m have mCn ways if no die ends, and a die of s sides
that shows too much leaves those of m-s. So ways with one die too high are taken off, with two put back, and so on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import comb
from random import Random

from ..problem import Draft, Family
from ..working import Work
from .answer_lines import FRACTION, perhaps
from .date_forms import Written
from .scenery import cast, listed, stories

_NUM_DICE = ((2,), (2, 3, 3), (3, 4, 4), (4,))
_FEWEST_SIDES, _MOST_SIDES = (2, 2, 2, 10), (12, 12, 20, 20)
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
_AT_LEAST = ("at least {}", "{} or more", "{} or higher", "no less than {}", "{} or above")
_AT_MOST = ("at most {}", "{} or less", "{} or lower", "no more than {}", "{} or below")
_NOTES = (
    *("(1d8 is one die with 8 sides.)", "Here 1d4 means a single die with four sides.", "All dice are fair."),
    *("A dN has the numbers 1 to N.", "The dice are thrown together.", "(d12: a die showing 1 to 12.)"),
)


def _dice_totals(random: Random, level: int) -> Draft:
    sides, is_at_least, limit = _drawn(random, level)
    work = Work()
    num_dice, highest = len(sides), sum(sides)
    work.say(f"dice {', '.join(map(str, sides))}: at {'least' if is_at_least else 'most'} {limit}")
    work.add(*sides)
    mirrored = work.subtract(work.add(highest, num_dice), limit)
    direct, rest = (mirrored, limit - 1) if is_at_least else (limit, mirrored - 1)
    is_rest = rest < direct
    low = rest if is_rest else direct
    work.say(f"{'all but ' if is_rest else ''}at most {low}")
    ways, left = _cancelled(work, _ways_at_most(work, sides, low), sides)
    total = left[0]
    for number in left[1:]:
        total = work.multiply(total, number)
    if is_rest:
        ways = work.subtract(total, ways)
    answer = f"{ways}/{total}"
    work.say(f"so {answer}")
    sign = ">=" if is_at_least else "<="
    dice = _told(random, sides)
    event = Written(f"{sign}{limit}", _event(random, limit, is_at_least=is_at_least))
    values = {"dice": Written(" ".join(map(str, sides)), dice), "event": event}
    return Draft(values, work, answer, cast(random) | {"how": perhaps(random, _NOTES, 0.3) + perhaps(random, FRACTION)})


def _drawn(random: Random, level: int) -> tuple[list[int], bool, int]:
    """Sides from the highest down, and a limit in the middle third of all totals."""
    num_dice = random.choice(_NUM_DICE[level - 1])
    sides = [random.randint(_FEWEST_SIDES[level - 1], _MOST_SIDES[level - 1]) for _ in range(num_dice)]
    if random.random() < 0.5:
        sides[0] = _MOST_SIDES[level - 1]
    if sum(sides) < 3 * num_dice:
        sides[0] += 4
    sides.sort(reverse=True)
    spread = sum(sides) - num_dice
    limit = random.randint(num_dice + (spread + 2) // 3, num_dice + 2 * spread // 3)
    return sides, random.random() < 0.75, limit


def _ways_at_most(work: Work, sides: Sequence[int], low: int) -> int:
    """The ways of a total of at most `low`, which none of the signed counts exceeds."""
    num_dice = len(sides)
    signed: tuple[list[int], list[int]] = ([comb(low, num_dice)], [])
    work.say(f"{low}C{num_dice}={signed[0][0]}")
    for taken, rest in _too_high(work, sides, low, (), 0):
        signed[len(taken) % 2].append(comb(rest, num_dice))
    plus, minus = signed
    if not minus:
        return plus[0]
    if len(plus) + len(minus) > 2:
        work.say(f"plus {', '.join(map(str, plus))}, minus {', '.join(map(str, minus))}")
    return work.subtract(work.add(*plus), work.add(*minus))


def _too_high(
    work: Work, sides: Sequence[int], left: int, taken: tuple[int, ...], first: int
) -> Iterator[tuple[tuple[int, ...], int]]:
    """The dice that show more than they have, in order, and what is left for all; written down as they are found.

    Nothing is written where not even the smallest die fits, which is the last one.
    """
    num_dice = len(sides)
    if left < sides[-1] + num_dice:
        return
    for index in range(first, num_dice):
        side = sides[index]
        name = ",".join(map(str, (*taken, side)))
        if left < side + num_dice:
            work.say(f"{name}: {left}<{side}+{num_dice}")
            continue
        rest = left - side
        work.say(f"{name}: {left}-{side}={rest}, {rest}C{num_dice}={comb(rest, num_dice)}")
        yield (*taken, side), rest
        yield from _too_high(work, sides, rest, (*taken, side), index + 1)


def _cancelled(work: Work, ways: int, sides: Sequence[int]) -> tuple[int, list[int]]:
    """The ways and the sides, without the primes that divide both."""
    left = list(sides)
    work.say(f"{ways}/({'*'.join(map(str, left))})")
    for prime in _PRIMES:
        while ways > 1 and any(side % prime == 0 for side in left):
            if prime in (2, 5) and ways % prime:
                work.say(f"{ways} not by {prime}")
                break
            quotient, rest = work.divide(ways, prime)
            if rest:
                break
            ways = quotient
            index = next(index for index, side in enumerate(left) if side % prime == 0)
            left[index] //= prime
            work.say(f"{ways}/({'*'.join(map(str, left))})")
    return ways, [side for side in left if side > 1]


def _told(random: Random, sides: Sequence[int]) -> str:
    """The dice as players write them, or in words."""
    shown = list(sides)
    if random.random() < 0.25:
        random.shuffle(shown)
    form = random.randrange(5)
    if form == 0:
        return ", ".join(f"1d{side}" for side in shown)
    if form == 1:
        return listed([f"1d{side}" for side in shown])
    if form == 2:
        return listed([f"d{side}" for side in shown])
    if form == 3:
        return listed([f"{'an' if side in (8, 11, 18) else 'a'} {side}-sided die" for side in shown])
    return f"dice with {listed([str(side) for side in shown])} sides"


def _event(random: Random, limit: int, *, is_at_least: bool) -> str:
    if random.random() < 0.15:
        return f"more than {limit - 1}" if is_at_least else f"less than {limit + 1}"
    return random.choice(_AT_LEAST if is_at_least else _AT_MOST).format(limit)


DICE_TOTALS = Family(
    "dice_totals",
    _dice_totals,
    stories("""
        You roll {dice:shown}. What is the probability that the total is {event:shown}?{how}
        {name} throws {dice:shown}. How likely is a sum of {event:shown}?{how}
        Roll {dice:shown} and add the numbers. Find the probability of {event:shown}.{how}
        What is the chance to get {event:shown} with {dice:shown}?{how}
        The dice are {dice:shown}. Compute the probability of a total of {event:shown}.{how}
        {dice:shown}: probability of {event:shown}?{how}
        P(total is {event:shown}) for {dice:shown}{how}
        In a game {name} needs {event:shown} in total and has {dice:shown}. What is the probability?{how}
        With {dice:shown}, how probable is it to reach a sum of {event:shown}?{how}
        A player rolls {dice:shown} at once. Give the probability that they add up to {event:shown}.{how}
        Dice: {dice:shown}. Wanted: a sum of {event:shown}. Probability?{how}
        When you throw {dice:shown}, what are the chances of {event:shown}?{how}
        Please find how likely it is to roll {event:shown} using {dice:shown}.{how}
        Some dice lie on the table: {dice:shown}. All are thrown. What is the probability that the sum is
          {event:shown}?{how}
        Calculate the chance that {dice:shown} show {event:shown} together.{how}
        Determine the probability that the sum of {dice:shown} comes to {event:shown}.{how}
        My dice are {dice:shown}. What are my chances of a total of {event:shown}?{how}
        If {dice:shown} are rolled, with what probability is the sum {event:shown}?{how}
        {name} has {dice:shown}, rolls each once and adds up. Work out the probability of {event:shown}.{how}
        I roll {dice:shown}. The odds of a sum of {event:shown}, please.{how}
        Let the sum of {dice:shown} be S. What is the probability that S is {event:shown}?{how}
        To win, the total of {dice:shown} must be {event:shown}. How likely is a win?{how}
        Tell me the odds that {dice:shown} total {event:shown}.{how}
        Given {dice:shown}, find the probability that their total is {event:shown}.{how}
        Rolling {dice:shown}, what fraction of all outcomes gives {event:shown}?{how}
        There are {dice:shown} in a box. They are all rolled. How likely do they sum to {event:shown}?{how}
    """),
    stories("""
        How often, as a part of all throws, do {dice:shown} give {event:shown}?{how}
        The set {dice:shown} is thrown once. State the probability of scoring {event:shown}.{how}
        A monster is beaten by a roll of {event:shown}. {name} rolls {dice:shown}. What is {his} chance?{how}
        Which probability belongs to a total of {event:shown} on {dice:shown}?{how}
        Is it likely to make {event:shown} by throwing {dice:shown}? Say exactly how likely.{how}
        Suppose you take {dice:shown} and roll them all. The probability for {event:shown} is what?{how}
        Summing what {dice:shown} show, one gets {event:shown} with which probability?{how}
        Chance of {event:shown} in total from {dice:shown}?{how}
        {name} bets that {dice:shown} will sum to {event:shown}. What is the probability that {he} is right?{how}
        Out of all ways in which {dice:shown} can land, which fraction totals {event:shown}?{how}
    """),
)

FAMILIES = (DICE_TOTALS,)
