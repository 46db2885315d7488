"""Haste changes how a question is spelt, and nothing that it asks."""

from __future__ import annotations

from difflib import SequenceMatcher
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES
from sambay.data.curriculum.problem import Split, draw_problem, slots
from sambay.data.curriculum.typing_slips import RATE, hasty


def test_slots_latex_and_short_words_stay() -> None:
    wording = r"Please compute $\sqrt{{{square}}} \times {other}$ and GIVE the sum of X, {{1, 2}}."
    changed = {hasty(Random(seed), wording) for seed in range(2_000)}
    assert len(changed) > 50
    for text in changed:
        assert slots(text) == {"square", "other"}
        filled = text.format(square=9, other="Tuesday")
        assert r"$\sqrt{9} \times Tuesday$" in filled
        assert "GIVE the sum of X, {1, 2}" in filled


def test_so_many_are_hasty_and_all_are_near_the_wording() -> None:
    wording, random = "What is the largest number that divides both {a} and {b}?", Random(5)
    found = [hasty(random, wording) for _ in range(20_000)]
    changed = [text for text in found if text != wording]
    assert 0.9 * RATE < len(changed) / len(found) <= 1.1 * RATE
    assert min(SequenceMatcher(None, text.lower(), wording.lower()).ratio() for text in changed) > 0.85
    assert {text[0] for text in changed} == {"W", "w"}
    assert any(not text.endswith("?") for text in changed)


@pytest.mark.parametrize("is_wording_held_out", [False, True])
def test_what_is_tested_is_never_misspelt(is_wording_held_out: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(split: Split) -> str:
        options = {"is_wording_held_out": is_wording_held_out} if split is Split.TEST else {}
        return draw_problem(FAMILIES["gcd"], Random(1), 2, split, **options).question

    plain = draw(Split.TEST)
    monkeypatch.setattr("sambay.data.curriculum.problem.hasty", lambda random, wording: "misspelt")
    assert draw(Split.TEST) == plain
    assert "misspelt" in draw(Split.TRAIN)
