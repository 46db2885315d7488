"""Random traffic on a real model: each reply is the one that the model gives alone, whatever happens around it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import pytest
import torch
from engine.tiny_engines import LIMITS, byte_tokenizer, check_nothing_is_left, fitting, small_model
from transformers import DynamicCache

from sambay import SambaYForCausalLM
from sambay.engine.engine import Engine
from sambay.engine.lookup import NgramDrafter
from sambay.engine.sampler import Sampler
from sambay.engine.sampling_params import SamplingParams

TOKENIZER = byte_tokenizer()
HYBRID = replace(LIMITS, max_batch_tokens=24)
STARVED = replace(HYBRID, num_pages=14, num_slots=8)
# architecture, limits, plans ahead, whether tokens are drafted
CASES = {
    "hybrid": ("tiny", HYBRID, 0, False),
    "hybrid, starved": ("tiny", replace(STARVED, snapshot_every_pages=2), 1, False),
    "hybrid, starved, drafting": ("tiny", replace(STARVED, max_drafted=3), 0, True),
    "no spare slots": ("sambayda", replace(HYBRID, num_slots=5, max_sequences=4), 1, False),
    "pages alone, starved": ("transformer", STARVED, 1, False),
    "slots alone": ("samba", STARVED, 1, False),
    "no prefixes": ("sambayoco", replace(STARVED, has_prefix_cache=False), 0, False),
}


@torch.inference_mode()
def reply_alone(model: SambaYForCausalLM, prompt: list[int], params: SamplingParams, sample: int, room: int) -> list:
    """Token by token from the model in transformers, with the sampler on its own."""
    sampler = Sampler(model.config.vocab_size, "cpu", TOKENIZER.stop_ids)
    sampler.add("only", params, 0 if params.seed is None else params.seed_of_sample(sample), prompt)
    cache, reply = DynamicCache(config=model.config), []
    new = prompt
    while True:
        logits_BV = model(torch.tensor([new]), past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
        new = sampler.sample(logits_BV, ["only"], [len(reply)]).token_ids_T.tolist()
        reply += new
        if reply[-1] in TOKENIZER.stop_ids or len(reply) == min(params.max_tokens, room):
            return reply


@dataclass
class Traffic:
    """Draws requests: new prompts, prompts that begin alike, next turns of earlier replies, the same once more."""

    rng: random.Random
    engine: Engine
    requests: dict[str, tuple[list[int], SamplingParams]] = field(default_factory=dict)
    replies: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    finished: set[tuple[str, int]] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    def arrive(self) -> None:
        rng, name = self.rng, f"request {len(self.requests)}"
        prompt = self._prompt()[: self.engine.limits.max_length - 1]
        most, seed = rng.randint(1, 25), rng.randrange(1000)
        wide = {"temperature": 2, "seed": seed, "max_tokens": most}
        params = rng.choice(
            [
                SamplingParams(temperature=0, max_tokens=most),
                SamplingParams(**wide),
                SamplingParams(**wide, n=rng.randint(2, 7)),
                SamplingParams(**wide, top_p=0.9, frequency_penalty=0.5),
            ]
        )
        self.engine.add(name, prompt, params)
        self.requests[name] = (prompt, params)
        self.replies.update({(name, sample): [] for sample in range(params.n)})

    def _prompt(self) -> list[int]:
        rng = self.rng
        new = [rng.randrange(256) for _ in range(rng.choice([1, 2, 5, 6, 15, 33]))]
        if not self.requests or rng.random() < 0.3:
            return new
        name, (earlier, _) = rng.choice(list(self.requests.items()))
        kind = rng.random()
        if kind < 0.2:
            return earlier
        if kind < 0.6:
            return [*earlier[: rng.randint(1, len(earlier))], *new]
        return [*earlier, *self.replies[name, 0], *new]

    def cancel_one(self) -> None:
        name = self.rng.choice(list(self.requests))
        if self.engine.cancel(name):
            self.cancelled.add(name)

    def step(self) -> None:
        for delta in self.engine.step():
            key = (delta.request_id, delta.sample)
            assert key not in self.finished, f"{key} goes on after its end"
            assert delta.request_id not in self.cancelled, f"{key} was cancelled"
            self.replies[key] += delta.token_ids
            if delta.finish is not None:
                self.finished.add(key)
        self.engine.scheduler.check_invariants()


def drive(case: str, seed: int, num_steps: int) -> Traffic:
    architecture, limits, ahead, has_drafts = CASES[case]
    model, rng = small_model(architecture, seed), random.Random(seed)
    drafter = NgramDrafter() if has_drafts else None
    engine = Engine(model, TOKENIZER, fitting(limits, model), ahead, has_graphs=False, drafter=drafter)
    traffic = Traffic(rng, engine)
    arrival_rate = rng.choice([0.15, 0.3, 0.5])
    for _ in range(num_steps):
        while rng.random() < arrival_rate:
            traffic.arrive()
        if traffic.requests and rng.random() < 0.06:
            traffic.cancel_one()
        traffic.step()
    while engine.has_work:
        traffic.step()
    check_replies(model, traffic)
    check_nothing_is_left(engine)
    return traffic


def check_replies(model: SambaYForCausalLM, traffic: Traffic) -> None:
    for (name, sample), reply in traffic.replies.items():
        prompt, params = traffic.requests[name]
        expected = reply_alone(model, prompt, params, sample, traffic.engine.limits.max_length - len(prompt))
        if (name, sample) in traffic.finished:
            assert reply == expected, f"{name}, sample {sample} of {params}"
        else:
            assert name in traffic.cancelled, f"{name} never ended"
            assert reply == expected[: len(reply)]


@pytest.mark.parametrize("case", CASES)
def test_random_traffic_gives_each_its_own_reply(case: str) -> None:
    traffic = drive(case, seed=7, num_steps=50)
    assert len(traffic.finished) > 10


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
@pytest.mark.parametrize("case", CASES)
def test_much_random_traffic(case: str, seed: int) -> None:
    drive(case, seed, num_steps=150)


def test_the_traffic_above_reaches_what_it_is_to_test() -> None:
    traffic = drive("hybrid, starved", seed=3, num_steps=50)
    counters = traffic.engine.scheduler.counters
    assert counters.num_preemptions > 3
    assert counters.num_prefix_hit_tokens > 50
    assert counters.num_forked_tokens > 10
    assert traffic.cancelled
    drafting = drive("hybrid, starved, drafting", seed=3, num_steps=50).engine.scheduler.counters
    assert 0 < drafting.num_accepted_tokens < drafting.num_drafted_tokens
