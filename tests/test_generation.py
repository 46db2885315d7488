from __future__ import annotations

import pytest
import torch
from transformers import DynamicCache, GenerationConfig

import sambay.generation
from sambay import SambaYForCausalLM, named_config
from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.generation import ContextFullError, Conversation, Sampling, stream, unapplied

# Letters: B sequences, S positions.


@pytest.fixture(scope="module")
def model() -> SambaYForCausalLM:
    """The tiny size with weights so large that a wrong state changes the likeliest token, and replies that vary."""
    torch.manual_seed(1)
    network = SambaYForCausalLM(named_config("tiny")).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 2 and "A_log" not in name:
                weight.mul_(5)
    return network


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer(build_byte_tokenizer())


@pytest.fixture
def fed(model: SambaYForCausalLM, monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The ids of each step of the model, in order."""
    steps: list[list[int]] = []
    forward = model.forward

    def recorded(*args, input_ids, **kwargs):
        steps.append(input_ids[0].tolist())
        return forward(*args, input_ids=input_ids, **kwargs)

    monkeypatch.setattr(model, "forward", recorded)
    return steps


def prompt_ids(length: int) -> list[int]:
    return torch.randint(0, 256, (length,), generator=torch.Generator().manual_seed(length)).tolist()


def generated(model: SambaYForCausalLM, ids: list[int], **options) -> list[int]:
    """What transformers' own generate makes of the same ids."""
    inputs_BS = torch.tensor([ids])
    out = model.generate(inputs_BS, attention_mask=torch.ones_like(inputs_BS), pad_token_id=256, **options)
    return out[0, len(ids) :].tolist()


# ------------------------------------------------------------------------------------------------- the stream


@pytest.mark.parametrize("length", [1, 7, 40])
def test_greedy_equals_generate(model, length: int) -> None:
    ids = prompt_ids(length)
    expected = generated(model, ids, max_new_tokens=24, do_sample=False, eos_token_id=None)
    assert len(set(expected)) > 3, "the model repeats itself, so the comparison says little"
    assert list(stream(model, ids, Sampling(max_new_tokens=24))) == expected


def test_the_stop_id_is_the_last_one_as_in_generate(model) -> None:
    ids = prompt_ids(20)
    free = list(stream(model, ids, Sampling(max_new_tokens=30)))
    stop = free[12]
    ours = list(stream(model, ids, Sampling(max_new_tokens=30, stop_ids=(stop,))))
    assert ours == generated(model, ids, max_new_tokens=30, do_sample=False, eos_token_id=stop)
    assert ours == free[: free.index(stop) + 1]


@pytest.mark.parametrize(
    "options",
    [{"temperature": 0.7}, {"temperature": 1.5, "top_k": 5}, {"temperature": 1.2, "top_k": 50, "top_p": 0.8}],
)
def test_sampling_equals_generate_with_the_same_seed(model, options) -> None:
    ids = prompt_ids(20)
    ours = list(stream(model, ids, Sampling(max_new_tokens=12, seed=7, **options)))
    torch.manual_seed(7)
    everything = {"top_k": 0, "top_p": 1.0, **options}
    assert ours == generated(model, ids, max_new_tokens=12, do_sample=True, eos_token_id=None, **everything)
    assert ours == list(stream(model, ids, Sampling(max_new_tokens=12, seed=7, **options)))
    assert ours != list(stream(model, ids, Sampling(max_new_tokens=12, seed=8, **options)))


def test_a_long_prompt_is_read_in_chunks_that_change_nothing(model, fed, monkeypatch) -> None:
    ids = prompt_ids(50)
    whole = list(stream(model, ids, Sampling(max_new_tokens=20)))
    assert len(fed[0]) == 50
    fed.clear()
    monkeypatch.setattr("sambay.generation.PREFILL_CHUNK_TOKENS", 16)
    assert list(stream(model, ids, Sampling(max_new_tokens=20))) == whole
    assert [len(step) for step in fed[:5]] == [16, 16, 16, 2, 1]


def test_a_cache_goes_on_where_the_caller_stopped(model) -> None:
    ids, cache = prompt_ids(30), DynamicCache(config=model.config)
    whole = list(stream(model, ids, Sampling(max_new_tokens=20)))
    first = list(stream(model, ids, Sampling(max_new_tokens=8), cache))
    assert cache.get_seq_length() == 30 + 7  # all but the last one yielded
    assert first + list(stream(model, first[-1:], Sampling(max_new_tokens=12), cache)) == whole


def test_a_stop_between_the_chunks_of_a_prompt_leaves_a_whole_state(model, monkeypatch) -> None:
    monkeypatch.setattr("sambay.generation.PREFILL_CHUNK_TOKENS", 16)
    ids, cache, asked = prompt_ids(50), DynamicCache(config=model.config), iter([False, False, True])
    assert list(stream(model, ids, Sampling(), cache, lambda: next(asked))) == []
    assert cache.get_seq_length() == 32
    expected = list(stream(model, ids, Sampling(max_new_tokens=10)))
    assert list(stream(model, ids[32:], Sampling(max_new_tokens=10), cache)) == expected


def test_no_ids_are_refused(model) -> None:
    with pytest.raises(ValueError, match="the prompt is empty"):
        next(stream(model, [], Sampling()))


# --------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -0.1}, "temperature=-0.1: allowed is 0"),
        ({"temperature": float("nan")}, "temperature=nan"),
        ({"temperature": float("inf")}, "temperature=inf"),
        ({"temperature": 1.0, "top_p": 0.0}, "top_p=0.0: allowed is above 0"),
        ({"temperature": 1.0, "top_p": 1.1}, "top_p=1.1"),
        ({"temperature": 1.0, "top_k": -1}, "top_k=-1"),
        ({"max_new_tokens": 0}, "max_new_tokens=0"),
        ({"seed": -1}, "seed=-1"),
        ({"top_p": 0.9}, "top_p=0.9 changes nothing at temperature 0"),
        ({"top_k": 5}, "top_k=5 changes nothing at temperature 0"),
    ],
)
def test_a_setting_out_of_range_is_named(options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sampling(**options)


def test_settings_come_from_the_checkpoint_where_none_are_given() -> None:
    greedy, drawn = GenerationConfig(), GenerationConfig(do_sample=True, temperature=0.6, top_p=0.95)
    assert Sampling.of_checkpoint(greedy, temperature=None) == Sampling()
    assert Sampling.of_checkpoint(drawn, top_k=None) == Sampling(temperature=0.6, top_k=50, top_p=0.95)
    assert Sampling.of_checkpoint(drawn, top_p=0.5, top_k=0) == Sampling(temperature=0.6, top_p=0.5)
    assert Sampling.of_checkpoint(drawn, temperature=0.0) == Sampling()


def test_what_is_not_applied_is_told() -> None:
    assert unapplied(GenerationConfig(eos_token_id=[1, 2], do_sample=True, temperature=0.6)) == {}
    assert unapplied(GenerationConfig(repetition_penalty=1.1)) == {"repetition_penalty": 1.1}


# ---------------------------------------------------------------------------------------------- conversations


def converse(model, tokenizer, max_new_tokens: int = 12, context_tokens: int = 4096, **options) -> Conversation:
    sampling = Sampling(max_new_tokens=max_new_tokens, stop_ids=tokenizer.stop_ids, **options)
    return Conversation(model, tokenizer, sampling, context_tokens)


def expected_reply(model, tokenizer, history_ids: list[int], text: str, num_tokens: int) -> list[int]:
    """The reply computed from the whole history, with no state kept."""
    ids = [*history_ids, *tokenizer.next_turn(history_ids, [{"role": "user", "content": text}])]
    return list(stream(model, ids, Sampling(max_new_tokens=num_tokens, stop_ids=tokenizer.stop_ids)))


def test_a_turn_feeds_only_what_is_new_and_replies_as_from_scratch(model, tokenizer, fed) -> None:
    conversation = converse(model, tokenizer)
    first = list(conversation.reply("hello there, what is your name?"))
    history, last = list(conversation.history_ids), first[-1:]
    new_ids = tokenizer.next_turn(history, [{"role": "user", "content": "and mine?"}])
    fed.clear()
    second = list(conversation.reply("and mine?"))
    assert len(first) == 12, "the reply should be cut, so that its last id is still to be read"
    assert fed[0] == last + new_ids  # <|end|><|user|>and mine?<|end|><|assistant|>
    assert sum(map(len, fed)) == 1 + len(new_ids) + len(second) - 1
    fed.clear()
    assert second == expected_reply(model, tokenizer, history, "and mine?", 12)
    assert fed[0] == history + new_ids


@pytest.mark.parametrize("stop", ["<|end|>", "<|endoftext|>"])  # the template's own end of a turn, and another
def test_a_reply_that_ends_by_itself_is_closed_once(model, tokenizer, fed, monkeypatch, stop: str) -> None:
    (stop_id,), (end_id,) = tokenizer.encode(stop), tokenizer.encode("<|end|>")
    conversation = converse(model, tokenizer)
    with monkeypatch.context() as patch:
        make_likeliest(patch, stop_id, at_step=5)
        reply = list(conversation.reply("hello"))
    assert len(reply) == 5
    assert reply[-1] == stop_id
    history = list(conversation.history_ids)
    assert history[-4:] == reply[:-1]
    fed.clear()
    second = list(conversation.reply("go on"))
    assert fed[0] == tokenizer.next_turn(history, [{"role": "user", "content": "go on"}])
    assert fed[0][0] == end_id
    assert second == expected_reply(model, tokenizer, history, "go on", 12)


def make_likeliest(patch: pytest.MonkeyPatch, token_id: int, at_step: int) -> None:
    read, steps = sambay.generation._read, iter(range(1, at_step + 1))

    def read_and_raise(*args):
        logits_BV = read(*args)
        if next(steps) == at_step:
            logits_BV[:, token_id] = 1e9
        return logits_BV

    patch.setattr("sambay.generation._read", read_and_raise)


@pytest.mark.parametrize("how", ["flag", "close", "interrupt in a step", "interrupt in the prompt"])
def test_a_stopped_reply_leaves_a_conversation_that_goes_on_as_from_scratch(model, tokenizer, monkeypatch, how) -> None:
    conversation = converse(model, tokenizer)
    list(conversation.reply("hello"))
    before = list(conversation.history_ids)
    said = tokenizer.next_turn(before, [{"role": "user", "content": "tell me a story"}])
    written: list[int] = []
    if how in ("flag", "close"):
        reply = conversation.reply("tell me a story", lambda: how == "flag" and len(written) >= 5)
        for token_id in reply:
            written.append(token_id)
            if how == "close" and len(written) == 5:
                reply.close()
    else:
        with monkeypatch.context() as patch:
            interrupt_in_layer(model, patch, at_step=1 if how == "interrupt in the prompt" else 6)
            with pytest.raises(KeyboardInterrupt):
                written.extend(conversation.reply("tell me a story"))
    assert conversation.history_ids == before + said + written
    assert len(written) == (0 if how == "interrupt in the prompt" else 5)
    expected = expected_reply(model, tokenizer, conversation.history_ids, "and then?", 12)
    assert list(conversation.reply("and then?")) == expected


def interrupt_in_layer(model: SambaYForCausalLM, patch: pytest.MonkeyPatch, at_step: int) -> None:
    """Ctrl-C in the middle of the model: the layers before have stored their states, those after have not."""
    block, steps = model.model.layers[4], iter(range(1, at_step + 1))
    forward = block.forward

    def interrupted(*args, **kwargs):
        if next(steps) == at_step:
            raise KeyboardInterrupt
        return forward(*args, **kwargs)

    patch.setattr(block, "forward", interrupted)


def test_reset_begins_anew_and_seeds_repeat(model, tokenizer) -> None:
    conversation = converse(model, tokenizer, temperature=1.0, seed=3)
    first, second = list(conversation.reply("a")), list(conversation.reply("a"))
    conversation.reset()
    assert list(conversation.reply("a")) == first
    assert list(conversation.reply("a")) == second


def test_the_system_message_opens_the_first_turn_only(model, tokenizer, fed) -> None:
    sampling = Sampling(max_new_tokens=3, stop_ids=tokenizer.stop_ids)
    conversation = Conversation(model, tokenizer, sampling, 4096, system="be kind")
    list(conversation.reply("a"))
    assert tokenizer.decode(fed[0], show_special=True) == "<|system|>be kind<|end|><|user|>a<|end|><|assistant|>"
    fed.clear()
    list(conversation.reply("b"))
    assert "be kind" not in tokenizer.decode(fed[0])


def test_a_full_context_is_told_before_anything_changes(model, tokenizer) -> None:
    conversation = converse(model, tokenizer, max_new_tokens=100, context_tokens=40)
    reply = list(conversation.reply("hello"))
    assert len(conversation.history_ids) == 40
    assert conversation.num_tokens_left == 0
    assert len(reply) < 100
    history = list(conversation.history_ids)
    with pytest.raises(ContextFullError, match="the context holds 40"):
        list(conversation.reply("more"))
    assert conversation.history_ids == history
