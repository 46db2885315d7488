"""What the server does when it is full, slow, left, or told to end; who may enter; what it writes down."""

import json
import logging
import re
import socket
import time

import pytest

from sambay.serving import ServerOptions, listen

CHAT = "/v1/chat/completions"
ENDLESS = {"max_tokens": 4000, "ignore_eos": True, "temperature": 0}


def _body(**fields):
    return {"model": "tiny", "messages": [{"role": "user", "content": "hello"}], **fields}


def _wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)


def _hang_up_after(served, body, num_bytes):
    """Sends a request, reads so much of the reply, and closes the connection."""
    raw = json.dumps(body).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])))
    connection.sendall(head.encode() + raw)
    if num_bytes:
        connection.recv(num_bytes)
    else:
        _wait_until(lambda: served.llm.engine.scheduler.num_running)
    connection.close()


@pytest.mark.parametrize(("is_streamed", "num_bytes"), [(True, 1), (True, 0), (False, 0)])
def test_a_client_that_hangs_up_is_cancelled_at_once(served, is_streamed, num_bytes):
    before = served.llm.num_cancelled
    num_generated = served.llm.engine.scheduler.counters.num_generated_tokens
    _hang_up_after(served, _body(stream=is_streamed, **ENDLESS), num_bytes)
    _wait_until(lambda: served.llm.num_unfinished == 0)
    assert served.llm.num_cancelled == before + 1
    assert served.llm.engine.scheduler.counters.num_generated_tokens - num_generated < 1000
    metrics = served.client.get("/metrics").text
    assert f'sambay_http_responses_total{{route="{CHAT}",status="499"}}' in metrics


def test_a_client_that_hangs_up_within_its_request_leaves_nothing(served):
    connection = socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])))
    connection.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{{".encode())
    time.sleep(0.05)
    connection.close()
    assert served.chat().status_code == 200


def test_a_full_queue_says_when_to_come_again(make_served, make_engine):
    with make_served(make_engine(max_sequences=2), max_queued=1, retry_after_s=7) as served:
        endless = {**ENDLESS, "temperature": 1, "n": 3, "stream": True}
        with served.client.stream("POST", CHAT, json=_body(**endless)) as busy:
            assert busy.status_code == 200
            response = served.client.post(CHAT, json=_body())
            assert (response.status_code, response.headers["retry-after"]) == (429, "7")
            error = response.json()["error"]
            assert (error["type"], error["code"]) == ("rate_limit_error", "queue_full")
            assert served.client.get("/health").status_code == 200
        _wait_until(lambda: served.llm.num_unfinished == 0)
        assert served.chat().status_code == 200
        assert "sambay_requests_refused_total 1" in served.client.get("/metrics").text


def test_a_request_that_takes_too_long_is_ended(make_served):
    with make_served(max_request_s=0.2) as served:
        response = served.client.post(CHAT, json=_body(**ENDLESS))
        assert response.status_code == 408
        assert response.json()["error"]["code"] == "deadline_exceeded"
        assert response.headers["x-should-retry"] == "false"
        with served.client.stream("POST", CHAT, json=_body(stream=True, **ENDLESS)) as streamed:
            lines = [line.removeprefix("data: ") for line in streamed.iter_lines() if line]
        assert len(lines) > 3
        assert json.loads(lines[-2])["error"]["code"] == "deadline_exceeded"
        assert lines[-1] == "[DONE]"
        served.wait_until_idle(1)
        assert served.llm.num_cancelled == 2


def test_a_failure_of_the_engine_is_told_and_survived(make_served, monkeypatch):
    with make_served() as served:

        def fail(*_):
            raise RuntimeError("the device is gone: /secret/path")

        with monkeypatch.context() as broken:
            broken.setattr(served.llm.engine.runner, "run", fail)
            response = served.chat()
            assert response.status_code == 503
            assert response.json()["error"]["code"] == "engine_failed"
            assert "secret" not in response.text
        assert served.chat().status_code == 200


def test_an_unforeseen_error_keeps_its_shape_and_its_secrets(make_served, monkeypatch):
    with make_served() as served:

        def fail(*_):
            raise RuntimeError("/secret/path")

        with monkeypatch.context() as broken:
            broken.setattr(type(served.llm.tokenizer), "encode_chat", fail)
            response = served.chat()
        assert response.status_code == 500
        assert response.json()["error"]["type"] == "server_error"
        assert "secret" not in response.text


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(make_served):
    with make_served(max_body_bytes=2000) as served:
        response = served.client.post(CHAT, json=_body(user="x" * 2000))
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "body_too_large"
        pieces = (b" " * 500 for _ in range(100))  # of no announced length
        response = served.client.post(CHAT, content=pieces, headers={"content-type": "application/json"})
        assert response.status_code == 413
        assert served.chat().status_code == 200


def test_keys_open_the_server_and_nothing_else_does(make_served):
    keys = ("first-key-1234", "second-key-1234")
    with make_served(api_keys=keys) as served:
        for wrong in (
            None,
            "",
            "Bearer",
            "Bearer wrong-key-123",
            f"Basic {keys[0]}",
            f"Bearer {keys[0]}x",
            "Bearer é",
        ):
            headers = {} if wrong is None else {"Authorization": wrong.encode()}
            for path in (CHAT, "/v1/completions", "/tokenize", "/detokenize"):
                response = served.client.post(path, content=b"{", headers=headers)  # not even read
                assert response.status_code == 401, (wrong, path)
                assert response.json()["error"]["code"] == "invalid_api_key"
            assert served.client.get("/v1/models", headers=headers).status_code == 401
        for key in keys:
            assert served.client.post(
                CHAT, json=_body(max_tokens=1), headers={"Authorization": f"Bearer {key}"}
            ).is_success
        assert served.client.get("/health").status_code == 200
        assert served.client.get("/metrics").status_code == 200


def test_pages_of_other_origins_may_call_only_if_named(make_served, served):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in served.client.options(CHAT, headers=asked).headers
    assert "access-control-allow-origin" not in served.client.get("/health", headers=asked).headers
    with make_served(allowed_origins=("https://a.example",)) as other:
        assert other.client.options(CHAT, headers=asked).headers["access-control-allow-origin"] == "https://a.example"
        refused = other.client.options(CHAT, headers={**asked, "Origin": "https://b.example"})
        assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("is_logging_prompts", [False, True])
def test_the_log_has_counts_and_a_prompt_only_if_asked(make_served, caplog, is_logging_prompts):
    caplog.set_level(logging.INFO, "sambay.serving.requests")
    with make_served(is_logging_prompts=is_logging_prompts) as served:
        response = served.chat("the secret word", user="ann", max_tokens=3, temperature=0, ignore_eos=True)
        served.events(CHAT, _body(max_tokens=2, ignore_eos=True))
        served.chat(n=0)
    whole, streamed, wrong = (json.loads(record.message) for record in caplog.records if CHAT in record.message)
    assert whole["request"] == response.headers["x-request-id"]
    assert (whole["status"], whole["user"], whole["completion_tokens"], whole["stream"]) == (200, "ann", 3, False)
    assert whole["prompt_tokens"] == len("the secret word") + 3
    assert 0 < whole["first_token_s"] <= whole["seconds"]
    assert (streamed["stream"], streamed["completion_tokens"], wrong["status"]) == (True, 2, 400)
    assert ("the secret word" in caplog.text) == is_logging_prompts
    assert ("reply" in whole) == is_logging_prompts


def test_metrics_count_what_happened(make_served):
    with make_served() as served:
        served.chat(max_tokens=5, ignore_eos=True, temperature=0)
        served.client.get("/nowhere/1")
        served.client.get("/nowhere/2")
        text = served.client.get("/metrics")
    assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in text.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"\\]*",?)+\})? [0-9.e+-]+', line) for line in lines)
    values = dict(line.rsplit(" ", 1) for line in lines)
    assert values["sambay_generated_tokens_total"] == "5"
    assert values["sambay_time_to_first_token_seconds_count"] == "1"
    # 4, but for those that came in one piece with the first token where the machine is slow
    assert 0 <= int(values["sambay_inter_token_seconds_count"]) <= 4
    assert values[f'sambay_http_responses_total{{route="{CHAT}",status="200"}}'] == "1"
    assert values['sambay_http_responses_total{route="other",status="404"}'] == "2"
    assert values['sambay_inter_token_seconds_bucket{le="+Inf"}'] == values["sambay_inter_token_seconds_count"]
    assert values["sambay_requests_running"] == values["sambay_requests_waiting"] == "0"


