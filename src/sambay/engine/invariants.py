"""What holds between any two calls of the scheduler: nothing leaks, is owned twice, or is shared and written."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Items

from .limits import Limits
from .request import Sequence, extend_keys, order_of
from .residents import Residents
from .step import Step


def check_invariants(residents: Residents, unfinished: Iterable[Sequence], steps: Items[Step], limits: Limits) -> None:
    """Raises AssertionError. `steps`: the plans whose results are out; `unfinished`: all samples not yet ended."""
    running = residents.running
    pending = [pending for step in steps for pending in step.pending_saves]
    saves = [one.save for one in pending]
    residents.slots.check_invariants(
        [one.slot for one in running] + list(residents.cache.owned_slots()) + [save.slot for save in saves]
    )
    held = [page for one in running for page in one.pages] + [page for save in saves for page in save.pages]
    residents.pages.check_invariants(held, residents.cache.kept_pages())
    residents.cache.check_invariants([save.base for save in saves] + [one.node for one in running])
    coming = [one.keys[depth - 1] for one in running for depth in one.wanted]
    residents.queue.check_invariants(coming + [one.awaited for one in pending if one.awaited is not None])
    assert running == sorted(running, key=order_of), "running sequences are not in the order of their age"
    assert len(running) <= limits.max_sequences, f"{len(running)} run; allowed: {limits.max_sequences}"
    _check_places(residents, list(unfinished), steps)
    for sequence in running:
        _check_running(residents, sequence, limits)
    for sequence in residents.queue:
        _check_waiting(sequence)
        assert len(sequence.keys) == len(extend_keys(sequence, limits.page_size)), f"{sequence} was queued without keys"


def _check_places(residents: Residents, unfinished: list[Sequence], steps: Items[Step]) -> None:
    followers = [follower for one in unfinished for follower in one.followers]
    for follower in followers:
        _check_waiting(follower)
    places = sorted([*residents.running, *residents.queue, *followers], key=order_of)
    assert places == sorted(unfinished, key=order_of), "a sequence is nowhere, or in two places"
    turn_nodes = {one.turn_node for one in unfinished}
    assert turn_nodes >= set(residents.cache.turn_nodes()), "a snapshot waits to be replaced by a sequence that is gone"
    for sequence in unfinished:
        sampled = [
            segment
            for step in steps
            for segment, owner in zip(step.segments, step.owners, strict=True)
            if owner is sequence and segment.is_sampled
        ]
        num_plain = sum(not segment.num_drafted for segment in sampled)
        assert sequence.num_in_flight == num_plain, f"{sequence}: {num_plain} tokens are in flight"
        assert sequence.is_drafting == (len(sampled) > num_plain), f"{sequence}: drafts in flight are forgotten"


def _check_running(residents: Residents, sequence: Sequence, limits: Limits) -> None:
    known = len(sequence.tokens) + sequence.num_in_flight
    assert sequence.slot > 0, f"{sequence} runs without a slot"
    assert sequence.num_computed < known <= sequence.max_length, f"{sequence} is computed beyond its tokens"
    if not sequence.is_prefilling:
        assert sequence.num_computed == known - 1, f"{sequence} decodes with more than one token to go"
        assert not sequence.wanted or not limits.needs_snapshots, f"{sequence} passed a wanted snapshot"
    assert len(sequence.pages) >= limits.pages_for(sequence.num_computed), f"{sequence} lacks pages"
    first = sequence.num_computed // limits.page_size
    for page in sequence.pages[first:]:
        assert residents.pages.count(page) == 1, f"{sequence} will write to page {page}, which others read"


def _check_waiting(sequence: Sequence) -> None:
    holds = (sequence.slot, sequence.pages, sequence.wanted, sequence.node, sequence.num_computed)
    assert holds == (0, [], [], None, 0), f"{sequence} waits and holds {holds}"
