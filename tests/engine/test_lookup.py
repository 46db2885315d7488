from __future__ import annotations

import random
import sys

import pytest

from sambay.engine.lookup import NgramDrafter, NgramLookup


def by_search(token_ids: list[int], num_tokens: int, min_ngram: int, max_ngram: int) -> list[int]:
    """The draft found by looking at every earlier place, the longest suffix first and then the latest."""
    for n in range(max_ngram, min_ngram - 1, -1):
        suffix = token_ids[-n:]
        for start in range(len(token_ids) - 1, n - 1, -1):
            if len(suffix) == n and token_ids[start - n : start] == suffix:
                copy = list(token_ids)
                for offset in range(num_tokens):
                    copy.append(copy[start + offset])
                return copy[len(token_ids) :]
    return []


def lookup_of(token_ids, **bounds) -> NgramLookup:
    lookup = NgramLookup(**bounds)
    lookup.extend(token_ids)
    return lookup


@pytest.mark.parametrize("bounds", [(1, 1), (1, 3), (2, 4), (3, 3)])
@pytest.mark.parametrize("num_ids", [1, 2, 5, 7])
def test_drafts_are_those_of_a_search_over_everything(bounds, num_ids) -> None:
    generator = random.Random(num_ids)
    lookup, token_ids = NgramLookup(*bounds), []
    num_found = 0
    for _ in range(150):
        # ids large and small, 0 among them: the key of an n-gram must not take a missing token for a 0
        new_ids = [generator.randrange(num_ids) * 6671 for _ in range(generator.choice([1, 1, 3]))]
        token_ids += new_ids
        lookup.extend(new_ids)
        wanted = by_search(token_ids, 5, *bounds)
        assert lookup.draft(5) == wanted
        num_found += bool(wanted)
    assert lookup.token_ids == token_ids
    assert num_found > 5


def test_the_longest_suffix_wins_over_a_later_shorter_one() -> None:
    lookup = lookup_of([1, 2, 3, 70, 9, 2, 3, 80, 1, 2, 3], min_ngram=1, max_ngram=3)
    assert lookup.draft(2) == [70, 9]
    assert lookup_of([1, 2, 3, 70, 9, 2, 3, 80, 1, 2, 3], min_ngram=1, max_ngram=2).draft(2) == [80, 1]


def test_a_repetition_is_drafted_beyond_its_end() -> None:
    assert lookup_of([5, 6, 7, 5, 6, 7, 5, 6]).draft(7) == [7, 5, 6, 7, 5, 6, 7]
    assert lookup_of([4, 4, 4, 4, 4]).draft(3) == [4, 4, 4]


@pytest.mark.parametrize("token_ids", [[], [1], [1, 2], [1, 2, 3, 4], [0, 0]])
def test_nothing_is_drafted_where_nothing_repeats(token_ids) -> None:
    assert lookup_of(token_ids).draft(4) == []
    assert lookup_of([*token_ids, *token_ids]).draft(0) == []


@pytest.mark.parametrize("bounds", [(0, 2), (3, 2), (-1, -1)])
def test_impossible_bounds_are_refused(bounds) -> None:
    with pytest.raises(ValueError, match=r"allowed is 1 <= min_ngram <= max_ngram"):
        NgramLookup(*bounds)


def test_work_and_memory_grow_with_the_new_tokens_alone() -> None:
    """Counted, not timed: calls into Python made while a token is added after 100 and after 20,000."""

    def num_calls(lookup: NgramLookup) -> int:
        calls = 0

        def count(frame, event, argument) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        try:
            lookup.extend([1])
            lookup.draft(4)
        finally:
            sys.setprofile(None)
        return calls

    generator = random.Random(0)
    short, long = NgramLookup(), NgramLookup()
    short.extend(generator.randrange(50) for _ in range(100))
    long.extend(generator.randrange(50) for _ in range(20_000))
    assert abs(num_calls(long) - num_calls(short)) < 12
    assert sum(map(len, long._next_place.values())) <= 3 * 20_001


def test_each_reply_is_looked_up_in_itself_and_only_if_started() -> None:
    drafter = NgramDrafter(min_ngram=2, max_ngram=2)
    drafter.start("a", 0)
    drafter.start("a", 1)
    assert drafter("a", 0, [1, 2, 3, 1, 2], 2) == [3, 1]
    assert drafter("a", 1, [1, 2, 9, 1, 2], 2) == [9, 1]
    assert drafter("a", 0, [1, 2, 3, 1, 2, 4, 4, 1, 2], 1) == [4]
    assert drafter("b", 0, [1, 2, 3, 1, 2], 2) == []
    drafter.forget("a", 0)
    drafter.forget("b", 0)
    assert drafter("a", 0, [1, 2, 3, 1, 2], 2) == []
    with pytest.raises(ValueError, match="allowed is 1 <= min_ngram"):
        NgramDrafter(0, 1)
