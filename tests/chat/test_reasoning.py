import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sambay.chat import ReasoningSplitter, split_reasoning

bits = st.sampled_from(["<think>", "</think>", "<", "</thi", "nk>", "\n", "\n\n", " ", "a", "é"])
replies = st.lists(bits, max_size=12).map("".join)


def streamed(pieces, inside=False):
    splitter = ReasoningSplitter(inside)
    parts = [splitter.feed(piece) for piece in pieces] + [splitter.flush()]
    return tuple("".join(side) for side in zip(*parts, strict=True))


def cut(text, cuts):
    ends = [0, *sorted(end % (len(text) + 1) for end in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@settings(max_examples=300, deadline=None)
@given(replies, st.lists(st.integers(0, 60), max_size=10), st.booleans())
def test_any_chunking_equals_the_whole(text, cuts, inside):
    assert streamed(cut(text, cuts), inside) == split_reasoning(text, inside)


@settings(max_examples=100, deadline=None)
@given(replies, st.booleans())
def test_character_by_character_equals_the_whole(text, inside):
    assert streamed(text, inside) == split_reasoning(text, inside)


@pytest.mark.parametrize(
    ("text", "inside", "reasoning", "answer"),
    [
        ("<think>\n1+1\n</think>\n\nIt is 2.\n", False, "1+1", "It is 2.\n"),
        (" \n<think>a</think>b", False, "a", "b"),
        ("1+1\n</think>\n2", True, "1+1", "2"),
        ("<think>cut of", False, "cut of", ""),
        ("<think>cut </thi", False, "cut </thi", ""),
        ("<think>cut\n\n</th", False, "cut\n\n</th", ""),
        ("cut off\n", True, "cut off", ""),
        ("<think></think>", False, "", ""),
        ("<think>\n\n</think>\n    code", False, "", "    code"),
        ("<think>a\n\nb</think>c", False, "a\n\nb", "c"),
        ("\n no thought", False, "", "\n no thought"),
        ("a </think> b", False, "", "a </think> b"),
        ("The tag <think>x</think>", False, "", "The tag <think>x</think>"),
        ("<think>a</think><think>b</think>", False, "a", "<think>b</think>"),
        ("<thin", False, "", "<thin"),
        ("", False, "", ""),
    ],
)
def test_what_is_reasoning_and_what_is_answer(text, inside, reasoning, answer):
    assert split_reasoning(text, inside) == (reasoning, answer)
    assert streamed(text, inside) == (reasoning, answer)


def test_text_comes_out_as_soon_as_it_is_settled():
    splitter = ReasoningSplitter()
    pieces = ["<think>\n", "so", " far\n", "on</th", "ink>\n", "\nYes", " <"]
    assert [tuple(splitter.feed(piece)) for piece in pieces] == [
        ("", ""),
        ("so", ""),
        (" far", ""),
        ("\non", ""),
        ("", ""),
        ("", "Yes"),
        ("", " <"),
    ]


def test_is_thinking_follows_the_tags():
    splitter = ReasoningSplitter()
    states = []
    for piece in ("", "<think>", "\n", "a", "</think>", "\n", "b"):
        splitter.feed(piece)
        states.append(splitter.is_thinking)
    assert states == [False, True, True, True, False, False, False]
    assert ReasoningSplitter(inside=True).is_thinking


@pytest.mark.parametrize("text", ["<think>\na</think>b", "plain", "\n<think>a</think>\n\n<think>b</think>c", ""])
def test_once_it_answers_it_never_thinks_again(text):
    splitter = ReasoningSplitter()
    reasoning, was_answering = "", False
    for char in text:
        split = splitter.feed(char)
        reasoning += split.reasoning
        assert not (was_answering and (split.reasoning or splitter.is_thinking))
        was_answering = splitter.is_answering
    assert was_answering == bool(text)
    assert reasoning == ("" if text in ("plain", "") else "a")
