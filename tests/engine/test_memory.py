from __future__ import annotations

import pytest

from sambay.engine.limits import Limits
from sambay.engine.memory import Pages, Slots

SIZES = dict(page_size=4, num_slots=5, num_pages=8, max_model_len=20, max_sequences=4, max_batch_tokens=16)


def test_slots_are_handed_out_once_each_and_never_the_first() -> None:
    slots = Slots(4)
    taken = [slots.take() for _ in range(3)]
    assert sorted(taken) == [1, 2, 3]
    assert slots.num_free == 0
    slots.give_back(2)
    slots.check_invariants([1, 3])
    assert slots.take() == 2
    with pytest.raises(AssertionError, match="slots owned"):
        slots.check_invariants([1, 2])
    with pytest.raises(AssertionError, match="slots owned"):
        slots.check_invariants([1, 2, 3, 3])


def test_a_slot_given_back_twice_is_a_fault() -> None:
    slots = Slots(3)
    slot = slots.take()
    slots.give_back(slot)
    with pytest.raises(AssertionError, match="was not taken"):
        slots.give_back(slot)


def test_a_page_is_free_when_its_last_owner_lets_go() -> None:
    pages = Pages(3)
    page = pages.take()
    pages.hold(page)
    pages.check_invariants(held=[page, page], kept=[])
    pages.release(page)
    assert (pages.count(page), pages.num_free) == (1, 1)
    pages.release(page)
    assert (pages.count(page), pages.num_free) == (0, 2)
    with pytest.raises(AssertionError, match="is free and cannot be held"):
        pages.hold(page)
    with pytest.raises(AssertionError, match="was not held"):
        pages.release(page)


def test_pages_that_only_the_prefix_cache_holds_are_available() -> None:
    pages = Pages(4)
    first, second = pages.take(), pages.take()
    pages.keep(first)
    pages.keep(second)
    assert pages.num_available == 1  # both are a sequence's, too
    pages.release(first)
    pages.release(second)
    assert (pages.num_free, pages.num_available) == (1, 3)
    pages.hold(second)  # another sequence goes on from there
    assert (pages.num_free, pages.num_available) == (1, 2)
    pages.check_invariants(held=[second], kept=[first, second])
    pages.drop(first)
    pages.drop(second)
    assert (pages.num_free, pages.num_available) == (2, 2)
    pages.check_invariants(held=[second], kept=[])
    with pytest.raises(AssertionError, match="was not kept"):
        pages.drop(second)


@pytest.mark.parametrize(
    ("held", "kept"), [([], []), ([1, 1], [2]), ([1], []), ([1], [2, 2]), ([1, 3], [2]), ([1, 9], [2]), ([2], [1])]
)
def test_owners_that_disagree_with_the_counts_are_found(held: list[int], kept: list[int]) -> None:
    pages = Pages(4)
    assert (pages.take(), pages.take()) == (1, 2)
    pages.keep(2)
    pages.release(2)
    pages.check_invariants(held=[1], kept=[2])
    with pytest.raises(AssertionError):
        pages.check_invariants(held, kept)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(page_size=0), "page_size is 0; allowed: at least 1"),
        (dict(num_slots=4), r"num_slots is 4; allowed: at least 5 \(max_sequences and slot 0"),
        (dict(num_pages=1), "num_pages is 1; allowed: at least 2"),
        (dict(max_batch_tokens=3), "max_batch_tokens is 3; allowed: at least 4"),
        (dict(max_batch_tokens=15, max_drafted=3), "max_batch_tokens is 15; allowed: at least 16"),
        (dict(max_model_len=1), "max_model_len is 1; allowed: at least 2"),
        (dict(max_sequences=0), "max_sequences is 0; allowed: at least 1"),
        (dict(max_queued=0), "max_queued is 0; allowed: at least 1"),
        (dict(max_drafted=-1), "max_drafted is -1; allowed: at least 0"),
        (dict(turn_snapshot_pages=-1), "turn_snapshot_pages is -1; allowed: at least 0"),
        (dict(snapshot_every_pages=-1), "snapshot_every_pages is -1; allowed: at least 0"),
        (dict(snapshot_every_pages=2, needs_snapshots=False), "snapshot_every_pages is 2; allowed without snapshots"),
        (dict(snapshot_every_pages=2, has_prefix_cache=False), "snapshot_every_pages is 2; allowed without"),
    ],
)
def test_sizes_with_which_nothing_could_run_are_refused(changed: dict, message: str) -> None:
    Limits(**SIZES)
    with pytest.raises(ValueError, match=message):
        Limits(**{**SIZES, **changed})


def test_the_longest_sequence_needs_no_room_for_its_last_token() -> None:
    assert Limits(**SIZES).max_length == 20
    assert Limits(**{**SIZES, "num_pages": 4}).max_length == 13
    assert Limits(**{**SIZES, "num_pages": 0}).max_length == 20
    assert [Limits(**SIZES).pages_for(count) for count in (0, 1, 4, 5)] == [0, 1, 1, 2]
    assert Limits(**{**SIZES, "num_pages": 0}).pages_for(5) == 0
