"""Who waits, in which order, and for what: sequences not on the device, oldest request first.

Knows which prefixes several of those that wait have in common, so that the first of them leaves a snapshot where they
part, and holds the others back until it is there. Without this, many requests with the same system prompt that arrive
together would all read it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence as Keys

from .request import Sequence, order_of


class WaitingQueue:
    """Sequences by age. Each must have its keys (`request.extend_keys`) when it is added."""

    def __init__(self) -> None:
        self._sequences: list[Sequence] = []
        self._orders: list[tuple[int, int]] = []
        self._num_sharing: Counter[bytes] = Counter()  # sequences here whose tokens start with the key's prefix
        self._num_coming: Counter[bytes] = Counter()  # running sequences that will keep the key's prefix

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Sequence]:
        return iter(self._sequences)

    def __getitem__(self, index: int) -> Sequence:
        return self._sequences[index]

    def add(self, sequence: Sequence) -> None:
        """Behind the older ones. One that comes back after preemption is older than those that never ran."""
        index = bisect_left(self._orders, order_of(sequence))
        self._sequences.insert(index, sequence)
        self._orders.insert(index, order_of(sequence))
        self._num_sharing.update(sequence.keys)

    def remove(self, sequence: Sequence) -> None:
        index = bisect_left(self._orders, order_of(sequence))
        assert self._sequences[index] is sequence, f"{sequence} does not wait"
        del self._sequences[index], self._orders[index]
        _subtract(self._num_sharing, sequence.keys)

    def shared_depth(self, keys: Keys[bytes]) -> int:
        """Pages of the longest prefix that another sequence here begins with, too."""
        return next((depth for depth in range(len(keys), 0, -1) if self._num_sharing[keys[depth - 1]]), 0)

    def is_shared(self, key: bytes) -> bool:
        """Whether a sequence here begins with the key's prefix."""
        return key in self._num_sharing

    def announce(self, keys: Keys[bytes]) -> None:
        """A running sequence is going to keep these prefixes."""
        self._num_coming.update(keys)

    def retract(self, keys: Keys[bytes]) -> None:
        """These are kept now, or will not be."""
        _subtract(self._num_coming, keys)

    def is_held(self, sequence: Sequence, keys: Keys[bytes], num_cached: int) -> bool:
        """Whether a longer prefix of these keys than the cached one is about to be kept."""
        if not self._num_coming:
            return False
        if sequence.held_by is None or sequence.held_by not in self._num_coming:
            sequence.held_by = next((key for key in keys[num_cached:] if key in self._num_coming), None)
        return sequence.held_by is not None

    def check_invariants(self, coming: Keys[bytes]) -> None:
        """`coming`: the keys of all prefixes that running sequences and saves under way will keep."""
        assert self._orders == [order_of(sequence) for sequence in self._sequences] == sorted(self._orders)
        sharing = Counter(key for sequence in self._sequences for key in sequence.keys)
        assert self._num_sharing == sharing, "counts of shared prefixes are off"
        assert set(self._num_sharing) == set(sharing), "a shared prefix is counted zero times"
        assert self._num_coming == Counter(coming), "prefixes about to be kept are counted wrongly"
        assert set(self._num_coming) == set(coming), "a prefix about to be kept is counted zero times"


def _subtract(counts: Counter[bytes], keys: Keys[bytes]) -> None:
    for key in keys:
        if counts[key] == 1:
            del counts[key]
        else:
            counts[key] -= 1
