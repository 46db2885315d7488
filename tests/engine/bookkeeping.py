"""A device that is only bookkeeping: what a slot or page holds is a hash of the tokens written, so mistakes show.

The state after a token is a function of the state before and the token; a page's row holds that state, too. The next
token is a function of the state, of all rows below, of the sample and of its position, so a wrong restored snapshot, a
shared page that was written, a stale table or a lost token changes what comes out.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from sambay.engine.limits import Limits
from sambay.engine.plan import PENDING, Event, Plan, Segment
from sambay.engine.request import Request
from sambay.engine.scheduler import Scheduler

EMPTY = 1  # the state before the first token
NUM_TOKENS = 6  # few, so that unrelated prompts begin alike now and then
STOP = 0

LIMITS = Limits(page_size=4, num_slots=17, num_pages=100, max_model_len=100, max_sequences=8, max_batch_tokens=32)
ONLY_PAGES = replace(LIMITS, needs_snapshots=False, num_slots=9)
BOTH = pytest.mark.parametrize("limits", [LIMITS, ONLY_PAGES], ids=["snapshots", "only pages"])


def next_state(state: int, token: int) -> int:
    return hash((state, token))


def next_token(states: Sequence[int], sample: int, limits: Limits) -> int:
    """From the states after each token so far; without pages, from the last one."""
    return hash((tuple(states if limits.has_pages else states[-1:]), sample)) % NUM_TOKENS


def states_of(tokens: Sequence[int]) -> list[int]:
    states = []
    for token in tokens:
        states.append(next_state(states[-1] if states else EMPTY, token))
    return states


def reply_of(request: Request, sample: int, limits: Limits) -> tuple[tuple[int, ...], str]:
    """What a sample must come to, without any engine."""
    states, reply = states_of(request.token_ids), []
    most = request.max_length(limits) - len(request.token_ids)
    while True:
        reply.append(next_token(states, sample, limits))
        if reply[-1] in request.stop_token_ids and len(reply) > request.min_tokens:
            return tuple(reply), "stop"
        if len(reply) == most:
            return tuple(reply), "length"
        states.append(next_state(states[-1], reply[-1]))


class Device:
    """Carries out plans as plan.py says, and nothing else."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.slots: list[int | None] = [None] * limits.num_slots
        self.last_tokens = [PENDING] * limits.num_slots
        self.pages = [[None] * limits.page_size for _ in range(limits.num_pages)]
        self.table: dict[tuple[int, int], int] = {}
        self.samples: dict[int, tuple[str, int]] = {}  # slot to who was admitted to it
        self.num_computed_tokens = 0

    def run(self, plan: Plan) -> list[list[int]]:
        assert len({entry[:2] for entry in plan.table}) == len(plan.table), "a place in the table is set twice"
        for entry in plan.table:
            assert entry.page > 0
            self.table[entry.slot, entry.column] = entry.page
        self._copy(plan.copies, self.slots, plan.zeroed)
        self._copy(plan.page_copies, self.pages, ())
        for slot in plan.zeroed:
            self.slots[slot] = EMPTY
        for admission in plan.admissions:
            self.samples[admission.slot] = (admission.request_id, admission.sample)
        assert plan.num_decodes == sum(
            segment.num_drafted > 0 or len(segment.token_ids) == 1 for segment in plan.segments[: plan.num_decodes]
        )
        num_tokens = sum(len(segment.token_ids) for segment in plan.segments)
        assert num_tokens <= self.limits.max_batch_tokens, f"{num_tokens} tokens in a step"
        results = [self._compute(segment) for segment in plan.segments]
        self._copy(plan.saves, self.slots, ())
        return [result for result, segment in zip(results, plan.segments, strict=True) if segment.is_sampled]

    def _copy(self, copies: Sequence[tuple[int, int]], pool: list, zeroed: Sequence[int]) -> None:
        """All at once, as a gather and a scatter would."""
        sources, targets = {copy[0] for copy in copies}, [copy[1] for copy in copies]
        assert 0 not in sources | set(targets), "number 0 is copied"
        assert len(set(targets)) == len(targets), "a target of two copies"
        assert not sources & set(targets), "a target is a source"
        assert not set(zeroed) & (sources | set(targets)), "zeroed and copied"
        contents = [pool[source] for source in (copy[0] for copy in copies)]
        for target, content in zip(targets, contents, strict=True):
            pool[target] = list(content) if isinstance(content, list) else content

    def _compute(self, segment: Segment) -> list[int]:
        """Writes the tokens of a segment; returns what is sampled after its last ones."""
        assert self.samples[segment.slot] == (segment.request_id, segment.sample), "not whom the slot was given to"
        self.num_computed_tokens += len(segment.token_ids)
        num_sampled = 1 + segment.num_drafted if segment.is_sampled else 0
        first_sampled = len(segment.token_ids) - num_sampled
        accepted: list[int] = []
        state = self._state_before(segment)
        for offset, token in enumerate(segment.token_ids):
            position = segment.start + offset
            if token == PENDING:
                assert segment.is_sampled
                assert len(segment.token_ids) == 1, "only a decode's token may be pending"
                token = self.last_tokens[segment.slot]
            state = next_state(state, token)
            self._write(segment.slot, position, state)
            is_true = len(accepted) == 0 or accepted[-1] == token
            if offset >= first_sampled and (len(accepted) == offset - first_sampled) and is_true:
                accepted.append(next_token(self._states(segment.slot, position, state), segment.sample, self.limits))
                self.slots[segment.slot] = state
            elif offset < first_sampled:
                self.slots[segment.slot] = state
        if accepted:
            self.last_tokens[segment.slot] = accepted[-1]
        return accepted

    def _state_before(self, segment: Segment) -> int:
        if self.limits.needs_snapshots:
            state = self.slots[segment.slot]
            assert state is not None
            return state
        return self._row(segment.slot, segment.start - 1) if segment.start else EMPTY

    def _states(self, slot: int, position: int, state: int) -> list[int]:
        if not self.limits.has_pages:
            return [state]
        return [self._row(slot, row) for row in range(position + 1)]

    def _row(self, slot: int, position: int) -> int:
        column, row = divmod(position, self.limits.page_size)
        content = self.pages[self.table[slot, column]][row]
        assert content is not None, "a row is read that was never written"
        return content

    def _write(self, slot: int, position: int, state: int) -> None:
        if self.limits.has_pages:
            column, row = divmod(position, self.limits.page_size)
            self.pages[self.table[slot, column]][row] = state


