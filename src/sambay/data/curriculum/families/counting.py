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


class Retold(str):
    """A value that a wording can also have told in other ways: `{choices:goods}`."""

    def __new__(cls, text: str, **ways: object) -> Retold:
        told = super().__new__(cls, text)
        told.ways = {way: str(other) for way, other in ways.items()}
        return told

    ways: dict[str, str]

    def __format__(self, way: str) -> str:
        return self.ways[way] if way else str(self)


# The same choices among other things.
_GOODS = (
    "novels poems comics atlases diaries magazines",
    "red cards blue cards green cards white cards black cards gold cards",
    "girls boys teachers coaches parents guests",
    "roses tulips lilies daisies irises poppies",
    "breads cheeses sauces salads fruits teas",
    "violinists pianists singers drummers flautists dancers",
    "helmets swords shields boots cloaks rings",
    "engines wings cockpits radios wheels seats",
    "letters digits signs colours accents stamps",
    "pens rulers folders erasers pencils notebooks",
    "phones cases chargers covers cables stands",
    "tables chairs lamps rugs curtains clocks",
    "bands halls dates posters drinks tickets",
    "doors windows roofs floors walls stairs",
    "mountains lakes towns castles museums beaches",
    "cones scoops toppings spoons cups wafers",
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
    goods = random.choice(_GOODS)
    others = goods.replace(" cards", "_cards").split()[:count]
    shown = _counted(numbers, [kind.replace("_", " ") for kind in others])
    return Draft({"choices": Retold(_counted(numbers, kinds), goods=shown)}, work, str(answer))


def _counted(numbers: list[int], kinds: list[str]) -> str:
    """3 shirts, 4 hats and 2 coats."""
    parts = [f"{number} {kind}" for number, kind in zip(numbers, kinds, strict=True)]
    return ", ".join(parts[:-1]) + f" and {parts[-1]}"


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
        "{choices:goods}, one of each: how many combinations?",
        "With {choices}, how many different sets of one each are possible?",
    ),
    held_out_wordings=asked_held_out(
        "the number of possible choices if one of each is to be picked from {choices}",
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
    prizes, number = random.choice(_PRIZES).split("|")[taken - 2], ("two", "three")[taken - 2]
    values = {"posts": Retold(posts, prizes=prizes, number=number), "group": Retold(group, size=size, others=others)}
    return Draft(values, work, str(answer))


# Different things for two people and for three.
_PRIZES = (
    "gold and silver|gold, silver and bronze",
    "the first and the second prize|the first, the second and the third prize",
    "a trumpet and a drum|a trumpet, a drum and a flute",
    "the blue and the red flag|the blue, the red and the green flag",
    "the front and the back seat|the front, the middle and the back seat",
    "the main part and the small part|the main part, the small part and the silent part",
    "a book and a pen|a book, a pen and a cap",
    "the morning and the evening watch|the morning, the evening and the night watch",
)


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
        "{posts:number} of {group:size} get {posts:prizes}; one of {group:others} tents is chosen. How many ways?",
    ),
    held_out_wordings=asked_held_out(
        "the number of ways in which a club can elect {posts} from {group}",
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
    retold = Retold(group, taken=taken, size=size, chosen=chosen, second=second)
    return Draft({"group": retold}, work, str(answer))


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
        "How many teams of {group:taken} of {group:size} girls and {group:chosen} of {group:second} boys are there?",
        "The order does not matter. How many ways are there to take {group}?",
        "How many different selections of {group} are there?",
    ),
    held_out_wordings=asked_held_out(
        "the number of groups that consist of {group}, order aside", "the count of unordered choices of {group}"
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
    verb, one, two = random.choice(_HABITS).split("|")
    told, asked_for = (
        text.replace("play chess", f"{verb} {one}").replace("play tennis", f"{verb} {two}").replace("play", verb)
        for text in (given, wanted)
    )
    values = {"given": Retold(given, other=told), "wanted": Retold(wanted, other=asked_for)}
    return Draft(values, work, str(answer))


# What people do beside playing chess and tennis.
_HABITS = (
    "speak|French|Spanish",
    "own|a cat|a dog",
    "like|tea|coffee",
    "read|novels|comics",
    "study|physics|music",
    "visit|the zoo|the museum",
    "eat|fish|meat",
    "grow|roses|tulips",
    "use|the bus|the train",
    "learn|dancing|swimming",
    "watch|films|plays",
    "collect|stamps|coins",
    "wear|a hat|a scarf",
    "order|soup|salad",
    "ride|a bicycle|a horse",
)


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
        "Among some people {given:other}. How many {wanted:other}?",
        "If {given}, how many {wanted}?",
    ),
    held_out_wordings=crossed(
        ("About the students of a school: {given}.", "I asked my neighbours: {given}."),
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
