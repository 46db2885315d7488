"""Scenery: the names, things and places of stories, so many that none tells anything about the answer."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_WORDS_OF_SHE = """
    Ada Aisha Alice Amara Amy Ana Anita Beth Bella Carla Carmen Clara Dana Daisy Diana Elena Elif Ella Emma Erin Eva
    Fatima Fiona Freya Gina Grace Hana Hannah Helen Holly Ines Irene Iris Ivy Jana Jane Jasmine Joan Julia June Kate
    Keiko Kim Lara Laura Leila Lena Lily Linda Lisa Lucy Luna Mai Maria Maya Mei Mia Mila Mona Nadia Naomi Nina Nora
    Olga Olivia Paula Petra Pia Priya Rachel Rita Rosa Ruby Ruth Sara Selma Sofia Sonia Stella Susan Tara Tina Uma
    Vera Wendy Yara Yuki Zara Zoe
"""
_WORDS_OF_HE = """
    Aaron Adam Ahmed Alan Ali Amir Anton Ben Bruno Carlos Chen Colin Dan Daniel David Diego Dmitri Emil Enzo Eric
    Ethan Felix Finn Frank Fred George Hamid Hans Harry Hassan Henry Hugo Ian Igor Ivan Jack Jakob James Jin Joel John
    Jorge Juan Kai Karl Kofi Lars Leo Liam Louis Luca Lukas Malik Marco Mark Martin Max Milo Mohan Nico Nils Noah
    Oliver Omar Oscar Otto Pablo Paul Pedro Peter Ravi Ray Rico Robert Ruben Sam Samir Sergio Simon Sven Tariq Theo
    Thomas Tim Toby Tom Umar Victor Walter Will Yusuf Zack
"""
# Things that can be counted, bought, shared and packed; the plural is given where it is not just an s.
_WORDS_OF_THINGS = """
    acorn apple badge bagel ball balloon banana bead bean bell biscuit blanket bolt book bottle bow bowl brick brush
    bucket bun button cake candle cap card carrot chair chestnut coat coconut comb cookie cork crayon cup cushion doll
    doughnut egg envelope eraser feather fig flag flower fork frame glass/glasses glove gem hammer hat hook jar jug
    kite ladder lamp leaf/leaves lemon lime lollipop magnet map marble marker mask mat medal melon mirror muffin mug
    nail napkin needle notebook nut olive onion orange paddle pancake peach/peaches pear pebble pen pencil pepper
    picture pillow pin plank plant plate plum postcard poster pot potato/potatoes pumpkin puzzle radish/radishes
    ribbon ring rock rope rose ruler sandwich/sandwiches scarf/scarves seed shell shirt sock spoon stamp sticker stone
    stool straw tart tile tomato/tomatoes towel toy tulip turnip vase walnut watch/watches whistle
"""
_WORDS_OF_PLACES = """
    village town city harbour valley island school library museum park castle farm station theatre zoo garden hotel
    college
"""
_WORDS_OF_JOBS = """
    baker farmer teacher gardener tailor painter carpenter librarian trader shopkeeper fisherman potter cook florist
    clerk jeweller collector builder waiter grocer
"""
_SHE, _HE = tuple(_WORDS_OF_SHE.split()), tuple(_WORDS_OF_HE.split())
_IS_SHE = frozenset(_SHE)
NAMES = (*_SHE, *_HE)
THINGS = tuple(
    (thing.split("/")[0], thing.split("/")[1] if "/" in thing else thing + "s") for thing in _WORDS_OF_THINGS.split()
)
PLACES, JOBS = tuple(_WORDS_OF_PLACES.split()), tuple(_WORDS_OF_JOBS.split())
SHOPS = (
    *("shop", "market", "store", "corner shop", "supermarket", "kiosk", "bazaar", "market stall", "flea market"),
    *("department store", "gift shop", "big shop"),
)
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def stories(text: str) -> tuple[str, ...]:
    """The wordings of a block of text: one a line; a line that is set further in goes on with the story before it."""
    wordings: list[str] = []
    lines = [line for line in text.splitlines() if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines)
    for line in lines:
        if line[margin] == " ":
            wordings[-1] += " " + line.strip()
        else:
            wordings.append(line.strip())
    return tuple(wordings)


def person(name: str, number: int | str = "") -> dict[str, str]:
    """The slots of a person: {name}, {he}, {his}, {him}, {He}, {His}, each with the number behind it."""
    he, his, him = ("she", "her", "her") if name in _IS_SHE else ("he", "his", "him")
    return {
        f"name{number}": name,
        f"he{number}": he,
        f"his{number}": his,
        f"him{number}": him,
        f"He{number}": he.capitalize(),
        f"His{number}": his.capitalize(),
    }


def people(random: Random, count: int) -> list[str]:
    """Different names; the second person is of the other sex than the first, so that he and she are not mixed up."""
    halves = [_SHE, _HE] if random.random() < 0.5 else [_HE, _SHE]
    names = [random.choice(half) for half in halves[:count]]
    while len(names) < count:
        name = random.choice(NAMES)
        if name not in names:
            names.append(name)
    return names


def cast(random: Random, num_people: int = 1, num_things: int = 1) -> dict[str, str]:
    """Slots of different people ({name}, {name2}, ...) and different things ({thing}, {things}, {thing2}, ...).

    Besides: {a_thing}, {A_thing}, {place}, {shop} and {job}.
    """
    slots: dict[str, str] = {
        "place": random.choice(PLACES),
        "shop": random.choice(SHOPS),
        "job": random.choice(JOBS),
    }
    for index, name in enumerate(people(random, num_people)):
        slots |= person(name, index + 1 if index else "")
    for index, (one, many) in enumerate(different(random, THINGS, num_things)):
        number = str(index + 1) if index else ""
        article = "an" if one[0] in "aeiou" else "a"
        slots[f"thing{number}"], slots[f"things{number}"] = one, many
        slots[f"a_thing{number}"], slots[f"A_thing{number}"] = f"{article} {one}", f"{article.capitalize()} {one}"
    return slots


def different(random: Random, choices: Sequence, count: int) -> list:
    """So many different ones; faster than `sample` for the few that a story needs."""
    chosen: list = []
    while len(chosen) < count:
        one = random.choice(choices)
        if one not in chosen:
            chosen.append(one)
    return chosen


def listed(parts: Sequence[str]) -> str:
    """Parts as a sentence lists them: a, b and c."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
