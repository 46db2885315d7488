"""Stop strings in streamed text, found across token borders.

Each stop string is followed by its own Knuth-Morris-Pratt automaton, so a character costs the same
however long the strings are:

    text      [0, emitted) given out | [emitted, n) held back: may begin a stop string
    length    of the longest proper prefix of the stop string that ends the text
"""

from __future__ import annotations

from collections.abc import Sequence


class _Prefix:
    """Length of the longest prefix of one stop string that ends the text read so far."""

    def __init__(self, stop: str) -> None:
        self.stop = stop
        self.length = 0
        self._borders = [0, 0]  # of stop[:i]: its longest proper prefix that is also its suffix
        for char in stop[1:]:
            self._borders.append(self._extended(self._borders[-1], char))

    def advance(self, char: str) -> bool:
        """Read one character; return whether the stop string ends here."""
        if self.length == len(self.stop):
            self.length = self._borders[self.length]
        self.length = self._extended(self.length, char)
        return self.length == len(self.stop)

    @property
    def num_open(self) -> int:
        """Characters at the end of the text that a match may still grow from."""
        is_whole = self.length == len(self.stop)
        return self._borders[self.length] if is_whole else self.length

    def _extended(self, length: int, char: str) -> int:
        while length and self.stop[length] != char:
            length = self._borders[length]
        return length + (self.stop[length] == char)


class StopStrings:
    """Cut a stream of text before the first of several stop strings.

    The match that starts first wins, and of those the longest; a match is settled once no other
    can still win. `matched` then names the stop string, and later text is dropped.
    Raises ValueError for an empty stop string. No stop strings at all pass every text.
    """

    def __init__(self, stops: str | Sequence[str]) -> None:
        stops = [stops] if isinstance(stops, str) else list(stops)
        for stop in stops:
            if not stop:
                raise ValueError(f"a stop string must be a non-empty str, got {stop!r}")
        self.matched: str | None = None
        self._prefixes = [_Prefix(stop) for stop in stops]
        self._held = ""
        self._num_emitted = 0
        self._best: tuple[int, int, str] | None = None  # start, -length, stop: the least wins

    def feed(self, piece: str) -> str:
        """Return the text that is now certain to lie before any stop string."""
        if self.matched is not None:
            return ""
        num_read = self._num_emitted + len(self._held)
        self._held += piece
        for end, char in enumerate(piece, start=num_read + 1):
            self._read(char, end)
        num_read += len(piece)
        first_open = num_read - max((prefix.num_open for prefix in self._prefixes), default=0)
        if self._best is not None and self._best[0] < first_open:
            return self._settle()
        # An unsettled match starts at first_open or later, so what lies before it is free to go.
        return self._emit(first_open)

    def flush(self) -> str:
        """Return what was held back, at the end of the stream, up to a match that was pending."""
        if self.matched is not None:
            return ""
        if self._best is not None:
            return self._settle()
        return self._emit(self._num_emitted + len(self._held))

    def _read(self, char: str, end: int) -> None:
        for prefix in self._prefixes:
            if prefix.advance(char):
                length = len(prefix.stop)
                match = (end - length, -length, prefix.stop)
                self._best = match if self._best is None else min(self._best, match)

    def _settle(self) -> str:
        assert self._best is not None
        start, _, self.matched = self._best
        before = self._emit(start)
        self._held = ""
        return before

    def _emit(self, end: int) -> str:
        size = end - self._num_emitted
        text, self._held = self._held[:size], self._held[size:]
        self._num_emitted = end
        return text
