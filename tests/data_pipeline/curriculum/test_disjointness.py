"""No question of a test is asked in training: texts compared, whatever the families take for their values."""

from __future__ import annotations

import os
import re
import time
from functools import cache
from pathlib import Path
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, HARDER_LEVEL, TRAINED_LEVELS, Split, draw_problem
from sambay.data.curriculum.conversation import ConversationEncoder
from sambay.data.curriculum.rows import CurriculumRows, read_tokenizer
from sambay.data.curriculum.sampling import conversations_of_row
from sambay.data.curriculum.settings import CurriculumConfig

NUM_TEST_PROBLEMS = 120


def normalised(question: str) -> str:
    """Lower case, without spaces and punctuation that mean nothing: signs of arithmetic and brackets do."""
    return " ".join(re.sub(r"\.(?!\d)|[^\w.+\-*/^=()×÷√%<>:²³]", " ", question.lower()).split())


def test_the_same_question_otherwise_typed_is_found() -> None:
    assert normalised("What  is (12 - 1) × 6?") == normalised("what is (12 - 1) × 6.")
    assert normalised("(12 - 1) × 6") != normalised("12 - 1 × 6")
    assert normalised("1.5") != normalised("1 5")


@cache
def trained_questions() -> frozenset[str]:
    """What users ask in 30,000 training conversations, dialogues included."""
    drawn = conversations_of_row(CurriculumConfig(tokenizer=""), 11, 0)
    conversations = [next(drawn) for _ in range(30_000)]
    return frozenset(normalised(turn.text) for turns in conversations for turn in turns if turn.role == "user")


def held_out_questions(family: str) -> set[str]:
    randoms = [Random(f"disjoint {family} {index}") for index in range(NUM_TEST_PROBLEMS)]
    levels = (*TRAINED_LEVELS, HARDER_LEVEL)
    return {
        normalised(draw_problem(FAMILIES[family], random, levels[index % 4], Split.TEST).question)
        for index, random in enumerate(randoms)
    }


def test_no_test_question_is_asked_in_training() -> None:
    trained = trained_questions()
    assert len(trained) > 20_000
    assert {name: held_out_questions(name) & trained for name in FAMILIES} == {name: set() for name in FAMILIES}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("family", FAMILIES)
def test_no_test_question_of_a_family_is_in_many_of_its_training_draws(family: str) -> None:
    tests, random = held_out_questions(family), Random(f"many {family}")
    for _ in range(10_000):
        for level in TRAINED_LEVELS:
            assert normalised(draw_problem(FAMILIES[family], random, level).question) not in tests


@pytest.mark.slow
def test_a_core_draws_and_tokenises_a_thousand_problems_a_second(
    tokenizer_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Times of this process, so that others on the machine count little. Of rows, packing is part of it."""
    monkeypatch.setitem(os.environ, "TOKENIZERS_PARALLELISM", "false")
    config = CurriculumConfig(str(tokenizer_folder))
    encode, drawn = ConversationEncoder(read_tokenizer(config.tokenizer)), conversations_of_row(config, 0, 0)
    start = time.process_time()
    for _ in range(5_000):
        encode(next(drawn))
    assert 5_000 / (time.process_time() - start) > 1_000
    rows, start = CurriculumRows(config, 2048), time.process_time()
    rows.rows(0, 200)
    assert 200 * 2048 / (time.process_time() - start) > 150_000
