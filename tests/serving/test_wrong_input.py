"""Whatever is sent is answered in OpenAI's shape, names its field, and is never the server's own error."""

import json
import random
import socket

import pytest

from sambay.serving import requests

CHAT, TEXT, RESPONSES = "/v1/chat/completions", "/v1/completions", "/v1/responses"
POSTS = (CHAT, TEXT, RESPONSES, "/tokenize", "/detokenize")
USER = [{"role": "user", "content": "hi"}]
HUGE = 10**400


def _error(response, status=400):
    assert response.status_code == status, (response.status_code, response.text)
    error = response.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str)
    assert error["message"]
    return error


def _schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


WRONG_IN_BOTH = [
    # field, value, what `param` is where it is not the field
    *(("n", value) for value in (0, -1, 1.0, "1", True, [], 129, HUGE)),
    *(("temperature", value) for value in (-0.1, "1", True, [1], HUGE, 1e-9)),
    *(("top_p", value) for value in (0, 1.01, -1, "x", HUGE)),
    *(("top_k", value) for value in (-2, 1.5, "x", HUGE)),
    *(("min_p", value) for value in (-0.1, 2)),
    *(("seed", value) for value in (-1, 2**63, HUGE, 1.5, "x")),
    *(("max_tokens", value) for value in (0, -1, 1.5, "x", True)),
    *(("min_tokens", value) for value in (-1, 1.5, HUGE)),
    *(("presence_penalty", value) for value in (-2.1, 2.1, "x")),
    *(("frequency_penalty", value) for value in (-2.1, 2.1, HUGE)),
    *(("repetition_penalty", value) for value in (0, -1, 1000)),
    *(("stop", value) for value in ("", ["a", ""], 1, {"a": 1}, ["x"] * 17, "x" * 1001)),
    *(("stop_token_ids", value) for value in ([-1], ["x"], 5, [320], [2**31])),
    *(("logit_bias", value) for value in ({"a": 1}, {"1": 101}, {"1": "x"}, {"320": 1}, {"-1": 1}, {"²": 1}, [], 1)),
    *(("logit_bias", value) for value in ({"1": HUGE}, {"9" * 5000: 1})),
    *(("ignore_eos", value) for value in (1, "true", [])),
    *(("stream", value) for value in (1, "true", [])),
    *(("stream_options", value) for value in (1, {"include_usage": True}, [])),
    *(("user", value) for value in (1, "x" * 513)),
    *(("model", value) for value in (1, [])),
]


@pytest.mark.parametrize(("field", "value"), WRONG_IN_BOTH, ids=lambda value: str(value)[:30])
def test_a_wrong_value_is_refused_by_the_name_of_its_field(served, field, value):
    if value == HUGE:  # json.dumps writes it, though no float holds it
        assert len(json.dumps(value)) == 401
    for path, prompt in ((CHAT, {"messages": USER}), (TEXT, {"prompt": "hi"})):
        error = _error(served.client.post(path, json={"model": "tiny", **prompt, field: value}))
        assert error["param"].split(".")[0] == field
        assert error["type"] == "invalid_request_error"
        assert field in error["message"]
        assert len(error["message"]) < 1000


