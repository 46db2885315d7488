from __future__ import annotations

import dataclasses
import pickle

import pytest

from sambay.engine.sampling_params import Guided, SamplingParams

BAD_VALUES = [
    ("n", 0, "from 1"),
    ("n", 1.0, "from 1"),
    ("n", True, "from 1"),
    ("temperature", -0.1, "0 (greedy)"),
    ("temperature", 1e-9, "from 1e-5"),
    ("temperature", float("nan"), "0 (greedy)"),
    ("temperature", float("inf"), "0 (greedy)"),
    ("temperature", "1", "0 (greedy)"),
    ("temperature", False, "0 (greedy)"),
    ("temperature", None, "0 (greedy)"),
    ("top_k", -2, "0 or -1 (off)"),
    ("top_k", 2**31, "from 1 to 2**31 - 1"),
    ("top_k", 0.5, "0 or -1 (off)"),
    ("top_p", 0.0, "above 0"),
    ("top_p", 1.01, "at most 1"),
    ("min_p", -0.01, "0 (off) to 1"),
    ("min_p", 1.5, "0 (off) to 1"),
    ("seed", -1, "2**63 - 1"),
    ("seed", 2**63, "2**63 - 1"),
    ("seed", 0.0, "2**63 - 1"),
    ("max_tokens", 0, "from 1"),
    ("max_tokens", 2.5, "from 1"),
    ("min_tokens", -1, "from 0"),
    ("min_tokens", None, "from 0"),
    ("stop", "", "none of them empty"),
    ("stop", ["a", ""], "none of them empty"),
    ("stop", [1], "a str"),
    ("stop", 5, "a str"),
    ("stop", b"a", "a str"),
    ("stop_token_ids", [-1], "from 0"),
    ("stop_token_ids", ["1"], "from 0"),
    ("stop_token_ids", 7, "a list"),
    ("include_stop_str_in_output", 1, "True or False"),
    ("ignore_eos", None, "True or False"),
    ("skip_special_tokens", "yes", "True or False"),
    ("presence_penalty", 2.1, "-2 to 2"),
    ("frequency_penalty", -2.1, "-2 to 2"),
    ("frequency_penalty", float("nan"), "-2 to 2"),
    ("repetition_penalty", 0.0, "0.01 to 100"),
    ("repetition_penalty", -1.0, "0.01 to 100"),
    ("logit_bias", {1: 100.5}, "-100 to 100"),
    ("logit_bias", {"1": 1.0}, "token ids"),
    ("logit_bias", {-1: 1.0}, "token ids"),
    ("logit_bias", [(1, 1.0)], "a dict"),
    ("logprobs", -1, "0 to 20"),
    ("logprobs", 21, "0 to 20"),
    ("logprobs", True, "0 to 20"),
    ("guided", {"regex": "a"}, "a Guided"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), BAD_VALUES, ids=lambda value: repr(value)[:20])
def test_a_value_that_is_not_allowed_is_named_with_what_is(name, value, wanted) -> None:
    with pytest.raises(ValueError, match="allowed is") as caught:
        SamplingParams(**{name: value})
    assert str(caught.value).startswith(f"{name}=")
    assert wanted in str(caught.value)


def test_every_field_is_checked() -> None:
    assert {field.name for field in dataclasses.fields(SamplingParams)} == {name for name, _, _ in BAD_VALUES}


GOOD_VALUES = [
    dict(n=4, temperature=1e-5, top_k=1, top_p=1e-9, min_p=1.0, seed=2**63 - 1),
    dict(temperature=0, top_k=40, top_p=0.9, seed=3),  # servers get these beside temperature 0; they change nothing
    dict(max_tokens=5, min_tokens=5, ignore_eos=True),
    dict(stop=None, stop_token_ids=None, logit_bias=None, logprobs=0),
    dict(presence_penalty=-2, frequency_penalty=2, repetition_penalty=1.3, logit_bias={0: -100, 5: 100.0}, logprobs=20),
]


@pytest.mark.parametrize("values", GOOD_VALUES)
def test_the_ends_of_what_is_allowed_are_allowed(values) -> None:
    params = SamplingParams(**values)
    for name in values.keys() - {"stop", "stop_token_ids"}:
        assert getattr(params, name) == values[name]


