from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from sambay.evaluation import (
    Question,
    RunSettings,
    Task,
    as_data,
    compare_runs,
    final_answer,
    grade,
    read_samples,
    run_tasks,
    summarise,
)
from sambay.evaluation import runner as runner_file


@dataclass(frozen=True)
class Said:
    text: str
    num_tokens: int = 7
    is_finished: bool = True


class Oracle:
    """Knows the sums it is asked, but tosses a coin, fixed by the seed, whether to say them."""

    def __init__(self, accuracy: float, fails_after: int | None = None) -> None:
        self.accuracy, self.fails_after = accuracy, fails_after
        self.calls: list[list[str]] = []

    def complete(
        self, conversations, *, max_new_tokens: int, temperature: float, top_p: float, seeds: Sequence[int]
    ) -> list[Said]:
        if self.fails_after is not None and len(self.calls) == self.fails_after:
            raise KeyboardInterrupt
        self.calls.append([talk[-1]["content"] for talk in conversations])
        said = []
        for talk, seed in zip(conversations, seeds, strict=True):
            before = final_answer(talk[-2]["content"]) if len(talk) > 1 else "0"
            value = eval(talk[-1]["content"].replace("it", f"({before})"))
            value += Random(seed).random() >= self.accuracy
            said.append(Said(f"<think>\nhm\n</think>\n\nIt is \\boxed{{{value}}}.", 7 + len(talk)))
        return said


def sums(count: int, name: str = "sums") -> Task:
    return Task(name, tuple(Question(str(n), (f"{n}+{n}",), str(2 * n)) for n in range(count)))


SETTINGS = RunSettings(("sums",), temperature=1.0, num_samples=4)


def marks(tasks: list[Task], samples) -> dict:
    return as_data("oracle", SETTINGS, grade(tasks, samples))["marks"]


def test_an_oracle_of_known_accuracy_is_measured_within_its_interval(tmp_path: Path) -> None:
    hits = 0
    for seed in range(20):
        settings = RunSettings(("sums",), temperature=1.0, seed=seed)
        tasks = [sums(150)]
        samples = run_tasks(Oracle(0.6), "oracle", tasks, settings, tmp_path / f"{seed}.jsonl")
        result = summarise(grade(tasks, samples))["sums"]
        hits += result.low <= 0.6 <= result.high
        assert 0.4 < result.pass_at_1 < 0.8
    assert hits >= 17


def test_more_samples_are_other_draws(tmp_path: Path) -> None:
    tasks = [sums(100)]
    result = summarise(grade(tasks, run_tasks(Oracle(0.5), "oracle", tasks, SETTINGS, tmp_path / "a.jsonl")))["all"]
    assert (result.num_problems, result.num_samples) == (100, 4)
    assert result.pass_at_k[4] == pytest.approx(1 - 0.5**4, abs=0.06)
    assert result.pass_at_k[2] == pytest.approx(0.75, abs=0.07)


@pytest.mark.parametrize("fails_after", [0, 1, 3])
def test_a_killed_and_resumed_run_is_the_uninterrupted_one(tmp_path: Path, monkeypatch, fails_after: int) -> None:
    monkeypatch.setattr(runner_file, "CHUNK_SAMPLES", 30)
    tasks = [sums(20), sums(15, "more")]
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    uninterrupted = Oracle(0.5)
    run_tasks(uninterrupted, "oracle", tasks, SETTINGS, whole)
    with pytest.raises(KeyboardInterrupt):
        run_tasks(Oracle(0.5, fails_after), "oracle", tasks, SETTINGS, broken)
    resumed = Oracle(0.5)
    run_tasks(resumed, "oracle", tasks, SETTINGS, broken)
    assert broken.read_text() == whole.read_text()
    assert resumed.calls == uninterrupted.calls[fails_after:], "the same batches are asked for"
    assert run_tasks(Oracle(0.5, 0), "oracle", tasks, SETTINGS, broken) == read_samples(broken)[2]