WRONG_IN_CHAT = [
    ("messages", [], "messages"),
    ("messages", "hi", "messages"),
    ("messages", [1], "messages.0"),
    ("messages", [{}], "messages.0.role"),
    ("messages", [{"role": "wizard", "content": "x"}], "messages.0.role"),
    ("messages", [*USER, {"role": "user"}], "messages.1.content"),
    ("messages", [{"role": "user", "content": 1}], "messages.0.content"),
    ("messages", [{"role": "user", "content": [{"type": "image_url"}]}], "messages.0.content.0.type"),
    ("messages", [{"role": "user", "content": "x", "name": "bob"}], "messages.0.name"),
    ("messages", [{"role": "user", "content": "x", "reasoning_content": "y"}], "messages.0.reasoning_content"),
    ("messages", [{"role": "user", "content": "x", "tool_call_id": "y"}], "messages.0.tool_call_id"),
    ("messages", [{"role": "tool", "content": "x", "tool_call_id": "y"}], "messages.0.tool_call_id"),
    ("messages", [{"role": "user", "content": "\ud800"}], "messages.0.content"),
    ("messages", [{"role": "user", "content": "x" * 4096}], "messages"),
    ("max_completion_tokens", 0, "max_completion_tokens"),
    ("max_reasoning_tokens", -1, "max_reasoning_tokens"),
    ("logprobs", 1, "logprobs"),
    ("top_logprobs", 3, "top_logprobs"),
    ("response_format", "json", "response_format"),
    ("response_format", {"type": "xml"}, "response_format.type"),
    ("response_format", {"type": "json_schema"}, "response_format.json_schema"),
    (
        "response_format",
        {"type": "json_object", "json_schema": {"name": "x", "schema": {}}},
        "response_format.json_schema",
    ),
    ("response_format", _schema({"type": "wizard"}), "response_format"),
    ("response_format", _schema({"$ref": "#/nowhere"}), "response_format"),
    ("response_format", _schema({"type": "string", "pattern": "("}), "response_format"),
    ("response_format", _schema([]), "response_format.json_schema.schema"),
    ("tools", [{"type": "function"}], "tools.0.function"),
    ("tools", [{"type": "function", "function": {"name": "a b"}}], "tools.0.function.name"),
    ("tool_choice", "required", "tool_choice"),
    ("parallel_tool_calls", False, "parallel_tool_calls"),
    ("store", True, "store"),
    ("service_tier", "flex", "service_tier"),
    ("modalities", ["audio"], "modalities.0"),
    ("functions", [], "functions"),
    ("reasoning_effort", "high", "reasoning_effort"),
    ("Wizard-Field", 1, "Wizard-Field"),
    ("", 1, ""),
]


@pytest.mark.parametrize(("field", "value", "param"), WRONG_IN_CHAT, ids=lambda value: str(value)[:40])
def test_chat_refuses_by_name(served, field, value, param):
    body = {"model": "tiny", "messages": USER, field: value}
    response = served.client.post(CHAT, content=json.dumps(body), headers={"content-type": "application/json"})
    assert _error(response)["param"] == param


WRONG_IN_TEXT = [
    *(("prompt", value) for value in ("", [], [[]], [""], ["a", ""], [320], [[1, 320]])),
    ("prompt", "x" * 4096),
    ("prompt", ["x"] * 129),
    ("best_of", 2),
    ("suffix", "x"),
    ("logprobs", 21),
    ("logprobs", -1),
    ("messages", USER),
]


@pytest.mark.parametrize(("field", "value"), WRONG_IN_TEXT, ids=lambda value: str(value)[:40])
def test_completions_refuse_by_name(served, field, value):
    error = _error(served.client.post(TEXT, json={"model": "tiny", "prompt": "hi", field: value}))
    assert error["param"] == field


@pytest.mark.parametrize("value", [-1, [-1], 1.5, {"a": 1}, [[1.5]], None, [None], ["a", 1]], ids=str)
def test_a_prompt_of_another_kind_is_refused(served, value):
    error = _error(served.client.post(TEXT, json={"model": "tiny", "prompt": value}))
    assert error["param"].startswith("prompt")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2, "temperature": 0}, "n"),
        ({"min_tokens": 5, "max_tokens": 4}, "min_tokens"),
        ({"max_tokens": 4, "max_completion_tokens": 5}, "max_tokens"),
        ({"max_reasoning_tokens": 4, "response_format": {"type": "json_object"}}, "max_reasoning_tokens"),
        ({"max_reasoning_tokens": 4, "presence_penalty": 1}, "max_reasoning_tokens"),
        ({"min_tokens": 4, "response_format": {"type": "json_object"}}, "min_tokens"),
        ({"n": 100, "seed": 1}, "n"),  # more than the queue will ever hold
    ],
    ids=lambda value: str(value)[:50],
)
def test_fields_that_exclude_each_other_are_named(served, fields, param):
    assert _error(served.client.post(CHAT, json={"model": "tiny", "messages": USER, **fields}))["param"] == param


