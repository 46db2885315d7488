from __future__ import annotations

from pathlib import Path

import pytest

from sambay import assets, cli


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny checkpoint and its packed form."""
    root = tmp_path_factory.mktemp("models")
    assert cli.main(["init", "tiny", str(root / "plain"), "--dtype", "float32"]) == 0
    assert cli.main(["pack", str(root / "plain"), str(root / "packed")]) == 0
    return root / "plain", root / "packed"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run_command(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run_command


def test_a_packed_folder_is_a_model_like_any_other(folders, run) -> None:
    packed = folders[1]
    sizes = [sum(path.stat().st_size for path in folder.glob("*.safetensors")) for folder in folders]
    assert sizes[1] < 0.4 * sizes[0]
    code, out, err = run("generate", packed, "-p", "hello", "--max-new-tokens", "8")
    assert (code, err) == (0, "(stopped after 8 tokens: --max-new-tokens allows more)\n")
    assert out
    code, out, _ = run("info", packed)
    assert code == 0
    assert "370,304" in out


def test_pack_says_what_it_wrote_and_what_it_cost(folders, run, tmp_path) -> None:
    code, out, err = run("pack", folders[0], tmp_path / "again")
    assert (code, err) == (0, "")
    assert "MB of weights; on random ids its logits are" in out
    for arguments, message in (
        (("pack", folders[0], tmp_path / "again"), "is not an empty folder"),
        (("pack", tmp_path / "none", tmp_path / "x"), "allowed is a folder"),
        (("pack", folders[0], tmp_path / "x", "--max-file-mib", "0.07"), "alone takes"),
    ):
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert message in err


def test_without_a_name_the_model_that_ships_answers(folders, run, monkeypatch) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", folders[1])
    options = ("-p", "hello", "--max-new-tokens", "8")
    assert run("generate", *options) == run("generate", folders[1], *options)
    monkeypatch.setattr("sys.stdin", __import__("io").StringIO("hello\n/exit\n"))
    code, out, _ = run("chat", "--max-new-tokens", "8")
    assert code == 0
    assert out == run("generate", *options)[1]


@pytest.mark.parametrize("command", [("chat",), ("generate", "-p", "x"), ("eval", "default", "addition")])
def test_where_none_ships_it_says_so(run, monkeypatch, tmp_path, command) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", tmp_path)
    code, out, err = run(*command)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "ships no model of its own: name one" in err


def test_the_demo_asks_the_model_that_ships(folders, run, monkeypatch) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", folders[1])

    def said(*_):
        yield from b"So \\boxed{1}."

    monkeypatch.setattr("sambay.generation.stream", said)
    code, out, _ = run("demo")
    assert code == 0
    assert out.count("$ sambay generate -p") == out.count("So \\boxed{1}.") == len(cli.DEMO_QUESTIONS) == 3
    assert "random" not in out
