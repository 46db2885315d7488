"""Replies drawn at random under a grammar: whatever the logits, the text is what was asked for."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterator

import pytest
import torch

from sambay.chat import ChatTokenizer, build_byte_tokenizer
from sambay.data.curriculum.spelling import train_tokenizer
from sambay.engine.guidance import Guidance
from sambay.engine.sampler import Sampler
from sambay.engine.sampling_params import Guided, SamplingParams

pytest.importorskip("llguidance")

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 12},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "ü"]}, "maxItems": 3},
        "is_tall": {"type": ["boolean", "null"]},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
CHOICES = ["yes", "no", 'a "quoted" one', "back\\slash", "line\nbreak", "naïve ✓ 😀", "yes, but", "tab\t\x07"]


def is_person(value) -> bool:
    """PERSON, by hand."""
    assert isinstance(value, dict)
    assert {"name", "age", "tags"} <= set(value) <= set(PERSON["properties"])
    assert isinstance(value["name"], str)
    assert len(value["name"]) <= 12
    assert type(value["age"]) is int
    assert 0 <= value["age"] <= 130
    assert len(value["tags"]) <= 3
    assert set(value["tags"]) <= {"a", "b", "ü"}
    assert value.get("is_tall") in (True, False, None)
    return True


@pytest.fixture(scope="module", params=["bytes", "merges"])
def chat(request) -> ChatTokenizer:
    """Single bytes, and a vocabulary with tokens of many characters, some across the borders of a grammar's parts."""
    if request.param == "bytes":
        return ChatTokenizer(build_byte_tokenizer())
    texts = [
        '{"name": "Ann", "age": 31, "tags": ["a", "b"]}, "is_tall": true} yes, no naïve ✓ ' * 3,
        "the other thing. " * 9,
    ]
    return ChatTokenizer(train_tokenizer(texts, 512))


@pytest.fixture(scope="module")
def guidance(chat) -> Guidance:
    return Guidance(chat, chat.num_ids + 5)  # a model's vocabulary has unused rows


def id_of(chat: ChatTokenizer, char: str) -> int:
    (token_id,) = chat.encode(char)
    return token_id


def drawn(guidance: Guidance, chat: ChatTokenizer, guided: Guided, num: int, max_tokens: int = 400) -> Iterator[str]:
    """The texts of `num` replies that are drawn together from random logits, beside one row that is free."""
    sampler = Sampler(guidance.vocab_size, "cpu", chat.stop_ids)
    sampler.add("free", SamplingParams(), 99)
    states, ids = [guidance.start(guided) for _ in range(num)], [[] for _ in range(num)]
    for index in range(num):
        temperature = 0.0 if index == 0 else 1.0
        sampler.add(index, SamplingParams(guided=guided, temperature=temperature, top_p=0.99), index)
    open_rows = list(range(num))
    for place in range(max_tokens):
        logits_TV = torch.randn(len(open_rows) + 1, guidance.vocab_size, generator=torch.Generator().manual_seed(place))
        # what ends strings and numbers is likely, so that replies come to an end
        logits_TV[:, [id_of(chat, char) for char in '"},]']] += 3
        allowed = guidance.allowed([states[index] for index in open_rows], range(1, len(open_rows) + 1), "cpu")
        sampled = sampler.sample(logits_TV, ["free", *open_rows], [place] * (len(open_rows) + 1), allowed)
        for index, token_id in zip(tuple(open_rows), sampled.token_ids_T[1:].tolist(), strict=True):
            states[index].advance(token_id)
            if token_id not in chat.stop_ids:
                ids[index].append(token_id)
            if states[index].is_finished:
                open_rows.remove(index)
                yield chat.decode(ids[index])
        if not open_rows:
            return
    assert not open_rows, [chat.decode(ids[index]) for index in open_rows]


def test_replies_under_a_schema_are_instances_of_it(guidance, chat) -> None:
    texts = list(drawn(guidance, chat, Guided(json_schema=PERSON), 30))
    assert len(texts) == 30
    assert all(is_person(json.loads(text)) for text in texts)
    assert len(set(texts)) > 25


