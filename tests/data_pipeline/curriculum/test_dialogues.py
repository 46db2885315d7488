"""Dialogues: right answers by an independent way, slips where they are said to be, nothing of a test ever trained."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

import pytest
from data_pipeline.curriculum.test_contract import false_equations, normalised

from sambay.data.curriculum import Split, checks
from sambay.data.curriculum.check_phrases import (
    CHAINS,
    CHECKS,
    CLAIMS,
    HELD_OUT_CHAINS,
    HELD_OUT_CHECKS,
    HELD_OUT_CLAIMS,
)
from sambay.data.curriculum.dialogues import KINDS, Dialogue, draw_dialogue, two_turn_test_dialogues
from sambay.data.curriculum.follow_up_phrases import HELD_OUT_PHRASES, PHRASES
from sambay.data.curriculum.follow_ups import KINDS as FOLLOW_UPS
from sambay.data.curriculum.follow_ups import draw_follow_up
from sambay.data.curriculum.small_talk import TOPICS

NUM_DRAWS = 300
# kinds that one asks for with much the same words
GROUPS = (
    *({"double", "times"}, {"add"}, {"subtract"}, {"half", "divide"}, {"percent"}, {"remainder"}),
    *({"even", "greater"}, {"square"}, {"explain"}),
)


def drawn(kind: str, split: Split = Split.TRAIN, count: int = NUM_DRAWS) -> list[Dialogue]:
    return [draw_dialogue(Random(f"{kind} {index}"), split, kind=kind) for index in range(count)]


def thought(reply: str) -> list[str]:
    return reply.removeprefix("<think>\n").partition("\n</think>")[0].split("\n") if reply.startswith("<think>") else []


def box(reply: str) -> str | None:
    found = re.findall(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", reply)
    return found[-1] if found else None


# --- All kinds -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_turns_alternate_and_replies_are_formed_as_documented(kind: str) -> None:
    for dialogue in drawn(kind):
        turns = dialogue.turns[1:] if dialogue.turns[0].role == "system" else dialogue.turns
        assert [turn.role for turn in turns] == ["user", "assistant"] * len(dialogue.answers)
        # A question may end in a line break, as those of some examiners do.
        assert all(turn.text == turn.text.lstrip() and turn.text for turn in turns)
        assert all(turn.text == turn.text.rstrip() for turn in turns[1::2])
        for turn, answer in zip(turns[1::2], dialogue.answers, strict=True):
            assert (box(turn.text) is None) == (answer is None)
            assert turn.text.count("<think>") == turn.text.count("</think>") == turn.text.startswith("<think>\n")
            if turn.has_loss:
                assert box(turn.text) == answer
                assert answer is None or "<think>" in turn.text or turn.text.startswith("Step by step:\n")
                wrong = [line for line in turn.text.split("\n") if false_equations(line)]
                assert not wrong, (turn.text, wrong)


def test_the_same_seed_gives_the_same_dialogue() -> None:
    first, second = ([draw_dialogue(Random(index)) for index in range(50)] for _ in range(2))
    assert first == second
    assert len({dialogue.kind for dialogue in first}) > 4


def test_what_is_not_allowed_is_refused() -> None:
    with pytest.raises(ValueError, match="kind='gossip': allowed are follow-up"):
        draw_dialogue(Random(0), kind="gossip")
    with pytest.raises(ValueError, match="allowed is split='test'"):
        draw_dialogue(Random(0), is_wording_held_out=True)


# --- Follow-ups ------------------------------------------------------------------------------------------------------


def independent_answer(kind: str, before: int, n: int) -> str:
    if kind in ("even", "greater"):
        return "yes" if (before % 2 == 0 if kind == "even" else before > n) else "no"
    values = {
        "double": before * 2, "times": before * n, "add": before + n, "subtract": before - n, "half": before / 2,
        "divide": before / max(n, 1), "percent": before * n / 100, "remainder": before % max(n, 1), "square": before**2,
    }  # fmt: skip
    assert values[kind] == int(values[kind])
    return str(int(values[kind]))


@pytest.mark.parametrize("is_wording_held_out", [False, True])
def test_follow_ups_are_answered_right(is_wording_held_out: bool) -> None:
    seen = set()
    for index in range(3000):
        random = Random(index)
        before = random.choice((random.randint(-50, 50), random.randint(0, 9999)))
        split = Split.TEST if is_wording_held_out else Split.TRAIN
        found = draw_follow_up(random, before, split, is_wording_held_out=is_wording_held_out)
        if found is None:
            assert split is Split.TEST
            continue
        seen.add(found.kind)
        numbers = re.findall(r"\d+", found.question.replace("power of 2", "").replace("1/2", "").replace("^2", ""))
        n = int(numbers[-1]) if numbers else 0
        assert found.answer == independent_answer(found.kind, before, n), found
        assert found.steps[0] == f"last answer {before}"
        assert found.answer in found.steps[-1]
    assert seen == set(FOLLOW_UPS)


def test_wordings_are_many_and_some_are_held_out() -> None:
    assert set(PHRASES) == set(HELD_OUT_PHRASES) == {*FOLLOW_UPS, "explain"} == set().union(*GROUPS)
    for group in GROUPS:
        trained = [phrase for kind in group for phrase in PHRASES[kind]]
        held_out = [phrase for kind in group for phrase in HELD_OUT_PHRASES[kind]]
        assert len({normalised(phrase) for phrase in trained}) >= 30, group
        assert len(held_out) >= 10, group
        assert not {normalised(phrase) for phrase in trained} & {normalised(phrase) for phrase in held_out}
    for trained, held_out in ((CHECKS, HELD_OUT_CHECKS), (CLAIMS, HELD_OUT_CLAIMS), (CHAINS, HELD_OUT_CHAINS)):
        assert len(set(trained)) >= 18
        assert len(set(held_out)) == 10
        assert not set(trained) & set(held_out)


def test_a_follow_up_needs_the_answer_before_it() -> None:
    for dialogue in two_turn_test_dialogues():
        assert [turn.role for turn in dialogue.turns] == ["user", "assistant"] * 2
        assert thought(dialogue.turns[3].text)[0] == f"last answer {dialogue.answers[0]}"
        assert box(dialogue.turns[1].text) == dialogue.answers[0]
        assert box(dialogue.turns[3].text) == dialogue.answers[1]


def pairs_of_questions(dialogue: Dialogue) -> list[tuple[str, str]]:
    said = [normalised(turn.text) for turn in dialogue.turns if turn.role == "user"]
    return list(pairwise(said))


def test_the_200_test_dialogues_are_distinct_seeded_and_never_trained() -> None:
    tests = two_turn_test_dialogues()
    assert len(tests) == 200
    assert tests == two_turn_test_dialogues()
    assert tests[:10] != two_turn_test_dialogues(10, seed=1)
    wanted = {pair for dialogue in tests for pair in pairs_of_questions(dialogue)}
    assert len(wanted) > 190
    first = {pair[0] for pair in wanted}
    for index in range(6000):
        dialogue = draw_dialogue(Random(f"trained {index}"), kind="follow-up")
        assert not wanted & set(pairs_of_questions(dialogue))
        said = [normalised(turn.text) for turn in dialogue.turns if turn.role == "user"]
        assert not first & set(said[:1])


def test_what_a_follow_up_asks_of_a_number_is_on_one_side() -> None:
    def asked(split: Split) -> set[tuple[str, str, str]]:
        found = [draw_follow_up(Random(index), Random(index).randint(1, 40), split) for index in range(3000)]
        return {(one.kind, *one.steps[:2]) for one in found if one is not None}

    assert not asked(Split.TRAIN) & asked(Split.TEST)


# --- Checks ----------------------------------------------------------------------------------------------------------


def test_a_check_by_the_inverse_finds_the_slip() -> None:
    num_slips = 0
    for dialogue in drawn("inverse-check"):
        turns = [turn for turn in dialogue.turns if turn.role != "system"]
        a, sign, b = re.search(r"(\d+) ?([-+*]) ?(\d+)", turns[0].text).groups()
        right = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
        is_wrong = box(turns[1].text) != str(right)
        num_slips += is_wrong
        assert turns[1].has_loss is not is_wrong
        assert box(turns[3].text) == str(right)
        assert ("I made a mistake" in turns[3].text) == is_wrong
        assert any("is wrong" in line for line in thought(turns[3].text)) == is_wrong
    assert 0.4 < num_slips / NUM_DRAWS < 0.6


def chain_values(question: str) -> list[int]:
    """The values along a chain, from its words."""
    start = int(re.search(r"\d+", question).group())
    values = [start]
    for verb, number in re.findall(r"(add|subtract|multiply by) (\d+)", question.lower()):
        last, n = values[-1], int(number)
        values.append({"add": last + n, "subtract": last - n, "multiply by": last * n}[verb])
    return values[1:]


def test_the_first_wrong_line_of_a_chain_is_found_and_corrected() -> None:
    num_slips = 0
    for dialogue in drawn("chain-check"):
        turns = [turn for turn in dialogue.turns if turn.role != "system"]
        right = chain_values(turns[0].text)
        said = [int(re.search(r"-?\d+$", line).group()) for line in thought(turns[1].text)]
        wrong = [place for place, pair in enumerate(zip(said, right, strict=True)) if pair[0] != pair[1]]
        num_slips += bool(wrong)
        assert turns[1].has_loss is not bool(wrong)
        assert box(turns[3].text) == str(right[-1])
        if wrong:
            assert f"Line {wrong[0] + 1} was wrong." in turns[3].text
            assert f"line {wrong[0] + 1}: {said[wrong[0]]} is not {right[wrong[0]]}, wrong" in turns[3].text
            # the rest goes on from the slip: each later line follows from the one before it, though not from the start
            assert len(wrong) == len(right) - wrong[0]
        else:
            assert "All lines are right." in turns[3].text
    assert 0.4 < num_slips / NUM_DRAWS < 0.6


def test_a_claim_is_confirmed_or_its_wrong_place_named() -> None:
    places = ["ones", "tens", "hundreds", "thousands", "ten thousands", "hundred thousands"]
    num_right = 0
    for dialogue in drawn("claim"):
        question, reply = (turn.text for turn in dialogue.turns if turn.role != "system")
        a, sign, b, claimed = re.search(r"(\d+) ?([-+*]) ?(\d+) ?= ?(\d+)", question).groups()
        right = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
        num_right += right == int(claimed)
        assert box(reply) == str(right)
        if right == int(claimed):
            assert "Yes, that is right" in reply
        else:
            digits = list(zip(str(right)[::-1].ljust(9, "0"), claimed[::-1].ljust(9, "0"), strict=True))
            place = next(place for place, (x, y) in enumerate(digits) if x != y)
            assert f"No, the {places[place]} are wrong" in reply
    assert 0.4 < num_right / NUM_DRAWS < 0.6


def test_a_slip_changes_one_column_and_the_result_alone() -> None:
    line = "347+586: 7+6=13, 4+8+1=13, 3+5+1=9, so 933"
    seen = {checks.slipped(Random(index), line) for index in range(200)}
    assert ("347+586: 7+6=13, 4+8=12, 3+5+1=9, so 923", 923) in seen  # a carry forgotten
    assert ("347+586: 7+6=14, 4+8+1=13, 3+5+1=9, so 934", 934) in seen
    for wrong, value in seen:
        assert value != 933
        assert wrong.endswith(f"so {value}")
        changed = [one for one, other in zip(wrong.split(", "), line.split(", "), strict=True) if one != other]
        assert len(changed) == 2
    known = {checks.slipped(Random(index), "8*7=56") for index in range(50)}
    assert known == {(f"8*7={value}", value) for value in (46, 54, 55, 57, 58, 66)}


# --- Small talk ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", TOPICS)
def test_small_talk_is_plain_and_of_many_words(topic: str) -> None:
    said = [TOPICS[topic](Random(index)) for index in range(500)]
    assert len({normalised(message) for message, _ in said}) >= 20
    for message, reply in said:
        assert message
        assert "{" not in message + reply
        assert "\\boxed" not in reply
        assert "<think>" not in reply


@pytest.mark.parametrize("kind", ["small-talk", "refusal"])
def test_small_talk_of_a_test_is_never_trained(kind: str) -> None:
    def messages(split: Split, count: int) -> set[str]:
        return {
            re.sub(r"\W+", " ", turn.text.lower()).strip()
            for dialogue in drawn(kind, split, count)
            for turn, answer in zip(dialogue.turns[-2 * len(dialogue.answers) :: 2], dialogue.answers, strict=True)
            if answer is None
        }

    tests, trained = messages(Split.TEST, 100), messages(Split.TRAIN, 3000)
    assert len(tests) > 5
    assert len(trained) > 100
    assert not tests & trained
