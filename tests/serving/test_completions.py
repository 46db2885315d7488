import pytest

from sambay.engine.sampling_params import SamplingParams

PATH = "/v1/completions"


def _post(served, **fields):
    response = served.client.post(PATH, json={"model": "tiny", **fields})
    assert response.status_code == 200, response.text
    return response.json()


def _text_alone(engine, prompt, max_tokens):
    engine.add(
        "alone", engine.tokenizer.encode(prompt), SamplingParams(temperature=0, max_tokens=max_tokens, ignore_eos=True)
    )
    text = ""
    while engine.has_work:
        text += "".join(delta.text for delta in engine.step())
    return text


def test_several_prompts_give_the_replies_of_each_alone(served, make_engine):
    prompts = ["one", "two", "three"]
    body = _post(served, prompt=prompts, max_tokens=6, temperature=0, ignore_eos=True)
    alone = [_text_alone(make_engine(), prompt, 6) for prompt in prompts]
    assert [choice["text"] for choice in body["choices"]] == alone
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert body["usage"]["prompt_tokens"] == sum(map(len, prompts))
    assert body["usage"]["completion_tokens"] == 18
    assert body["object"] == "text_completion"


def test_ids_are_as_good_as_text(served):
    text = _post(served, prompt="abc", max_tokens=6, temperature=0)["choices"]
    assert _post(served, prompt=[97, 98, 99], max_tokens=6, temperature=0)["choices"] == text
    two = _post(served, prompt=[[97, 98, 99], [97, 98, 99]], max_tokens=6, temperature=0)["choices"]
    assert [choice["text"] for choice in two] == [text[0]["text"]] * 2


def test_sixteen_tokens_if_nothing_is_said(served):
    assert _post(served, prompt="abc", temperature=0, ignore_eos=True)["usage"]["completion_tokens"] == 16
    assert _post(served, prompt="abc", min_tokens=20, temperature=1)["usage"]["completion_tokens"] == 20


def _close_to(values):
    """Beside which others a sequence is computed can move the last bits of a logit."""
    if not values or isinstance(values[0], str | int):
        return values
    if isinstance(values[0], dict):
        return [{text: pytest.approx(value, abs=1e-3) for text, value in one.items()} for one in values]
    return pytest.approx(values, abs=1e-3)


@pytest.mark.parametrize("fields", [{"n": 2, "echo": True}, {"logprobs": 2, "n": 2}], ids=["echo", "logprobs"])
def test_streamed_and_whole_are_the_same(served, fields):
    asked = {"model": "tiny", "prompt": ["ab", "cd"], "max_tokens": 6, "temperature": 3.0, "seed": 5, **fields}
    whole = _post(served, **asked)
    events = served.events(PATH, asked)
    for choice in whole["choices"]:
        chunks = [one for event in events for one in event["choices"] if one["index"] == choice["index"]]
        assert "".join(chunk["text"] for chunk in chunks) == choice["text"]
        assert chunks[-1]["finish_reason"] == choice["finish_reason"]
        if "logprobs" in fields:
            for name, values in choice["logprobs"].items():
                streamed = [value for chunk in chunks for value in chunk["logprobs"][name]]
                assert streamed == _close_to(values)
    if "echo" in fields:
        assert [choice["text"][:2] for choice in whole["choices"]] == ["ab", "ab", "cd", "cd"]


def test_tokens_of_logprobs_join_to_the_text(served):
    ascii_only = {str(token_id): -100 for token_id in range(320) if not 32 <= token_id < 127}
    choice = _post(served, prompt="abc", logprobs=1, max_tokens=8, logit_bias=ascii_only)["choices"][0]
    found = choice["logprobs"]
    assert "".join(found["tokens"]) == choice["text"]
    assert found["text_offset"] == list(range(8))
    assert all(len(top) == 1 for top in found["top_logprobs"])
    assert all(logprob <= 0 for logprob in found["token_logprobs"])


def test_tokenize_and_detokenize_are_inverse(served):
    found = served.client.post("/tokenize", json={"model": "tiny", "prompt": "<|user|>aé"}).json()
    assert found == {"tokens": found["tokens"], "count": 4, "max_model_len": 4096}
    back = served.client.post("/detokenize", json={"tokens": found["tokens"]}).json()
    assert back == {"prompt": "<|user|>aé"}
    chat = served.client.post("/tokenize", json={"messages": [{"role": "user", "content": "a"}]}).json()["tokens"]
    text = served.client.post("/detokenize", json={"tokens": chat}).json()["prompt"]
    assert text == "<|user|>a<|end|><|assistant|>"