def test_defaults_are_the_servers_where_a_request_says_nothing(make_served):
    with make_served(defaults={"temperature": 0.0}) as served:
        texts = {served.chat(max_tokens=20).json()["choices"][0]["message"]["content"] for _ in range(3)}
        assert len(texts) == 1
        assert served.chat(n=2, temperature=1.0).status_code == 200
        assert served.chat(n=2).json()["error"]["param"] == "n"


def test_the_document_names_every_route_and_field(served):
    document = served.client.get("/openapi.json").json()
    assert {CHAT, "/v1/completions", "/tokenize", "/detokenize", "/v1/models", "/health", "/metrics"} <= set(
        document["paths"]
    )
    assert "max_reasoning_tokens" in document["components"]["schemas"]["ChatRequest"]["properties"]
    references = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document))
    assert set(references) <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_name": ""}, "model_name is empty"),
        ({"api_keys": ("short",)}, "at least 8 printable"),
        ({"api_keys": ("with a space",)}, "at least 8 printable"),
        ({"max_body_bytes": 10}, "max_body_bytes=10: allowed is 1024 or more"),
        ({"max_request_s": 0}, "max_request_s=0: allowed is above 0"),
        ({"drain_s": -1}, "drain_s=-1"),
        ({"defaults": {"temperature": -1}}, "temperature=-1"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        ServerOptions(**{"model_name": "tiny", **options})


def test_replies_do_not_wait_for_acknowledgements():
    """asyncio switches Nagle's algorithm off only for sockets that name their protocol."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_told_at_once():
    """Also while the first server has not begun to accept, for its model is being loaded."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}: Address already in use.*--port 0"):
            listen("127.0.0.1", port)
