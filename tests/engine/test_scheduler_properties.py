"""Random traffic on tiny pools: every token right, every invariant at every step, nothing leaked."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
from engine.bookkeeping import NUM_TOKENS, STOP, Engine, check_replies, guessing

from sambay.engine.limits import Limits
from sambay.engine.plan import PENDING
from sambay.engine.request import Request
from sambay.engine.scheduler import QueueFullError

# A SambaY, one with far too little memory, a Samba (no growing layer), a Transformer (nothing but pages).
HYBRID = Limits(
    page_size=4, num_slots=12, num_pages=40, max_model_len=60, max_sequences=6, max_batch_tokens=24, max_queued=20
)
MODELS = {
    "hybrid": HYBRID,
    "starved": replace(HYBRID, num_slots=8, num_pages=17, snapshot_every_pages=2),
    "no spare slots": replace(HYBRID, num_slots=5, max_sequences=4, turn_snapshot_pages=2),
    "pages of one token": replace(HYBRID, page_size=1, num_pages=90),
    "no pages": replace(HYBRID, num_pages=0),
    "only pages": replace(HYBRID, needs_snapshots=False, num_slots=7),
    "only pages, starved": replace(HYBRID, needs_snapshots=False, num_slots=7, num_pages=17),
    "no prefixes": replace(HYBRID, has_prefix_cache=False, num_pages=20),
}


@dataclass
class Traffic:
    """Draws requests: new prompts, prompts that begin alike, next turns of earlier chats, the same once more."""

    rng: random.Random
    engine: Engine
    requests: list[Request] = field(default_factory=list)
    num_refused: int = 0

    def arrive(self) -> None:
        rng, limits = self.rng, self.engine.limits
        request = Request(
            f"request {len(self.requests)}",
            self._prompt()[: limits.max_length - 1],
            max_tokens=rng.choice([None, *range(1, 30)]),
            num_samples=rng.choice([1, 1, 1, 2, 3, 9]),
            stop_token_ids=rng.choice([(), (STOP,)]),
            min_tokens=rng.choice([0, 0, 3]),
        )
        try:
            self.engine.add(request)
        except QueueFullError:
            self.num_refused += 1
        except ValueError as error:
            assert "never fit" in str(error)  # noqa: PT017  (anything else is a fault)
        else:
            self.requests.append(request)

    def _prompt(self) -> list[int]:
        rng = self.rng
        new = [rng.randrange(NUM_TOKENS) for _ in range(rng.choice([1, 2, 4, 5, 8, 9, 20, 45]))]
        earlier = rng.choice(self.requests) if self.requests else None
        if earlier is None or rng.random() < 0.3:
            return new
        if rng.random() < 0.3:
            return list(earlier.token_ids)
        if rng.random() < 0.5:
            return [*earlier.token_ids[: rng.randrange(len(earlier.token_ids)) + 1], *new]
        return [*earlier.token_ids, *self.engine.replies[earlier.request_id, 0], *new]

    def end_one(self) -> None:
        """Cancels a request at any moment, or stops one of its samples."""
        request = self.rng.choice(self.requests)
        sample = self.rng.choice([None, self.rng.randrange(request.num_samples)])
        self.engine.finish(request.request_id, self.rng.choice(["cancelled", "string"]), sample)


def drive(limits: Limits, num_ahead: int, has_drafts: bool, seed: int, num_steps: int) -> Engine:
    rng = random.Random(seed)
    if has_drafts:
        limits = replace(limits, max_drafted=3)
    draft = guessing(rng, rng.choice([3, 9, 10]), limits) if has_drafts else None
    engine = Engine(limits, num_ahead, draft)
    traffic = Traffic(rng, engine)
    arrival_rate = rng.choice([0.1, 0.3, 0.8])
    for _ in range(num_steps):
        while rng.random() < arrival_rate:
            traffic.arrive()
        if traffic.requests and rng.random() < 0.05:
            traffic.end_one()
        engine.step()
    engine.run()
    check_replies(engine, traffic.requests)
    assert len(engine.reasons) == sum(request.num_samples for request in traffic.requests)
    engine.check_nothing_is_leaked()
    return engine


@pytest.mark.parametrize("has_drafts", [False, True], ids=["plain", "drafts"])
@pytest.mark.parametrize("num_ahead", [1, 2, 3])
@pytest.mark.parametrize("model", MODELS)
def test_random_traffic_gives_every_sample_its_own_tokens(model: str, num_ahead: int, has_drafts: bool) -> None:
    drive(MODELS[model], num_ahead, has_drafts, seed=num_ahead, num_steps=100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("has_drafts", [False, True], ids=["plain", "drafts"])
@pytest.mark.parametrize("num_ahead", [1, 2])
@pytest.mark.parametrize("model", MODELS)
def test_much_random_traffic(model: str, num_ahead: int, has_drafts: bool, seed: int) -> None:
    drive(MODELS[model], num_ahead, has_drafts, seed=100 + seed, num_steps=400)


def test_the_traffic_above_reaches_what_it_is_to_test() -> None:
    """Else a scheduler that never shares or preempts anything would pass."""
    engine = drive(MODELS["starved"], 2, has_drafts=False, seed=1, num_steps=300)
    counters, segments = engine.scheduler.counters, [one for plan in engine.history for one in plan.segments]
    assert counters.num_preemptions > 10
    assert counters.num_prefix_hit_tokens > 200
    assert counters.num_forked_tokens > 50
    assert any(plan.page_copies for plan in engine.history)
    assert any(PENDING in segment.token_ids for segment in segments)
    assert any(segment.start and len(segment.token_ids) > 1 for segment in segments), "no prompt came in chunks"
    counters = drive(MODELS["hybrid"], 1, has_drafts=True, seed=1, num_steps=200).scheduler.counters
    assert 50 < counters.num_accepted_tokens < counters.num_drafted_tokens


@pytest.mark.parametrize("num_ahead", [1, 2])
def test_the_same_traffic_gives_the_same_plans(num_ahead: int) -> None:
    first, second = (drive(MODELS["starved"], num_ahead, has_drafts=True, seed=5, num_steps=100) for _ in range(2))
    assert first.history == second.history
