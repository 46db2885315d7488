"""Which tokens the next step computes: decodes first, then chunks of prompts, within the budget of tokens.

First come, first served: whoever is at the head of the queue and does not fit lets nobody pass, except while it waits
for a prefix that another one is about to leave behind. When pages run out, the youngest request makes room, and goes
back to the queue ahead of all that came later; the oldest always goes on, so all end.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Items

from .limits import Limits
from .plan import PENDING, Segment
from .request import Sequence
from .residents import Residents
from .step import Step

# (request id, sample, its tokens so far, how many at most) -> tokens that may come next
Drafter = Callable[[str, int, Items[int], int], Items[int]]


class Planner:
    """Fills steps from the running and waiting sequences, and moves them on as if the step were done."""

    def __init__(self, limits: Limits, residents: Residents, draft: Drafter | None) -> None:
        self._limits, self._residents, self._draft = limits, residents, draft
        is_renewed = limits.has_prefix_cache and limits.needs_snapshots
        # tokens after which the snapshot of a sequence that generates is renewed; 0: never
        self._turn_tokens = limits.turn_snapshot_pages * limits.page_size if is_renewed else 0

    def step(self, has_plans_out: bool) -> Step:
        """The next one. `has_plans_out`: whether results of earlier ones are still to come."""
        step = Step(self._limits.max_batch_tokens)
        self._residents.cache.start_plan()
        self._plan_decodes(step, has_plans_out)
        step.num_decodes = len(step.segments)
        self._admit(step)
        self._plan_chunks(step)
        return step

    def _plan_decodes(self, step: Step, has_plans_out: bool) -> None:
        """One token, and drafts, for each running sequence whose prompt is computed, oldest first."""
        page_size, has_pages = self._limits.page_size, self._limits.has_pages
        turn = self._turn_tokens
        running, index = self._residents.running, 0
        while index < len(running):  # shrinks at its end when someone is preempted, grows right here by forks
            sequence = running[index]
            index += 1
            if sequence.is_prefilling or sequence.is_drafting:
                continue
            start, tokens = sequence.num_computed, sequence.tokens
            if start + 1 >= sequence.max_length:
                continue  # all it may have is under way
            if sequence.followers:
                self._residents.fork(sequence, step)
            is_full = has_pages and start == len(sequence.pages) * page_size
            if is_full and not self._residents.grow(sequence, step, has_plans_out):
                continue
            drafts = self._drafts(sequence, step) if self._draft is not None else ()
            token = tokens[start] if start < len(tokens) else PENDING
            request = sequence.request
            step.segments.append(
                Segment(request.request_id, sequence.sample, sequence.slot, start, (token, *drafts), len(drafts), True)
            )
            step.owners.append(sequence)
            if drafts:
                sequence.is_drafting = True
            else:
                sequence.num_computed = start + 1
                sequence.num_in_flight += 1
                if turn and (start + 1) % turn == 0:
                    self._residents.save(sequence, (start + 1) // page_size, step)
        step.budget -= sum(1 + segment.num_drafted for segment in step.segments)

    def _drafts(self, sequence: Sequence, step: Step) -> tuple[int, ...]:
        """Guesses for what comes after the next token, as many as there is room for without taking it from others.

        None across a token after which a snapshot is due: of a step with drafts nobody knows where it ends.
        """
        start, limits = sequence.num_computed, self._limits
        if sequence.num_in_flight or self._draft is None:
            return ()
        most = min(limits.max_drafted, sequence.max_length - start - 2)
        if turn := self._turn_tokens:
            since = (start + 1) % turn
            most = min(most, turn - 1 - since) if since else 0
        pages = self._residents.pages
        while len(sequence.pages) < limits.pages_for(start + 1 + most) and pages.num_free:
            self._residents.add_page(sequence, step)
        if limits.has_pages:
            most = min(most, len(sequence.pages) * limits.page_size - start - 1)
        if most <= 0:
            return ()
        return tuple(self._draft(sequence.request.request_id, sequence.sample, sequence.tokens, most))[:most]

    def _admit(self, step: Step) -> None:
        """Takes sequences from the queue as long as this step has tokens for them."""
        residents, limits = self._residents, self._limits
        queue, running = residents.queue, residents.running
        if not queue:
            return
        budget = step.budget - sum(len(one.tokens) - one.num_computed for one in running if one.is_prefilling)
        index, last = 0, 2 * limits.max_sequences  # of many that wait for one prefix, not all are looked at
        while budget > 0 and index < min(len(queue), last) and len(running) < limits.max_sequences:
            sequence = queue[index]
            if sequence.num_in_flight or sequence.is_drafting:
                break  # it was preempted, and does not know its last tokens yet
            keys = sequence.keys[: (len(sequence.tokens) - 1) // limits.page_size]
            node = residents.cache.find(keys)
            if queue.is_held(sequence, keys, node.depth if node else 0):
                index += 1
            elif residents.admit(sequence, keys, node, step):
                budget -= len(sequence.tokens) - sequence.num_computed
            else:
                break

    def _plan_chunks(self, step: Step) -> None:
        """Runs of known tokens of those whose prompt is not computed, oldest first, while the budget lasts."""
        limits, residents = self._limits, self._residents
        for sequence in residents.running:
            if not sequence.is_prefilling:
                continue
            if step.budget == 0:
                break
            start, total = sequence.num_computed, len(sequence.tokens)
            last = total - 1 if sequence.followers else total  # where others fork off
            end = min(last, start + step.budget)
            depth = sequence.wanted[0] if sequence.wanted and limits.needs_snapshots else 0
            if depth:
                end = min(end, depth * limits.page_size)
            if end == last:
                sequence.is_prefilling = False
            if end == start:
                continue
            step.add_segment(sequence, end, is_sampled=end == total)
            sequence.num_computed = end
            sequence.num_in_flight += end == total
            self._residents.counters.num_prefill_tokens += end - start
            if end == depth * limits.page_size:
                self._save_wanted(sequence, step)

    def _save_wanted(self, sequence: Sequence, step: Step) -> None:
        depth = sequence.wanted.pop(0)
        awaited = sequence.keys[depth - 1]
        if not self._residents.save(sequence, depth, step, awaited):
            self._residents.queue.retract([awaited])
