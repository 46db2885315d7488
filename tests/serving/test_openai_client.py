"""The official client against the server: what it sends is taken, and what comes back is what it expects."""

import json

import pytest

openai = pytest.importorskip("openai", reason="the official client is not installed")

USER = [{"role": "user", "content": "hello"}]


@pytest.fixture(scope="module")
def client(served):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0, timeout=60) as one:
        yield one


def test_models(client):
    assert [model.id for model in client.models.list()] == ["tiny"]
    assert client.models.retrieve("tiny").id == "tiny"


def test_chat_whole_and_streamed(client):
    asked = {"model": "tiny", "messages": USER, "max_completion_tokens": 10, "seed": 3, "temperature": 2.0}
    whole = client.chat.completions.create(**asked, n=2, stop=["\x00"], user="ann", logprobs=True, top_logprobs=2)
    assert [choice.index for choice in whole.choices] == [0, 1]
    assert len(whole.choices[0].logprobs.content) <= 10
    with client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


def test_its_own_streaming_helper_gathers_the_same(client):
    # it takes no reply that was cut off, so this one ends at its stop string
    asked = {"model": "tiny", "messages": USER, "max_tokens": 30, "logit_bias": {"65": 100}, "stop": "AAAA", "seed": 1}
    with client.chat.completions.stream(**asked) as stream:
        found = stream.get_final_completion()
    assert found.choices[0].message.content == client.chat.completions.create(**asked).choices[0].message.content


def test_a_reply_goes_back_as_it_came(client):
    reply = client.chat.completions.create(model="tiny", messages=USER, max_tokens=4).choices[0].message
    for sent in (reply, reply.model_dump(), reply.model_dump(exclude_none=True)):
        messages = [*USER, sent, {"role": "user", "content": "and?"}]
        assert client.chat.completions.create(model="tiny", messages=messages, max_tokens=2).choices


def test_a_schema_is_kept_to(client):
    pytest.importorskip("llguidance", reason="guided replies need the extra of that name")
    schema = {"type": "object", "properties": {"x": {"enum": [1, 2]}}, "required": ["x"], "additionalProperties": False}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    reply = client.chat.completions.create(model="tiny", messages=USER, response_format=wanted, max_tokens=400)
    assert json.loads(reply.choices[0].message.content)["x"] in (1, 2)


def test_completions(client):
    asked = {"model": "tiny", "prompt": ["a", "b"], "max_tokens": 5, "temperature": 0}
    whole = client.completions.create(**asked, logprobs=1)
    with client.completions.create(**asked, stream=True) as stream:
        chunks = list(stream)
    for choice in whole.choices:
        assert "".join(c.text for chunk in chunks for c in chunk.choices if c.index == choice.index) == choice.text


def test_errors_are_its_own_classes(client):
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="tiny", messages=USER, temperature=-1)
    assert (wrong.value.param, wrong.value.type) == ("temperature", "invalid_request_error")
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt", messages=USER)
    assert unknown.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as extra:
        client.chat.completions.create(model="tiny", messages=USER, extra_body={"wizard": 1})
    assert extra.value.param == "wizard"


def test_extensions_come_by_extra_body(client):
    extra = {"top_k": 1, "max_reasoning_tokens": 5, "ignore_eos": True}
    reply = client.chat.completions.create(model="tiny", messages=USER, max_tokens=6, extra_body=extra)
    assert reply.usage.completion_tokens == 6


def test_leaving_a_stream_early_ends_it(client, served):
    before = served.llm.num_cancelled
    asked = {"model": "tiny", "messages": USER, "max_tokens": 3000, "extra_body": {"ignore_eos": True}}
    with client.chat.completions.create(**asked, stream=True) as stream:
        next(iter(stream))
    served.wait_until_idle()
    assert served.llm.num_cancelled == before + 1
