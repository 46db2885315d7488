"""`sambay prepare` and `sambay train`: from a text file to a trained model, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from sambay import cli
from sambay.data import ShardSet
from sambay.model import weights

RECIPE = """
model: tiny
sequence_tokens: 32
batch_tokens: 128
micro_batch_rows: 4
total_tokens: 1280
warmup_tokens: 128
precision: float32
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("to be or not to be, that is the question. " * 200)
    return path


def test_from_a_text_to_a_model(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shards, recipe, output = tmp_path / "shards", tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(RECIPE + f"data: {shards}\noutput: {output}\n")
    assert cli.main(["prepare", str(shards), str(text)]) == 0
    assert "1 shards written, 0 kept, 8,401 tokens" in capsys.readouterr().out  # a byte each, and the end
    assert ShardSet.open(shards).num_tokens == 8401
    assert cli.main(["prepare", str(shards), str(text)]) == 0
    assert "0 shards written, 1 kept" in capsys.readouterr().out
    assert cli.main(["train", str(recipe), "--set", "total_tokens=640"]) == 0
    assert "finished" in capsys.readouterr().out
    assert weights.load(output / "model").config.num_hidden_layers == 8
    assert cli.main(["generate", str(output / "model"), "--raw", "-p", "to be", "--max-new-tokens", "3"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "shards"], "either files or --hub"),
        (["prepare", "shards", "gone.txt"], "gone.txt"),
        (["prepare", "shards", "a.pdf"], "a.pdf"),
        (["train", "gone.yaml"], "gone.yaml"),
        (["train", "recipe.yaml", "--set", "total_token=3"], "did you mean 'total_tokens'"),
        (["train", "recipe.yaml", "--set", "total_tokens"], "allowed is OPTION=VALUE"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text(RECIPE + "data: synthetic\noutput: run\n")
    assert cli.main(arguments) == cli.BAD_INPUT
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1
