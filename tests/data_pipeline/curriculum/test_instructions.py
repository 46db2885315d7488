"""Instructions beside questions: how often, which, where, and that nothing else changes."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, Problem, Split, draw_problem, instructions
from sambay.data.curriculum.instructions import HELD_OUT_INSTRUCTIONS, INSTRUCTIONS, RATE, instructed, kind_of


def drawn(
    split: Split = Split.TRAIN, *, count: int = 30, is_wording_held_out: bool = False, level: int = 1
) -> list[Problem]:
    """So many of every family; the same ones whatever the rate."""
    return [
        draw_problem(family, Random(f"{name} {index}"), level, split, is_wording_held_out=is_wording_held_out)
        for name, family in FAMILIES.items()
        for index in range(count)
    ]


def plainly(monkeypatch: pytest.MonkeyPatch, split: Split = Split.TRAIN, **options) -> list[Problem]:
    with monkeypatch.context() as patched:
        patched.setattr(instructions, "RATE", 0.0)
        return drawn(split, **options)


def added(problem: Problem, plain: Problem) -> str:
    """What stands beside the question's own text, which is whole."""
    assert plain.question in problem.question, problem
    before, _, behind = problem.question.partition(plain.question)
    assert not (before and behind), problem
    return (before + behind).strip()


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a_part_of_the_questions_has_one_and_nothing_else_changes(
    monkeypatch: pytest.MonkeyPatch, is_held_out: bool
) -> None:
    split = Split.TEST if is_held_out else Split.TRAIN
    options = {"is_wording_held_out": is_held_out, "count": 10 if is_held_out else 40}
    found, plain = drawn(split, **options), plainly(monkeypatch, split, **options)
    pairs = list(zip(found, plain, strict=True))
    texts = [added(*pair) for pair in pairs]
    assert {text for text in texts if text} <= set(HELD_OUT_INSTRUCTIONS if is_held_out else INSTRUCTIONS)
    assert RATE - 0.03 < sum(map(bool, texts)) / len(texts) < RATE + 0.03
    assert [problem.reply for problem in found] == [problem.reply for problem in plain]
    places = {problem.question.startswith(text) for (problem, _), text in zip(pairs, texts, strict=True) if text}
    assert places == {True, False}
    assert found == drawn(split, **options)


def test_test_problems_in_trained_wordings_are_asked_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(Split.TEST, count=5) == plainly(monkeypatch, Split.TEST, count=5)
    assert drawn(Split.TEST, count=5, level=4) == plainly(monkeypatch, Split.TEST, count=5, level=4)


def test_they_are_many_and_those_held_out_are_other_ones() -> None:
    assert len(set(INSTRUCTIONS)) == len(INSTRUCTIONS) >= 60
    assert len(set(HELD_OUT_INSTRUCTIONS)) == len(HELD_OUT_INSTRUCTIONS) >= 12
    plain = [{text.lower().strip(".:!") for text in texts} for texts in (INSTRUCTIONS, HELD_OUT_INSTRUCTIONS)]
    assert not plain[0] & plain[1]
    assert all(text == text.strip() and text.isascii() for text in (*INSTRUCTIONS, *HELD_OUT_INSTRUCTIONS))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("12", "integer"), ("-7", "integer"), ("6.15", "decimal"), ("-0.5", "decimal"), ("3/4", "fraction"),
        (r"\frac{3}{4}", "fraction"), (r"-\dfrac{1}{12}", "fraction"), ("yes", "yes or no"), ("no", "yes or no"),
        ("Tuesday", "word"), ("14:35", "time"), ("ca", None), ("XIV", None), ("0x5b", None), ("2 × 3", None),
        ("7 + 6i", None), ("1:08 pm", None),
    ],
)  # fmt: skip
def test_the_kind_is_that_of_the_answer_s_shape(answer: str, kind: str | None) -> None:
    assert kind_of(answer) == kind
    for is_held_out in (False, True):
        kinds = instructions._HELD_OUT_BY_KIND if is_held_out else instructions._BY_KIND
        allowed = {*(instructions._HELD_OUT_ANY if is_held_out else instructions._ANY), *kinds.get(kind or "", ())}
        random = Random(answer)
        seen = {instructed(random, "@", answer, is_held_out=is_held_out).replace("@", "").strip() for _ in range(9000)}
        assert seen - {""} == allowed


def test_none_is_the_gym_s() -> None:
    gym = pytest.importorskip("reasoning_gym")
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(gym.__file__).parent.rglob("*.py")).lower()
    for text in (*INSTRUCTIONS, *HELD_OUT_INSTRUCTIONS):
        if len(text.split()) > 3:
            assert text.lower() not in source, text


@pytest.mark.slow
def test_they_cost_little_of_a_draw() -> None:
    """Of this process's time, the fastest of three."""
    families, answers = list(FAMILIES.values()), ["12", "3/4", "Tuesday"]

    def seconds(is_draw: bool) -> float:
        random, start = Random(0), time.process_time()
        for index in range(20_000):
            if is_draw:
                draw_problem(families[index % len(families)], random, 1 + index % 3)
            else:
                instructed(random, "What is 2 + 2?", answers[index % 3], is_held_out=False)
        return time.process_time() - start

    draws, instructing = (min(seconds(is_draw) for _ in range(3)) for is_draw in (True, False))
    assert instructing < 0.03 * draws, (instructing, draws)
