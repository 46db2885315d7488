from __future__ import annotations

import json
from pathlib import Path

import pytest

from sambay.data.curriculum import FAMILIES
from sambay.evaluation import open_tasks, task_names
from sambay.evaluation.gym_tasks import GYM_TASKS


def levels(task) -> set[str]:
    return {question.name.rpartition("/")[2] for question in task.questions}


def test_a_family_asks_test_problems_of_the_trained_levels_in_turn() -> None:
    (task,) = open_tasks(["addition"], 30, seed=0)
    assert len(task.questions) == 30
    assert levels(task) == {"level1", "level2", "level3"}
    assert len({question.turns for question in task.questions}) == 30
    (again,) = open_tasks(["addition"], 40, seed=0)
    assert again.questions[:30] == task.questions
    (other,) = open_tasks(["addition"], 30, seed=1)
    assert not {question.turns for question in other.questions} & {question.turns for question in task.questions[:5]}


def test_variants_draw_other_problems() -> None:
    (harder,) = open_tasks(["addition@harder"], 20, seed=0)
    assert levels(harder) == {"level4"}
    (wordings,) = open_tasks(["addition@wordings"], 60, seed=0)
    assert levels(wordings) == {"level1", "level2", "level3"}
    held_out = [wording.split("{")[0] for wording in FAMILIES["addition"].held_out_wordings]
    beginnings = tuple(beginning for beginning in held_out if beginning)
    assert sum(question.turns[0].startswith(beginnings) for question in wordings.questions) > 30
    (second,) = open_tasks(["addition@level2"], 20, seed=0)
    assert levels(second) == {"level2"}


def test_no_task_asks_what_training_draws() -> None:
    from random import Random

    from sambay.data.curriculum import draw_problem

    for task in open_tasks(["curriculum"], 12, seed=0):
        random = Random(0)
        trained = {draw_problem(FAMILIES[task.name], random, 1 + index % 3).question for index in range(300)}
        assert not trained & {question.turns[0] for question in task.questions}, task.name


def test_groups_are_every_family() -> None:
    assert [task.name for task in open_tasks(["curriculum@harder"], 1, 0)] == [f"{name}@harder" for name in FAMILIES]


def test_the_wanted_answers_of_the_curriculum_are_right() -> None:
    pytest.importorskip("math_verify")
    for task in open_tasks(["curriculum", "dialogues"], 6, seed=2):
        for question in task.questions:
            assert question.is_answered_by(question.answer), (task.name, question)
            assert not question.is_answered_by("-123456789"), (task.name, question)
            assert not question.is_answered_by(None)


def test_dialogues_have_two_turns() -> None:
    for task in open_tasks(["dialogues", "dialogues@wordings"], 10, seed=0):
        assert {len(question.turns) for question in task.questions} == {2}


@pytest.mark.parametrize("name", [name for name in GYM_TASKS if "integration" not in name])
def test_the_gym_examines_with_its_own_verifiers(name: str) -> None:
    pytest.importorskip("reasoning_gym")
    (task,) = open_tasks([f"gym:{name}"], 5, seed=0)
    assert len(task.questions) == 5
    for question in task.questions:
        assert question.is_answered_by(question.answer), question
        for garbage in (None, "", "banana", "9^{9^{9}}", "(" * 5000):
            assert not question.is_answered_by(garbage)


def test_the_gym_is_asked_at_its_easiest() -> None:
    pytest.importorskip("reasoning_gym")
    (task,) = open_tasks(["gym:chain_sum"], 40, seed=0)
    numbers = [len(question.turns[0].partition("problem: ")[2].split()) for question in task.questions]
    assert set(numbers) == {4}  # two terms, their sign, and the equals sign


def test_a_file_is_a_task(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    lines = [{"question": "1+1?", "answer": 2}, {"question": "two?", "answer": "2", "more": []}]
    path.write_text("\n\n".join(map(json.dumps, lines)))
    (task,) = open_tasks([str(path)], 50, seed=0)
    assert [(question.name, question.turns, question.answer) for question in task.questions] == [
        ("line1", ("1+1?",), "2"), ("line3", ("two?",), "2"),
    ]  # fmt: skip
    assert len(open_tasks([str(path)], 1, seed=0)[0].questions) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 1: no JSON"), ("[]", "line 1: allowed is an object"), ('{"question": "x"}', "question and answer"),
     ('{"question": 1, "answer": 2}', "question must be text"), ("", "0 questions")],
)  # fmt: skip
def test_a_file_of_something_else_is_refused(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=message):
        open_tasks([str(tmp_path / "x.jsonl")], 5, 0)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("additon", "did you mean addition"), ("addition@hard", "addition@harder"), ("gym:chain_sums", "gym:chain_sum"),
     ("zzzzqqqq", "--list"), ("addition@", "did you mean addition"), ("none.jsonl", "no such file")],
)  # fmt: skip
def test_an_unknown_name_gets_the_nearest_known(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        open_tasks([name], 1, 0)


def test_counts_and_repeats_are_checked() -> None:
    with pytest.raises(ValueError, match="problems=0"):
        open_tasks(["addition"], 0, 0)
    with pytest.raises(ValueError, match="addition is asked for twice"):
        open_tasks(["addition", "curriculum"], 1, 0)


def test_every_listed_name_opens() -> None:
    for name in task_names():
        if "integration" not in name and name not in ("gym", "FILE.jsonl"):
            assert open_tasks([name], 1, 0), name
