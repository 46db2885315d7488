from __future__ import annotations

import random
from dataclasses import replace

import pytest
import torch
from engine.tiny_engines import LIMITS, byte_tokenizer, check_nothing_is_left, greedy_reply, llm_of, small_model

from sambay import SambaYForCausalLM
from sambay.chat import ChatTokenizer
from sambay.engine.engine import Delta
from sambay.engine.llm import LLM, Completion
from sambay.engine.sampling_params import Guided, SamplingParams

NUM_TOKENS = 24
GREEDY = SamplingParams(temperature=0, max_tokens=NUM_TOKENS)


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer: ChatTokenizer) -> SambaYForCausalLM:
    """Half of its replies end by themselves, at different lengths."""
    model = small_model()
    with torch.no_grad():
        model.lm_head.weight[tokenizer.stop_ids[0]] *= 2
    return model


@pytest.fixture(scope="module")
def prompts() -> list[list[int]]:
    rng = random.Random(3)
    return [[rng.randrange(256) for _ in range(length)] for length in (1, 2, 5, 7, 16, 17, 30, 41, 50, 3, 80, 12)]


@pytest.fixture(scope="module")
def expected(model, tokenizer, prompts) -> list[list[int]]:
    replies = [greedy_reply(model, prompt, NUM_TOKENS, tokenizer.stop_ids) for prompt in prompts]
    has_ended = {reply[-1] in tokenizer.stop_ids for reply in replies}
    assert has_ended == {True, False}
    assert len({len(reply) for reply in replies}) > 3
    return replies


@pytest.fixture(params=[0, 1], ids=["one after the other", "a plan ahead"])
def llm(request: pytest.FixtureRequest, model, tokenizer):
    """Whatever a test does with it, nothing may be left of it afterwards."""
    llm = llm_of(model, tokenizer, LIMITS, request.param)
    yield llm
    assert llm._inbox == {}
    check_nothing_is_left(llm.engine, num_spent=request.param)


def visible(tokenizer: ChatTokenizer, ids) -> str:
    return tokenizer.decode([token_id for token_id in ids if token_id not in tokenizer.stop_ids])


def test_greedy_is_what_transformers_says_token_for_token(llm, tokenizer, prompts, expected) -> None:
    outputs = llm.generate(prompts, GREEDY)
    assert [list(output.token_ids) for output in outputs] == expected
    assert [list(output.prompt_token_ids) for output in outputs] == prompts
    assert [output.text for output in outputs] == [visible(tokenizer, reply) for reply in expected]
    has_stopped = [reply[-1] in tokenizer.stop_ids for reply in expected]
    assert [output.finish_reason == "stop" for output in outputs] == has_stopped
    assert {output.finish_reason for output in outputs} == {"stop", "length"}
    assert all(output.outputs[0].stop_reason is None for output in outputs)


def test_alone_and_in_any_order_too(llm, prompts, expected) -> None:
    for place in (0, 4, 7, 10):
        (output,) = llm.generate(prompts[place], GREEDY)
        assert list(output.token_ids) == expected[place]
    order = random.sample(range(len(prompts)), len(prompts))
    outputs = llm.generate([prompts[place] for place in order], GREEDY)
    assert [list(output.token_ids) for output in outputs] == [expected[place] for place in order]


def test_the_engine_as_it_comes_says_the_same(model, tokenizer, prompts, expected) -> None:
    llm = LLM(model, tokenizer=tokenizer, max_model_len=200, max_sequences=3)
    assert [list(output.token_ids) for output in llm.generate(prompts, GREEDY)] == expected
    check_nothing_is_left(llm.engine)


def test_text_and_conversations(llm, model, tokenizer) -> None:
    talks = [[{"role": "user", "content": "hello"}], [{"role": "user", "content": "x" * 30}]]
    ids = [tokenizer.encode_chat(talk) for talk in talks]
    replies = [greedy_reply(model, one, NUM_TOKENS, tokenizer.stop_ids) for one in ids]
    assert [list(output.token_ids) for output in llm.chat(talks, GREEDY)] == replies
    assert list(llm.chat(talks[1], GREEDY)[0].token_ids) == replies[1], "one conversation is no list of them"
    reply = greedy_reply(model, tokenizer.encode("hello"), NUM_TOKENS, tokenizer.stop_ids)
    assert list(llm.generate("hello", GREEDY)[0].token_ids) == reply
    assert list(llm.generate(["hello", "x"], GREEDY)[0].token_ids) == reply
    assert (llm.generate([], GREEDY), llm.chat([], GREEDY)) == ([], [])


