import json

import pytest

PATH = "/v1/responses"
THOUGHT = "<think>\n1+1\n</think>\n\n2"


@pytest.fixture
def scripted(make_served, make_scripted):
    with make_served(make_scripted(lambda prompt: THOUGHT)) as served:
        yield served


def _post(served, **fields):
    response = served.client.post(PATH, json={"model": "tiny", "input": "hello", **fields})
    assert response.status_code == 200, response.text
    return response.json()


def _events(served, **fields):
    found = []
    with served.client.stream(
        "POST", PATH, json={"model": "tiny", "input": "hello", "stream": True, **fields}
    ) as reply:
        lines = list(reply.iter_lines())
    for name, data in zip(lines[::3], lines[1::3], strict=True):
        one = json.loads(data.removeprefix("data: "))
        assert name == f"event: {one['type']}"
        found.append(one)
    assert [one["sequence_number"] for one in found] == list(range(len(found)))
    return found


def test_a_thought_is_an_item_before_the_message(scripted):
    body = _post(scripted, instructions="Be brief.", store=False)
    reasoning, message = body["output"]
    assert (reasoning["type"], reasoning["content"][0]["text"]) == ("reasoning", "1+1")
    assert (message["type"], message["role"], message["content"][0]["text"]) == ("message", "assistant", "2")
    assert (body["object"], body["status"], body["incomplete_details"]) == ("response", "completed", None)
    assert body["usage"]["output_tokens"] == len(THOUGHT) + 1
    assert body["usage"]["input_tokens_details"] == {"cached_tokens": 0}
    prompt = scripted.llm.tokenizer.decode(scripted.llm.engine.prompts[0], show_special=True)
    assert prompt == "<|system|>Be brief.<|end|><|user|>hello<|end|><|assistant|>"


def test_streamed_and_whole_are_the_same(scripted):
    whole, events = _post(scripted), _events(scripted)
    assert events[0]["type"] == "response.created"
    for kind, text in (("reasoning_text", "1+1"), ("output_text", "2")):
        assert "".join(one["delta"] for one in events if one["type"] == f"response.{kind}.delta") == text
        assert [one["text"] for one in events if one["type"] == f"response.{kind}.done"] == [text]
    last = events[-1]
    assert last["type"] == "response.completed"
    items = [one["item"] for one in events if one["type"] == "response.output_item.done"]
    assert items == last["response"]["output"]

    def nameless(output):
        return [{**item, "id": None} for item in output]

    assert nameless(items) == nameless(whole["output"])
    assert last["response"]["usage"] == whole["usage"]


def test_a_reply_that_is_cut_off_is_incomplete(served):
    long = _post(served, max_output_tokens=2, temperature=0)
    assert (long["status"], long["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    events = _events(served, max_output_tokens=2, temperature=0)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["output"][0]["content"] == long["output"][0]["content"]


def test_a_reply_goes_back_as_it_came(scripted):
    reply = _post(scripted)["output"][1]
    turns = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}, reply]
    _post(scripted, input=[*turns, {"role": "user", "content": "and?"}])
    prompt = scripted.llm.tokenizer.decode(scripted.llm.engine.prompts[1], show_special=True)
    assert prompt == "<|user|>hello<|end|><|assistant|>2<|end|><|user|>and?<|end|><|assistant|>"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": []}, "input"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input"),
        ({"input": "x" * 4096}, "input"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"store": True}, "store"),
        ({"tools": []}, "tools"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "wizard"}}}}, "text.format"),
        ({"model": "gpt"}, "model"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(served, fields, param):
    error = served.client.post(PATH, json={"model": "tiny", "input": "hello", **fields})
    assert error.status_code in (400, 404), error.text
    assert error.json()["error"]["param"].startswith(param)


def test_the_official_client_reads_it(served):
    openai = pytest.importorskip("openai", reason="the official client is not installed")
    asked = {"model": "tiny", "input": "hello", "max_output_tokens": 5, "temperature": 0}
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as client:
        whole = client.responses.create(**asked)
        with client.responses.create(**asked, stream=True) as events:
            text = "".join(one.delta for one in events if one.type == "response.output_text.delta")
        with client.responses.stream(**asked) as stream:
            for _ in stream:
                pass
            gathered = stream.get_final_response() if whole.status == "completed" else None
    assert text == whole.output_text
    assert gathered is None or gathered.output_text == text
