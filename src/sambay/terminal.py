"""A reply on the terminal as it is written, the user's lines, and Ctrl-C that stops a reply and nothing else."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console

from sambay.chat import ChatTokenizer, ReasoningSplitter, StopStrings


class ReplyWriter:
    """Prints one reply as it is written. Thoughts are dimmed on a terminal, or left out.

    On a terminal, control characters that a model may write are left out, so that none can garble it.
    Raises ValueError for an empty stop string.
    """

    def __init__(self, tokenizer: ChatTokenizer, prompt: str, show_thinking: bool, stops: Sequence[str] = ()) -> None:
        is_in_thought = prompt.rstrip().endswith("<think>")  # some templates open the thought themselves
        self.console, self.show_thinking = Console(highlight=False), show_thinking
        self.stop_ids, self.decoder = tokenizer.stop_ids, tokenizer.decoder()
        self.stops, self.splitter = StopStrings(stops), ReasoningSplitter(inside=is_in_thought)
        self.is_in_thought = False

    def write(self, ids: Iterable[int]) -> bool:
        """Print a reply up to its stop id or the first stop string; returns whether there was one."""
        is_finished = False
        for token_id in ids:
            is_finished = token_id in self.stop_ids
            if not is_finished:
                self._print(self.stops.feed(self.decoder.feed(token_id)))
                is_finished = self.stops.matched is not None
            if is_finished:
                break
        self._print(self.stops.feed(self.decoder.flush()) + self.stops.flush())
        self._print_parts(*self.splitter.flush())
        self._print_thought("", ends=True)
        self._out("\n")
        return is_finished or self.stops.matched is not None

    def _print(self, text: str) -> None:
        self._print_parts(*self.splitter.feed(text))

    def _print_parts(self, reasoning: str, answer: str) -> None:
        if reasoning:
            self._print_thought(reasoning)
        if answer:
            self._print_thought("", ends=True)
            self._out(answer)

    def _print_thought(self, text: str, ends: bool = False) -> None:
        before = "<think>\n" if text and not self.is_in_thought else ""
        after = "\n</think>\n\n" if ends and self.is_in_thought else ""
        self.is_in_thought = (self.is_in_thought or bool(text)) and not ends
        if self.show_thinking:
            self._out(before + text + after, style="dim")

    def _out(self, text: str, style: str | None = None) -> None:
        if self.console.is_terminal:
            text = "".join(char for char in text if char in "\n\t" or not _is_control(char))
            self.console.out(text, style=style, end="")
        else:  # to the last byte: rich would leave out carriage returns and their like
            self.console.file.write(text)
            self.console.file.flush()


def _is_control(char: str) -> bool:
    return char < " " or "\x7f" <= char <= "\x9f"


def user_lines() -> Iterator[str]:
    """The user's lines, until the end of input or Ctrl-C: with a prompt on a terminal, bare from a pipe."""
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        with suppress(ImportError):  # Windows has none, and its console edits lines itself
            import readline  # noqa: F401 - gives input() history and editing
    while True:
        try:
            line = input("> ") if is_terminal else sys.stdin.readline()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if not is_terminal and not line:
            return
        yield line.strip()


@contextmanager
def interrupts() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a flag, for the model's steps to end whole; the second one interrupts at once."""
    is_pressed = False

    def press(*_: Any) -> None:
        nonlocal is_pressed
        if is_pressed:
            raise KeyboardInterrupt
        is_pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: is_pressed
    finally:
        signal.signal(signal.SIGINT, before)