@pytest.mark.parametrize("cut", [1, 30, 400])
def test_a_line_cut_off_by_the_kill_is_made_again(tmp_path: Path, cut: int) -> None:
    tasks = [sums(20)]
    path = tmp_path / "a.jsonl"
    run_tasks(Oracle(0.5), "oracle", tasks, SETTINGS, path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    resumed = Oracle(0.5)
    run_tasks(resumed, "oracle", tasks, SETTINGS, path)
    assert [len(call) for call in resumed.calls] == [80], "the whole chunk is asked for again, in the same batch"
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())


def test_a_header_cut_off_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"format": "sam')
    run_tasks(Oracle(1), "oracle", [sums(3)], SETTINGS, path)
    assert read_samples(path)[:2] == ("oracle", SETTINGS)


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    run_tasks(Oracle(1), "oracle", [sums(3)], SETTINGS, path)
    before = path.read_bytes()
    other = RunSettings(("sums",), temperature=0.5, num_samples=4)
    with pytest.raises(ValueError, match=r"temperature=1.0, this one has 0.5"):
        run_tasks(Oracle(1), "oracle", [sums(3)], other, path)
    with pytest.raises(ValueError, match="model='oracle', this one has 'sphinx'"):
        run_tasks(Oracle(1), "sphinx", [sums(3)], SETTINGS, path)
    assert path.read_bytes() == before
    (tmp_path / "b.jsonl").write_text('{"question": 1}\n')
    with pytest.raises(ValueError, match="no file of evaluation samples"):
        run_tasks(Oracle(1), "oracle", [sums(3)], SETTINGS, tmp_path / "b.jsonl")


def test_a_second_turn_goes_on_from_the_models_own_answer(tmp_path: Path) -> None:
    question = Question("a", ("20+1", "it*2"), "42")
    tasks = [Task("two", (question, Question("b", ("3+3",), "6")))]
    settings = RunSettings(("two",))
    samples = run_tasks(Oracle(1), "oracle", tasks, settings, tmp_path / "a.jsonl")
    assert summarise(grade(tasks, samples))["all"].pass_at_1 == 1
    assert [final_answer(reply) for reply in samples[0].replies] == ["21", "42"]
    assert (samples[0].num_tokens, len(samples[1].replies)) == (10, 1)
    wrong = run_tasks(Oracle(0), "oracle", tasks, settings, tmp_path / "b.jsonl")
    assert final_answer(wrong[0].replies[1]) == "45", "the wrong 22 is what it goes on from"


def test_grading_can_be_redone(tmp_path: Path) -> None:
    tasks = [sums(30)]
    samples = run_tasks(Oracle(0.5), "oracle", tasks, SETTINGS, tmp_path / "a.jsonl")
    model, settings, read = read_samples(tmp_path / "a.jsonl")
    assert (model, settings, read) == ("oracle", SETTINGS, samples)
    first = marks(tasks, samples)
    strict = [
        Task("sums", tuple(Question(q.name, q.turns, q.answer, judge=lambda _: False) for q in tasks[0].questions))
    ]
    assert not any(any(row) for row in marks(strict, read)["sums"].values())
    assert marks(tasks, read) == first
    with pytest.raises(ValueError, match="29 of sums, which the tasks no longer hold"):
        grade([sums(29)], samples)


def test_runs_compare_by_task_and_in_all(tmp_path: Path) -> None:
    tasks = [sums(40), sums(40, "more")]
    settings = RunSettings(("sums", "more"))
    graded = [
        grade(tasks, run_tasks(Oracle(p), "oracle", tasks, settings, tmp_path / f"{p}.jsonl")) for p in (0.2, 0.8)
    ]
    compared = compare_runs(*graded)
    assert list(compared) == ["sums", "more", "all"]
    assert compared["all"].num_problems == 80
    assert compared["all"].low > 0.3
    assert json.dumps(as_data("oracle", settings, graded[0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"tasks": ()}, "at least one task"), ({"num_samples": 0}, "num_samples=0"),
     ({"num_samples": 2}, "the same reply"),
     ({"top_p": 0.9}, "changes nothing"), ({"temperature": -1}, "temperature=-1"), ({"seed": -1}, "seed=-1"),
     ({"max_new_tokens": 0}, "max_new_tokens=0"), ({"temperature": 1, "top_p": 0}, "top_p=0")],
)  # fmt: skip
def test_settings_are_checked(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunSettings(**{"tasks": ("sums",), **options})
