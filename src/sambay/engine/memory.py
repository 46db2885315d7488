"""Slots and pages: which of them are free, and how often each is held.

A slot has one owner: a running sequence or a snapshot. A page has any number: sequences and the prefix cache.
Slot 0 and page 0 are never handed out: padding writes there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


class Slots:
    """The fixed states 1 .. num_slots - 1."""

    def __init__(self, num_slots: int) -> None:
        self._free = list(range(num_slots - 1, 0, -1))
        self._is_taken = bytearray(num_slots)

    @property
    def num_free(self) -> int:
        return len(self._free)

    def take(self) -> int:
        """A free slot. There must be one."""
        slot = self._free.pop()
        self._is_taken[slot] = 1
        return slot

    def give_back(self, slot: int) -> None:
        assert self._is_taken[slot], f"slot {slot} is given back and was not taken"
        self._is_taken[slot] = 0
        self._free.append(slot)

    def check_invariants(self, owned: Iterable[int]) -> None:
        """`owned`: the slot of each owner. Every slot is free or has exactly one."""
        expected = sorted(owned)
        taken = [slot for slot, is_taken in enumerate(self._is_taken) if is_taken]
        assert taken == expected, f"slots taken {taken}, slots owned {expected}"
        everything = sorted([*taken, *self._free])
        assert everything == list(range(1, len(self._is_taken))), f"slots free and taken: {everything}"


class Pages:
    """The pages 1 .. num_pages - 1, counted. One that only the prefix cache holds can be had by evicting it."""

    def __init__(self, num_pages: int) -> None:
        self._free = list(range(num_pages - 1, 0, -1))
        self._counts = [0] * num_pages
        self._is_kept = bytearray(num_pages)  # whether one of the counts is the prefix cache's
        self._num_only_kept = 0

    @property
    def num_free(self) -> int:
        return len(self._free)

    @property
    def num_available(self) -> int:
        """Free ones, and ones that would be if the prefix cache let go of everything."""
        return len(self._free) + self._num_only_kept

    def count(self, page: int) -> int:
        return self._counts[page]

    def take(self) -> int:
        """A free page, held once. There must be one."""
        page = self._free.pop()
        self._counts[page] = 1
        return page

    def hold(self, page: int) -> None:
        """One more owner of a page that has one."""
        count = self._counts[page]
        assert count > 0, f"page {page} is free and cannot be held"
        if count == 1 and self._is_kept[page]:
            self._num_only_kept -= 1
        self._counts[page] = count + 1

    def release(self, page: int) -> None:
        """One owner fewer; without any the page is free."""
        count = self._counts[page] - 1
        assert count >= 0, f"page {page} is released and was not held"
        self._counts[page] = count
        if count == 0:
            assert not self._is_kept[page], f"page {page} is the prefix cache's and was released by another"
            self._free.append(page)
        elif count == 1 and self._is_kept[page]:
            self._num_only_kept += 1

    def keep(self, page: int) -> None:
        """The prefix cache holds a page, once, beside its present owner."""
        assert not self._is_kept[page], f"page {page} is kept already"
        self.hold(page)
        self._is_kept[page] = 1

    def drop(self, page: int) -> None:
        """The prefix cache lets go of a page."""
        assert self._is_kept[page], f"page {page} is dropped and was not kept"
        self._is_kept[page] = 0
        if self._counts[page] == 1:
            self._num_only_kept -= 1
        self.release(page)

    def check_invariants(self, held: Iterable[int], kept: Iterable[int]) -> None:
        """`held`: the pages of each owner but the prefix cache; `kept`: the prefix cache's, each once."""
        kept = list(kept)
        counts = Counter(held) + Counter(kept)
        is_kept = set(kept)
        assert len(is_kept) == len(kept), f"the prefix cache holds a page twice: {sorted(kept)}"
        for page in range(1, len(self._counts)):
            actual = (self._counts[page], bool(self._is_kept[page]))
            expected = (counts.pop(page, 0), page in is_kept)
            assert actual == expected, f"page {page} has (count, is_kept) {actual}, its owners say {expected}"
        assert not counts, f"owners hold pages that do not exist: {dict(counts)}"
        free = sorted(self._free)
        assert free == [page for page in range(1, len(self._counts)) if self._counts[page] == 0], f"free: {free}"
        num_only_kept = sum(self._counts[page] == 1 for page in kept)
        assert self._num_only_kept == num_only_kept, f"{self._num_only_kept} counted, {num_only_kept} only kept"
