from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from sambay import SambaYConfig, SambaYForCausalLM
from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.generation import Sampling, stream
from sambay.generation_batch import BatchCompleter, draw
from sambay.sizes import family_config


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer(build_byte_tokenizer())


def talk(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(texts)]


TALKS = [talk("hello"), talk("x" * 40), talk("a", "b", "c"), talk("what is 2 + 2?"), talk("y"), talk("zz " * 12)]


def alone(model: SambaYForCausalLM, tokenizer: ChatTokenizer, conversation, num_tokens: int) -> list[int]:
    sampling = Sampling(max_new_tokens=num_tokens, stop_ids=tokenizer.stop_ids)
    return list(stream(model, tokenizer.encode_chat(conversation), sampling))


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_a_batch_says_what_each_says_alone(tiny_model, tokenizer, batch_size: int) -> None:
    with torch.no_grad():  # some of these replies now end by themselves, at different lengths
        tiny_model.lm_head.weight[tokenizer.stop_ids[0]] *= 3
    expected = [alone(tiny_model, tokenizer, conversation, 40) for conversation in TALKS]
    replies = BatchCompleter(tiny_model, tokenizer, 4096, batch_size).complete(TALKS, max_new_tokens=40)
    assert [reply.num_tokens for reply in replies] == [len(ids) for ids in expected]
    assert [reply.is_finished for reply in replies] == [ids[-1] in tokenizer.stop_ids for ids in expected]
    texts = [tokenizer.decode([index for index in ids if index not in tokenizer.stop_ids]) for ids in expected]
    assert [reply.text for reply in replies] == texts
    assert len({reply.num_tokens for reply in replies}) > 2, "the batch is thinned out on the way"
    assert {reply.is_finished for reply in replies} == {True, False}


@pytest.mark.parametrize("architecture", ["transformer", "sambayoco"])
def test_peers_with_rotations_and_full_layers_too(tokenizer, architecture: str) -> None:
    from conftest import spread_out

    config = family_config(
        architecture, 4, hidden_size=64, intermediate_size=96, num_attention_heads=4, num_key_value_heads=2,
        head_dim=16, vocab_size=320, **({"sliding_window": 8} if architecture != "transformer" else {}),
    )  # fmt: skip
    model = spread_out(SambaYForCausalLM(config))
    replies = BatchCompleter(model, tokenizer, 4096).complete(TALKS, max_new_tokens=20)
    for reply, conversation in zip(replies, TALKS, strict=True):
        ids = alone(model, tokenizer, conversation, 20)
        assert reply.text == tokenizer.decode([index for index in ids if index not in tokenizer.stop_ids])


def test_draws_are_those_of_their_own_seed(tiny_model, tokenizer) -> None:
    completer = BatchCompleter(tiny_model, tokenizer, 4096)
    options = {"max_new_tokens": 12, "temperature": 1.0}
    seeds = list(range(len(TALKS)))
    together = completer.complete(TALKS, seeds=seeds, **options)
    for index, conversation in enumerate(TALKS):
        assert completer.complete([conversation], seeds=[index], **options) == [together[index]]
    other = completer.complete(TALKS, seeds=[seed + 100 for seed in seeds], **options)
    assert sum(a.text != b.text for a, b in zip(together, other, strict=True)) >= 4


def test_draws_follow_the_probabilities() -> None:
    logits_BV = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(20_000, 4)
    uniforms_B = torch.from_numpy(np.random.default_rng(0).random(20_000))
    counts = Counter(draw(logits_BV, uniforms_B, 1.0, 1.0).tolist())
    for index, probability in enumerate((0.5, 0.3, 0.15, 0.05)):
        deviation = math.sqrt(20_000 * probability * (1 - probability))
        assert abs(counts[index] - 20_000 * probability) < 4 * deviation
    nucleus = Counter(draw(logits_BV, uniforms_B, 1.0, 0.7).tolist())
    assert set(nucleus) == {0, 1}  # the fewest that together hold 0.7
    assert abs(nucleus[0] / 20_000 - 0.5 / 0.8) < 0.02
    cold = Counter(draw(logits_BV, uniforms_B, 0.5, 1.0).tolist())
    assert abs(cold[0] / 20_000 - 0.25 / (0.25 + 0.09 + 0.0225 + 0.0025)) < 0.02


def test_the_ends_of_the_unit_interval_are_likely_and_unlikely_ids() -> None:
    logits_BV = torch.tensor([[0.0, 2.0, 1.0]])
    last = np.nextafter(1, 0)
    assert draw(logits_BV, torch.tensor([0.0]), 1.0, 1.0).tolist() == [1]
    assert draw(logits_BV, torch.tensor([last], dtype=torch.float64), 1.0, 1.0).tolist() == [0]
    assert draw(logits_BV, torch.tensor([last], dtype=torch.float64), 1.0, 0.5).tolist() == [1]


def test_a_full_context_ends_a_reply_and_a_longer_prompt_is_refused(tiny_model, tokenizer) -> None:
    num_prompt = len(tokenizer.encode_chat(talk("hello")))
    completer = BatchCompleter(tiny_model, tokenizer, num_prompt + 5)
    (reply,) = completer.complete([talk("hello")], max_new_tokens=100)
    assert reply.num_tokens <= 5
    with pytest.raises(ValueError, match=f"conversation 1 has {num_prompt + 5} tokens; the context holds"):
        completer.complete([talk("hi"), talk("hello12345")], max_new_tokens=1)
    with pytest.raises(ValueError, match="batch_size=0"):
        BatchCompleter(tiny_model, tokenizer, 10, 0)


def test_long_prompts_are_not_read_all_at_once(tiny_model: SambaYForCausalLM, tokenizer, monkeypatch) -> None:
    monkeypatch.setattr("sambay.generation_batch.MAX_PROMPT_TOKENS", 60)
    shapes = []
    forward = tiny_model.forward

    def noted(*args, **kwargs):
        shapes.append(tuple(kwargs["input_ids"].shape))
        return forward(*args, **kwargs)

    monkeypatch.setattr(tiny_model, "forward", noted)
    BatchCompleter(tiny_model, tokenizer, 4096).complete(TALKS, max_new_tokens=1)
    assert sum(shape[0] for shape in shapes) == len(TALKS)
    assert all(shape[0] == 1 or math.prod(shape) <= 60 for shape in shapes)
    assert any(shape[0] > 1 for shape in shapes)


def test_no_conversation_is_no_reply(tiny_model, tokenizer, tiny_config: SambaYConfig) -> None:
    assert BatchCompleter(tiny_model, tokenizer, 64).complete([], max_new_tokens=5) == []