def test_each_prompt_may_have_its_own_params(llm, prompts, expected) -> None:
    params = [replace(GREEDY, max_tokens=1 + place) for place in range(len(prompts))]
    outputs = llm.generate(prompts, params)
    assert [list(output.token_ids) for output in outputs] == [
        reply[: 1 + place] for place, reply in enumerate(expected)
    ]


def test_a_sample_is_what_its_seed_gives_alone(llm, prompts) -> None:
    params = SamplingParams(n=4, seed=7, temperature=2, max_tokens=9)
    forked = [prompts[6], prompts[8], prompts[10]]  # four tokens of a last page that each sample writes to
    outputs = llm.generate(forked, params)
    assert all([one.index for one in output.outputs] == [0, 1, 2, 3] for output in outputs)
    for prompt, output in zip(forked, outputs, strict=True):
        alone = [
            llm.generate(prompt, SamplingParams(seed=7 + place, temperature=2, max_tokens=9))[0] for place in range(4)
        ]
        assert [one.token_ids for one in output.outputs] == [one.token_ids for one in alone]
        assert len({one.token_ids for one in output.outputs}) == 4
        assert (output.text, output.token_ids) == (alone[0].text, alone[0].token_ids)
    assert llm.engine.scheduler.counters.num_forked_tokens > 0
    # without a seed every request draws anew
    draws = [llm.generate(prompts[3], SamplingParams(temperature=50, max_tokens=20))[0].token_ids for _ in "ab"]
    assert draws[0] != draws[1]


def test_penalties_are_of_the_own_reply(llm, prompts) -> None:
    """The tokens that a repetition forbids are counted beside others that come and go."""
    params = replace(GREEDY, presence_penalty=2.0, frequency_penalty=2.0, repetition_penalty=100.0, ignore_eos=True)
    outputs = llm.generate(prompts[3:10], params)
    for prompt, output in zip(prompts[3:10], outputs, strict=True):
        assert llm.generate(prompt, params)[0].token_ids == output.token_ids
        assert len(set(output.token_ids)) == NUM_TOKENS


def test_pieces_of_a_stream_are_the_reply(llm, tokenizer, prompts, expected) -> None:
    for place in (1, 6, 9):
        deltas = list(llm.stream(prompts[place], GREEDY))
        assert [token_id for delta in deltas for token_id in delta.token_ids] == expected[place]
        assert "".join(delta.text for delta in deltas) == visible(tokenizer, expected[place])
        assert [delta.finish is not None for delta in deltas] == [False] * (len(deltas) - 1) + [True]
    talk = [{"role": "user", "content": "hello"}]
    assert "".join(delta.text for delta in llm.stream(talk, GREEDY)) == llm.chat(talk, GREEDY)[0].text
    samples: dict[int, list[Delta]] = {0: [], 1: []}
    for delta in llm.stream("hello", SamplingParams(n=2, seed=1, max_tokens=5)):
        samples[delta.sample].append(delta)
    (output,) = llm.generate("hello", SamplingParams(n=2, seed=1, max_tokens=5))
    assert ["".join(delta.text for delta in samples[place]) for place in (0, 1)] == [one.text for one in output.outputs]


def test_streams_take_turns(llm, prompts, expected) -> None:
    streams = {place: llm.stream(prompts[place], GREEDY) for place in range(8)}
    found: dict[int, list[int]] = {place: [] for place in streams}
    while streams:
        place = random.choice(list(streams))
        delta = next(streams[place], None)
        if delta is None:
            del streams[place]
        else:
            found[place] += delta.token_ids
        llm.engine.scheduler.check_invariants()
    assert found == dict(enumerate(expected[:8]))


def test_closing_a_stream_cancels_it(llm, prompts, expected) -> None:
    kept = llm.stream(prompts[3], GREEDY)
    other = llm.stream(prompts[6], SamplingParams(n=3, seed=0, max_tokens=60, ignore_eos=True))
    first = next(kept)
    for _ in range(4):
        next(other)
    assert llm.engine.scheduler.num_running == 4
    other.close()
    assert llm.engine.scheduler.num_running + llm.engine.scheduler.num_waiting == 1
    llm.engine.scheduler.check_invariants()
    rest = [token_id for delta in kept for token_id in delta.token_ids]
    assert [*first.token_ids, *rest] == expected[3]
    assert not llm.engine.cancel("llm-0")


