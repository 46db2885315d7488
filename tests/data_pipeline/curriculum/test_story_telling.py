"""Stories as they are told in training: no number is lost, in any voice and joining; verbs fit their person."""

from __future__ import annotations

import re
from random import Random

import pytest

from sambay.data.curriculum.families.scenery import NUMBER_WORDS
from sambay.data.curriculum.families.stories import GAIN_AND_LOSS, MULTI_STEP_STORY
from sambay.data.curriculum.families.story_frames import FRAMES
from sambay.data.curriculum.families.story_operations import spelt
from sambay.data.curriculum.families.story_sentences import COLLECTION, with_more
from sambay.data.curriculum.families.story_settings import SETTINGS
from sambay.data.curriculum.families.story_telling import in_voices
from sambay.data.curriculum.families.story_voices import past, told_by_oneself


def is_told(name: str, value: int, text: str) -> bool:
    ways = {str(value)} | ({NUMBER_WORDS[value]} if value < len(NUMBER_WORDS) else set())
    if name == "k":
        for seed in range(20):
            slots = spelt(Random(seed), {"k": value})
            ways |= {slots[way] for way in ("part", "times", "multiply", "multiplies", "multiplied")} - {""}
    return any(re.search(rf"(?<![\w/]){re.escape(way)}(?![\w/])", text, re.IGNORECASE) for way in ways)


@pytest.mark.parametrize("family", [MULTI_STEP_STORY, GAIN_AND_LOSS], ids=lambda family: family.name)
def test_every_story_tells_all_its_numbers_in_sentences_and_in_one(family) -> None:
    for seed in range(600):
        draft = family.draw(Random(seed), 1 + seed % 3)
        told = draft.scenery
        for before, after in (("before", "after"), ("one_before", "one_after")):
            text = f"{told[before]}{draft.values['start']}{told[after]}"
            for _, numbers in draft.values["operations"]:
                assert all(is_told(name, value, text) for name, value in numbers.items()), text
            assert not re.search(r"[{}|]|\.\.|,,| ,|  ", text), text
        for _, number in draft.values["question"][1].items():
            assert str(number) in told["asked"]
            assert str(number) in told["asked_first"]


def test_a_chat_users_way_is_common() -> None:
    """Several operations in one sentence, joined by commas and `and`, the person named once."""
    one_sentence = [frame for frame in FRAMES if "one_before}" in frame.lower()]
    assert len(one_sentence) > len(FRAMES) / 3
    draft = next(
        draft
        for draft in (GAIN_AND_LOSS.draw(Random(seed), 1) for seed in range(200))
        if re.fullmatch(r"\w+ has ", draft.scenery["one_before"])
    )
    text = draft.scenery["one_before"] + str(draft.values["start"]) + draft.scenery["one_after"]
    assert len(re.findall(rf"\b{text.split()[0]}\b", text)) == 1


@pytest.mark.parametrize(
    ("form", "then", "mine"),
    [
        ("{he} buys {n} {things}.", "{he} bought {n} {things}.", "{I} buy {n} {things}."),
        ("{he} orders {k} sets.", "{he} ordered {k} sets.", "{I} order {k} sets."),
        ("{he} {multiplies} {his} {things}.", "{he} {multiplied} {his} {things}.", "{I} {multiply} {my} {things}."),
        ("{name2} gives {him} {n}.", "{name2} gave {him} {n}.", "{name2} gives {me} {n}."),
        ("{n} of them break.", "{n} of them broke.", "{n} of them break."),
        ("{he} is given {n}.", "{he} was given {n}.", None),
        ("{name} keeps {n} and gives {name2} the rest.", None, "{I} keep {n} and give {name2} the rest."),
    ],
)
def test_sentences_change_their_tense_and_person(form: str, then: str | None, mine: str | None) -> None:
    assert then is None or past(form) == then
    assert told_by_oneself(form) == mine


def test_no_voice_leaves_a_slot_of_another_person() -> None:
    for setting in SETTINGS:
        for voice, kinds in in_voices(setting).items():
            for kind, sentences in kinds.items():
                assert sentences.every, (voice, kind)
                if voice.startswith("oneself"):
                    mixed = [form for form in sentences.every if "{I}" in form and re.search(r"\{(he|his|him)\}", form)]
                    assert not mixed, (kind, mixed)


def test_a_sentence_that_is_there_already_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "sentences").mkdir()
    monkeypatch.setattr("sambay.data.curriculum.families.story_sentences.files", lambda _: tmp_path)
    file = tmp_path / "sentences" / "new.txt"
    file.write_text("[gain]\n{he} buys {n} more {things}.\n")
    with pytest.raises(ValueError, match="there already"):
        with_more(COLLECTION, "new")
    file.write_text("[gains]\n{he} buys {n} {things}.\n")
    with pytest.raises(ValueError, match="gains"):
        with_more(COLLECTION, "new")
