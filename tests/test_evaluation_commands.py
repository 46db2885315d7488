from __future__ import annotations

import json
from pathlib import Path

import pytest

from sambay import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    assert cli.main(["init", "tiny", str(path), "--dtype", "float32"]) == 0
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run_command(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run_command


def test_a_run_is_reported_kept_and_reported_again(folder, run, tmp_path) -> None:
    pytest.importorskip("math_verify")
    samples, report = tmp_path / "s.jsonl", tmp_path / "out" / "r.json"
    options = ("eval", folder, "addition", "dialogues", "--problems", "6", "--max-new-tokens", "8")
    code, out, err = run(*options, "--output", samples, "--report", report)
    assert (code, err) == (0, "")
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [["addition", "6"], ["dialogues", "6"], ["all", "12"]]
    assert len(samples.read_text().splitlines()) == 13
    found = json.loads(report.read_text())
    assert found["scores"]["all"]["num_problems"] == 12
    assert found["scores"]["addition"]["mean_tokens"] == 8
    assert found["model"] == str(folder)
    before = samples.read_bytes()
    assert run(*options, "--output", samples)[1] == out, "nothing is left to do"
    assert run("eval", samples)[1] == out
    assert samples.read_bytes() == before
    code, out, _ = run("eval", samples, "--against", samples)
    assert code == 0
    assert out.splitlines()[-1].split()[:3] == ["all", "12", "+0.0"]


def test_several_samples_have_their_columns(folder, run) -> None:
    pytest.importorskip("math_verify")
    out = run("eval", folder, "addition", "--problems", "3", "--samples", "4", "--temperature", "1",
              "--max-new-tokens", "4")[1]  # fmt: skip
    assert "pass@2" in out
    assert "pass@4" in out
    assert "majority" in out


def test_the_tasks_are_listed(run) -> None:
    code, out, _ = run("eval", "--list")
    assert code == 0
    for name in ("curriculum", "curriculum@harder", "addition@wordings", "dialogues", "gym:gsm_symbolic", "FILE.jsonl"):
        assert any(line.split()[0] == name for line in out.splitlines()), name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval"], "name a model"),
        (["eval", "{}"], "name at least one task"),
        (["eval", "{}", "additon"], "did you mean addition"),
        (["eval", "{}", "addition", "--problems", "0"], "num_problems=0"),
        (["eval", "{}", "addition", "--samples", "3"], "the same reply"),
        (["eval", "{}/none", "addition"], "no such folder"),
        (["eval", "{}", "addition", "--batch-size", "0"], "batch_size=0"),
        (["eval", "none.jsonl"], "no such file"),
        (["eval", "none.jsonl", "addition"], "has its tasks"),
    ],
)
def test_bad_input_is_one_line(folder, run, arguments: list[str], message: str) -> None:
    code, out, err = run(*(argument.replace("{}", str(folder)) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_other_questions_are_not_compared(folder, run, tmp_path) -> None:
    pytest.importorskip("math_verify")
    for seed in ("0", "1"):
        run("eval", folder, "addition", "--problems", "2", "--max-new-tokens", "2", "--seed", seed, "--output",
            tmp_path / f"{seed}.jsonl")  # fmt: skip
    code, _, err = run("eval", tmp_path / "0.jsonl", "--against", tmp_path / "1.jsonl")
    assert code == 2
    assert "allowed are the same questions" in err
