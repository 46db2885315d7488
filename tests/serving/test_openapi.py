"""The server does what its document says: schemathesis draws requests from it, right and wrong, and checks answers."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from sambay.serving import answers

USER = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("path", "body", "model"),
    [
        ("/v1/chat/completions", {"messages": USER, "logprobs": True, "top_logprobs": 2, "n": 2}, "ChatCompletion"),
        ("/v1/chat/completions", {"messages": USER}, "ChatCompletion"),
        ("/v1/completions", {"prompt": ["a", "b"], "logprobs": 1}, "TextCompletion"),
        ("/v1/responses", {"input": "hello"}, "ResponseAnswer"),
        ("/tokenize", {"messages": USER}, "Tokenized"),
        ("/detokenize", {"tokens": [65]}, "Detokenized"),
        ("/v1/chat/completions", {"messages": []}, "ErrorAnswer"),
    ],
)
def test_answers_are_of_their_types(served, path, body, model):
    if path.startswith("/v1/") and model != "ErrorAnswer":
        body = {**body, "max_output_tokens" if path == "/v1/responses" else "max_tokens": 5}
    reply = served.client.post(path, json={"model": "tiny", **body})
    assert reply.status_code == (400 if model == "ErrorAnswer" else 200)
    getattr(answers, model).model_validate(reply.json(), strict=True)


def test_chunks_are_of_their_types(served):
    asked = {"model": "tiny", "max_tokens": 5, "n": 2, "stream_options": {"include_usage": True}, "logprobs": True}
    chunks = served.events("/v1/chat/completions", {**asked, "messages": USER, "top_logprobs": 1})
    assert len([answers.ChatChunk.model_validate(chunk, strict=True).usage for chunk in chunks]) > 3
    chunks = served.events("/v1/completions", {**asked, "logprobs": 1, "prompt": "x"})
    assert answers.TextCompletion.model_validate(chunks[-1], strict=True).usage.completion_tokens > 0
    for chunk in chunks:
        answers.TextCompletion.model_validate(chunk, strict=True)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("is_wrong", [False, True], ids=["right", "wrong"])
def test_requests_drawn_from_the_document(make_served, make_engine, is_wrong):
    """No error of the server's own; statuses, types and headers are the documented ones, nothing wrong is accepted,
    and a key is asked for wherever the document says so."""
    schemathesis = pytest.importorskip("schemathesis", reason="the fuzzer is not installed")
    from schemathesis.checks import load_all_checks

    load_all_checks()
    key = "a-key-for-the-fuzzer"
    # a reply is short whatever is asked for
    with make_served(make_engine(max_model_len=96), api_keys=(key,), max_request_s=20.0) as served:
        schema = schemathesis.openapi.from_url(f"{served.url}/openapi.json")
        mode = schemathesis.GenerationMode.NEGATIVE if is_wrong else schemathesis.GenerationMode.POSITIVE
        # what is right by the document may be refused: bounds that depend on the model, fields that exclude others
        left_out = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
        num_run = 0
        statuses = set()
        for result in schema.get_all_operations():
            operation = result.ok()
            if is_wrong and not operation.body and not operation.query and not operation.path_parameters:
                continue

            @settings(
                max_examples=300,
                deadline=None,
                database=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case):
                headers = {"Authorization": f"Bearer {key}"}
                response = case.call_and_validate(headers=headers, excluded_checks=left_out, timeout=30)
                statuses.add(response.status_code)

            check()
            num_run += 1
        assert num_run >= (5 if is_wrong else 10)
        assert 400 in statuses
        assert is_wrong or 200 in statuses
        assert 'status="500"' not in served.client.get("/metrics").text
        assert served.llm.num_failures == 0
        assert json.loads(served.client.get("/health").text) == {"status": "ok"}
