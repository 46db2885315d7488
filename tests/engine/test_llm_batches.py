"""What shares a batch, a prefix or too little memory, and what breaks a step, changes no reply."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from engine.tiny_engines import (
    LIMITS,
    byte_tokenizer,
    check_nothing_is_left,
    engine_of,
    greedy_reply,
    llm_of,
    small_model,
)

from sambay import SambaYForCausalLM
from sambay.chat import ChatTokenizer
from sambay.engine.llm import LLM
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.scheduler import QueueFullError

GREEDY = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)
STARVED = replace(LIMITS, num_pages=16, num_slots=9)
AHEAD = pytest.mark.parametrize("ahead", [0, 1])


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module", params=["tiny", "transformer", "samba"])
def model(request: pytest.FixtureRequest) -> SambaYForCausalLM:
    """With slots and pages, with pages alone, with slots alone."""
    return small_model(request.param)


@pytest.fixture(scope="module")
def tiny() -> SambaYForCausalLM:
    return small_model()


def prompt_of(length: int, seed: int = 0) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(256) for _ in range(length)]


def greedy(model: SambaYForCausalLM, prompt: list[int], num_tokens: int = 24) -> list[int]:
    return greedy_reply(model, prompt, num_tokens, [])


def replies(llm: LLM, prompts, params) -> list[list[int]]:
    return [list(one.token_ids) for output in llm.generate(prompts, params) for one in output.outputs]


# ------------------------------------------------------------------------------------------------- prefixes


@AHEAD
@pytest.mark.parametrize("architecture", ["tiny", "transformer", "sambayda"])
def test_the_second_turn_reads_only_what_is_new(tokenizer, architecture: str, ahead: int) -> None:
    model = small_model(architecture)
    llm = llm_of(model, tokenizer, ahead=ahead)
    counters = llm.engine.scheduler.counters
    first = prompt_of(33)
    (reply,) = replies(llm, first, replace(GREEDY, max_tokens=19))
    assert counters.num_prefill_tokens == 33
    second = [*first, *reply, *prompt_of(9, seed=1)]
    # the reply's last token was sampled and never computed; of the rest, what fills pages of 5 is kept
    num_kept = (33 + 19 - 1) // 5 * 5
    assert replies(llm, second, GREEDY) == [greedy(model, second)]
    assert counters.num_prefix_hit_tokens == num_kept
    assert counters.num_prefill_tokens == 33 + len(second) - num_kept
    bare = llm_of(model, tokenizer, replace(LIMITS, has_prefix_cache=False))
    assert replies(bare, second, GREEDY) == replies(bare, second, GREEDY) == [greedy(model, second)]
    assert bare.engine.scheduler.counters.num_prefix_hit_tokens == 0
    for one in (llm, bare):
        check_nothing_is_left(one.engine, ahead)


@AHEAD
def test_what_prompts_that_come_together_share_is_read_once(model, tokenizer, ahead: int) -> None:
    llm = llm_of(model, tokenizer, ahead=ahead)
    system = prompt_of(42)
    prompts = [[*system, *prompt_of(4 + place, seed=place)] for place in range(8)]
    assert replies(llm, prompts, GREEDY) == [greedy(model, prompt) for prompt in prompts]
    counters = llm.engine.scheduler.counters
    assert counters.num_prefix_hit_tokens == 7 * 40
    assert counters.num_prefill_tokens == sum(map(len, prompts)) - 7 * 40
    check_nothing_is_left(llm.engine, ahead)


# -------------------------------------------------------------------------------------- memory and budgets


@AHEAD
def test_with_too_little_memory_the_replies_are_the_same(model, tokenizer, ahead: int) -> None:
    llm = llm_of(model, tokenizer, STARVED, ahead)
    prompts = [prompt_of(length, length) for length in (20, 31, 5, 12, 25, 40, 1)]
    assert replies(llm, prompts, GREEDY) == [greedy(model, prompt) for prompt in prompts]
    drawn = [SamplingParams(temperature=2, seed=place, max_tokens=24, frequency_penalty=1) for place in range(7)]
    alone = [replies(llm_of(model, tokenizer), prompt, one)[0] for prompt, one in zip(prompts, drawn, strict=True)]
    assert replies(llm, prompts, drawn) == alone
    assert (llm.engine.scheduler.counters.num_preemptions > 0) == bool(llm.engine.runner.pools.pages)
    check_nothing_is_left(llm.engine, ahead)


@AHEAD
def test_more_samples_than_may_run_at_a_time(tiny, tokenizer, ahead: int) -> None:
    llm = llm_of(tiny, tokenizer, STARVED, ahead)
    params = SamplingParams(n=11, seed=5, temperature=2, max_tokens=15)
    together = replies(llm, prompt_of(23), params)
    alone = llm_of(tiny, tokenizer)
    assert together == [replies(alone, prompt_of(23), replace(params, n=1, seed=5 + one))[0] for one in range(11)]
    assert llm.engine.scheduler.counters.num_preemptions > 0
    check_nothing_is_left(llm.engine, ahead)


@pytest.mark.parametrize("budget", [6, 7, 13, 200])
def test_no_step_is_larger_than_its_budget(model, tokenizer, budget: int, monkeypatch) -> None:
    llm = llm_of(model, tokenizer, replace(LIMITS, max_batch_tokens=budget))
    sizes, run = [], llm.engine.runner.run

    def noted(plan, *arguments):
        sizes.append(sum(len(segment.token_ids) for segment in plan.segments))
        return run(plan, *arguments)

    monkeypatch.setattr(llm.engine.runner, "run", noted)
    prompts = [prompt_of(length, length) for length in (90, 3, 50, 1, 17)]
    assert replies(llm, prompts, GREEDY) == [greedy(model, prompt) for prompt in prompts]
    # chunks may end early for snapshots, so a little of the prompts' 161 tokens is left to the second step
    assert min(budget, 145) <= max(sizes) <= budget


# ---------------------------------------------------------------------------------------------------- seeds


@AHEAD
def test_a_seed_gives_its_tokens_in_any_batch(tiny, tokenizer, ahead: int) -> None:
    options = [{"top_k": 5}, {"top_p": 0.8}, {"min_p": 0.05}, {}, {"repetition_penalty": 1.3}, {"logit_bias": {7: 9}}]
    params = [SamplingParams(temperature=1.5, seed=seed, max_tokens=12, **one) for seed, one in enumerate(options)]
    prompts = [prompt_of(9 + place, place) for place in range(len(params))]
    alone = [replies(llm_of(tiny, tokenizer), *pair)[0] for pair in zip(prompts, params, strict=True)]
    llm = llm_of(tiny, tokenizer, ahead=ahead)
    assert replies(llm, prompts, params) == alone
    crowd = [(prompt_of(20, 50 + place), SamplingParams(max_tokens=2 + place)) for place in range(9)]
    mixed = [*zip(prompts, params, range(6), strict=True), *((*one, None) for one in crowd)]
    random.shuffle(mixed)
    found = replies(llm, [one[0] for one in mixed], [one[1] for one in mixed])
    assert {one[2]: reply for one, reply in zip(mixed, found, strict=True) if one[2] is not None} == dict(
        enumerate(alone)
    )
    other = [replace(one, seed=one.seed + 100) for one in params]
    assert all(reply != own for reply, own in zip(replies(llm, prompts, other), alone, strict=True))
    check_nothing_is_left(llm.engine, ahead)


# ------------------------------------------------------------------------------------------------- failures

PLACES = [
    "scheduler.plan", "scheduler.commit", "sampler.add", "sampler.sample", "runner.run", "runner.forward.decode",
    "runner.forward.read", "runner.pools.copy_slots", "_take",
]  # fmt: skip


class DeviceError(RuntimeError):
    """What a device may raise."""


def break_at(engine, place: str, error: BaseException, call: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The given call of a part of the engine does its work and then raises, leaving the rest undone."""
    *path, name = place.split(".")
    owner = engine
    for part in path:
        owner = getattr(owner, part)
    whole, calls = getattr(owner, name), iter(range(1, 1000))

    def broken(*arguments, **options):
        result = whole(*arguments, **options)
        if next(calls) == call:
            raise error
        return result

    monkeypatch.setattr(owner, name, broken)


