"""Stories of several steps about one number: operations and a question, drawn at random and told in many ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories
from .story_operations import LEAST_OF_ALL, MOST_OF_ALL, OPERATIONS, Numbers, ask, spelt
from .story_sentences import Forms
from .story_settings import SETTINGS

Setting = Mapping[str, Forms]
Happening = tuple[str, Numbers]

_QUESTIONS = ("now", "now", "now", "change", "worth", "packs", "rest", "needed")
_CONNECTORS = ("", "", "", "then ", "after that, ", "later, ", "next, ", "now ")
_MOST_AT_START = {1: 30, 2: 90, 3: 300, 4: 900}
# Wordings are frames: the sentences themselves are drawn. A frame's held-out twin uses the held-out sentences.
_FRAMES = """
    {before}{start}{after} {told} {asked}
    {before}{start}{after} {told} {asked} Give a number.
    {before}{start}{after} {told} {asked} Think step by step.
    Here is a story: {before}{start}{after} {told} {asked}
    Solve this problem. {before}{start}{after} {told} {asked}
    Please solve: {before}{start}{after} {told} {asked}
    Read carefully. {before}{start}{after} {told} {asked}
    Problem: {before}{start}{after} {told} Question: {asked}
    {before}{start}{after} {told} So {asked_small}
    {before}{start}{after} {told} My question: {asked_small}
    {before}{start}{after} {told} Can you tell me: {asked_small}
    A word problem. {before}{start}{after} {told} {asked}
    Q: {before}{start}{after} {told} {asked}
    Let us count: {before}{start}{after} {told} {asked}
    {before}{start}{after} {told} Find the answer: {asked}
    Work this out: {before}{start}{after} {told} {asked}
    {before}{start}{after} {told} {asked} Show your steps.
    Help me with this. {before}{start}{after} {told} {asked}
    Exercise. {before}{start}{after} {told} {asked}
    Listen: {before}{start}{after} {told} And now: {asked}
"""
_OTHER_FRAMES = """
    {other_before}{start}{other_after} {other_told} {other_asked}
    A short tale: {other_before}{start}{other_after} {other_told} {other_asked}
    {other_before}{start}{other_after} {other_told} Answer this: {other_asked}
    Homework: {other_before}{start}{other_after} {other_told} {other_asked}
    {other_before}{start}{other_after} {other_told} I wonder: {other_asked_small}
    Imagine this. {other_before}{start}{other_after} {other_told} {other_asked}
    {other_before}{start}{other_after} {other_told} {other_asked} Write down each step.
    This happened: {other_before}{start}{other_after} {other_told} {other_asked}
    {other_before}{start}{other_after} {other_told} What do you think: {other_asked_small}
    Try this one. {other_before}{start}{other_after} {other_told} {other_asked}
"""


def happen(
    random: Random, setting: Setting, kinds: Sequence[str], start: int, level: int, count: int
) -> tuple[list[Happening], int, NamedWork]:
    """So many operations in a row that keep the number within the level's bounds, what it becomes, and the work."""
    happenings: list[Happening] = []
    number, work = start, NamedWork()
    while len(happenings) < count:
        kind = random.choice(kinds)
        is_repeated = bool(happenings) and happenings[-1][0] == kind and kind not in ("gain", "lose")
        numbers = None if is_repeated or kind not in setting else OPERATIONS[kind].draw(random, number, level)
        if numbers is None:
            continue
        step = NamedWork()
        changed = OPERATIONS[kind].apply(step, number, numbers)
        if LEAST_OF_ALL <= changed <= MOST_OF_ALL[level]:
            happenings.append((kind, numbers))
            number = changed
            work.lines += step.lines
    return happenings, number, work


def tell(random: Random, setting: Setting, happenings: Sequence[Happening], asked: Happening) -> dict[str, str]:
    """The slots of the frames: the opening around {start}, what is told, what is asked; each with its held-out twin."""
    slots = cast(random, num_people=2, num_things=2)
    told = {"": "", "other_": ""}
    for kind, numbers in happenings:
        connector, spelt_numbers = random.choice(_CONNECTORS) if kind != "aside" else "", spelt(random, numbers)
        for prefix, sentences in zip(told, setting[kind], strict=True):
            sentence = connector + random.choice(sentences).format_map(slots | spelt_numbers)
            told[prefix] += (" " if told[prefix] else "") + capitalised(sentence)
    frame = dict(slots)
    asked_numbers = {name: str(value) for name, value in asked[1].items()}
    for prefix, openings, questions in zip(told, setting["opening"], setting[asked[0]], strict=True):
        opening = capitalised(random.choice(openings).format_map(slots | {"start": "|"}))
        frame[f"{prefix}before"], frame[f"{prefix}after"] = opening.split("|")
        frame[f"{prefix}told"] = told[prefix]
        frame[f"{prefix}asked_small"] = random.choice(questions).format_map(slots | asked_numbers)
        frame[f"{prefix}asked"] = capitalised(frame[f"{prefix}asked_small"])
    return frame


def capitalised(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def draw_story(random: Random, level: int, kinds: Sequence[str], questions: Sequence[str], count: int) -> Draft:
    """A story of `count` operations of these kinds, with one of these questions."""
    setting = random.choice(SETTINGS)
    start = random.randint(LEAST_OF_ALL, _MOST_AT_START[level])
    happenings, number, work = happen(random, setting, kinds, start, level, count)
    question = random.choice([kind for kind in questions if kind in setting])
    answer, numbers = ask(random, question, work, start, number, level)
    values = {"start": start, "operations": happenings, "question": (question, numbers)}
    return Draft(values, work, str(answer), tell(random, setting, happenings, (question, numbers)))


_KINDS = (*OPERATIONS, "gain", "lose", "lose", "groups_in", "groups_out", "daily_out", "lose_part")
_TRUE_KINDS = tuple(kind for kind in _KINDS if kind != "aside")


def _multi_step_story(random: Random, level: int) -> Draft:
    kinds = _KINDS if level > 2 else _TRUE_KINDS
    count = random.choice({1: (2, 3), 2: (3, 4), 3: (4, 5), 4: (6,)}[level])
    return draw_story(random, level, kinds, _QUESTIONS, count)


def _two_step_story(random: Random, level: int) -> Draft:
    return draw_story(random, level, _TRUE_KINDS, _QUESTIONS, 2)


def _gain_and_loss(random: Random, level: int) -> Draft:
    return draw_story(random, level, ("gain", "lose", "lose"), ("now",), 2 * level)


MULTI_STEP_STORY = Family("multi_step_story", _multi_step_story, stories(_FRAMES), stories(_OTHER_FRAMES))
TWO_STEP_STORY = Family("two_step_story", _two_step_story, stories(_FRAMES), stories(_OTHER_FRAMES))
GAIN_AND_LOSS = Family("gain_and_loss", _gain_and_loss, stories(_FRAMES), stories(_OTHER_FRAMES))

FAMILIES = (MULTI_STEP_STORY, TWO_STEP_STORY, GAIN_AND_LOSS)