class Engine:
    """A scheduler and a device, with `num_ahead` plans made before the first one's results are taken in."""

    def __init__(self, limits: Limits, num_ahead: int = 1, draft: Callable[..., Sequence[int]] | None = None) -> None:
        self.limits, self.num_ahead = limits, num_ahead
        self.scheduler = Scheduler(limits, draft)
        self.device = Device(limits)
        self.plans: deque[tuple[Plan, list[list[int]]]] = deque()
        self.replies: dict[tuple[str, int], list[int]] = {}
        self.reasons: dict[tuple[str, int], str] = {}
        self.history: list[Plan] = []

    def add(self, request: Request) -> None:
        self.scheduler.add(request)
        for sample in range(request.num_samples):
            self.replies[request.request_id, sample] = []

    def step(self) -> list[Event]:
        """One plan made and carried out, and the oldest results taken in if enough plans are under way."""
        plan = self.scheduler.plan()
        self.history.append(plan)
        self.scheduler.check_invariants()
        self.plans.append((plan, self.device.run(plan)))
        return self._commit() if len(self.plans) == self.num_ahead else []

    def _commit(self) -> list[Event]:
        events = self.scheduler.commit(*self.plans.popleft())
        self.scheduler.check_invariants()
        for event in events:
            name = (event.request_id, event.sample)
            assert name not in self.reasons, "news of a sample that has ended"
            self.replies[name] += event.token_ids
            if event.finish_reason is not None:
                self.reasons[name] = event.finish_reason
        return events

    def finish(self, request_id: str, reason: str, sample: int | None = None) -> None:
        is_any_left = self.scheduler.finish(request_id, reason, sample)
        ended = [
            name for name in self.replies
            if name[0] == request_id and sample in (None, name[1]) and name not in self.reasons
        ]  # fmt: skip
        assert is_any_left == bool(ended)
        self.reasons.update(dict.fromkeys(ended, reason))
        self.scheduler.check_invariants()

    def run(self, max_steps: int = 10_000) -> None:
        for _ in range(max_steps):
            if self.scheduler.has_requests:
                self.step()
            elif self.plans:
                self._commit()
            else:
                return
        raise AssertionError(f"not done after {max_steps} steps: {self.scheduler.num_waiting} wait")

    def check_nothing_is_leaked(self) -> None:
        """With nobody left, all is free or the prefix cache's, and free without it."""
        assert not self.scheduler.has_requests
        assert self.scheduler.num_running == self.scheduler.num_waiting == self.scheduler.num_plans_out == 0
        self.scheduler.clear_prefixes()
        self.scheduler.check_invariants()
        residents = self.scheduler._residents
        assert residents.slots.num_free == self.limits.num_slots - 1
        assert residents.pages.num_free == max(self.limits.num_pages - 1, 0)


def prompt(length: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(1000) for _ in range(length)]


def finished(limits: Limits, *requests: Request, num_ahead: int = 1) -> Engine:
    """The requests one after the other, each to its end."""
    engine = Engine(limits, num_ahead)
    for request in requests:
        engine.add(request)
        engine.run()
    check_replies(engine, requests)
    return engine


def check_replies(engine: Engine, requests: Sequence[Request]) -> None:
    """Every sample is what it must be; of one that was ended from outside, what there is."""
    for request in requests:
        for sample in range(request.num_samples):
            name = (request.request_id, sample)
            reply, reason = reply_of(request, sample, engine.limits)
            if engine.reasons[name] in ("stop", "length"):
                assert (tuple(engine.replies[name]), engine.reasons[name]) == (reply, reason), name
            else:
                assert tuple(engine.replies[name]) == reply[: len(engine.replies[name])], name


def guessing(rng: random.Random, num_right_of_ten: int, limits: Limits) -> Callable[..., Sequence[int]]:
    """Drafts that are right so often, token by token."""

    def draft(request_id: str, sample: int, tokens: Sequence[int], most: int) -> list[int]:
        states, guesses = states_of(tokens), []
        for _ in range(rng.randint(0, most)):
            right = next_token(states, sample, limits)
            guesses.append(right if rng.randrange(10) < num_right_of_ten else (right + 1) % NUM_TOKENS)
            states.append(next_state(states[-1], guesses[-1]))
        return guesses

    return draft
