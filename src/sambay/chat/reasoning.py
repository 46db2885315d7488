"""Reasoning apart from the answer: `<think>…</think>` at the start of a reply, also streamed.

    text      = whitespace <think> "\n"* reasoning "\n"* </think> "\n"* answer

The whitespace before the opening tag and the line breaks (only those: an answer may open with
indented code) around the tags belong to neither side. A thought may only open a reply: a later
`<think>` is part of the answer, so an answer about tags survives.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"


class Split(NamedTuple):
    """Two texts (of a whole reply, or of what one piece of it added)."""

    reasoning: str
    answer: str


def split_reasoning(text: str, inside: bool = False) -> Split:
    """Split a whole reply into its reasoning and its answer.

    `inside`: the text starts within a thought, because the prompt already ended in `<think>`.
    A thought that never closes is all reasoning; a reply without one is all answer, verbatim.
    """
    if not inside:
        opened = text.lstrip()
        if not opened.startswith(THINK_OPEN):
            return Split("", text)
        text = opened[len(THINK_OPEN) :]
    reasoning, _, answer = text.partition(THINK_CLOSE)
    return Split(reasoning.strip("\n"), answer.lstrip("\n"))


_Step = Callable[[], Split]


class ReasoningSplitter:
    """Split a reply as it streams: the pieces joined equal `split_reasoning` of the whole text.

    Holds back only what may still be a tag, or line breaks that a tag would swallow.
    """

    def __init__(self, inside: bool = False) -> None:
        self._held = ""
        self._step: _Step = self._open_thought if inside else self._find_open

    @property
    def is_thinking(self) -> bool:
        """Whether the text so far ends inside a thought (what a reasoning budget counts)."""
        return self._step in (self._open_thought, self._think)

    @property
    def is_answering(self) -> bool:
        """Whether all that may come is the answer's: there is one thought at most, before it."""
        return self._step == self._answer

    def feed(self, piece: str) -> Split:
        """Return the reasoning and the answer that this piece settles."""
        self._held += piece
        return self._step()

    def flush(self) -> Split:
        """Return what was held back, at the end of the reply."""
        held, self._held = self._held, ""
        return Split(held.rstrip("\n"), "") if self.is_thinking else Split("", held)

    def _find_open(self) -> Split:
        opened = self._held.lstrip()
        if opened.startswith(THINK_OPEN):
            self._held = opened[len(THINK_OPEN) :]
            return self._enter(self._open_thought)
        if THINK_OPEN.startswith(opened):
            return Split("", "")
        return self._enter(self._answer)

    def _open_thought(self) -> Split:
        self._held = self._held.lstrip("\n")
        return self._enter(self._think) if self._held else Split("", "")

    def _think(self) -> Split:
        thought, close, rest = self._held.partition(THINK_CLOSE)
        if close:
            self._held = rest
            return Split(thought.rstrip("\n"), self._enter(self._open_answer).answer)
        num_settled = len(thought[: len(thought) - _open_ended(thought)].rstrip("\n"))
        self._held = thought[num_settled:]
        return Split(thought[:num_settled], "")

    def _open_answer(self) -> Split:
        self._held = self._held.lstrip("\n")
        return self._enter(self._answer) if self._held else Split("", "")

    def _answer(self) -> Split:
        held, self._held = self._held, ""
        return Split("", held)

    def _enter(self, step: _Step) -> Split:
        self._step = step
        return step()


def _open_ended(text: str) -> int:
    """Return how many last characters of text may be the start of a closing tag."""
    sizes = range(min(len(text), len(THINK_CLOSE) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(THINK_CLOSE[:size])), 0)
