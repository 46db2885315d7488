import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from sambay.engine.sampling_params import SamplingParams

# The random model's replies as text that goes into a prompt again unchanged: bytes that are no ASCII, and ids without
# a token, are not drawn. What may be drawn keeps its order, which a bias added to all of it does not change.
ASCII = {str(token_id): -100 for token_id in range(320) if not 32 <= token_id < 127 and token_id != 258}


def _joined(events, index=0):
    deltas = [choice["delta"] for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(delta.get("content", "") for delta in deltas)


def _finish(events, index=0):
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    assert all(choice["finish_reason"] is None for choice in choices[:-1])
    return choices[-1]["finish_reason"]


def _ids_alone(engine, prompt, params):
    """What a fresh engine gives."""
    engine.add("alone", prompt, params)
    found = []
    while engine.has_work:
        found += [token_id for delta in engine.step() for token_id in delta.token_ids]
    return found


def test_a_reply_is_the_engines(served, make_engine):
    body = served.chat("hello", temperature=0, max_tokens=12).json()
    engine = make_engine()
    prompt = engine.tokenizer.encode_chat([{"role": "user", "content": "hello"}])
    ids = _ids_alone(engine, prompt, SamplingParams(temperature=0, max_tokens=12))
    choice = body["choices"][0]
    assert choice["message"]["content"] == engine.tokenizer.decode(ids)
    assert choice["finish_reason"] == "length"
    assert body["usage"] == {
        "prompt_tokens": len(prompt),
        "completion_tokens": 12,
        "total_tokens": len(prompt) + 12,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert (body["object"], body["model"]) == ("chat.completion", "tiny")
    assert body["id"].startswith("chatcmpl-")


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0},
        {"temperature": 4.0, "seed": 7, "n": 3},
        {"temperature": 4.0, "seed": 7, "stop": ["e", "a"], "max_tokens": 40, "logit_bias": ASCII},
        {"temperature": 4.0, "seed": 9, "logprobs": True, "top_logprobs": 3},
        {"temperature": 2.0, "seed": 1, "top_p": 0.8, "top_k": 20, "min_p": 0.01, "presence_penalty": 0.5},
        {"temperature": 2.0, "seed": 1, "frequency_penalty": 1, "repetition_penalty": 1.2, "min_tokens": 4},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_streamed_and_whole_are_the_same(served, fields):
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 10, **fields}
    whole = served.client.post("/v1/chat/completions", json=asked).json()
    events = served.events("/v1/chat/completions", {**asked, "stream_options": {"include_usage": True}})
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == whole["usage"]
    assert all(event["usage"] is None for event in events[:-1])
    assert len({event["id"] for event in events}) == 1
    for choice in whole["choices"]:
        index = choice["index"]
        assert _joined(events, index) == choice["message"]["content"]
        assert _finish(events, index) == choice["finish_reason"]
        if "logprobs" in fields:
            streamed = [
                one
                for event in events[:-1]
                for found in event["choices"]
                for one in (found["logprobs"] or {"content": []})["content"]
            ]
            assert streamed == choice["logprobs"]["content"]
    if "n" in fields:
        assert len({choice["message"]["content"] for choice in whole["choices"]}) == 3


def test_without_stream_options_no_chunk_has_usage(served):
    events = served.events(
        "/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
    )
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert all("usage" not in event for event in events)