def test_any_object_is_an_object(guidance, chat) -> None:
    values = [json.loads(text) for text in drawn(guidance, chat, Guided(json_object=True), 10, max_tokens=2000)]
    assert len(values) == 10
    assert all(isinstance(value, dict) for value in values)


@pytest.mark.parametrize("regex", [r"[a-c]{2,5}-\d{1,3}", r"(yes|no)!?", r"é+ü?x", r"a/b\n[^a-z]{3}", r"\w{4}\s\W\D"])
def test_replies_match_the_whole_regular_expression(guidance, chat, regex) -> None:
    texts = list(drawn(guidance, chat, Guided(regex=regex), 20))
    assert len(texts) == 20
    for text in texts:
        assert re.fullmatch(regex, text, re.ASCII), text


def test_replies_are_one_of_the_choices(guidance, chat) -> None:
    """Also one that begins as another does: then the reply ends by a stop id."""
    texts = set(drawn(guidance, chat, Guided(choice=CHOICES), 150))
    assert texts == set(CHOICES)


def test_white_space_ends(guidance, chat) -> None:
    state = guidance.start(Guided(json_object=True))
    state.advance(id_of(chat, "{"))
    space = id_of(chat, " ")
    words = torch.zeros(1, -(-guidance.vocab_size // 32), dtype=torch.int32)
    num_spaces = 0
    state.fill_mask(words[0])
    while words[0, space // 32] >> space % 32 & 1 and num_spaces < 100:
        state.advance(space)
        state.fill_mask(words[0])
        num_spaces += 1
    assert num_spaces == 32


def test_only_stop_ids_may_follow_the_end_and_unused_ids_never(guidance, chat) -> None:
    state = guidance.start(Guided(regex="ab?"))
    for char, may_follow in (("a", {id_of(chat, "b"), *chat.stop_ids}), ("b", set(chat.stop_ids))):
        state.advance(id_of(chat, char))
        mask = guidance.allowed([state], [0], "cpu")
        scores = torch.zeros(1, guidance.vocab_size)
        mask.forbid_others(scores)
        assert set((scores[0] == 0).nonzero()[:, 0].tolist()) == may_follow
        assert state.is_finished == (char == "b")
    anything = guidance.allowed([guidance.start(Guided(regex="(?s:.*)"))], [0], "cpu")
    scores = torch.zeros(1, guidance.vocab_size)
    anything.forbid_others(scores)
    assert (scores[0, -5:] == -torch.inf).all()
    special = [index for token, index in chat.tokenizer.get_added_vocab().items() if index not in chat.stop_ids]
    assert (scores[0, special] == -torch.inf).all()
    assert (scores[0, [id_of(chat, char) for char in "az{}09"]] == 0).all()


def test_a_token_that_cannot_follow_is_an_error(guidance, chat) -> None:
    state = guidance.start(Guided(choice=["yes"]))
    state.advance(id_of(chat, "n"))
    assert re.fullmatch(r"token \d+ cannot follow in this grammar: .*doesn't satisfy.*", state.error)


TOO_COMPLEX = "(a?){400}a{400}b"  # compiles, and outgrows the limits on the first tokens


def test_a_grammar_that_outgrows_the_limits_says_so_and_leaves_its_row_whole(guidance, chat) -> None:
    other = guidance.start(Guided(choice=["yes"]))
    state = guidance.start(Guided(regex=TOO_COMPLEX))
    for _ in range(400):
        allowed = guidance.allowed([state, other], [0, 1], "cpu")
        if state.error is not None:
            break
        state.advance(id_of(chat, "a"))
    assert "too many expressions" in state.error
    assert "\n" not in state.error
    mask_GW = guidance.allowed([state, other], [0, 1], "cpu").words_GW
    assert (mask_GW[0] == -1).all(), "a row without a token would draw from nothing"
    assert other.error is None
    assert torch.equal(mask_GW[1], allowed.words_GW[1])


def test_replies_of_one_grammar_do_not_use_up_its_limits_together(guidance, chat) -> None:
    """Copies of a compiled grammar share a table of the lexer; one that has filled it is no one else's fault."""
    regex = "(.*a.{300}){6}b"
    early, hungry = guidance.start(Guided(regex=regex)), guidance.start(Guided(regex=regex))
    words = torch.zeros(2, -(-guidance.vocab_size // 32), dtype=torch.int32)
    draw = random.Random(0)
    early.advance(id_of(chat, "a"))
    early.fill_mask(words[0])
    for _ in range(3000):
        hungry.fill_mask(words[1])
        hungry.advance(id_of(chat, draw.choice("ab")))
        if hungry.error is not None:
            break
    assert "too many expressions" in hungry.error
    words[1].zero_()
    early.fill_mask(words[1])
    assert early.error is None
    assert torch.equal(words[0], words[1])
    assert (words[1] != -1).any()
    late = guidance.start(Guided(regex=regex))
    late.advance(id_of(chat, "a"))
    late.fill_mask(words[1])
    assert late.error is None
    assert torch.equal(words[0], words[1])


def test_states_of_one_grammar_are_apart(guidance, chat) -> None:
    guided = Guided(choice=["ab", "cd"])
    first, second = guidance.start(guided), guidance.start(guided)
    first.advance(id_of(chat, "a"))
    second.advance(id_of(chat, "c"))
    first.advance(id_of(chat, "b"))
    assert first.is_finished
    assert not second.is_finished
    guidance.start(guided).advance(id_of(chat, "c"))


@pytest.mark.parametrize(
    ("guided", "message"),
    [
        (Guided(regex="[ab"), r"regex cannot be compiled: .*unclosed character class"),
        (Guided(regex="(?=a)b"), r"regex cannot be compiled: .*look-?ar"),
        (Guided(json_schema={"type": "obje"}), "json_schema cannot be compiled: Invalid type: obje"),
        (Guided(json_schema={"not": {"type": "string"}}), r'json_schema cannot be compiled: .*\["not"\]'),
        (Guided(json_schema={"type": "string", "format": "nonsense"}), "Unknown format: nonsense"),
    ],
)
def test_what_cannot_be_compiled_is_refused(guidance, guided, message) -> None:
    with pytest.raises(ValueError, match=f"(?s){message}"):
        guidance.start(guided)


def test_compiled_grammars_are_kept_but_not_all_of_them(guidance) -> None:
    for index in range(100):
        guidance.start(Guided(choice=[str(index)]))
    assert len(guidance._compiled) == 64
    kept = dict(guidance._compiled)
    guidance.start(Guided(choice=["99"]))
    assert guidance._compiled == kept


def test_without_the_extra_its_name_is_said(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ImportError, match=r"pip install 'sambay\[guided\]'"):
        Guidance(ChatTokenizer(build_byte_tokenizer()), 300)


@pytest.mark.slow
def test_the_released_vocabulary_with_its_gaps(tokenizer_ranks, reference_dir) -> None:
    """Ids between its last rank and its chat tokens are unused, and so are the model's last rows."""
    from sambay.chat import build_released_tokenizer

    config = reference_dir / "phi4_mini_flash" / "tokenizer_config.json"
    chat = ChatTokenizer(build_released_tokenizer(tokenizer_ranks, config))
    guidance = Guidance(chat, 200_064)
    schema = Guided(json_schema=PERSON)
    state, text = guidance.start(schema), '{"name": "Zoë", "age": 7, "tags": ["ü", "a"], "is_tall": null}'
    for token_id in chat.encode(text):
        mask = guidance.allowed([state], [0], "cpu")
        assert mask.words_GW[0, token_id // 32] >> token_id % 32 & 1
        state.advance(token_id)
    assert state.is_finished
    scores = torch.zeros(1, 200_064)
    guidance.allowed([state], [0], "cpu").forbid_others(scores)
    assert set((scores[0] == 0).nonzero()[:, 0].tolist()) == set(chat.stop_ids)
