"""`sambay prepare` and `sambay train`: from a text file to a trained model, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from sambay import cli
from sambay.chat import ChatTokenizer
from sambay.data import ShardSet
from sambay.data.curriculum.sampling import sample_texts
from sambay.data.curriculum.spelling import train_tokenizer
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


def test_from_the_curriculum_to_a_model_that_chats(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spelling, recipe, output = tmp_path / "tokenizer", tmp_path / "recipe.yaml", tmp_path / "run"
    train_tokenizer(sample_texts(300), 600).save_pretrained(spelling)
    options = f"curriculum: {{tokenizer: {spelling}}}\nmodel_overrides: {{vocab_size: 640}}\n"
    recipe.write_text(RECIPE + f"data: curriculum\noutput: {output}\n" + options)
    assert cli.main(["train", str(recipe), "--set", "total_tokens=256", "--set", "warmup_tokens=0"]) == 0
    chat, trained = ChatTokenizer.load(output / "model"), weights.load(output / "model")
    assert chat.num_ids == 600
    assert [chat.decode([index], show_special=True) for index in chat.stop_ids] == ["<|end|>", "<|endoftext|>"]
    assert trained.generation_config.eos_token_id == list(chat.stop_ids)
    assert trained.config.eos_token_id == trained.config.pad_token_id == chat.tokenizer.eos_token_id
    assert cli.main(["generate", str(output / "model"), "-p", "What is 2 + 3?", "--max-new-tokens", "3"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["curriculum", "knitting"], "called knitting: --list prints the names"),
        (["curriculum", "claim", "--level", "4"], "claim has levels 1 to 3"),
        (["curriculum", "addition", "--level", "4"], "allowed is split='test'"),
        (["curriculum", "claim", "--held-out-wordings"], "allowed is split='test'"),
        (["curriculum", "--vocabulary", "600"], "needs --tokenizer DIR"),
        (["curriculum", "--list", "--test"], "draw nothing"),
        (["curriculum", "--count", "0"], "allowed is 1 or more"),
    ],
)
def test_what_the_curriculum_s_command_refuses(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == cli.BAD_INPUT
    assert message in capsys.readouterr().err


def test_the_curriculum_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["curriculum", "--list"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert {"addition", "follow-up (dialogue)"} <= set(names)
    printed = []
    for seed in ("1", "1", "2"):
        assert cli.main(["curriculum", "addition", "follow-up", "--level", "1", "--count", "2", "--seed", seed]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] != printed[2]
    assert printed[0].count("--- addition\n[user] ") == printed[0].count("--- follow-up\n[") == 2


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
