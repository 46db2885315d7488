"""Probabilities as fractions in lowest terms: what is wanted over all that can happen."""

from __future__ import annotations

from random import Random

from ..forms import lowest_terms
from ..problem import Draft, Family
from ..working import Work
from .counting import Retold
from .wording import crossed

_COLOURS = ("red", "blue", "green", "yellow", "white", "black")


def _drawing(random: Random, level: int) -> Draft:
    """One ball, or not of a colour, or from level 2 on of either of two; at level 3 two balls without putting back."""
    num_colours = 2 if level == 1 else 3
    most = (20, 15, 10, 12)[level - 1]
    counts = [random.randint(2, most) for _ in range(num_colours)]
    total, work = sum(counts), Work()
    # The same numbers always have the same colours, so that a problem is on one side of the split only.
    colours = [_COLOURS[(total + index) % len(_COLOURS)] for index in range(num_colours)]
    bag = ", ".join(f"{n} {colour}" for n, colour in zip(counts[:-1], colours[:-1], strict=True))
    bag += f" and {counts[-1]} {colours[-1]} balls"
    kind = random.choice((("one", "not"), ("one", "not", "either"), ("two", "either"), ("two",))[level - 1])
    work.add(*counts)
    if kind == "one":
        event, good, all_ways = f"one ball drawn is {colours[0]}", counts[0], total
    elif kind == "not":
        event, good, all_ways = f"one ball drawn is not {colours[0]}", work.subtract(total, counts[0]), total
    elif kind == "either":
        event = f"one ball drawn is {colours[0]} or {colours[1]}"
        good, all_ways = work.add(counts[0], counts[1]), total
    else:
        event = f"two balls drawn at once are both {colours[0]}"
        work.say(f"{counts[0]}/{total}*{counts[0] - 1}/{total - 1}")
        good = work.multiply(counts[0], counts[0] - 1)
        all_ways = work.multiply(total, total - 1)
    work.say(f"{good}/{all_ways}")
    thing, things = random.choice(_DRAWN).split()
    values = {
        "bag": Retold(bag, other=bag.replace("balls", things)),
        "event": Retold(event, other=event.replace("ball", thing)),
    }
    return Draft(values, work, lowest_terms(work, good, all_ways))


# What may be drawn instead of balls.
_DRAWN = (
    *("marble marbles", "bead beads", "sweet sweets", "counter counters", "card cards", "button buttons"),
    *("sock socks", "ticket tickets", "tile tiles", "pebble pebbles", "token tokens", "chip chips"),
    *("pencil pencils", "ribbon ribbons", "cube cubes", "coin coins", "balloon balloons", "crayon crayons"),
)


_HOW_LIKELY = (
    "What is the probability that {event}?",
    "Find the probability that {event}.",
    "How likely is it that {event}?",
    "With what probability is it true that {event}?",
)

DRAWING_PROBABILITY = Family(
    "drawing_probability",
    _drawing,
    wordings=(
        *crossed(
            (
                "A bag holds {bag}.",
                "There are {bag} in a box.",
                "An urn contains {bag}.",
                "In a sack there are {bag}.",
                "From {bag} you draw without looking.",
            ),
            _HOW_LIKELY,
        ),
        "{bag}: probability that {event}?",
        "Among {bag:other} one draws at random. What is the probability that {event:other}?",
    ),
    held_out_wordings=crossed(
        ("Somebody puts {bag} into a hat.", "You have {bag} in a bowl and draw blindly."),
        (
            "Give the chance that {event}, as a fraction.",
            "What are the chances, as a fraction, that {event}?",
            "I want the exact probability that {event}.",
            "Please compute exactly how probable it is that {event}.",
            "As a fraction, how probable is it that {event}?",
        ),
    ),
)


def _dice(random: Random, level: int) -> Draft:
    """One die with so many sides; from level 2 on two dice that both show something, from level 3 on their sum."""
    work = Work()
    if level > 2 and random.random() < 0.6:
        return _dice_sum(random, work, level)
    sides = [random.randint(4, (60, 12, 20, 40)[level - 1]) for _ in range(1 if level == 1 else 2)]
    limits = [random.randint(2, n - 1) for n in sides]
    signs = [random.choice(("at least", "at most", "more than", "less than")) for _ in sides]
    goods = [_num_faces(work, n, sign, limit) for n, sign, limit in zip(sides, signs, limits, strict=True)]
    if len(sides) == 1:
        dice, event, good, total = (
            f"a die with {sides[0]} sides",
            f"it shows {signs[0]} {limits[0]}",
            goods[0],
            sides[0],
        )
    else:
        dice = f"a red die with {sides[0]} sides and a blue die with {sides[1]} sides"
        event = f"red shows {signs[0]} {limits[0]} and blue shows {signs[1]} {limits[1]}"
        good, total = work.multiply(*goods), work.multiply(*sides)
    work.say(f"{good}/{total}")
    return Draft({"dice": dice, "event": event}, work, lowest_terms(work, good, total))


def _num_faces(work: Work, sides: int, sign: str, limit: int) -> int:
    """How many of 1 to `sides` obey the sign, such as at least 3."""
    if sign in ("at most", "less than"):
        good = limit if sign == "at most" else limit - 1
        work.say(f"{sign} {limit}: 1 to {good}, so {good}")
        return good
    first = limit if sign == "at least" else limit + 1
    work.say(f"{sign} {limit}: {first} to {sides}")
    return work.add(work.subtract(sides, first), 1)


def _dice_sum(random: Random, work: Work, level: int) -> Draft:
    one, two = (random.randint(4, (8, 12)[level - 3]) for _ in range(2))
    total = random.randint(2, one + two)
    pairs = [(a, total - a) for a in range(1, one + 1) if 1 <= total - a <= two]
    work.say(", ".join(f"{a}+{b}" for a, b in pairs))
    work.say(f"{len(pairs)} of them")
    ways = work.multiply(one, two)
    work.say(f"{len(pairs)}/{ways}")
    dice = f"a red die with {one} sides and a blue die with {two} sides"
    return Draft({"dice": dice, "event": f"the sum is {total}"}, work, lowest_terms(work, len(pairs), ways))


DICE_PROBABILITY = Family(
    "dice_probability",
    _dice,
    wordings=(
        *crossed(
            (
                "You roll {dice}.",
                "Someone throws {dice}.",
                "There is {dice}, fair and rolled once.",
                "We roll {dice} once.",
                "Take {dice} and roll.",
            ),
            _HOW_LIKELY,
        ),
        "{dice}: probability that {event}?",
    ),
    held_out_wordings=crossed(
        ("A game begins with a roll of {dice}.", "Let {dice} be thrown."),
        (
            "Give the chance that {event}, as a fraction.",
            "What are the chances, as a fraction, that {event}?",
            "I want the exact probability that {event}.",
            "Please compute exactly how probable it is that {event}.",
            "As a fraction, how probable is it that {event}?",
        ),
    ),
)

FAMILIES = (DRAWING_PROBABILITY, DICE_PROBABILITY)
