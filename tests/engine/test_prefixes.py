from __future__ import annotations

import pytest

from sambay.engine.limits import Limits
from sambay.engine.memory import Pages, Slots
from sambay.engine.prefixes import Node, PrefixCache
from sambay.engine.request import Request, Sequence, extend_keys

LIMITS = Limits(page_size=1, num_slots=9, num_pages=20, max_model_len=19, max_sequences=1, max_batch_tokens=1)


class Store:
    """A prefix cache with pages of one token, so that a text's letters are its pages."""

    def __init__(self, num_slots: int = 9, num_pages: int = 20, needs_snapshots: bool = True) -> None:
        self.slots, self.pages = Slots(num_slots), Pages(num_pages)
        self.cache = PrefixCache(self.pages, self.slots, needs_snapshots)
        self.needs_snapshots = needs_snapshots

    def keys(self, text: str) -> list[bytes]:
        return extend_keys(Sequence(Request("x", [ord(letter) for letter in text]), 0, 0, 19), 1)

    def keep(self, text: str, base: Node | None = None) -> Node:
        """As a sequence that computed the text, and then ended."""
        pages = [self.pages.take() for _ in text]
        if self.needs_snapshots:
            save = self.cache.start_save(base, len(text), pages)
            assert save is not None
            node = self.cache.finish_save(save, self.keys(text))
        else:
            node = self.cache.keep(base, self.keys(text), pages)
        for page in pages:
            self.pages.release(page)
        assert node is not None
        self.check()
        return node

    def find(self, text: str) -> int:
        node = self.cache.find(self.keys(text))
        return node.depth if node else 0

    def check(self, held: list[int] | None = None) -> None:
        self.slots.check_invariants(self.cache.owned_slots())
        self.pages.check_invariants(held or [], self.cache.kept_pages())
        self.cache.check_invariants([])


def test_keys_stand_for_the_page_and_all_before_it() -> None:
    sequence = Sequence(Request("x", [1, 2, 3, 4, 5]), 0, 0, 100)
    keys = list(extend_keys(sequence, 2))
    assert len(keys) == 2
    sequence.tokens += [6, 7]
    assert extend_keys(sequence, 2)[:2] == keys
    other = Sequence(Request("y", [9, 2, 3, 4, 5, 6]), 0, 1, 100)
    assert not set(extend_keys(sequence, 2)) & set(extend_keys(other, 2))


def test_one_can_go_on_from_snapshots_only() -> None:
    store = Store()
    store.keep("abcd")
    assert [store.find(text) for text in ("abcdef", "abcd", "abc", "abxd", "bcd")] == [4, 4, 0, 0, 0]
    assert store.cache.known_depth(store.keys("abxd")) == 2
    store.keep("ab")
    assert [store.find(text) for text in ("abcdef", "abc", "a")] == [4, 2, 0]


def test_without_state_one_can_go_on_from_any_page() -> None:
    store = Store(needs_snapshots=False)
    store.keep("abcd")
    assert [store.find(text) for text in ("abcdef", "abc", "abxd", "bcd")] == [4, 3, 2, 0]


def test_pages_that_are_known_are_kept_once() -> None:
    for needs_snapshots in (True, False):
        store = Store(needs_snapshots=needs_snapshots)
        first = store.keep("abcd")
        assert store.pages.num_free == 15
        second = store.keep("abxy")
        assert store.pages.num_free == 13
        assert store.cache.path_pages(first)[:2] == store.cache.path_pages(second)[:2]
        assert store.keep("abcd") is first
        assert store.pages.num_free == 13


def test_a_second_snapshot_of_the_same_prefix_gives_its_slot_back() -> None:
    store = Store()
    node = store.keep("abc")
    slot = node.slot
    store.keep("abc")
    assert node.slot == slot
    assert store.slots.num_free == 7


def test_a_save_starts_below_what_is_known_and_survives_its_eviction_not() -> None:
    store = Store()
    base = store.keep("ab")
    num_free = store.pages.num_free
    pages = [store.pages.take() for _ in "abcd"]
    save = store.cache.start_save(base, 4, pages)
    assert save is not None
    assert save.pages == pages[2:]
    store.cache.clear()
    assert base.is_in_tree, "a save hangs on it"
    for page in pages:
        store.pages.release(page)
    node = store.cache.finish_save(save, store.keys("abcd"))
    assert store.cache.path_pages(node)[2:] == pages[2:]
    store.check()
    assert store.pages.num_free == num_free - 2
    assert [store.find("ab"), store.find("abcd")] == [0, 4]


def test_a_place_beyond_the_save_is_no_base_for_it() -> None:
    """A sequence that was preempted and starts anew may learn of a snapshot that it left further on."""
    store = Store()
    beyond = store.keep("abcd")
    pages = [store.pages.take() for _ in "ab"]
    save = store.cache.start_save(beyond, 2, pages)
    node = store.cache.finish_save(save, store.keys("ab"))
    assert (node.depth, node.slot) == (2, save.slot)
    store.check(held=pages)


def test_a_save_that_comes_to_nothing_leaves_nothing() -> None:
    store = Store()
    base = store.keep("ab")
    pages = [store.pages.take() for _ in "abcd"]
    save = store.cache.start_save(base, 4, pages)
    store.cache.clear()
    for page in pages:
        store.pages.release(page)
    assert store.cache.finish_save(save, None) is None
    store.check()
    assert (store.pages.num_free, store.slots.num_free) == (19, 8)


