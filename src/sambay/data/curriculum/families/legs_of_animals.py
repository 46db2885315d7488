"""How many legs some animals have together: the legs of each kind are known by heart, multiplied and added."""

from __future__ import annotations

from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .answer_lines import NUMBER, perhaps
from .scenery import cast, listed, stories

# The number of legs, and the animals that have as many; the plural is given where it is not just an s.
_KINDS = (
    (0, "snake, sea slug, jellyfish/jellyfish, flatworm, leech/leeches, earthworm, fish/fish, eel, slug, whale, shark"),
    (0, "dolphin, goldfish/goldfish"),
    (
        2,
        "chicken, bird, human, duck, goose/geese, turkey, parrot, penguin, owl, ostrich/ostriches, pigeon, swan, eagle",
    ),
    (4, "dog, cat, cow, horse, lion, elephant, giraffe, tiger, deer/deer, sheep/sheep, rabbit, goat, pig, fox/foxes"),
    (
        4,
        "mouse/mice, wolf/wolves, bear, zebra, camel, donkey, frog, lizard, turtle, crocodile, hamster, cheetah",
    ),
    (5, "starfish/starfish"),
    (6, "insect, ant, butterfly/butterflies, beetle, bee, wasp, grasshopper, cricket, cockroach/cockroaches, moth"),
    (6, "praying mantis/praying mantises, firefly/fireflies, fly/flies, mosquito/mosquitoes, dragonfly/dragonflies"),
    (8, "spider, scorpion, tick, mite"),
    (10, "crab, lobster, shrimp/shrimp, prawn"),
    (14, "woodlouse/woodlice"),
)
LEGS = {name.split("/")[0]: legs for legs, names in _KINDS for name in names.split(", ")}
_PLURALS = {
    name.split("/")[0]: name.split("/")[1] if "/" in name else name + "s"
    for _, names in _KINDS
    for name in names.split(", ")
}
_NAMES = tuple(LEGS)
# Kinds with a number of legs of their own are few, and so are drawn more often than their share.
_RARE = ("starfish", "woodlouse", "crab", "lobster", "shrimp", "spider", "scorpion", "praying mantis", "cricket")
_FEWEST_KINDS, _MOST_KINDS, _MOST_OF_A_KIND = (1, 2, 3, 9), (2, 4, 8, 12), (9, 15, 20, 40)


def _legs_of_animals(random: Random, level: int) -> Draft:
    num_kinds = random.randint(_FEWEST_KINDS[level - 1], _MOST_KINDS[level - 1])
    names: list[str] = []
    while len(names) < num_kinds:
        name = random.choice(_RARE if random.random() < 0.2 else _NAMES)
        if name not in names:
            names.append(name)
    counts = [random.randint(1, _MOST_OF_A_KIND[level - 1]) for _ in names]
    # The same numbers are always written in the same way, so that a problem is on one side of the split only:
    # some people write the plural of every animal with an s, and lists end with or without "and".
    style = sum(counts) + num_kinds
    told = [
        f"{count} {_counted(name, count, is_plain=style % 3 == 0)}" for name, count in zip(names, counts, strict=True)
    ]
    work = NamedWork()
    products = [
        work.called(text).multiply(count, LEGS[name]) for name, count, text in zip(names, counts, told, strict=True)
    ]
    answer = work.add(*products)
    work.say(f"so {answer}")
    animals = listed(told) if style % 2 else ", ".join(told)
    return Draft({"animals": animals}, work, str(answer), cast(random) | {"how": perhaps(random, NUMBER)})


def _counted(name: str, count: int, *, is_plain: bool) -> str:
    if count == 1:
        return name
    return f"{name}s" if is_plain else _PLURALS[name]


LEGS_OF_ANIMALS = Family(
    "legs_of_animals",
    _legs_of_animals,
    stories("""
        Find the number of legs of {animals}.{how}
        {name} looks at {animals}. How many legs does {he} see?{how}
        How many legs do {animals} have?{how}
        Legs in total: {animals}.{how}
        Here are some animals: {animals}. Add up their legs.{how}
        We want to know the number of legs in a group of animals. The group is {animals}. What is the number?{how}
        {animals}: how many legs is that?{how}
        At the {place} there are {animals}. What is the total number of their legs?{how}
        Add the legs of {animals}.{how}
        Please count all legs if there are {animals}.{how}
        What do you get when you count the legs of {animals}?{how}
        Suppose there are {animals}. How many legs are there altogether?{how}
        A {job} keeps {animals}. Work out how many legs they have.{how}
        You are given a list of animals. Count the legs of all of them.
          List: {animals}.{how}
        Each animal has its usual number of legs. With {animals}, how many legs are there?{how}
        {name} draws {animals} with all their legs. How many legs does {he} draw?{how}
        Compute the total legs: {animals}.{how}
        I have {animals}. How many legs do my animals have?{how}
        A picture shows {animals}. Tell me the sum of the legs.{how}
        Legs of {animals}?{how}
        This is a task about the legs of animals. You know how many legs each kind has. Say how many legs {animals} have
          together.{how}
        There are {animals} and no other animals. What is the number of legs?{how}
        If every one of {animals} wore a sock on each leg, how many socks would that be?{how}
        Sum up the legs of these animals: {animals}.{how}
        Determine how many legs belong to {animals}.{how}
        How many legs does a zoo have to care for if it owns {animals}?{how}
        Given {animals}, what is the leg count?{how}
    """),
    stories("""
        The animals are {animals}. Their legs number how many?{how}
        Someone sees {animals} pass by. How many legs pass by?{how}
        Could you add up every leg on {animals}?{how}
        {name}'s animals are {animals}. Say how many legs they stand on, all in all.{how}
        Leg count for {animals}, please.{how}
        Your job: counting legs. Now, {animals} are in a field. How many legs are in it in all?{how}
        When {animals} meet, how many legs come together?{how}
        For {animals} in total, give the number of legs.{how}
        Of {animals}, count the legs only. What do you get?{how}
        A vet examines every leg of {animals}. How many legs does the vet examine?{how}
    """),
)

FAMILIES = (LEGS_OF_ANIMALS,)
