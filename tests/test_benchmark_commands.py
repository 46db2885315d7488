from __future__ import annotations

import json
from pathlib import Path

import pytest

from sambay import cli
from sambay.benchmarking.in_engine import InEngine

SMALL = (
    "bench", "tiny", "--device", "cpu", "--concurrency", "1", "--contexts", "8,24", "--prompt-tokens", "6",
    "--generation-tokens", "10", "--steps", "2", "--rounds", "1",
)  # fmt: skip


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run_command(*arguments: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run_command


def test_a_run_writes_all_its_forms_and_is_shown_again(run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "out" / "bench.json"
    code, out, err = run(*SMALL, "--output", path)
    assert (code, err) == (0, "")
    data = json.loads(path.read_text())
    assert [model["name"] for model in data["identity"]["models"]] == ["tiny", "transformer++"]
    assert data["identity"]["versions"]["torch"]
    assert data["identity"]["machine"]["cpu"]
    assert len(data["cells"]) == 4 * (2 + 2 + 1) + 2
    assert all("values" in cell for cell in data["cells"])
    assert max(data["about"]["log-probabilities away from transformers"].values()) < 1e-4
    names = [
        f"bench{end}" for end in (".json", ".md", "_latency.png", "_memory.png", "_prompts.png", "_throughput.png")
    ]
    assert sorted(file.name for file in path.parent.iterdir()) == names
    for title in ("Decoding", "At the same time", "Reading a prompt", "Memory", "One stream", "Clients", "Computed"):
        assert title in out
        assert f"## {title}" in (path.parent / "bench.md").read_text()
    assert "missing" not in out
    before = path.read_bytes()
    code, again, err = run("bench", path)
    assert (code, again, err) == (0, out, "")
    assert path.read_bytes() == before


def test_a_run_goes_on_where_the_time_was_up(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bench.json"
    options = (*SMALL, "--output", path, "--sections", "decode,prefill", "--paths", "engine", "--concurrency", "1,2")
    code, out, _ = run(*options, "--seconds", "1e-9")
    assert code == 0
    assert "12 measurements are missing after 1e-09 s: the same command measures them" in out
    assert json.loads(path.read_text())["cells"] == []

    called = []
    plain = InEngine.prefill
    monkeypatch.setattr(InEngine, "prefill", lambda self, context: called.append(context) or plain(self, context))
    decode = InEngine.decode

    def interrupted(self, batch: int, context: int, steps: int):
        if batch == 2:
            raise KeyboardInterrupt
        return decode(self, batch, context, steps)

    monkeypatch.setattr(InEngine, "decode", interrupted)
    code, out, err = run(*options)
    assert (code, err) == (cli.INTERRUPTED, "")
    assert "Reading a prompt" in out
    kept = json.loads(path.read_text())["cells"]
    assert [cell["section"] for cell in kept] == ["decode", "decode", "prefill", "prefill"]
    assert called == [8, 8]

    monkeypatch.setattr(InEngine, "decode", decode)
    assert run(*options)[0] == 0
    cells = json.loads(path.read_text())["cells"]
    assert cells[:4] == kept, "what was measured stays"
    assert len(cells) == 12
    assert called == [8, 8, 24, 24]
    assert run(*options)[0] == 0
    assert len(called) == 4, "nothing is left to do"

    code, _, err = run(*options, "--dtype", "bfloat16")
    assert (code, err.count("\n")) == (2, 1)
    assert 'has results of dtype="float32", and this is "bfloat16"' in err
    assert run(*options, "--dtype", "bfloat16", "--restart", "--seconds", "1e-9")[0] == 0
    assert json.loads(path.read_text())["cells"] == []


def test_alone_and_with_a_smaller_cache(run) -> None:
    code, out, err = run(
        *SMALL, "--peer", "none", "--paths", "engine", "--sections", "prefill", "--cache-dtype", "int4"
    )
    assert (code, err) == (0, "")
    assert "float32, cache int4, on" in out
    assert "transformer" not in out.split("\n")[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--concurrency", "1,x"], "--concurrency 1,x: allowed are whole numbers with commas"),
        (["--contexts", "0"], "contexts=0"),
        (["--contexts", "5000"], "allowed is 4096, the context"),
        (["--sections", "decode,speed"], "sections=decode,speed: allowed are decode, prefill"),
        (["--sections", "busy"], "busy is about a GPU; allowed on a cpu are others"),
        (["--sections", "serving", "--paths", "transformers"], "allowed with paths=transformers are others"),
        (["--paths", "transformers", "--cache-dtype", "fp8"], "allowed without the engine is 'auto'"),
        (["--paths", "vllm"], "paths=vllm: allowed are engine, transformers"),
        (["--peer", "tiny"], "the model and its peer are both 'tiny'"),
        (["--peer", "tiyn"], "no such folder: tiyn"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--dtype", "int7"], "dtype 'int7'"),
        (["--cache-dtype", "int5"], "cache_dtype='int5': allowed are auto, fp8, int4"),
        (["--rounds", "0"], "rounds=0"),
        (["--seconds", "0"], "seconds=0.0: allowed is a number above 0"),
        (["--seconds", "nan"], "seconds=nan"),
        (["--max-latency", "0"], "max_latency_s=0.0"),
        (["--output", "x.txt"], "allowed is the name of a .json file"),
        (["--restart"], "--restart needs --output"),
    ],
)
def test_bad_input_is_one_line(run, arguments: list[str], message: str) -> None:
    code, out, err = run(*SMALL, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_a_file_that_is_none(run, tmp_path: Path) -> None:
    code, _, err = run("bench", tmp_path / "none.json")
    assert (code, err) == (2, f"error: no such file: {tmp_path / 'none.json'}\n")
    (tmp_path / "some.json").write_text("{}")
    assert "is no file of results" in run("bench", tmp_path / "some.json")[2]
