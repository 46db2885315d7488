"""Which conversations are drawn how often: those of a training row, and texts to train a tokenizer on."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from . import FAMILIES, TRAINED_LEVELS, draw_problem
from .conversation import Conversation, Turn
from .dialogues import draw_dialogue
from .settings import CurriculumConfig


def conversations_of_row(config: CurriculumConfig, seed: int, row: int) -> Iterator[Conversation]:
    """The conversations of a row, without end; they depend on the options, the seed and the row alone.

    Families are drawn by their weights, and levels by the row's. The problems within dialogues are of any family.
    """
    random, level_weights = Random(f"{seed} {row}"), config.level_weights_at(row)
    names, weights = list(config.weights), list(config.weights.values())
    while True:
        if random.random() < config.dialogue_fraction:
            yield draw_dialogue(random, config.split, level_weights).turns
        else:
            family = FAMILIES[random.choices(names, weights)[0]]
            problem = draw_problem(family, random, random.choices(TRAINED_LEVELS, level_weights)[0], config.split)
            yield Turn("user", problem.question), Turn("assistant", problem.reply)


def sample_texts(num_conversations: int, seed: int = 0) -> Iterator[str]:
    """The turns of so many conversations as texts."""
    drawn = conversations_of_row(CurriculumConfig(tokenizer=""), seed, row=0)
    for _ in range(num_conversations):
        yield from (turn.text for turn in next(drawn))
