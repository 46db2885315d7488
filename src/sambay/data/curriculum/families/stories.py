"""Stories of several steps about one number: operations and a question, drawn at random and told in many ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from ..named_work import NamedWork
from ..problem import Draft, Family
from .scenery import cast, stories
from .story_frames import FRAMES, around
from .story_operations import LEAST_OF_ALL, MOST_OF_ALL, OPERATIONS, ask, spelt
from .story_sentences import Forms
from .story_settings import SETTINGS
from .story_telling import Happening, capitalised, in_voices, tell

Setting = Mapping[str, Forms]

_QUESTIONS = ("now", "now", "now", "change", "worth", "packs", "rest", "needed")
_CONNECTORS = ("", "", "", "then ", "after that, ", "later, ", "next, ", "now ")
# The collection is the largest setting, so it comes more often: each with its trained sentences in all voices.
_SETTINGS = tuple((setting, in_voices(setting)) for setting in SETTINGS)
_MOST_AT_START = {1: 30, 2: 90, 3: 300, 4: 900}
# Wordings are frames: the sentences themselves are drawn, and frames that are held out have sentences of their own.
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


def tell_held_out(
    random: Random, setting: Setting, slots: Mapping[str, str], happenings: Sequence[Happening], asked: Happening
) -> dict[str, str]:
    """The slots of the frames that are held out: the opening around {start}, what is told, what is asked."""
    told: list[str] = []
    for kind, numbers in happenings:
        connector = random.choice(_CONNECTORS) if kind != "aside" else ""
        sentence = random.choice(setting[kind].held_out).format_map({**slots, **spelt(random, numbers)})
        told.append(capitalised(connector + sentence))
    asked_numbers = {name: str(value) for name, value in asked[1].items()}
    question = random.choice(setting[asked[0]].held_out).format_map({**slots, **asked_numbers})
    opening = capitalised(random.choice(setting["opening"].held_out).format_map({**slots, "start": "|"}))
    before, after = opening.split("|")
    return {
        "other_before": before,
        "other_after": after,
        "other_told": " ".join(told),
        "other_asked_small": question,
        "other_asked": capitalised(question),
    }


def draw_story(random: Random, level: int, kinds: Sequence[str], questions: Sequence[str], count: int) -> Draft:
    """A story of `count` operations of these kinds, with one of these questions."""
    setting, voices = random.choice(_SETTINGS)
    start = random.randint(LEAST_OF_ALL, _MOST_AT_START[level])
    happenings, number, work = happen(random, setting, kinds, start, level, count)
    question = random.choice([kind for kind in questions if kind in setting])
    answer, numbers = ask(random, question, work, start, number, level)
    values = {"start": start, "operations": happenings, "question": (question, numbers)}
    slots = cast(random, num_people=2, num_things=2)
    told = tell(random, voices, slots, [*happenings, (question, numbers)])
    other = tell_held_out(random, setting, slots, happenings, (question, numbers))
    return Draft(values, work, str(answer), slots | told | around(random, told["asked_small"]) | other)


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


MULTI_STEP_STORY = Family("multi_step_story", _multi_step_story, FRAMES, stories(_OTHER_FRAMES))
TWO_STEP_STORY = Family("two_step_story", _two_step_story, FRAMES, stories(_OTHER_FRAMES))
GAIN_AND_LOSS = Family("gain_and_loss", _gain_and_loss, FRAMES, stories(_OTHER_FRAMES))

FAMILIES = (MULTI_STEP_STORY, TWO_STEP_STORY, GAIN_AND_LOSS)