@AHEAD
@pytest.mark.parametrize(
    ("place", "error"), [*((place, KeyboardInterrupt()) for place in PLACES), ("runner.forward.decode", DeviceError())]
)
def test_a_step_that_breaks_leaves_nothing_behind(tiny, tokenizer, monkeypatch, place, error, ahead: int) -> None:
    llm = llm_of(tiny, tokenizer, ahead=ahead)
    prompts = [prompt_of(42 + length, 1) for length in range(9)]
    other = llm.stream(prompt_of(5), GREEDY)
    next(other)
    for call in (1, 4):
        with monkeypatch.context() as patch:
            break_at(llm.engine, place, error, call, patch)
            with pytest.raises(type(error)):
                llm.generate(prompts, GREEDY)
        assert not llm.engine.has_work
        check_nothing_is_left(llm.engine)
    with pytest.raises(RuntimeError, match="cut off when a step of the engine failed or was interrupted"):
        list(other)
    assert llm._inbox == {}
    assert replies(llm, prompts[:2], GREEDY) == [greedy(tiny, prompt) for prompt in prompts[:2]]
    counters = llm.engine.scheduler.counters
    assert counters.num_requests == 1 + 2 * 9 + 2
    assert counters.num_finished == counters.num_requests
    check_nothing_is_left(llm.engine, ahead)


def test_what_the_queue_does_not_take_is_refused(tiny, tokenizer) -> None:
    engine = engine_of(tiny, tokenizer, replace(LIMITS, max_queued=2))
    engine.add("a", [1, 2], GREEDY)
    with pytest.raises(ValueError, match="'a' is under way; allowed: an id not in use"):
        engine.add("a", [1, 2], GREEDY)
    with pytest.raises(QueueFullError, match="1 sequences wait, and request 'b' brings 2; allowed: 2"):
        engine.add("b", [1, 2], SamplingParams(n=2))
    assert list(engine._replies) == [("a", 0)]
    assert engine.cancel("a")
    assert not engine.cancel("a")
    check_nothing_is_left(engine)


def test_weights_are_only_read(tiny, tokenizer) -> None:
    before = [parameter.clone() for parameter in tiny.parameters()]
    llm_of(tiny, tokenizer).generate([prompt_of(30), prompt_of(3)], GREEDY)
    assert all(torch.equal(*pair) for pair in zip(before, tiny.parameters(), strict=True))
    assert not any(parameter.is_inference() for parameter in tiny.parameters())