def test_the_least_recently_used_snapshot_makes_room() -> None:
    store = Store(num_slots=4)
    for text in ("a", "b", "c"):
        store.keep(text)
    store.cache.use(store.cache.find(store.keys("a")), is_own=False)
    store.keep("d")
    assert [store.find(text) for text in "abcd"] == [1, 0, 1, 1]
    assert store.pages.num_free == 16


def test_using_a_prefix_uses_those_above_it() -> None:
    """What many share is evicted after all that is built on it."""
    store = Store(num_slots=4)
    store.keep("s")
    store.keep("sa")
    store.keep("sb")
    for text in ("sa", "sb"):
        store.cache.use(store.cache.find(store.keys(text)), is_own=False)
    store.keep("x")
    store.keep("y")
    assert [store.find(text) for text in ("s", "sa", "sb")] == [1, 1, 1]


def test_a_snapshot_that_a_plan_copies_from_stays_until_the_next_one() -> None:
    store = Store(num_slots=2)
    node = store.keep("a")
    store.cache.start_plan()
    store.cache.pin(node)
    assert store.cache.take_slot() == 0
    assert not store.cache.reclaim_pages(19)
    store.cache.start_plan()
    assert store.cache.take_slot() == 1


def test_pages_are_reclaimed_from_the_oldest_that_frees_any() -> None:
    store = Store(num_pages=10)
    shared = store.cache.path_pages(store.keep("abc"))
    store.keep("xy")
    store.keep("pqr")
    for page in shared:  # a sequence goes on from there, so evicting it frees nothing
        store.pages.hold(page)
    assert store.pages.num_free == 1
    assert store.cache.reclaim_pages(2)
    assert [store.find(text) for text in ("abc", "xy", "pqr")] == [3, 0, 3]
    assert not store.cache.reclaim_pages(7), "six is all there is"
    assert [store.find(text) for text in ("abc", "pqr")] == [3, 3], "for nothing"
    assert store.cache.reclaim_pages(6)
    assert [store.find(text) for text in ("abc", "pqr")] == [3, 0]
    store.check(held=shared)


def test_without_state_the_ends_of_prefixes_go_first() -> None:
    store = Store(needs_snapshots=False, num_pages=10)
    store.keep("abcd")
    store.keep("abxy")
    assert store.pages.num_free == 3
    assert store.cache.reclaim_pages(4)
    assert [store.find(text) for text in ("abcd", "abxy")] == [3, 4]
    assert store.cache.reclaim_pages(6)
    assert [store.find(text) for text in ("abcd", "abxy")] == [2, 3]
    store.check()


def test_the_snapshot_of_a_sequence_that_goes_on_takes_the_place_of_its_last_one() -> None:
    store = Store(num_slots=3)
    kept = store.keep("k")
    pages = [store.pages.take() for _ in "abcd"]
    first = store.cache.finish_save(store.cache.start_turn_save(None, None, 2, pages), store.keys("ab"), is_turn=True)
    slot = first.slot
    save = store.cache.start_turn_save(first, first, 4, pages)
    assert (save.slot, first.slot, save.pages) == (slot, 0, pages[2:])
    second = store.cache.finish_save(save, store.keys("abcd"), is_turn=True)
    assert [store.find("ab"), store.find("abcd"), store.find("k")] == [0, 4, 1]
    store.check(held=pages)
    store.cache.use(second, is_own=False)  # somebody else went on from it: now it is worth keeping
    third = store.cache.start_turn_save(second, second, 4, pages)
    assert third.slot not in (0, slot)
    assert kept.slot == 0, "the unused one made room"
    store.cache.finish_save(third, None)
    store.check(held=pages)


def test_a_last_snapshot_off_the_way_is_removed_when_its_slot_is_taken() -> None:
    store = Store(num_slots=2)
    pages = [store.pages.take() for _ in "abcd"]
    first = store.cache.finish_save(store.cache.start_turn_save(None, None, 2, pages), store.keys("ab"), is_turn=True)
    save = store.cache.start_turn_save(None, first, 4, pages)
    assert save.slot == 1
    store.cache.finish_save(save, None)
    assert store.cache.known_depth(store.keys("ab")) == 0
    store.check(held=pages)


def test_a_snapshot_taken_once_more_counts_as_used() -> None:
    store = Store(num_slots=4)
    for text in ("a", "b", "a", "c", "d"):
        store.keep(text)
    assert [store.find(text) for text in "abcd"] == [1, 0, 1, 1]


@pytest.mark.parametrize("is_used", [False, True])
def test_snapshots_that_may_be_replaced_before_their_use_displace_only_unused_ones(is_used: bool) -> None:
    store = Store(num_slots=2)
    kept = store.keep("k")
    if is_used:
        store.cache.use(kept, is_own=False)
    pages = [store.pages.take()]
    save = store.cache.start_turn_save(None, None, 1, pages)
    assert (save is None) == is_used
    if save is not None:
        store.cache.finish_save(save, store.keys("a"), is_turn=True)
        other = store.cache.start_turn_save(None, None, 1, pages)
        assert other is None, "sequences that run do not take each other's"
    store.check(held=pages)
