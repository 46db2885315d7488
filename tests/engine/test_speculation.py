"""Speculation changes no token: whatever is drafted, replies are those that are given without."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from engine.tiny_engines import ARCHITECTURES, LIMITS, byte_tokenizer, check_nothing_is_left, small_model
from torch import Tensor

from sambay import SambaYForCausalLM
from sambay.engine.engine import Delta, Engine
from sambay.engine.forward import Forward
from sambay.engine.limits import Limits
from sambay.engine.llm import LLM
from sambay.engine.lookup import NgramDrafter
from sambay.engine.pools import Pools
from sambay.engine.sampling_params import Guided, SamplingParams
from sambay.engine.verify import Places, is_seen

TOKENIZER = byte_tokenizer()
MOST_DRAFTED = 5
DRAFTING = replace(LIMITS, max_drafted=MOST_DRAFTED)

Work = dict[str, tuple[list[int], SamplingParams]]
Replies = dict[tuple[str, int], list[Delta]]


class Oracle(NgramDrafter):
    """Drafts what the replies are known to become, spoilt at random, so that every number of drafts is accepted."""

    def __init__(self, known: dict[tuple[str, int], list[int]], seed: int) -> None:
        super().__init__()
        self.known, self.random = known, random.Random(seed)

    def __call__(self, request_id: str, sample: int, token_ids: Sequence[int], num_tokens: int) -> list[int]:
        if (request_id, sample) not in self._lookups:
            return []
        known = self.known[request_id, sample]
        assert list(token_ids) == known[: len(token_ids)], "a reply has left its path"
        draft = known[len(token_ids) : len(token_ids) + self.random.randint(0, num_tokens)]
        if draft and self.random.random() < 0.5:
            draft[self.random.randrange(len(draft))] = self.random.randrange(320)
        return draft


def engine_of(model: SambaYForCausalLM, limits: Limits, drafter: NgramDrafter | None = None) -> Engine:
    return Engine(model, TOKENIZER, limits, num_plans_ahead=0, has_graphs=False, drafter=drafter)


def run(engine: Engine, work: Work) -> Replies:
    """All deltas of all samples; a request comes in at every second step."""
    waiting, replies, num_steps = list(work.items()), Replies(), 0
    while waiting or engine.has_work:
        if waiting and num_steps % 2 == 0:
            name, (prompt, params) = waiting.pop(0)
            engine.add(name, prompt, params)
        for delta in engine.step():
            replies.setdefault((delta.request_id, delta.sample), []).append(delta)
        engine.scheduler.check_invariants()
        num_steps += 1
    check_nothing_is_left(engine)
    return replies


def ids_of(replies: Replies) -> dict[tuple[str, int], list[int]]:
    return {key: [token_id for delta in deltas for token_id in delta.token_ids] for key, deltas in replies.items()}


def sequences_of(replies: Replies, work: Work) -> dict[tuple[str, int], list[int]]:
    return {key: work[key[0]][0] + ids for key, ids in ids_of(replies).items()}


def work_of(seed: int, kinds: Sequence[SamplingParams]) -> Work:
    source = random.Random(seed)
    return {
        f"r{index}": ([source.randrange(250) for _ in range(source.choice([1, 4, 5, 17, 33]))], params)
        for index, params in enumerate(kinds)
    }


GREEDY = [SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=tokens > 30) for tokens in (30, 1, 2, 45, 35)]
DRAWN = [
    SamplingParams(seed=1, max_tokens=30, ignore_eos=True),
    SamplingParams(seed=2, max_tokens=30, n=2, top_p=0.9),
    SamplingParams(seed=3, max_tokens=40, top_k=8, min_p=0.05),
    SamplingParams(temperature=0, max_tokens=30),
]


@pytest.mark.parametrize("kinds", [GREEDY, DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_tokens_are_those_without_speculation(architecture: str, kinds: list[SamplingParams]) -> None:
    model, work = small_model(architecture), work_of(7, kinds)
    plain = run(engine_of(model, LIMITS), work)
    engine = engine_of(model, DRAFTING, Oracle(sequences_of(plain, work), seed=3))
    assert ids_of(run(engine, work)) == ids_of(plain)
    counters = engine.scheduler.counters
    assert 0 < counters.num_accepted_tokens < counters.num_drafted_tokens


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_tokens_are_those_without_speculation_when_memory_is_short(seed: int) -> None:
    """Sequences are preempted, come back through kept prefixes, and take snapshots between drafts."""
    model, work = small_model(), work_of(seed, [*GREEDY, *DRAWN, *GREEDY])
    plain = run(engine_of(model, LIMITS), work)
    tight = replace(DRAFTING, num_slots=8, num_pages=22 + seed, max_sequences=5, turn_snapshot_pages=1 + seed % 3)
    engine = engine_of(model, tight, Oracle(sequences_of(plain, work), seed))
    assert ids_of(run(engine, work)) == ids_of(plain)
    assert engine.scheduler.counters.num_preemptions > 0
    assert engine.scheduler.counters.num_accepted_tokens > 0


def test_replies_that_cannot_be_judged_at_once_go_along_undrafted() -> None:
    """Their rows lie between those of drafts: masks, log-probabilities and counts must find them."""
    pytest.importorskip("llguidance")
    kinds = [
        SamplingParams(temperature=0, max_tokens=40, ignore_eos=True),
        SamplingParams(seed=5, max_tokens=30, guided=Guided(regex="[ab]{12}c")),
        SamplingParams(temperature=0, max_tokens=30, frequency_penalty=1.5, ignore_eos=True),
        SamplingParams(seed=6, max_tokens=30, logprobs=3, ignore_eos=True),
        SamplingParams(temperature=0, max_tokens=30, logprobs=1, min_tokens=20),
    ]
    model, work = small_model(), work_of(1, kinds)
    plain = run(engine_of(model, LIMITS), work)
    engine = engine_of(model, DRAFTING, Oracle(sequences_of(plain, work), seed=0))
    drafted = run(engine, work)
    assert ids_of(drafted) == ids_of(plain)
    text = "".join(delta.text for delta in drafted["r1", 0])
    assert len(text) == 13
    assert all(len(delta.token_ids) == 1 for name in ("r1", "r2") for delta in drafted[name, 0])
    for name in ("r3", "r4"):
        assert any(len(delta.token_ids) > 1 for delta in drafted[name, 0])
        mine, yours = ([one for d in replies[name, 0] for one in d.logprobs or ()] for replies in (drafted, plain))
        assert [one.token_id for one in mine] == ids_of(plain)[name, 0]
        assert [one.logprob for one in mine] == pytest.approx([one.logprob for one in yours], abs=1e-4)
        assert [[i for i, _ in one.top] for one in mine] == [[i for i, _ in one.top] for one in yours]


@pytest.mark.parametrize("is_string", [True, False])
def test_what_stops_a_reply_does_so_within_accepted_drafts(is_string: bool) -> None:
    model, work = small_model(), work_of(2, [SamplingParams(temperature=0, max_tokens=40, ignore_eos=True)])
    reply = ids_of(run(engine_of(model, LIMITS), work))["r0", 0]
    known = {("r0", 0): work["r0"][0] + reply}
    first = next(index for index in range(5, 39) if max(reply[index : index + 2]) < 128)  # two letters, two tokens
    fresh = next(reply[index] for index in range(8, 40) if reply[index] not in reply[:index])
    stops = {"stop": bytes(reply[first : first + 2]).decode()} if is_string else {"stop_token_ids": [fresh]}
    params = SamplingParams(temperature=0, max_tokens=40, ignore_eos=True, **stops)
    stopped = {"r0": (work["r0"][0], params)}
    plain = run(engine_of(model, LIMITS), stopped)
    assert len(ids_of(plain)["r0", 0]) > 5
    for seed in range(4):
        drafted = run(engine_of(model, DRAFTING, Oracle(known, seed)), stopped)
        assert ids_of(drafted) == ids_of(plain)
        text, finish = "".join(delta.text for delta in drafted["r0", 0]), drafted["r0", 0][-1].finish
        assert (text, finish) == ("".join(delta.text for delta in plain["r0", 0]), plain["r0", 0][-1].finish)


# ------------------------------------------------------------------------------------------------ the device's part


def state_of(pools: Pools, slot: int) -> list[Tensor]:
    return [tensor[slot].clone() for tensor in pools._of_slots]


@pytest.mark.parametrize("num_kept", range(1, MOST_DRAFTED + 2))
@pytest.mark.parametrize("start", [1, 6, 7, 15, 16, 30])
@torch.inference_mode()
def test_only_what_is_kept_changes_the_slots(start: int, num_kept: int) -> None:
    pools = Pools(small_model().config, LIMITS, torch.float32, torch.device("cpu"))
    forward, tokens = Forward(small_model(), pools), [random.randrange(320) for _ in range(start + 1 + MOST_DRAFTED)]
    for slot in (1, 2, 3):
        pools.place_pages([(slot, column, 10 * slot + column) for column in range(8)])
        pools.clear_slots([slot])
        forward.read(tokens[:start], slot, 0, is_sampled=False)
    before = state_of(pools, 1)
    drafted = tokens[start : start + 1 + MOST_DRAFTED]
    places = Places.of([1, 2], [start, start], [drafted, drafted[:1]])
    logits_RV, verification = forward.verify(places.ids_BS, places)
    for mine, yours in zip(state_of(pools, 1), before, strict=True):
        assert torch.equal(mine, yours), "a slot changed before it was known what stays"
    verification.keep(torch.tensor([num_kept, 1]))
    for row, token_id in enumerate(drafted):
        rows = forward.decoder.rows(torch.tensor([3]), torch.tensor([start + row]))
        logits_BV = forward.decode(torch.tensor([token_id]), rows)
        torch.testing.assert_close(logits_RV[row], logits_BV[0], atol=1e-4, rtol=0)  # of size 10, in another order
        for slot, kept in ((1, num_kept), (2, 1)):
            if row + 1 == kept:
                for mine, yours in zip(state_of(pools, slot), state_of(pools, 3), strict=True):
                    torch.testing.assert_close(mine, yours, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(logits_RV[-1], logits_RV[0], atol=1e-4, rtol=0)  # the second one's, undrafted


@pytest.mark.parametrize("start", [0, 1, 3, 4, 5, 11])
def test_places_see_their_window(start: int) -> None:
    """By hand: which position lies in each row of a ring that was written one position after the other."""
    window, num_places = 4, 3
    ring = [None] * window
    for position in range(start):
        ring[position % window] = position
    positions = [*ring, *range(start, start + num_places)]
    seen = is_seen(torch.tensor([start]), num_places, window)[0]
    for place in range(num_places):
        own = start + place
        expected = [at is not None and own - window < at <= own for at in positions]
        assert seen[place].tolist() == expected


# -------------------------------------------------------------------------------------------------------- the option


def test_look_up_speeds_repetition_up_and_is_counted() -> None:
    model = small_model()
    prompt, params = [1, 2, 3, 4, 5, 6] * 8, SamplingParams(temperature=0, max_tokens=60, ignore_eos=True)
    plain = LLM(model, tokenizer=TOKENIZER, max_model_len=200, max_sequences=2)
    llm = LLM(model, tokenizer=TOKENIZER, max_model_len=200, max_sequences=2, num_drafted=4)
    # a model that says what it has just read: a draft is right whenever the reply repeats itself
    for one in (plain, llm):
        one.engine.sampler._stop_ids = ()
    assert llm.generate(prompt, params)[0].token_ids == plain.generate(prompt, params)[0].token_ids
    assert llm.counters.num_drafted_tokens > 0
    assert plain.counters.num_drafted_tokens == 0
    assert not llm.engine._drafter._lookups


def test_after_a_step_that_fails_drafts_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    model, work = small_model(), work_of(5, GREEDY)
    plain = run(engine_of(model, LIMITS), work)
    engine = engine_of(model, DRAFTING, Oracle(sequences_of(plain, work), seed=1))
    engine.add("r0", *work["r0"])
    for _ in range(3):
        engine.step()
    with monkeypatch.context() as patch:
        patch.setattr(engine.runner, "run", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            engine.step()
    assert not engine._drafter._lookups
    assert ids_of(run(engine, work)) == ids_of(plain)
    assert engine.scheduler.counters.num_accepted_tokens > 0


def test_plans_ahead_do_not_go_with_drafts() -> None:
    with pytest.raises(ValueError, match="num_plans_ahead=1: allowed with a drafter is 0"):
        Engine(small_model(), TOKENIZER, DRAFTING, num_plans_ahead=1, has_graphs=False, drafter=NgramDrafter())


@pytest.mark.parametrize("num_drafted", [-1, 16])
def test_a_number_of_drafts_that_cannot_be_is_refused(num_drafted: int) -> None:
    with pytest.raises(ValueError, match=f"num_drafted={num_drafted}: allowed is 0 to 15"):
        LLM(small_model(), tokenizer=TOKENIZER, max_model_len=200, num_drafted=num_drafted)


def test_a_batch_too_small_for_drafts_is_refused() -> None:
    with pytest.raises(ValueError, match="max_batch_tokens=8: allowed with num_drafted=4 is 10 or more"):
        LLM(small_model(), tokenizer=TOKENIZER, max_model_len=200, max_sequences=2, max_batch_tokens=8, num_drafted=4)
