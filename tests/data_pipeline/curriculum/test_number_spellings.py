"""Numbers in several notations, against Python's own reading of them."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from sambay.data.curriculum.families.number_spellings import EXTREME_SPELLING, plain
from sambay.data.curriculum.problem import Draft


def drafts(level: int, count: int = 300) -> list[Draft]:
    return [EXTREME_SPELLING.draw(Random(f"{level} {index}"), level) for index in range(count)]


def numbers(draft: Draft) -> list[Decimal]:
    return [Decimal(text.replace(",", "")) for text in draft.values["spaced"].split(" ")]


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_answers_and_every_comparison_by_an_independent_route(level: int) -> None:
    for draft in drafts(level):
        found = numbers(draft)
        assert len(set(found)) == len(found)
        pick = {"largest": max, "smallest": min}[draft.values["wanted"]]
        assert Decimal(draft.answer) == pick(found)
        assert not set(draft.answer) - set("0123456789.")
        first, *rest, last = draft.work.lines
        assert Decimal(first) == found[0]
        assert last == f"so {draft.answer}"
        for index, line in enumerate(rest, start=1):
            sign = "<" if "<" in line else ">"
            a, b = (Decimal(side) for side in line.split(sign))
            assert (a, b) == (found[index], pick(found[:index]))
            assert (a < b) is (sign == "<")


@pytest.mark.parametrize("level", [1, 2, 3, 4])
def test_lists_in_scenery_are_the_same_numbers(level: int) -> None:
    for draft in drafts(level, 50):
        texts = draft.values["spaced"].split(" ")
        assert draft.scenery["listed"].split(", ") == texts
        assert draft.scenery["parted"].split("; ") == texts
        assert draft.scenery["lines"].strip().split("\n") == texts


def test_every_notation_occurs_and_many_numbers_at_level_3() -> None:
    texts = [text for draft in drafts(3) for text in draft.values["spaced"].split(" ")]
    assert any(text.endswith("e+04") for text in texts)
    assert any("," in text for text in texts)
    assert any(text.endswith("000") and "e" not in text for text in texts)
    assert any("00000000" in plain(text) for text in texts)
    assert max(len(draft.work.lines) for draft in drafts(3)) > 24


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("7.603748600000000e+04", "76037.486"), ("76,032.664", "76032.664"), ("10066.894000", "10066.894"),
     ("2e3", "2000"), ("1.5E3", "1500"), ("12,000.0", "12000"), ("1.00000000000001e+4", "10000.0000000001")],
)  # fmt: skip
def test_the_plain_form(text: str, wanted: str) -> None:
    assert plain(text) == wanted
