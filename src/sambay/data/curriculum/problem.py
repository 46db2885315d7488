"""A problem: what a family draws, one of its wordings, the worked solution, and its side of the split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from random import Random
from string import Formatter
from typing import Any

from .instructions import instructed
from .typing_slips import hasty
from .working import Work

TRAINED_LEVELS = (1, 2, 3)
HARDER_LEVEL = 4  # never trained: how far what was learnt carries
NUM_HELD_OUT_WORDINGS = 10
# One problem in so many is a test problem and never trained, whatever its wording.
TEST_FRACTION = 32
_MAX_DRAWS = 10_000


class Split(str, Enum):
    """The side of a problem, fixed by a hash of its family and values: no seed can move one across."""

    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True)
class Draft:
    """The mathematics of one problem, before it is worded.

    values: what makes it this problem and no other; fills the slots of the wordings, and decides the side of the split.
    scenery: slots that change nothing, such as names and things.
    work: the solution; its last line states the answer.
    answer: what stands in the box, as math-verify reads it: 42, -7, 3/4, 6.15, Tuesday, 14:35.
    closing: the sentence after the thought; `{answer}` becomes the box.
    """

    values: Mapping[str, Any]
    work: Work
    answer: str
    scenery: Mapping[str, str] = field(default_factory=dict)
    closing: str = "The answer is {answer}."


@dataclass(frozen=True)
class Family:
    """Problems of one kind: how they are drawn at a level, and how they are worded.

    draw(random, level): levels 1 to 3 are trained, 4 is one step harder; a draw costs well under a millisecond.
    wordings: templates of the question with slots of the draft's values and scenery.
    held_out_wordings: ten more that differ in words and order, never trained.
    """

    name: str
    draw: Callable[[Random, int], Draft]
    wordings: tuple[str, ...]
    held_out_wordings: tuple[str, ...]

    def __post_init__(self) -> None:
        assert len(self.held_out_wordings) == NUM_HELD_OUT_WORDINGS, f"{self.name}: ten wordings are held out"
        assert len({*self.wordings, *self.held_out_wordings}) == len(self.wordings) + NUM_HELD_OUT_WORDINGS, self.name


@dataclass(frozen=True)
class Problem:
    """One question with its thought and its answer."""

    family: str
    level: int
    question: str
    steps: tuple[str, ...]
    answer: str
    closing: str

    @property
    def reply(self) -> str:
        """The assistant's message: the thought, then the closing sentence with the answer in its box."""
        thought = "\n".join(self.steps)
        return f"<think>\n{thought}\n</think>\n\n{self.closing}"


def draw_problem(
    family: Family, random: Random, level: int, split: Split = Split.TRAIN, *, is_wording_held_out: bool = False
) -> Problem:
    """One problem of a family; the same state of `random` gives the same problem.

    Some questions for training are misspelt (`typing_slips.py`), and some have an instruction beside them
    (`instructions.py`), as have some in held-out wordings, of the held-out ones; a test problem in a trained wording
    is asked plainly.
    Raises ValueError for a level other than 1 to 4, and for training on level 4 or on held-out wordings.
    """
    if level not in (*TRAINED_LEVELS, HARDER_LEVEL):
        raise ValueError(f"level={level}: allowed are 1 to {HARDER_LEVEL}")
    if split is Split.TRAIN and (level == HARDER_LEVEL or is_wording_held_out):
        raise ValueError(f"level {HARDER_LEVEL} and held-out wordings are for tests: allowed is split='test'")
    draft = _draw_of_split(family, random, level, split)
    wording = random.choice(family.held_out_wordings if is_wording_held_out else family.wordings)
    if split is Split.TRAIN:
        wording = hasty(random, wording)
    closing = draft.closing.replace("{answer}", f"\\boxed{{{draft.answer}}}")
    question = wording.format(**draft.values, **draft.scenery)
    if split is Split.TRAIN or is_wording_held_out:
        question = instructed(random, question, draft.answer, is_held_out=is_wording_held_out)
    return Problem(family.name, level, question, tuple(draft.work.lines), draft.answer, closing)


def _draw_of_split(family: Family, random: Random, level: int, split: Split) -> Draft:
    for _ in range(_MAX_DRAWS):
        draft = family.draw(random, level)
        if split_of(family.name, draft.values) is split:
            return draft
    raise RuntimeError(f"{family.name}: no {split.value} problem of level {level} in {_MAX_DRAWS} draws")


def split_of(family: str, values: Mapping[str, Any]) -> Split:
    """The side of the split of a problem with these values, the same on every machine and for every seed."""
    key = "|".join([family, *(f"{name}={values[name]}" for name in sorted(values))])
    number = int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "little")
    return Split.TEST if number % TEST_FRACTION == 0 else Split.TRAIN


def slots(wording: str) -> set[str]:
    """The names of a wording's slots."""
    return {name for _, name, _, _ in Formatter().parse(wording) if name}