def test_a_seed_gives_the_same_reply_and_another_one_another(served):
    one, same, other = (
        served.chat(seed=seed, temperature=5, max_tokens=20).json()["choices"][0]["message"]["content"]
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_a_stop_string_ends_the_reply_before_itself(served):
    fields = {"temperature": 4.0, "seed": 7, "max_tokens": 60, "logit_bias": ASCII}
    text = served.chat(**fields).json()["choices"][0]["message"]["content"]
    stop = text[5:7]
    choice = served.chat(stop=stop, **fields).json()["choices"][0]
    assert choice["message"]["content"] == text[: text.index(stop)]
    assert choice["finish_reason"] == "stop"
    kept = served.chat(stop=[stop], include_stop_str_in_output=True, **fields).json()["choices"][0]
    assert kept["message"]["content"] == text[: text.index(stop)] + stop


def test_a_bias_decides_what_is_said(served):
    choice = served.chat(logit_bias={"65": 100}, max_tokens=5, temperature=0).json()["choices"][0]
    assert choice["message"]["content"] == "AAAAA"


def test_max_completion_tokens_bounds_the_reply(served):
    body = served.client.post(
        "/v1/chat/completions",
        json={
            "model": "tiny",
            "messages": [{"role": "user", "content": "x"}],
            "max_completion_tokens": 3,
            "ignore_eos": True,
        },
    ).json()
    assert body["usage"]["completion_tokens"] == 3


def test_logprobs_are_those_of_the_model(served, make_engine):
    body = served.chat("hello", temperature=0, max_tokens=3, logprobs=True, top_logprobs=2).json()
    engine = make_engine()
    engine.add(
        "alone",
        engine.tokenizer.encode_chat([{"role": "user", "content": "hello"}]),
        SamplingParams(temperature=0, max_tokens=3, logprobs=2),
    )
    expected = []
    while engine.has_work:
        expected += [one for delta in engine.step() for one in delta.logprobs]
    found = body["choices"][0]["logprobs"]["content"]
    assert [one["logprob"] for one in found] == pytest.approx([one.logprob for one in expected], abs=1e-5)
    for one in found:
        assert len(one["top_logprobs"]) == 2
        assert one["top_logprobs"][0]["logprob"] == one["logprob"]  # greedy
        assert bytes(one["bytes"]).decode(errors="replace") == one["token"]


def test_content_may_come_in_parts_and_developer_is_system(served):
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    one = served.client.post(
        "/tokenize", json={"messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": parts}]}
    )
    other = served.client.post(
        "/tokenize", json={"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "ab"}]}
    )
    assert one.json() == other.json()


def test_json_is_json_and_keeps_to_its_schema(served):
    pytest.importorskip("llguidance", reason="guided replies need the extra of that name")
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer", "minimum": 0, "maximum": 99}, "is_sure": {"type": "boolean"}},
        "required": ["answer", "is_sure"],
        "additionalProperties": False,
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    choices = served.chat(response_format=wanted, max_tokens=200, n=3, temperature=1.5, seed=1).json()["choices"]
    for choice in choices:
        assert choice["finish_reason"] == "stop"
        found = json.loads(choice["message"]["content"])
        assert found.keys() == {"answer", "is_sure"}
        assert 0 <= found["answer"] <= 99
    text = served.chat(response_format={"type": "text"}, temperature=0).json()
    assert (
        text["choices"][0]["message"]["content"]
        == served.chat(temperature=0).json()["choices"][0]["message"]["content"]
    )


def test_a_second_turn_reads_only_what_is_new(make_served, make_engine):
    """Its work, in tokens, is at most a quarter of the first turn's."""
    with make_served(make_engine(max_batch_tokens=512)) as served:
        counters = served.llm.engine.scheduler.counters
        messages = [{"role": "user", "content": "All work and no play. " * 170}]
        first = served.client.post(
            "/v1/chat/completions",
            json={
                "model": "tiny",
                "messages": messages,
                "max_tokens": 40,
                "temperature": 0,
                "logit_bias": ASCII,
                "ignore_eos": True,
            },
        )
        reply = first.json()["choices"][0]["message"]
        num_first, num_prompt = counters.num_prefill_tokens, first.json()["usage"]["prompt_tokens"]
        assert num_first == num_prompt > 3700
        messages += [reply, {"role": "user", "content": "And then?"}]
        second = served.client.post(
            "/v1/chat/completions", json={"model": "tiny", "messages": messages, "max_tokens": 4}
        )
        num_second = counters.num_prefill_tokens - num_first
        assert second.json()["usage"]["prompt_tokens"] > num_prompt + 40
        usage = second.json()["usage"]
        assert first.json()["usage"]["prompt_tokens_details"] == {"cached_tokens": 0}
        assert usage["prompt_tokens_details"] == {"cached_tokens": counters.num_prefix_hit_tokens}
        assert num_second + counters.num_prefix_hit_tokens == usage["prompt_tokens"]
        assert num_second <= num_first / 4
        assert num_second < 64  # the last page of the first turn, and the second user's message


@pytest.mark.parametrize("fields", [{}, {"n": 3}, {"n": 3, "max_reasoning_tokens": 2}], ids=str)
def test_usage_tells_of_a_prompt_that_was_cached(make_served, fields):
    with make_served() as served:
        messages = [{"role": "user", "content": "All work and no play. " * 10}]
        asked = {"model": "tiny", "messages": messages, "max_tokens": 4, "temperature": 1.0}
        num_prompt = served.client.post("/v1/chat/completions", json=asked).json()["usage"]["prompt_tokens"]
        num_kept = (num_prompt - 1) // 32 * 32  # whole pages, and one token is left to compute
        whole = served.client.post("/v1/chat/completions", json={**asked, **fields}).json()
        streamed = served.events("/v1/chat/completions", {**asked, **fields, "stream_options": {"include_usage": True}})
        for usage in (whole["usage"], streamed[-1]["usage"]):
            assert usage["prompt_tokens_details"] == {"cached_tokens": num_kept}
            assert usage["prompt_tokens"] == num_prompt


def test_a_grammar_that_becomes_too_complex_is_an_error_of_its_request_alone(served):
    pytest.importorskip("llguidance", reason="guided replies need the extra of that name")
    schema = {"type": "string", "pattern": "^(a?){400}a{400}b$"}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 50}
    expected = served.chat(temperature=0, max_tokens=40, ignore_eos=True).json()["choices"]
    num_failures = served.llm.num_failures
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(served.chat, temperature=0, max_tokens=40, ignore_eos=True)
        whole = served.client.post("/v1/chat/completions", json={**asked, "response_format": wanted})
        streamed = served.events("/v1/chat/completions", {**asked, "response_format": wanted})
    assert whole.status_code == 400
    for error in (whole.json()["error"], streamed[-1]["error"]):
        assert (error["param"], error["code"]) == ("response_format", "grammar_too_complex")
        assert "too many expressions" in error["message"]
    assert other.result().json()["choices"] == expected
    assert served.llm.num_failures == num_failures


