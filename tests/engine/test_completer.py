from __future__ import annotations

import pytest
import torch
from conftest import spread_out
from engine.tiny_engines import ARCHITECTURES, byte_tokenizer, check_nothing_is_left, small_model

from sambay import LLM, SambaYForCausalLM
from sambay.chat import ChatTokenizer
from sambay.engine.completer import EngineCompleter
from sambay.generation import Sampling, stream


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return byte_tokenizer()


def talk(*texts: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(texts)]


TALKS = [talk("hello"), talk("x" * 40), talk("a", "b", "c"), talk("what is 2 + 2?"), talk("y"), talk("zz " * 12)]


def completer_of(model: SambaYForCausalLM, tokenizer: ChatTokenizer, **options) -> EngineCompleter:
    return EngineCompleter(LLM(model, tokenizer=tokenizer, **options))


def alone(model: SambaYForCausalLM, tokenizer: ChatTokenizer, conversation, num_tokens: int) -> list[int]:
    sampling = Sampling(max_new_tokens=num_tokens, stop_ids=tokenizer.stop_ids)
    return list(stream(model, tokenizer.encode_chat(conversation), sampling))


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_a_batch_says_what_each_says_alone(tiny_model, tokenizer, batch_size: int) -> None:
    with torch.no_grad():  # some of these replies now end by themselves, at different lengths
        tiny_model.lm_head.weight[tokenizer.stop_ids[0]] *= 3
    expected = [alone(tiny_model, tokenizer, conversation, 40) for conversation in TALKS]
    completer = completer_of(tiny_model, tokenizer, max_sequences=batch_size)
    replies = completer.complete(TALKS, max_new_tokens=40)
    assert [reply.num_tokens for reply in replies] == [len(ids) for ids in expected]
    assert [reply.is_finished for reply in replies] == [ids[-1] in tokenizer.stop_ids for ids in expected]
    texts = [tokenizer.decode([index for index in ids if index not in tokenizer.stop_ids]) for ids in expected]
    assert [reply.text for reply in replies] == texts
    assert len({reply.num_tokens for reply in replies}) > 2
    assert {reply.is_finished for reply in replies} == {True, False}
    check_nothing_is_left(completer.llm.engine)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_too(tokenizer, architecture: str) -> None:
    model = small_model(architecture)
    replies = completer_of(model, tokenizer).complete(TALKS, max_new_tokens=20)
    for reply, conversation in zip(replies, TALKS, strict=True):
        ids = alone(model, tokenizer, conversation, 20)
        assert reply.text == tokenizer.decode([index for index in ids if index not in tokenizer.stop_ids])
        assert reply.num_tokens == len(ids)


def test_draws_are_those_of_their_own_seed(tiny_model, tokenizer) -> None:
    completer = completer_of(tiny_model, tokenizer)
    options = {"max_new_tokens": 12, "temperature": 2.0, "top_p": 0.9}
    seeds = [0, 1, 2, 3, 2**63 + 4, -5]
    together = completer.complete(TALKS, seeds=seeds, **options)
    for seed, conversation, reply in zip(seeds, TALKS, together, strict=True):
        assert completer.complete([conversation], seeds=[seed], **options) == [reply]
    other = completer.complete(TALKS, seeds=[seed + 100 for seed in seeds], **options)
    assert sum(a.text != b.text for a, b in zip(together, other, strict=True)) >= 4
    narrow = completer.complete(TALKS, seeds=seeds, **{**options, "top_p": 1e-6})
    assert narrow == completer.complete(TALKS, max_new_tokens=12), "the likeliest alone"


def test_a_full_context_ends_a_reply_and_a_longer_prompt_is_refused(tiny_model, tokenizer) -> None:
    num_prompt = len(tokenizer.encode_chat(talk("hello")))
    completer = completer_of(tiny_model, tokenizer, max_model_len=num_prompt + 5)
    (reply,) = completer.complete([talk("hello")], max_new_tokens=100)
    assert reply.num_tokens <= 5
    with pytest.raises(ValueError, match=f"prompt 1: .* has {num_prompt + 5} prompt tokens; allowed: fewer than"):
        completer.complete([talk("hi"), talk("hello12345")], max_new_tokens=1)
    with pytest.raises(ValueError, match="1 seeds for 2 conversations: allowed is one each"):
        completer.complete([talk("hi"), talk("ho")], max_new_tokens=1, temperature=1.0, seeds=[3])
    check_nothing_is_left(completer.llm.engine)


def test_a_call_owes_nothing_to_those_before_it(tiny_model, tokenizer) -> None:
    """A run that goes on after a stop computes what it would have computed, in the same chunks."""
    talks = [talk("so far the same, for more than a page of it " + text) for text in "abc"]
    completer = completer_of(tiny_model, tokenizer)
    engine = completer.llm.engine
    counts = []
    for _ in range(3):
        completer.complete(talks, max_new_tokens=40)
        counters = engine.scheduler.counters
        counts.append((counters.num_prefill_tokens, counters.num_prefix_hit_tokens, counters.num_snapshots))
    first = counts[0]
    assert first[1] > 0
    assert counts == [first, tuple(2 * one for one in first), tuple(3 * one for one in first)]
    reply = completer.llm.stream("hello")
    next(reply)
    with pytest.raises(RuntimeError, match="allowed: none of either"):
        engine.clear_prefixes()
    assert len(completer.complete(talks, max_new_tokens=3)) == 3
    reply.close()


def test_no_conversation_is_no_reply(tokenizer) -> None:
    model = spread_out(small_model())
    assert completer_of(model, tokenizer).complete([], max_new_tokens=5) == []
