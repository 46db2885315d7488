"""Who is on the device, and what each holds there: admission, forks, growth, preemption, departure."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass

from .limits import Limits
from .memory import Pages, Slots
from .plan import PageCopy, SlotCopy, TableEntry
from .prefixes import Node, PrefixCache
from .request import Sequence, extend_keys, order_of
from .step import Step
from .waiting import WaitingQueue


@dataclass
class Counters:
    """Sums since the start, for metrics."""

    num_requests: int = 0
    num_finished: int = 0  # samples
    num_prompt_tokens: int = 0  # each sample's prompt once
    num_generated_tokens: int = 0
    num_prefill_tokens: int = 0  # computed as chunks, also when a sequence comes back
    num_prefix_hit_tokens: int = 0  # not computed because their state was kept
    num_forked_tokens: int = 0  # not computed because another sample of the request had
    num_preemptions: int = 0
    num_snapshots: int = 0
    num_drafted_tokens: int = 0
    num_accepted_tokens: int = 0


class Residents:
    """The running sequences, oldest first, and the memory that they, those that wait and kept prefixes compete for."""

    def __init__(self, limits: Limits, counters: Counters) -> None:
        self.limits, self.counters = limits, counters
        self.slots = Slots(limits.num_slots)
        self.pages = Pages(limits.num_pages)
        self.cache = PrefixCache(self.pages, self.slots, limits.needs_snapshots)
        self.queue = WaitingQueue()
        self.running: list[Sequence] = []

    # ------------------------------------------------------------------------------------------------ arriving

    def admit(self, sequence: Sequence, keys: list[bytes], node: Node | None, step: Step) -> bool:
        """Moves one that waits onto the device, to go on after the kept prefix `node`; False if there is no room.

        `keys` are those of the pages that a kept prefix may hold: one token at least is left to compute, since a
        snapshot has no logits. All pages of the known tokens are taken now, so a prompt once begun is not
        stopped by want of pages; the reserve, a page for each that runs, delays the first preemption.
        """
        depth = node.depth if node else 0
        num_new = max(0, self.limits.pages_for(len(sequence.tokens)) - depth)
        reserve = len(self.running) if self.limits.has_pages else 0
        if num_new + reserve > self.pages.num_available:
            return False
        if node is not None:
            self.cache.pin(node)
        shared = self.cache.path_pages(node) if node and self.limits.has_pages else []
        if not self._occupy(sequence, shared, num_new, reserve):
            return False
        self.queue.remove(sequence)
        self.put_at(sequence, node)
        sequence.num_computed = depth * self.limits.page_size
        sequence.is_prefilling = True
        sequence.wanted = self._wanted_depths(sequence, keys, depth)
        self.queue.announce([keys[wanted - 1] for wanted in sequence.wanted])
        if node is not None:
            self.cache.use(node, is_own=node is sequence.turn_node)
        if self.limits.needs_snapshots and node:
            step.copies.append(SlotCopy(node.slot, sequence.slot))
        elif self.limits.needs_snapshots:
            step.zeroed.append(sequence.slot)
        self.counters.num_prefix_hit_tokens += sequence.num_computed
        step.admit(sequence)
        return True

    def _occupy(self, sequence: Sequence, shared: list[int], num_new: int, reserve: int) -> bool:
        """Gives a sequence a slot and pages: `shared` ones and new ones. False leaves everything as it was."""
        slot = self.cache.take_slot()
        if not slot:
            return False
        for page in shared:
            self.pages.hold(page)
        if num_new + reserve > self.pages.num_available or not self.cache.reclaim_pages(num_new):
            for page in shared:
                self.pages.release(page)
            self.slots.give_back(slot)
            return False
        sequence.slot = slot
        sequence.pages = shared + [self.pages.take() for _ in range(num_new)]
        insort(self.running, sequence, key=order_of)
        return True

    def _wanted_depths(self, sequence: Sequence, keys: list[bytes], depth: int) -> list[int]:
        """Where prefilling is to leave prefixes behind, beyond the one that it starts from.

        At the last page boundary of the prompt, and of all tokens when it comes back; where it parts from earlier
        sequences, and from others that wait; and at regular distances if so configured.
        """
        limits = self.limits
        if not limits.has_prefix_cache:
            return []
        depths = {(sequence.num_prompt - 1) // limits.page_size, self.cache.known_depth(keys)}
        depths.add(self.queue.shared_depth(keys))
        if limits.turn_snapshot_pages:
            depths.add(len(keys))
        if limits.snapshot_every_pages:
            depths.update(range(limits.snapshot_every_pages, len(keys) + 1, limits.snapshot_every_pages))
        return sorted(wanted for wanted in depths if wanted > depth)

    def fork(self, leader: Sequence, step: Step) -> None:
        """The other samples of a request go on from the state of its first one, which is one token short of the
        prompt's end: each computes that last token itself and so samples its own first one.

        Those for which there is no room wait like anyone else, and find the prompt's snapshot.
        """
        while leader.followers and self._fork_one(leader, leader.followers[0], step):
            leader.followers.pop(0)
        self.release_followers(leader)

    def _fork_one(self, leader: Sequence, follower: Sequence, step: Step) -> bool:
        limits = self.limits
        num_shared, num_copied_tokens = divmod(leader.num_computed, limits.page_size)
        shared = leader.pages[:num_shared]
        num_new = limits.pages_for(leader.num_prompt) - len(shared)
        reserve = len(self.running) if limits.has_pages else 0
        if len(self.running) == limits.max_sequences or not self._occupy(follower, shared, num_new, reserve):
            return False
        self.put_at(follower, leader.node)
        follower.num_computed = leader.num_computed
        if limits.needs_snapshots:
            step.copies.append(SlotCopy(leader.slot, follower.slot))
        if num_copied_tokens and limits.has_pages:
            step.page_copies.append(PageCopy(leader.pages[num_shared], follower.pages[num_shared]))
        self.counters.num_forked_tokens += follower.num_computed
        step.admit(follower)
        return True

    def release_followers(self, leader: Sequence) -> None:
        """Samples that were to fork off `leader` wait on their own."""
        for follower in leader.followers:
            follower.keys = leader.keys[: follower.num_prompt // self.limits.page_size]
            self.wait(follower)
        leader.followers = []

    def wait(self, sequence: Sequence) -> None:
        """Into the queue, by age."""
        extend_keys(sequence, self.limits.page_size)
        self.queue.add(sequence)

    # ------------------------------------------------------------------------------------------------- growing

    def grow(self, sequence: Sequence, step: Step, are_saves_out: bool) -> bool:
        """One more page; if need be the youngest sequence makes room.

        False if it has to wait: it was the youngest itself, or it is alone and saves under way hold what it needs.
        """
        while not self.pages.num_free and not self.cache.reclaim_pages(1):
            victim = self.running[-1]
            if victim is sequence and sequence.node is not None:
                self.put_at(sequence, None)  # others' pages there may be copies of what it has itself
                continue
            if len(self.running) == 1 and are_saves_out:
                return False
            self.preempt(victim)
            if victim is sequence:
                return False
        self.add_page(sequence, step)
        return True

    def add_page(self, sequence: Sequence, step: Step) -> None:
        """A free page to its end. There must be one."""
        page = self.pages.take()
        step.table.append(TableEntry(sequence.slot, len(sequence.pages), page))
        sequence.pages.append(page)

    # ------------------------------------------------------------------------------------------------- leaving

    def preempt(self, sequence: Sequence) -> None:
        """Takes a sequence off the device; it keeps its tokens and waits, ahead of all that came later."""
        self.counters.num_preemptions += 1
        self._vacate(sequence)
        sequence.num_computed = 0
        sequence.is_prefilling = False
        self.wait(sequence)

    def depart(self, sequence: Sequence, leader: Sequence) -> None:
        """A finished sequence gives everything back, wherever it is. Its last snapshot stays, for the next turn."""
        if sequence.slot:
            self._vacate(sequence)
        elif sequence in leader.followers:
            leader.followers.remove(sequence)
        else:
            self.queue.remove(sequence)
        if sequence.turn_node is not None:
            sequence.turn_node.is_turn = False
        self.release_followers(sequence)

    def _vacate(self, sequence: Sequence) -> None:
        keys = extend_keys(sequence, self.limits.page_size)
        self.queue.retract([keys[wanted - 1] for wanted in sequence.wanted])
        sequence.wanted = []
        self.keep_pages(sequence)
        self.put_at(sequence, None)
        del self.running[bisect_left(self.running, order_of(sequence), key=order_of)]
        self.slots.give_back(sequence.slot)
        for page in sequence.pages:
            self.pages.release(page)
        sequence.slot, sequence.pages = 0, []

    def keep_pages(self, sequence: Sequence) -> None:
        """Without state in slots, all full pages of a sequence are a prefix to go on from."""
        limits = self.limits
        if limits.needs_snapshots or not limits.has_prefix_cache:
            return
        keys = extend_keys(sequence, limits.page_size)[: sequence.num_computed // limits.page_size]
        if keys:
            self.put_at(sequence, self.cache.keep(sequence.node, keys, sequence.pages))

    # ------------------------------------------------------------------------------------------------- keeping

    def put_at(self, sequence: Sequence, node: Node | None) -> None:
        """Notes the deepest place of the tree on the way of a running sequence."""
        if node is not None:
            self.cache.anchor(node)
        if sequence.node is not None:
            self.cache.lift_anchor(sequence.node)
        sequence.node = node

    def save(self, sequence: Sequence, depth: int, step: Step, awaited: bytes | None = None) -> bool:
        """A snapshot after the step, of `depth` pages; others may wait for it by its key. False if no slot is left."""
        is_turn = depth > (sequence.num_prompt - 1) // self.limits.page_size
        if is_turn:
            save = self.cache.start_turn_save(sequence.node, sequence.turn_node, depth, sequence.pages)
        else:
            save = self.cache.start_save(sequence.node, depth, sequence.pages)
        return step.add_save(sequence, save, is_turn, awaited)