# ------------------------------------------------------------------------- thoughts and tools, replies written before

THOUGHT = "<think>\n1+1\n</think>\n\n2"
CALL = '<|tool_call|>[{"name": "add", "arguments": {"a": 1}}]<|/tool_call|>'
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}}


@pytest.fixture
def scripted(make_served, make_scripted):
    engine = make_scripted(lambda prompt: CALL if "<|tool|>" in prompt else "2!" if "</think>" in prompt else THOUGHT)
    with make_served(engine) as served:
        yield served


def test_a_thought_is_in_a_field_of_its_own(scripted):
    body = scripted.chat(max_tokens=100).json()
    message = body["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("1+1", "2")
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == len("\n1+1\n</think>")
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "x"}]}
    events = scripted.events("/v1/chat/completions", asked)
    thought = "".join(event["choices"][0]["delta"].get("reasoning_content", "") for event in events)
    assert (thought, _joined(events), _finish(events)) == ("1+1", "2", "stop")


def test_max_reasoning_tokens_closes_the_thought(scripted):
    body = scripted.chat(max_tokens=100, max_reasoning_tokens=2).json()
    message = body["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("1", "2!")
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


def test_a_thought_sent_back_is_what_the_model_wrote(scripted):
    scripted.chat(max_tokens=100)
    reply = {"role": "assistant", "content": "2", "reasoning_content": "1+1", "refusal": None}
    turns = [{"role": "user", "content": "hello"}, reply, {"role": "user", "content": "and?"}]
    scripted.client.post("/v1/chat/completions", json={"model": "tiny", "messages": turns})
    first, second = (scripted.llm.tokenizer.decode(ids, show_special=True) for ids in scripted.llm.engine.prompts)
    assert second.startswith(f"{first}{THOUGHT}<|end|>")


def test_tools_are_offered_and_called(scripted):
    body = scripted.chat(tools=[TOOL], max_tokens=100).json()
    choice = body["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    call = choice["message"]["tool_calls"][0]
    assert call["function"] == {"name": "add", "arguments": '{"a": 1}'}
    prompt = scripted.llm.tokenizer.decode(scripted.llm.engine.prompts[0], show_special=True)
    offer = json.dumps([TOOL["function"]])
    assert prompt == f"<|system|><|tool|>{offer}<|/tool|><|end|><|user|>hello<|end|><|assistant|>"

    result = {"role": "tool", "tool_call_id": call["id"], "content": "3"}
    turns = [{"role": "user", "content": "hello"}, choice["message"], result]
    scripted.client.post("/v1/chat/completions", json={"model": "tiny", "messages": turns, "tools": [TOOL]})
    again = scripted.llm.tokenizer.decode(scripted.llm.engine.prompts[1], show_special=True)
    assert again == f"{prompt}{CALL}<|end|><|tool_response|>3<|end|><|assistant|>"


def test_a_streamed_call_comes_whole(scripted):
    asked = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "tools": [TOOL], "tool_choice": "auto"}
    events = scripted.events("/v1/chat/completions", asked)
    calls = [call for event in events for call in event["choices"][0]["delta"].get("tool_calls", [])]
    assert [(call["index"], call["function"]) for call in calls] == [(0, {"name": "add", "arguments": '{"a": 1}'})]
    assert (_joined(events), _finish(events)) == ("", "tool_calls")


def test_tool_choice_none_offers_none(scripted):
    choice = scripted.chat(tools=[TOOL], tool_choice="none", max_tokens=100).json()["choices"][0]
    assert choice["message"]["content"] == "2"