def test_values_have_one_form() -> None:
    params = SamplingParams(stop="x", stop_token_ids=[3], top_k=-1)
    assert (params.stop, params.stop_token_ids, params.top_k) == (("x",), (3,), 0)
    assert SamplingParams(stop=["a", "b"]).stop == ("a", "b")


def test_what_a_caller_keeps_cannot_change_the_params() -> None:
    bias, stops = {1: 2.0}, ["a"]
    params = SamplingParams(logit_bias=bias, stop=stops)
    bias[2] = 1.0
    stops.append("b")
    assert (params.logit_bias, params.stop) == ({1: 2.0}, ("a",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        params.n = 2  # type: ignore[misc]


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(TypeError, match="best_of"):
        SamplingParams(best_of=2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="prompt_logprobs"):
        SamplingParams(prompt_logprobs=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (dict(n=2, temperature=0), "n=2: allowed at temperature 0 is 1"),
        (dict(max_tokens=3, min_tokens=4), "min_tokens=4: allowed is at most max_tokens=3"),
        (dict(guided=Guided(regex="a"), min_tokens=1), "min_tokens=1: not allowed with guided"),
        (dict(guided=Guided(regex="a"), ignore_eos=True), "ignore_eos=True: not allowed with guided"),
    ],
)
def test_fields_that_exclude_each_other(values, message) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        SamplingParams(**values)


def test_what_takes_counts_or_a_grammar_does_not_speculate() -> None:
    for values in (
        dict(presence_penalty=0.1),
        dict(frequency_penalty=-0.1),
        dict(repetition_penalty=0.9),
        dict(guided=Guided(json_object=True)),
    ):
        assert not SamplingParams(**values).can_speculate
    assert SamplingParams(logit_bias={1: 1}, min_tokens=3, top_k=5, min_p=0.1).can_speculate


def test_samples_have_seeds_of_their_own() -> None:
    assert [SamplingParams(n=3, seed=7).seed_of_sample(index) for index in range(3)] == [7, 8, 9]
    assert SamplingParams(seed=2**63 - 1).seed_of_sample(1) == 0
    drawn = {SamplingParams().seed_of_sample(0) for _ in range(20)}
    assert len(drawn) == 20
    assert all(0 <= seed < 2**63 for seed in drawn)


def test_ids_outside_the_vocabulary_are_named() -> None:
    params = SamplingParams(stop_token_ids=[9], logit_bias={10: 1.0})
    params.check_vocabulary(11)
    with pytest.raises(ValueError, match="logit_bias has the id 10: allowed are 0 to 9"):
        params.check_vocabulary(10)
    with pytest.raises(ValueError, match="stop_token_ids has the id 9: allowed are 0 to 8"):
        params.check_vocabulary(9)


def test_params_travel_between_processes() -> None:
    params = SamplingParams(logit_bias={1: 2}, guided=Guided(json_schema={"type": "object"}))
    assert pickle.loads(pickle.dumps(params)) == params


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "exactly one of .* got none of them"),
        (dict(regex="a", choice=["a"]), "exactly one of .* got regex and choice"),
        (dict(json_schema={}, json_object=True), "got json_schema and json_object"),
        (dict(json_object=1), "json_object=1: allowed is True or False"),
        (dict(regex=""), "regex='': allowed is a str that is not empty"),
        (dict(regex=3), "regex=3: allowed is a str"),
        (dict(choice=[]), "choice=.*: allowed is a list"),
        (dict(choice="yes"), "choice='yes': allowed is a list"),
        (dict(choice=["a", ""]), "none of them empty"),
        (dict(json_schema="{"), "json_schema is no JSON"),
        (dict(json_schema="[]"), "json_schema is a list: allowed is a JSON object"),
        (dict(json_schema={"enum": [{1, 2}]}), "json_schema holds what JSON cannot write"),
        (dict(json_schema={"minimum": float("nan")}), "json_schema holds what JSON cannot write"),
    ],
)
def test_guided_takes_exactly_one_grammar(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        Guided(**values)


def test_a_schema_may_be_text_and_is_copied() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    guided = Guided(json_schema=schema)
    schema["properties"]["a"]["type"] = "string"  # type: ignore[index]
    text = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
    assert guided == Guided(json_schema=text)
    assert Guided(choice=["b", "a", "b"]).choice == ("b", "a")