def test_an_unknown_model_is_not_found(served):
    prompts = {"messages": USER}, {"prompt": "x"}, {"input": "x"}, {"prompt": "x"}, {"tokens": [65]}
    for path, prompt in zip(POSTS, prompts, strict=True):
        error = _error(served.client.post(path, json={"model": "gpt", **prompt}), 404)
        assert (error["param"], error["code"]) == ("model", "model_not_found")
    for name in ("gpt", "", "a/b", "%ff%fe", "%00", "..%2f..", "%F0%9F%98%80", "x" * 5000):
        assert _error(served.client.get(f"/v1/models/{name}"), 404)["code"] == "model_not_found"


def test_bytes_that_are_no_text_in_headers_and_addresses_do_no_harm(served):
    """Written by hand, since no client would send them."""
    body = json.dumps({"model": "tiny", "messages": USER, "max_tokens": 2}).encode()
    for line, header in (
        (b"POST " + CHAT.encode() + b"?a=\xff&b=%ff%00 HTTP/1.1", b"Authorization: \xff\xfe"),
        (b"POST " + CHAT.encode() + b" HTTP/1.1", b"Content-Type: application/json; charset=\xff"),
        (b"POST " + CHAT.encode() + b"%ff HTTP/1.1", b"X: y"),
        (b"\xff\xfe / HTTP/1.1", b"X: y"),
        (b"POST / HTTP/9.9", b"X: y"),
        (b"POST " + CHAT.encode() + b" HTTP/1.1", b"Content-Length: 99999999999999999999"),
        (b"POST " + CHAT.encode() + b" HTTP/1.1", b"Content-Length: -1"),
        (b"POST " + CHAT.encode() + b" HTTP/1.1", b"Transfer-Encoding: chunked"),
    ):
        own = b"" if header.startswith((b"Content-Length", b"Transfer")) else b"Content-Length: %d\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), 10) as connection:
            connection.sendall(line + b"\r\nHost: x\r\nConnection: close\r\n" + header + b"\r\n" + own + b"\r\n" + body)
            connection.shutdown(socket.SHUT_WR)
            status = connection.recv(100).partition(b"\r\n")[0]
        assert status == b"" or status.split()[1] in (b"200", b"400", b"404", b"405", b"413"), (line, header, status)
    assert served.chat(max_tokens=2).status_code == 200
    assert 'status="500"' not in served.client.get("/metrics").text


@pytest.mark.parametrize("count", [10**6, 2**31, 2**63, HUGE])
def test_more_tokens_than_there_is_room_for_are_as_many_as_there_is(short_served, count):
    body = {"model": "tiny", "messages": USER, "max_tokens": count, "ignore_eos": True}
    reply = short_served.client.post(CHAT, content=json.dumps(body), headers={"content-type": "application/json"})
    usage = reply.json()["usage"]
    assert reply.json()["choices"][0]["finish_reason"] == "length"
    assert usage["total_tokens"] == 48


WRONG_IN_RESPONSES = [
    ("input", [], "input"),
    ("input", 1, "input"),
    ("input", [{"role": "wizard", "content": "x"}], "input.0.role"),
    ("input", [{"role": "user", "content": [{"type": "input_image"}]}], "input.0.content.0.type"),
    ("input", "x" * 4096, "input"),
    ("input", "\ud800", "input"),
    ("instructions", 1, "instructions"),
    ("max_output_tokens", 0, "max_output_tokens"),
    ("temperature", HUGE, "temperature"),
    ("top_p", 0, "top_p"),
    ("text", {"format": {"type": "json_schema"}}, "text.format.schema"),
    ("text", {"format": {"type": "json_schema", "name": "x", "schema": {"type": "wizard"}}}, "text.format"),
    ("store", True, "store"),
    ("tools", [], "tools"),
    ("previous_response_id", "x", "previous_response_id"),
]


@pytest.mark.parametrize(("field", "value", "param"), WRONG_IN_RESPONSES, ids=lambda value: str(value)[:40])
def test_responses_refuse_by_name(served, field, value, param):
    body = {"model": "tiny", "input": "hi", field: value}
    reply = served.client.post(RESPONSES, content=json.dumps(body), headers={"content-type": "application/json"})
    assert _error(reply)["param"].startswith(param)


