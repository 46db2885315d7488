"""Requests in, plans out, results in, tokens out: the calls between the bookkeeping and the device.

    plan() -> Plan                     the next step (planning.py says what is in it)
    commit(plan, results) -> events    in the order in which the plans were made

Plans may be made ahead: plan, plan, commit, plan, commit, ... keeps the device busy while the host works. A decode
whose input token is not known yet is planned all the same (plan.PENDING). Two cases wait for results instead: a
sequence with drafts under way, since nobody knows how far it has come, and one that comes back from preemption.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from collections.abc import Sequence as Items

from .limits import Limits
from .plan import Event, Plan, Segment
from .planning import Drafter, Planner
from .request import Request, Sequence, extend_keys
from .residents import Counters, Residents
from .step import PendingSave, Step


class QueueFullError(RuntimeError):
    """As many sequences wait as may."""


class Scheduler:
    """Requests in, plans out; for one thread.

    draft: guesses the tokens that may come next; what it gives beyond the number asked for is dropped. It is asked when
    the last token is known, so plans made ahead go without drafts.
    """

    def __init__(self, limits: Limits, draft: Drafter | None = None) -> None:
        if (draft is None) != (limits.max_drafted == 0):
            raise ValueError(f"max_drafted is {limits.max_drafted} and draft is {draft}; allowed: both or neither")
        self.limits, self.counters = limits, Counters()
        self._residents = Residents(limits, self.counters)
        self._planner = Planner(limits, self._residents, draft)
        self._samples: dict[str, list[Sequence]] = {}
        self._in_flight: deque[tuple[Plan, Step]] = deque()
        self._num_arrivals = self._num_unfinished = 0

    # ------------------------------------------------------------------------------------------------ requests

    def add(self, request: Request) -> None:
        """Puts a request in the queue.

        Raises ValueError if it can never run or its id is in use, QueueFullError if as many wait as may.
        """
        max_length = request.max_length(self.limits)
        if request.request_id in self._samples:
            raise ValueError(f"request {request.request_id!r} is under way; allowed: an id not in use")
        most = self.limits.max_queued
        if most is not None and self.num_waiting + request.num_samples > most:
            raise QueueFullError(
                f"{self.num_waiting} sequences wait, and request {request.request_id!r} brings "
                f"{request.num_samples}; allowed: {most}"
            )
        samples = [Sequence(request, i, self._num_arrivals, max_length) for i in range(request.num_samples)]
        self._num_arrivals += 1
        self._num_unfinished += len(samples)
        self._samples[request.request_id] = samples
        self.counters.num_requests += 1
        self.counters.num_prompt_tokens += len(samples) * len(request.token_ids)
        leader, others = samples[0], samples[1:]
        self._residents.wait(leader)
        leader.followers = others
        if len(request.token_ids) == 1:  # nothing to share
            self._residents.release_followers(leader)

    def finish(self, request_id: str, reason: str, sample: int | None = None) -> bool:
        """Ends a request, or one sample of it, now: cancelled, or a string was found that stops it.

        May come at any moment, also between a plan and its commit; results still out are dropped. Returns whether there
        was anything left to end.
        """
        samples = self._samples.get(request_id, [])
        chosen = [one for one in samples if sample in (None, one.sample) and one.finish_reason is None]
        for sequence in reversed(chosen):  # those that follow the first sample before it
            self._finish(sequence, reason)
        return bool(chosen)

    def _finish(self, sequence: Sequence, reason: str) -> None:
        samples = self._samples[sequence.request.request_id]
        sequence.finish_reason = reason
        self._residents.depart(sequence, samples[0])
        self.counters.num_finished += 1
        self._num_unfinished -= 1
        if all(one.finish_reason is not None for one in samples):
            del self._samples[sequence.request.request_id]

    def abandon(self, reason: str) -> list[tuple[str, int]]:
        """Ends everything, after a failure of the device: requests, plans under way, kept prefixes.

        Returns the request ids and samples that it ended. The scheduler is as new, but for its counters.
        """
        ended = [(one.request.request_id, one.sample) for one in self._unfinished()]
        for request_id in list(self._samples):
            self.finish(request_id, reason)
        for _, step in self._in_flight:
            for pending in step.pending_saves:
                self._drop_save(pending)
        self._in_flight.clear()
        self._residents.cache.clear()
        return ended

    def clear_prefixes(self) -> None:
        """Forgets all kept prefixes, as a change of the weights demands. Raises RuntimeError while anything runs."""
        if self._in_flight or self._residents.running:
            raise RuntimeError(
                f"{self.num_running} sequences run and {len(self._in_flight)} plans are out; allowed: none of either"
            )
        self._residents.cache.clear()

    @property
    def has_requests(self) -> bool:
        """Whether there is anything left to plan. Plans under way are to be committed even if not."""
        return bool(self._samples)

    @property
    def num_plans_out(self) -> int:
        """Plans made and not yet committed."""
        return len(self._in_flight)

    @property
    def num_running(self) -> int:
        return len(self._residents.running)

    @property
    def num_waiting(self) -> int:
        """Sequences without a place on the device, those that wait for the first sample of their request among them."""
        return self._num_unfinished - self.num_running

    @property
    def num_free_pages(self) -> int:
        """Pages that are free, or would be if all kept prefixes were forgotten."""
        return self._residents.pages.num_available

    # ------------------------------------------------------------------------------------------------ planning

    def plan(self) -> Plan:
        """The next step. To be carried out whatever it holds, and committed even if it holds nothing.

        Without segments, and with other plans under way, there is nothing to compute until one of them is committed.
        """
        step = self._planner.step(has_plans_out=bool(self._in_flight))
        plan = step.freeze()
        self._in_flight.append((plan, step))
        return plan

    # ---------------------------------------------------------------------------------------------- committing

    def commit(self, plan: Plan, results: Items[Items[int]]) -> list[Event]:
        """Takes in what the oldest plan under way has sampled. Returns the new tokens of each sequence that goes on.

        results: for each segment with `is_sampled`, in order, the tokens sampled: one, or with drafts the accepted ones
        and the one after them. They may be more than the event's: a sequence ends at its first stop token.
        """
        expected, step = self._in_flight[0] if self._in_flight else (None, None)
        if plan is not expected or step is None:
            raise ValueError("commit of a plan that is not the oldest under way; allowed: plans in their order")
        sampled = [pair for pair in zip(plan.segments, step.owners, strict=True) if pair[0].is_sampled]
        if len(results) != len(sampled):
            raise ValueError(f"{len(results)} results for {len(sampled)} sampled segments; allowed: one each")
        self._in_flight.popleft()
        events = []
        for index, (segment, sequence) in enumerate(sampled):
            if segment.num_drafted:
                self._count_drafts(segment, sequence, len(results[index]))
            else:
                sequence.num_in_flight -= 1
            if sequence.finish_reason is None:  # else it ended meanwhile
                events.append(self._take_result(segment, sequence, results[index], index))
        self.counters.num_generated_tokens += sum([len(event.token_ids) for event in events])
        if not self.limits.needs_snapshots:
            for sequence in step.owners:
                self._keep_wanted(sequence)
        for pending in step.pending_saves:
            self._finish_save(pending)
        return events

    def _count_drafts(self, segment: Segment, sequence: Sequence, num_taken: int) -> None:
        assert 1 <= num_taken <= 1 + segment.num_drafted, f"{num_taken} tokens of {segment.num_drafted} drafts"
        self.counters.num_drafted_tokens += segment.num_drafted
        self.counters.num_accepted_tokens += num_taken - 1
        sequence.is_drafting = False
        if sequence.slot:  # else it was preempted meanwhile
            sequence.num_computed = segment.start + num_taken

    def _take_result(self, segment: Segment, sequence: Sequence, tokens: Items[int], index: int) -> Event:
        num_before = len(sequence.tokens)
        if sequence.slot:
            reason = sequence.take(tokens)
        else:  # preempted meanwhile: the queue knows it by its keys
            self._residents.queue.remove(sequence)
            reason = sequence.take(tokens)
            self._residents.wait(sequence)
        if reason is not None:
            self._finish(sequence, reason)
        return Event(segment.request_id, segment.sample, tuple(sequence.tokens[num_before:]), index, reason)

    def _keep_wanted(self, sequence: Sequence) -> None:
        """Without snapshots a prefix is kept when its pages are computed, wherever the chunks end."""
        if not sequence.wanted:
            return
        residents, depth = self._residents, sequence.num_computed // self.limits.page_size
        passed = [wanted for wanted in sequence.wanted if wanted <= depth]
        if passed:
            sequence.wanted = sequence.wanted[len(passed) :]
            residents.queue.retract([sequence.keys[wanted - 1] for wanted in passed])
            residents.keep_pages(sequence)

    def _finish_save(self, pending: PendingSave) -> None:
        """The snapshot is there. Its sequence may be gone, even without having learnt its last tokens."""
        residents, sequence, save = self._residents, pending.sequence, pending.save
        keys = extend_keys(sequence, self.limits.page_size)[: save.depth]
        if len(keys) < save.depth:
            self._drop_save(pending)
            return
        if pending.awaited is not None:
            residents.queue.retract([pending.awaited])
        is_turn = pending.is_turn and sequence.finish_reason is None
        node = residents.cache.finish_save(save, keys, is_turn)
        self.counters.num_snapshots += 1
        if node is not None and (sequence.followers or residents.queue.is_shared(node.key)):
            residents.cache.use(node, is_own=False)  # or snapshots that may be of no use at all would displace it
        if sequence.slot:
            residents.put_at(sequence, node)
        if is_turn:
            if sequence.turn_node is not None and sequence.turn_node is not node:
                sequence.turn_node.is_turn = False
            sequence.turn_node = node

    def _drop_save(self, pending: PendingSave) -> None:
        if pending.awaited is not None:
            self._residents.queue.retract([pending.awaited])
        self._residents.cache.finish_save(pending.save, None)

    # ------------------------------------------------------------------------------------------------ checking

    def check_invariants(self) -> None:
        """Every slot and page is free or owned as often as its count says; nothing is written that others read."""
        from .invariants import check_invariants

        check_invariants(self._residents, self._unfinished(), [step for _, step in self._in_flight], self.limits)

    def _unfinished(self) -> Iterator[Sequence]:
        return (one for samples in self._samples.values() for one in samples if one.finish_reason is None)
