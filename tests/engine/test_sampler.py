"""Rows with different parameters in one pass: each as if alone, and as the rules have it row by row."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from sambay.engine.draws import draw_by_id, draw_likeliest, uniforms, weights
from sambay.engine.guidance import AllowedTokens
from sambay.engine.sampler import Sampler
from sambay.engine.sampling_params import SamplingParams

VOCABULARY = 500
STOP_IDS = (490, 491)

KINDS = [
    dict(temperature=0),
    dict(),
    dict(temperature=0.6, top_p=0.95),
    dict(temperature=1.5, top_k=20),
    dict(top_k=60, top_p=0.8, min_p=0.02),
    dict(min_p=0.1),
    dict(temperature=0, repetition_penalty=1.4, presence_penalty=0.5),
    dict(temperature=1.2, frequency_penalty=0.7, presence_penalty=-0.3),
    dict(temperature=0.8, repetition_penalty=0.8, top_p=0.9, logit_bias={3: 5.0, 400: -100, 7: 2.5}),
    dict(temperature=0, logit_bias={5: 100.0}),
    dict(min_tokens=3, stop_token_ids=[1, 2], top_k=400),
    dict(min_tokens=2, ignore_eos=True, stop_token_ids=[4], temperature=0),
]


def history(seed: int, length: int) -> list[int]:
    return [random.Random(seed).randrange(VOCABULARY) for _ in range(length)]


class Reply:
    """One request of the tests, with logits of its own at each place."""

    def __init__(self, index: int) -> None:
        self.params = SamplingParams(**KINDS[index % len(KINDS)])
        self.request_id, self.seed, self.prompt_ids = f"request {index}", 100 + index, history(index, 30)
        generator = torch.Generator().manual_seed(index)
        self.logits_NV = torch.randn(6, VOCABULARY, generator=generator) * 3
        # the ends are likely, so that keeping them away shows
        self.logits_NV[:, [1, 2, 4, *STOP_IDS]] += 6
        self.ids: list[int] = []

    def add_to(self, sampler: Sampler) -> None:
        sampler.add(self.request_id, self.params, self.seed, self.prompt_ids, self.ids)


def run(replies: list[Reply], sampler: Sampler, order: list[int]) -> None:
    """One step of all replies, in this order."""
    batch = [replies[index] for index in order]
    logits_TV = torch.stack([reply.logits_NV[len(reply.ids)] for reply in batch])
    before = logits_TV.clone()
    sampled = sampler.sample(logits_TV, [reply.request_id for reply in batch], [len(reply.ids) for reply in batch])
    assert torch.equal(logits_TV, before), "the caller's logits were changed"
    for reply, token_id in zip(batch, sampled.token_ids_T.tolist(), strict=True):
        reply.ids.append(token_id)


def alone(index: int) -> list[int]:
    reply, sampler = Reply(index), Sampler(VOCABULARY, "cpu", STOP_IDS)
    reply.add_to(sampler)
    for _ in range(6):
        run([reply], sampler, [0])
    return reply.ids


# ------------------------------------------------------------------------------------------------ alone = together


def test_a_reply_is_the_same_in_any_batch_and_order() -> None:
    replies, sampler = [Reply(index) for index in range(36)], Sampler(VOCABULARY, "cpu", STOP_IDS)
    shuffle = random.Random(1)
    for reply in replies:
        reply.add_to(sampler)
    for step in range(7):
        order = [index for index, reply in enumerate(replies) if len(reply.ids) < 6]
        shuffle.shuffle(order)
        # half of them wait now and then, so that replies are at different places
        run(replies, sampler, order if step % 2 or len(order) < 8 else order[: len(order) // 2])
        torch.manual_seed(step)  # whatever else draws random numbers
    for reply in replies:
        while len(reply.ids) < 6:
            run([reply], sampler, [0])
    assert [reply.ids for reply in replies] == [alone(index) for index in range(36)]


def test_more_rows_than_are_sorted_at_once() -> None:
    sampler, logits = Sampler(VOCABULARY, "cpu"), torch.randn(150, VOCABULARY) * 3
    for row in range(150):
        sampler.add(row, SamplingParams(top_p=0.5 + row / 400), row)
    together = sampler.sample(logits, range(150), [2] * 150).token_ids_T.tolist()
    assert together == [int(sampler.sample(logits[[row]], [row], [2]).token_ids_T) for row in range(150)]


def test_a_reply_goes_on_unchanged_after_it_left_and_came_back() -> None:
    for index in range(len(KINDS)):
        reply, sampler = Reply(index), Sampler(VOCABULARY, "cpu", STOP_IDS)
        reply.add_to(sampler)
        other = Reply(7)
        for step in range(6):
            if step == 3:
                if index % 2:  # else it is added over itself
                    sampler.remove(reply.request_id)
                if other.request_id != reply.request_id:
                    other.add_to(sampler)  # takes the place that it had
                    run([other], sampler, [0])
                reply.add_to(sampler)
            run([reply], sampler, [0])
        assert reply.ids == alone(index)


def test_torch_s_own_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    alone(1)
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_differ_and_repeat() -> None:
    sampler = Sampler(VOCABULARY, "cpu")
    for seed in range(40):
        sampler.add(seed, SamplingParams(), seed)
    flat_TV = torch.zeros(40, VOCABULARY)
    first, again = (sampler.sample(flat_TV, range(40), [0] * 40).token_ids_T.tolist() for _ in range(2))
    later = sampler.sample(flat_TV, range(40), [1] * 40).token_ids_T.tolist()
    assert first == again
    assert len(set(first)) > 30
    assert sum(a == b for a, b in zip(first, later, strict=True)) < 4


# ------------------------------------------------------------------------------------- a slow account of the rules


def expected_token(reply: Reply, place: int) -> int:
    """The rules of SamplingParams in plain Python up to temperature, one token at a time."""
    params = reply.params
    scores = reply.logits_NV[place].tolist()
    for token_id, bias in (params.logit_bias or {}).items():
        scores[token_id] += bias
    if place < params.min_tokens:
        for token_id in (*params.stop_token_ids, *(() if params.ignore_eos else STOP_IDS)):
            scores[token_id] = -float("inf")
    counts = Counter(reply.ids[:place])
    for token_id in {*reply.prompt_ids, *counts}:
        score = scores[token_id]
        scores[token_id] = score / params.repetition_penalty if score > 0 else score * params.repetition_penalty
    for token_id, count in counts.items():
        scores[token_id] -= params.frequency_penalty * count + params.presence_penalty
    scores_V = torch.tensor([scores], dtype=torch.float32)
    if params.temperature == 0:
        return int(scores_V.argmax())
    weights_V = weights(scores_V, torch.tensor([[params.temperature]]))
    number = torch.from_numpy(uniforms([reply.seed], [place]))
    if params.top_k or params.top_p < 1:
        filters = (torch.tensor([[value]], dtype=torch.float64) for value in (params.top_p, params.min_p))
        return int(draw_likeliest(weights_V, number, torch.tensor([[params.top_k]]), *filters, VOCABULARY))
    kept_V = weights_V * (weights_V >= params.min_p * weights_V.max())
    return int(draw_by_id(kept_V, number))


@pytest.mark.parametrize("index", range(len(KINDS)))
def test_bias_minimum_penalties_and_filters_follow_the_rules(index) -> None:
    reply = Reply(index)
    reply.ids = alone(index)
    assert reply.ids == [expected_token(reply, place) for place in range(6)]


def test_penalties_change_what_is_said() -> None:
    """A token just ahead of the others loses its lead once it was said; presence once, frequency each time."""
    logits = torch.zeros(1, 10)
    logits[0, 4], logits[0, 6] = 1.0, 0.5

    def said(**penalty) -> list[int]:
        sampler = Sampler(10, "cpu")
        sampler.add("a", SamplingParams(temperature=0, **penalty), 0, prompt_ids=[6])
        return [int(sampler.sample(logits, ["a"], [place]).token_ids_T) for place in range(4)]

    assert said() == [4, 4, 4, 4]
    assert said(presence_penalty=0.4) == [4, 4, 4, 4]
    assert said(presence_penalty=0.6) == [4, 6, 4, 4]
    assert said(frequency_penalty=0.4) == [4, 4, 6, 4]
    assert said(repetition_penalty=1.9) == [4, 4, 4, 4]
    assert said(repetition_penalty=2.1, logit_bias={6: 0.3}) == [4, 4, 4, 4]  # the prompt has 6
    assert said(presence_penalty=-2.0, logit_bias={6: 0.6}) == [6, 6, 6, 6]


# -------------------------------------------------------------------------------------------------------- the rest


def test_greedy_is_the_first_of_the_largest() -> None:
    logits = torch.randn(50, VOCABULARY).to(torch.bfloat16)
    logits[:, 450] = logits[:, 17] = logits.amax() + 1
    sampler = Sampler(VOCABULARY, "cpu")
    sampler.add("greedy", SamplingParams(temperature=0, top_k=5, top_p=0.1, min_p=0.5), 3)
    assert sampler.sample(logits, ["greedy"] * 50, range(50)).token_ids_T.tolist() == [17] * 50


def test_log_probabilities_are_the_model_s_own() -> None:
    logits = torch.randn(4, VOCABULARY).to(torch.bfloat16)
    sampler = Sampler(VOCABULARY, "cpu")
    sampler.add("three", SamplingParams(temperature=0.3, top_k=2, logit_bias={9: 50.0}, logprobs=3), 5)
    sampler.add("silent", SamplingParams(), 6)
    sampler.add("chosen", SamplingParams(temperature=0, logprobs=0), 7)
    sampler.add("five", SamplingParams(presence_penalty=1.0, logprobs=5), 8, generated_ids=[1, 2])
    sampled = sampler.sample(logits, ["three", "silent", "chosen", "five"], [0, 0, 0, 2])
    assert sampled.token_ids_T[0] == 9
    wanted = logits.float().log_softmax(-1)[[0, 2, 3]]
    given = sampled.logprobs
    assert given.rows == (0, 2, 3)
    chosen = sampled.token_ids_T[[0, 2, 3]]
    torch.testing.assert_close(given.chosen_R, wanted.gather(1, chosen[:, None])[:, 0], rtol=0, atol=0)
    torch.testing.assert_close(given.top_RC, wanted.sort(descending=True).values[:, :5], rtol=0, atol=0)
    assert torch.equal(wanted.gather(1, given.top_ids_RC), given.top_RC)


def test_no_log_probabilities_unless_asked() -> None:
    sampler = Sampler(8, "cpu")
    sampler.add("a", SamplingParams(), 0)
    assert sampler.sample(torch.zeros(1, 8), ["a"], [0]).logprobs is None
    sampler.add("b", SamplingParams(logprobs=0), 0)
    only_chosen = sampler.sample(torch.zeros(1, 8), ["b"], [0]).logprobs
    assert only_chosen.top_ids_RC.shape == (1, 0)
    torch.testing.assert_close(only_chosen.chosen_R, torch.tensor([-(torch.tensor(8.0).log())]))


def test_a_mask_leaves_only_what_it_allows() -> None:
    sampler = Sampler(70, "cpu")
    for request_id, params in {"free": dict(), "drawn": dict(), "greedy": dict(temperature=0)}.items():
        sampler.add(request_id, SamplingParams(**params), 1)
    words = torch.zeros(2, 3, dtype=torch.int32)
    words[0, 0], words[0, 1], words[1, 2] = -(2**31), 1, 1 << 5  # ids 31, 32; and 69
    allowed = AllowedTokens(torch.tensor([1, 2]), words)
    logits = torch.randn(3, 70)
    drawn = set()
    for place in range(60):
        free, one, other = sampler.sample(
            logits, ["free", "drawn", "greedy"], [place] * 3, allowed
        ).token_ids_T.tolist()
        assert other == 69
        drawn.add(one)
        assert place > 5 or free == sampler.sample(logits[:1], ["free"], [place]).token_ids_T
    assert drawn == {31, 32}


def test_minimum_tokens_hold_the_ends_back_and_then_let_go() -> None:
    logits = torch.zeros(1, 8)
    logits[0, 5], logits[0, 3], logits[0, 2] = 9.0, 8.0, 7.0
    sampler = Sampler(8, "cpu", stop_ids=[5])
    sampler.add("a", SamplingParams(temperature=0, min_tokens=2, stop_token_ids=[3]), 0)
    assert [int(sampler.sample(logits, ["a"], [place]).token_ids_T) for place in range(4)] == [2, 2, 5, 5]


def test_rows_are_put_on_the_device_when_they_change_only() -> None:
    sampler = Sampler(8, "cpu")
    for request_id in "abc":
        sampler.add(request_id, SamplingParams(min_tokens=3 if request_id == "c" else 0), 0)
    logits = torch.randn(2, 8)
    sampler.sample(logits, ["a", "b"], [0, 0])
    rows = sampler._rows
    sampler.sample(logits, ["a", "b"], [1, 1])
    assert sampler._rows is rows
    sampler.sample(logits, ["b", "a"], [2, 2])
    assert sampler._rows is not rows
    sampler.sample(logits, ["b", "c"], [2, 2])
    rows = sampler._rows
    sampler.sample(logits, ["b", "c"], [3, 3])  # the minimum of c is reached
    assert sampler._rows is not rows


def test_counts_are_kept_for_those_who_ask_and_given_back() -> None:
    sampler = Sampler(100, "cpu")
    for index in range(5):
        sampler.add(index, SamplingParams(), 0, [1, 2, 3])
    assert sampler._counts.counts_QV.numel() == 0
    for step in range(20):
        sampler.add(("penalised", step), SamplingParams(presence_penalty=1), 0, [1, 2, 3], [5])
        if step >= 3:
            sampler.remove(("penalised", step - 3))
    assert sampler._counts.counts_QV.shape == (4, 100)
    assert len(sampler._counts.places) == 3


def test_ids_must_exist_and_penalties_do_not_speculate() -> None:
    sampler = Sampler(10, "cpu")
    with pytest.raises(ValueError, match="logit_bias has the id 10: allowed are 0 to 9"):
        sampler.add("b", SamplingParams(logit_bias={10: 1}), 0)
    sampler.add("p", SamplingParams(presence_penalty=1), 0)
    with pytest.raises(AssertionError, match="cannot speculate"):
        sampler.sample(torch.zeros(2, 10), ["p", "p"], [0, 1])


# ------------------------------------------------------------------------------------------------------- on the GPU


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.gpu
@pytest.mark.parametrize("vocab_size", [4096, 200_064])
def test_the_gpu_draws_what_the_cpu_draws_without_waiting(vocab_size) -> None:
    """The same float32 logits: a token may differ only where exp's last bit moves a border past the uniform number."""
    num_rows = 48
    logits = torch.randn(num_rows, vocab_size) * 4
    samplers = {device: Sampler(vocab_size, device, STOP_IDS) for device in ("cpu", "cuda")}
    for sampler in samplers.values():
        for index in range(num_rows):
            params = SamplingParams(**KINDS[index % len(KINDS)], logprobs=index % 4 if index % 3 else None)
            sampler.add(index, params, index, history(index, 20))
    ids = {}
    for device, sampler in samplers.items():
        on_device = logits.to(device)
        sampler.sample(on_device, range(num_rows), [0] * num_rows)  # first use may set kernels up
        torch.cuda.set_sync_debug_mode("error")
        try:
            steps = [sampler.sample(on_device, range(num_rows), [place] * num_rows) for place in range(1, 9)]
        finally:
            torch.cuda.set_sync_debug_mode("default")
        ids[device] = torch.stack([step.token_ids_T for step in steps]).cpu()
    # penalised rows hang on their earlier tokens, so one difference there may bring others
    assert (ids["cpu"] != ids["cuda"]).sum() <= 2, (ids["cpu"] != ids["cuda"]).nonzero()


@pytest.mark.gpu
def test_the_gpu_draws_the_same_in_any_batch() -> None:
    num_rows, vocab_size = 64, 200_064
    logits = torch.randn(num_rows, vocab_size, device="cuda") * 3
    sampler = Sampler(vocab_size, "cuda")
    for index in range(num_rows):
        params = SamplingParams(temperature=0.8, top_p=(1.0, 0.9)[index % 2], top_k=(0, 0, 50)[index % 3])
        sampler.add(index, params, index)
    together = sampler.sample(logits, range(num_rows), [4] * num_rows).token_ids_T.tolist()
    order = random.Random(0).sample(range(num_rows), 9)
    few = sampler.sample(logits[order], order, [4] * 9).token_ids_T.tolist()
    one_by_one = [int(sampler.sample(logits[row : row + 1], [row], [4]).token_ids_T) for row in range(num_rows)]
    assert together == one_by_one
    assert few == [together[row] for row in order]