def test_tokens_of_a_prompt_that_were_kept_are_counted(llm, prompts) -> None:
    prompt = list(range(40, 73))
    before = llm.counters.num_prefix_hit_tokens
    assert llm.generate([prompt], GREEDY)[0].num_cached_tokens == 0
    again = llm.generate([[*prompt, 7, 8], [*prompt, 7], prompts[1][:3]], SamplingParams(max_tokens=2, n=2, seed=1))
    assert [output.num_cached_tokens for output in again] == [30, 30, 0]
    assert llm.counters.num_prefix_hit_tokens - before == 60


def test_stop_strings_and_ids(llm, tokenizer, prompts, expected) -> None:
    text, reply = visible(tokenizer, expected[3]), expected[3]
    assert len(reply) == NUM_TOKENS
    stop = next(text[start : start + 2] for start in range(2, 20) if text[start : start + 2].isascii())
    params = replace(GREEDY, stop=["never", stop])
    (output,) = llm.generate(prompts[3], params)
    assert output.text == text[: text.index(stop)]
    assert (output.finish_reason, output.outputs[0].stop_reason) == ("stop", stop)
    assert len(output.token_ids) < NUM_TOKENS
    shown = llm.generate(prompts[3], replace(params, include_stop_str_in_output=True))[0]
    assert shown.text == text[: text.index(stop)] + stop
    assert "".join(delta.text for delta in llm.stream(prompts[3], params)) == output.text
    last = reply[10]
    by_id = llm.generate(prompts[3], replace(GREEDY, stop_token_ids=[last]))[0]
    assert list(by_id.token_ids) == reply[: reply.index(last) + 1]
    assert by_id.outputs[0].stop_reason == last
    ended = next(place for place, one in enumerate(expected) if one[-1] in tokenizer.stop_ids)
    more = llm.generate(prompts[ended], replace(GREEDY, ignore_eos=True))[0]
    assert list(more.token_ids)[: len(expected[ended])] == expected[ended]
    assert len(more.token_ids) == NUM_TOKENS
    late = llm.generate(prompts[ended], replace(GREEDY, min_tokens=len(expected[ended])))[0]
    assert list(late.token_ids)[: len(expected[ended]) - 1] == expected[ended][:-1]
    assert len(late.token_ids) > len(expected[ended])


def test_logprobs_are_the_models_own(llm, model, prompts, expected) -> None:
    wanted = [None, 0, 3, 1, None, 5]
    params = [replace(GREEDY, logprobs=number, temperature=0.7, seed=1) for number in wanted]
    outputs = llm.generate(prompts[5:11], params)
    for prompt, output, number in zip(prompts[5:11], outputs, wanted, strict=True):
        found = output.outputs[0].logprobs
        if number is None:
            assert found is None
            continue
        with torch.inference_mode():
            logits_SV = model(torch.tensor([[*prompt, *output.token_ids]])).logits[0, len(prompt) - 1 : -1]
        own_SV = logits_SV.log_softmax(-1)
        assert [one.token_id for one in found] == list(output.token_ids)
        for one, own_V in zip(found, own_SV, strict=True):
            assert one.logprob == pytest.approx(float(own_V[one.token_id]), abs=1e-4)
            assert len(one.top) == number, "as many as it asked for, whatever others did"
            top = own_V.topk(number)
            assert [token_id for token_id, _ in one.top] == top.indices.tolist()
            assert [value for _, value in one.top] == pytest.approx(top.values.tolist(), abs=1e-4)


def test_guided_replies_are_what_was_asked_for(llm, prompts, expected) -> None:
    pytest.importorskip("llguidance")
    guided = [Guided(choice=["yes", "no", "perhaps"]), Guided(regex=r"[0-9]{3}-[a-z]+;"), None]
    params = [SamplingParams(seed=place, max_tokens=20, guided=guided[place % 3]) for place in range(8)] + [GREEDY]
    outputs = llm.generate(prompts[:9], params)
    for place in (0, 3, 6):
        assert outputs[place].text in {"yes", "no", "perhaps"}
        assert outputs[place].finish_reason == "stop"
    assert all(outputs[place].text[3] == "-" and outputs[place].text[:3].isdigit() for place in (1, 4, 7))
    assert list(outputs[8].token_ids) == expected[8], "who is not guided says what it would"
    alone = [llm.generate(prompts[place], params[place])[0] for place in range(8)]
    assert [one.token_ids for one in alone] == [one.token_ids for one in outputs[:8]]


