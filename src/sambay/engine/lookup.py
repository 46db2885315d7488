"""Drafts from the sequence itself: what followed the last time that its latest tokens were there.

Prompt look-up (Saxena 2023): reasoning repeats the terms, equations and names that it has written. A draft costs no
model and is one certain continuation, which `draws.num_accepted` judges exactly.

    tokens   … a b c d e … x a b c |    the suffix "a b c" was there before: draft d e …
                     └ start
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ID_BITS = 32


class NgramLookup:
    """The n-grams of one sequence, min_ngram <= n <= max_ngram, each with the place that follows its latest occurrence.

    A token costs max_ngram - min_ngram + 1 dictionary writes, a draft as many look-ups. An n-gram's key is its ids side
    by side in one integer. Memory: about 150 bytes for each n-gram that differs from those before.
    Raises ValueError for bounds that are no 1 <= min_ngram <= max_ngram.
    """

    def __init__(self, min_ngram: int = 2, max_ngram: int = 4) -> None:
        if not 1 <= min_ngram <= max_ngram:
            raise ValueError(f"min_ngram={min_ngram}, max_ngram={max_ngram}: allowed is 1 <= min_ngram <= max_ngram")
        self.token_ids: list[int] = []
        self._longest_first = range(max_ngram, min_ngram - 1, -1)
        self._mask = (1 << max_ngram * _ID_BITS) - 1
        self._suffix = 0  # the latest max_ngram ids side by side
        self._next_place: dict[int, dict[int, int]] = {n: {} for n in self._longest_first}

    def extend(self, token_ids: Iterable[int]) -> None:
        """Append tokens, of the prompt or accepted."""
        for token_id in token_ids:
            # Only now does the suffix before have a token that follows it, so that no suffix ever finds itself.
            place = len(self.token_ids)
            for n in self._longest_first:
                if n <= place:
                    self._next_place[n][self._key(n)] = place
            self.token_ids.append(token_id)
            self._suffix = (self._suffix << _ID_BITS | token_id) & self._mask

    def draft(self, num_tokens: int) -> list[int]:
        """The tokens that followed the longest suffix when it was last there: num_tokens, or none if it never was.

        Where these reach the end of the sequence they go on with themselves, as a repetition does.
        """
        for n in self._longest_first:
            start = self._next_place[n].get(self._key(n))
            if start is not None:
                period = len(self.token_ids) - start
                return [self.token_ids[start + offset % period] for offset in range(num_tokens)]
        return []

    def _key(self, n: int) -> int:
        return self._suffix & ((1 << n * _ID_BITS) - 1)


class NgramDrafter:
    """Look-up for many replies, as the scheduler asks for drafts. Only those that were started get any: a request that
    cannot speculate (`SamplingParams.can_speculate`) is left out."""

    def __init__(self, min_ngram: int = 2, max_ngram: int = 4) -> None:
        self._bounds = (min_ngram, max_ngram)
        NgramLookup(*self._bounds)  # refuses wrong ones here
        self._lookups: dict[tuple[str, int], NgramLookup] = {}

    def start(self, request_id: str, sample: int) -> None:
        self._lookups[request_id, sample] = NgramLookup(*self._bounds)

    def forget(self, request_id: str, sample: int) -> None:
        """Does nothing for one that was not started."""
        self._lookups.pop((request_id, sample), None)

    def __call__(self, request_id: str, sample: int, token_ids: Sequence[int], num_tokens: int) -> list[int]:
        """Up to num_tokens that may follow token_ids: all tokens of the sequence so far, of which it reads the new."""
        lookup = self._lookups.get((request_id, sample))
        if lookup is None:
            return []
        lookup.extend(token_ids[len(lookup.token_ids) :])
        return lookup.draft(num_tokens)