def test_a_prompt_that_fills_the_context_is_told_so(served):
    error = _error(served.client.post(TEXT, json={"model": "tiny", "prompt": "x" * 4096}))
    assert error["code"] == "context_length_exceeded"
    assert "4096" in error["message"]
    last = served.client.post(TEXT, json={"model": "tiny", "prompt": "x" * 4095, "max_tokens": 50}).json()
    assert last["choices"][0]["finish_reason"] in ("length", "stop")
    assert last["usage"]["completion_tokens"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\xff\xfe", b'{"model": "\xc3"}', b"\x00", b"\xef\xbb\xbf{}", b"{", b"null", b"[]", b'"x"', b"1", b"{}{}",
        b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1' + b"0" * 10_000 + b"}", b"{'model': 'tiny'}", b'{"\\ud800": 1}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"model": "tiny", "messages": [], "prompt": [], "tokens": 1}',
    ],
    ids=lambda raw: repr(raw[:16]),
)  # fmt: skip
def test_a_body_that_is_no_request_is_refused(served, raw):
    for path in POSTS:
        _error(served.client.post(path, content=raw, headers={"content-type": "application/json"}))


def test_another_content_type_is_refused(served):
    form = served.client.post(CHAT, content=b"{}", headers={"content-type": "text/plain"})
    assert "application/json" in _error(form, 415)["message"]


def test_unknown_paths_and_methods_have_the_same_shape(served):
    assert _error(served.client.get("/v2/chat"), 404)["code"] == "unknown_url"
    assert _error(served.client.get(CHAT), 405)["code"] == "method_not_allowed"
    assert _error(served.client.delete("/v1/models"), 405)["code"] == "method_not_allowed"


def test_a_grammar_that_is_costly_to_compile_does_not_hold_the_others_up(served):
    response = served.chat(
        response_format=_schema({"type": "string", "pattern": "((a{1000}){1000}){1000}"}), max_tokens=2
    )
    assert response.status_code in (200, 400)
    assert served.chat().status_code == 200


@pytest.fixture
def short_served(make_served, make_engine):
    with make_served(make_engine(max_model_len=48)) as served:
        yield served


def _random_value(draw, depth=0):
    kind = draw.randrange(9 if depth < 3 else 7)
    if kind == 7:
        return [_random_value(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 8:
        return {draw.choice(["type", "role", "content", "a", "1"]): _random_value(draw, depth + 1) for _ in range(3)}
    return draw.choice([None, True, False, 0, -1, 1.5, 2**70, "", "x", "user", "text", "\ud800", "é" * 50, 1e308])


def test_random_bodies_never_meet_an_error_of_the_server(short_served):
    draw = random.Random(5)
    models = {
        CHAT: requests.ChatRequest, TEXT: requests.CompletionRequest, RESPONSES: requests.ResponsesRequest,
        "/tokenize": requests.TokenizeRequest, "/detokenize": requests.DetokenizeRequest,
    }  # fmt: skip
    prompts = {
        CHAT: {"messages": USER, "max_tokens": 3}, TEXT: {"prompt": "x", "max_tokens": 3},
        RESPONSES: {"input": "x", "max_output_tokens": 3},
        "/tokenize": {"prompt": "x"}, "/detokenize": {"tokens": [65]},
    }  # fmt: skip
    statuses = set()
    for _ in range(400):
        path = draw.choice(list(models))
        names = [*models[path].model_fields, "other"]
        fields = {name: _random_value(draw) for name in draw.sample(names, draw.randrange(1, 4))}
        other = draw.choice(list(prompts)) if draw.random() < 0.1 else path
        body = {"model": "tiny", **prompts[other], **fields}
        raw = json.dumps(body)
        response = short_served.client.post(path, content=raw, headers={"content-type": "application/json"})
        statuses.add(response.status_code)
        assert response.status_code in (200, 400, 404), (response.status_code, body)
        if response.status_code != 200:
            _error(response, response.status_code)
    assert statuses == {200, 400, 404}