def test_a_grammar_that_becomes_too_complex_ends_its_own_reply_alone(llm, prompts, expected) -> None:
    pytest.importorskip("llguidance")
    guided = SamplingParams(seed=1, max_tokens=30, n=2, guided=Guided(regex="(a?){400}a{400}b"))
    failed, alone, choice = llm.generate(
        [prompts[1], prompts[0], prompts[2]], [guided, GREEDY, SamplingParams(guided=Guided(choice=["yes", "no"]))]
    )
    for one in failed.outputs:
        assert one.finish_reason == "error"
        assert "too many expressions" in one.stop_reason
        assert set(one.text) <= {"a"}
    assert list(alone.token_ids) == expected[0]
    assert choice.text in ("yes", "no")


def test_a_reply_ends_where_the_context_is_full(llm, model, tokenizer, prompts) -> None:
    prompt = prompts[10] + prompts[6]
    (output,) = llm.generate(prompt, SamplingParams(temperature=0, ignore_eos=True))
    assert (len(output.token_ids), output.finish_reason) == (120 - len(prompt), "length")
    assert list(output.token_ids) == greedy_reply(model, prompt, 120 - len(prompt), [])
    last = prompt + prompts[6][:9]
    assert len(last) == 119
    assert len(llm.generate(last, SamplingParams(temperature=0, ignore_eos=True))[0].token_ids) == 1


@pytest.mark.parametrize(
    ("prompts", "params", "message"),
    [
        ("", GREEDY, "a prompt is empty: allowed is text or ids"),
        ([[1], []], GREEDY, "a prompt is empty"),
        ([[1], 3.5], GREEDY, "a prompt is 3.5: allowed is text, or a list of token ids"),
        ([[1, "a"]], GREEDY, "a prompt is .*: allowed is text, or a list of token ids"),
        ([[5], [5, 320]], GREEDY, "prompt 1: the prompt has token 320; allowed: below 320"),
        ([-1, 5], GREEDY, "prompt 0: request .* has token -1"),
        ([[5], [5] * 120], GREEDY, r"prompt 1: .*120 prompt tokens; allowed: fewer than 120 \(max_model_len 120"),
        ([[5], [5]], [GREEDY], "1 params for 2 prompts: allowed is one for all or one for each"),
        ([[5]], {"temperature": 0}, "params=.*: allowed is a SamplingParams, or a list of them"),
        ([[5]], SamplingParams(stop_token_ids=[320]), "prompt 0: stop_token_ids has the id 320"),
    ],
)
def test_wrong_input_is_named_and_nothing_runs(llm, prompts, params, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        llm.generate(prompts, params)
    assert not llm.engine.scheduler.has_requests


def test_wrong_conversations_and_models(llm, model, tokenizer) -> None:
    with pytest.raises(ValueError, match="role"):
        llm.chat([{"role": "nobody", "content": "hello"}], GREEDY)
    with pytest.raises(ValueError, match="a loaded model needs tokenizer="):
        LLM(model)
    with pytest.raises(ValueError, match="dtype and device are those of the loaded model"):
        LLM(model, tokenizer=tokenizer, dtype="float32")
    with pytest.raises(ValueError, match="max_model_len=5000: allowed is 2 to 4096"):
        LLM(model, tokenizer=tokenizer, max_model_len=5000)
    small = small_model()
    small.config.vocab_size = 256
    with pytest.raises(ValueError, match=r"the tokenizer has .* ids, the model only 256"):
        LLM(small, tokenizer=tokenizer)


def test_a_folder_is_loaded(model, tokenizer, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(model.generation_config, "eos_token_id", list(tokenizer.stop_ids))
    model.save_pretrained(tmp_path)
    tokenizer.tokenizer.save_pretrained(tmp_path)
    llm = LLM(str(tmp_path), dtype="float32", device="cpu", max_model_len=100)
    own = llm_of(model, tokenizer).generate("hello", GREEDY)[0].outputs
    (found,) = llm.generate("hello", GREEDY)[0].outputs
    assert isinstance(found, Completion)
    assert (found,) == own
    with pytest.raises(ValueError, match="float8"):
        LLM(str(tmp_path), dtype="float8")


def test_the_package_gives_it_by_name() -> None:
    import sambay

    assert sambay.LLM is LLM
    assert sambay.SamplingParams is SamplingParams
    with pytest.raises(AttributeError, match="module 'sambay' has no attribute 'LLMs'"):
        _ = sambay.LLMs
