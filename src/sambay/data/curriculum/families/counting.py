"""Counting ways: products of choices, arrangements, selections, and how many are in two sets."""

from __future__ import annotations

from math import comb
from random import Random

from ..problem import Draft, Family
from ..working import Work
from .wording import asked, asked_held_out, crossed

_CHOICES = (
    "shirts trousers hats shoes scarves coats",
    "starters soups mains desserts drinks sides",
    "colours sizes shapes fabrics patterns labels",
    "routes hotels trains guides seats dates",
    "frames wheels saddles bells lamps baskets",
)


def _product_rule(random: Random, level: int) -> Draft:
    """One of each kind: the product of the numbers of choices."""
    count = (2, 3, 3, 4)[level - 1]
    numbers = [random.randint(2, (30, 9, 15, 30)[level - 1]) for _ in range(count)]
    # The same numbers always count the same things, so that a problem is on one side of the split only.
    kinds = _CHOICES[sum(numbers) % len(_CHOICES)].split()[:count]
    work, answer = Work(), numbers[0]
    for number in numbers[1:]:
        answer = work.multiply(answer, number)
    parts = [f"{number} {kind}" for number, kind in zip(numbers, kinds, strict=True)]
    choices = ", ".join(parts[:-1]) + f" and {parts[-1]}"
    return Draft({"choices": choices}, work, str(answer))


PRODUCT_RULE = Family(
    "product_rule",
    _product_rule,
    wordings=(
        *asked(
            "the number of combinations of one of each from {choices}",
            "the number of ways to choose one of each among {choices}",
        ),
        *crossed(
            ("There are {choices}.", "You can choose from {choices}.", "Somebody offers {choices}."),
            ("How many ways are there to take one of each?", "In how many ways can you pick one of each kind?"),
        ),
        "{choices}: how many combinations with one of each?",
        "With {choices}, how many different sets of one each are possible?",
    ),
    held_out_wordings=asked_held_out(
        "how many different choices of one of each {choices} allow",
        "the count of all combinations when one of each is taken from {choices}",
    ),
)


def _arrangements(random: Random, level: int) -> Draft:
    """Ordered choices: n, then n-1, from level 3 on also n-2; and one from another group."""
    size, taken = random.randint(3, (12, 30, 20, 60)[level - 1]), 2 if level < 3 else random.choice((2, 3))
    others = random.randint(2, (60, 60, 12, 60)[level - 1])
    factors = [*range(size, size - taken, -1), others]
    work = Work()
    work.say("*".join(map(str, factors)))
    answer = factors[0]
    for factor in factors[1:]:
        answer = work.multiply(answer, factor)
    posts = ("a chair and a deputy", "a chair, a deputy and a clerk")[taken - 2]
    group = f"{size} members, and a cook from {others} guests"
    return Draft({"posts": posts, "group": group}, work, str(answer))


ARRANGEMENTS = Family(
    "arrangements",
    _arrangements,
    wordings=(
        *asked(
            "the number of ways to choose {posts} from {group}",
            "the number of ways in which {posts} can be named from {group}",
        ),
        "In how many ways can {posts} be chosen from {group}?",
        "How many ways are there to pick {posts} out of {group}?",
        "A club wants {posts} from {group}. How many ways are there?",
        "{posts} from {group}: how many ways?",
        "Different people become {posts}, taken from {group}. How many results are possible?",
        "How many ways to appoint {posts} from {group}?",
    ),
    held_out_wordings=asked_held_out(
        "how many ways a club can elect {posts} from {group}",
        "the count of possible results of electing {posts} from {group}",
    ),
)


def _selections(random: Random, level: int) -> Draft:
    """n over k: the product of k numbers from n down, over k!; times a selection from another group."""
    size, taken = random.randint(4, (12, 25, 20, 40)[level - 1]), 2 if level < 3 else random.choice((2, 2, 3))
    second, chosen = random.randint(3, (60, 60, 15, 40)[level - 1]), 1 if level < 3 else 2
    work = Work()
    answer = _over(work, size, taken)
    answer = work.multiply(answer, _over(work, second, chosen) if chosen > 1 else second)
    group = f"{taken} of {size} red cards and {chosen} of {second} blue cards"
    return Draft({"group": group}, work, str(answer))


def _over(work: Work, size: int, taken: int) -> int:
    factors = [size - index for index in range(taken)]
    below = {2: 2, 3: 6}[taken]
    work.say(f"({'*'.join(map(str, factors))})/({'*'.join(map(str, range(taken, 0, -1)))})")
    product = factors[0]
    for factor in factors[1:]:
        product = work.multiply(product, factor)
    value = work.quotient(product, below)
    assert value == comb(size, taken)
    return value


SELECTIONS = Family(
    "selections",
    _selections,
    wordings=(
        *asked("the number of ways to choose {group}", "the number of different hands made of {group}"),
        "In how many ways can {group} be chosen?",
        "How many ways are there to pick {group}?",
        "You draw {group}, in any order. How many hands are possible?",
        "{group}: how many selections?",
        "The order does not matter. How many ways are there to take {group}?",
        "How many different selections of {group} are there?",
    ),
    held_out_wordings=asked_held_out(
        "how many groups can be formed from {group}, order aside", "the count of unordered choices of {group}"
    ),
)


def _set_sizes(random: Random, level: int) -> Draft:
    """Two clubs: in at least one, in both, in none, in just one."""
    most = (30, 60, 300, 3000)[level - 1]
    both, only_a, only_b, none = (random.randint(1, most) for _ in range(4))
    a, b, union = both + only_a, both + only_b, both + only_a + only_b
    work = Work()
    kind = random.choice(("either", "both", "just one", "neither")[: level + 1 if level < 4 else 4])
    clubs = f"{a} play chess, {b} play tennis"
    if kind == "either":
        given, wanted = f"{clubs} and {both} play both", "play at least one of the two"
        answer = work.subtract(work.add(a, b), both)
    elif kind == "both":
        given, wanted = f"{clubs} and {union} play at least one of the two", "play both"
        answer = work.subtract(work.add(a, b), union)
    elif kind == "just one":
        given, wanted = f"{clubs} and {both} play both", "play exactly one of the two"
        answer = work.add(work.subtract(a, both), work.subtract(b, both))
    else:
        given, wanted = f"there are {union + none} in all, {clubs} and {both} play both", "play neither"
        answer = work.subtract(union + none, work.subtract(work.add(a, b), both))
    return Draft({"given": given, "wanted": wanted}, work, str(answer))


SET_SIZES = Family(
    "set_sizes",
    _set_sizes,
    wordings=(
        *crossed(
            (
                "In a school {given}.",
                "Of some people we know: {given}.",
                "At a club {given}.",
                "In a village {given}.",
                "A survey says: {given}.",
            ),
            (
                "How many {wanted}?",
                "Find how many {wanted}.",
                "What is the number of those who {wanted}?",
                "Who {wanted}?",
            ),
        ),
        "{given}: how many {wanted}?",
        "If {given}, how many {wanted}?",
    ),
    held_out_wordings=crossed(
        ("Among students {given}.", "I asked my neighbours: {given}."),
        (
            "Tell me how many {wanted}.",
            "Please count those who {wanted}.",
            "What number of them {wanted}?",
            "Calculate how many of them {wanted}.",
            "What is the count of those who {wanted}?",
        ),
    ),
)

FAMILIES = (PRODUCT_RULE, ARRANGEMENTS, SELECTIONS, SET_SIZES)
