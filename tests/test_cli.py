from __future__ import annotations

import contextlib
import io
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import sambay
from sambay import SambaYForCausalLM, assets, cli
from sambay.chat import ChatTokenizer
from sambay.config import SambaYConfig
from sambay.generation import Sampling, stream
from sambay.info import describe, draw_layers, sequence_cost
from sambay.sizes import named_config

# Runs in this process where it can: importing takes seconds. Real processes only for signals, pipes and tracebacks.


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sambay init` writes, with its weights made large enough that replies vary."""
    path = tmp_path_factory.mktemp("models") / "tiny"
    assert cli.main(["init", "tiny", str(path), "--dtype", "float32", "--seed", "1"]) == 0
    network = SambaYForCausalLM.from_pretrained(path)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if weight.ndim == 2 and "A_log" not in name:
                weight.mul_(5)
    network.save_pretrained(path)
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run the command line; returns (exit code, stdout, stderr)."""

    def run_command(*arguments: str | Path, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = cli.main([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return run_command


def process(*arguments: str | Path, **options) -> subprocess.Popen[str]:
    source = str(Path(sambay.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": source, "PYTHONUNBUFFERED": "1", **options.pop("env", {})}
    return subprocess.Popen(
        [sys.executable, "-m", "sambay", *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment, **options,
    )  # fmt: skip


def copy_of(folder: Path, path: Path) -> Path:
    return Path(shutil.copytree(folder, path / "copy"))


# ------------------------------------------------------------------------------------------------------- info


def test_info_of_the_released_size_is_the_known_one(run) -> None:
    code, out, err = run("info", "phi-4-mini-flash")
    assert (code, err) == (0, "")
    for text in (
        "8 x (mamba · window 512)", "7 x (memory · cross)", "self-decoder", "cross-decoder", "╮ memory",
        "╮ keys, values", "3,852,562,944", "512,163,840 embedding", "7.71 GB", "24.2 MB", "5,120 B", "262,144",
    ):  # fmt: skip
        assert text in out, text


def test_info_as_json_is_the_same_as_data(run) -> None:
    code, out, _ = run("info", "phi-4-mini-flash", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["num_parameters"] == 3852562944
    assert found["layers"].count("mamba") == 9
    assert found["num_self_decoder_layers"] == 18
    assert found["reads_layer"][17:20] == [None, 16, 17]
    float32_parameters = 9 * 5120 * 16 + 16 * 4 * 64  # A_log; four lambda vectors of an attention layer
    assert found["weight_bytes"]["total"] == 2 * 3852562944 + 2 * float32_parameters
    assert found["sequence"]["bytes_per_token"] == 5120
    assert found["sequence"]["window_bytes"] == 8 * 512 * 5120
    assert found["sequence"]["scan_bytes"] == 9 * 5120 * 16 * 4
    assert found["sequence"]["convolution_bytes"] == 9 * 5120 * 3 * 2
    for memory in found["memories"]:
        free = memory["size_bytes"] - found["weight_bytes"]["total"]
        each = found["sequence"]["slot_bytes"] + 32768 * 5120
        assert memory["num_sequences"]["32768"] == max(0, free // each)


def test_the_bytes_of_a_sequence_are_those_that_its_cache_holds(folder) -> None:
    from transformers import DynamicCache

    network = SambaYForCausalLM.from_pretrained(folder).eval()
    cost = sequence_cost(network.config, 4)
    cache = DynamicCache(config=network.config)
    with torch.no_grad():
        network(torch.zeros(1, 100, dtype=torch.long), past_key_values=cache)
    kept = [
        tensor
        for layer in cache.layers
        for tensor in (
            [layer.keys, layer.values]
            if hasattr(layer, "keys")
            else [*layer.conv_states.values(), *layer.recurrent_states.values()]
        )
        if tensor is not None
    ]
    held = sum(tensor.numel() * tensor.element_size() for tensor in kept)
    # transformers keeps the window less the token to come: one entry of each of the two window layers.
    assert held == cost.total_bytes(100) - cost.window_bytes // 16


def test_info_reads_the_types_of_a_folder(folder, run) -> None:
    found = json.loads(run("info", folder, "--json")[1])
    assert found["dtype"] == "float32"
    assert found["weight_bytes"] == {"float32": 4 * 370304, "total": 4 * 370304}
    assert found["num_parameters"] == describe("tiny").num_parameters == 370304


@pytest.mark.parametrize("name", ["transformerls_d8", "samba_d4", "swayoco_d8", "sambayoco_d8", "sambayda_d4"])
def test_every_layer_of_every_pattern_is_drawn_once(name: str) -> None:
    config = named_config(name)
    rows = [line for line in draw_layers(config) if "decoder" not in line]
    spans = [row.split()[0] for row in rows]
    numbers = [int(n) for span in spans for n in span.split("-")]
    assert numbers[0] == 0
    assert numbers[-1] == len(config.layers) - 1
    drawn = [mixer for row, span in zip(rows, spans, strict=True) for mixer in expanded(row.split(span, 1)[1])]
    assert drawn == [mixer.value for mixer in config.layers]


def expanded(row: str) -> list[str]:
    """`2 x (mamba · window 16)` as a list of mixers."""
    names = re.findall(r"mamba|window|full|memory|cross", re.split(r"──╮|◂─|  │", row)[0])
    repeats = re.match(r"\s*(\d+) x", row)
    return names * (int(repeats[1]) if repeats else 1)


# --------------------------------------------------------------------------------------------------- generate


def expected_text(folder: Path, ids: list[int], num_tokens: int) -> str:
    tokenizer = ChatTokenizer.load(folder)
    network = SambaYForCausalLM.from_pretrained(folder).eval()
    reply = stream(network, ids, Sampling(max_new_tokens=num_tokens, stop_ids=tokenizer.stop_ids))
    return tokenizer.decode([token for token in reply if token not in tokenizer.stop_ids])


def test_generate_writes_the_greedy_reply(folder, run) -> None:
    ids = ChatTokenizer.load(folder).encode_chat([{"role": "user", "content": "hello"}])
    expected = expected_text(folder, ids, 16)
    code, out, err = run("generate", folder, "-p", "hello", "--max-new-tokens", "16")
    assert (code, out) == (0, expected + "\n")
    assert err == "(stopped after 16 tokens: --max-new-tokens allows more)\n"
    assert run("generate", folder, "-p", "-", "--max-new-tokens", "16", stdin="hello")[1] == out


def test_generate_raw_continues_the_text_itself(folder, run) -> None:
    expected = expected_text(folder, list(b"Once upon"), 16)
    assert run("generate", folder, "--raw", "-p", "Once upon", "--max-new-tokens", "16")[1] == expected + "\n"


def test_generate_stops_before_a_stop_string(folder, run) -> None:
    options = ("generate", folder, "--raw", "-p", "Once upon", "--max-new-tokens", "16")
    whole = run(*options)[1]
    stop = whole[6:8]
    code, out, err = run(*options, "--stop", "never there", "--stop", stop)
    assert (code, out, err) == (0, whole[: whole.index(stop)] + "\n", "")


def test_draws_repeat_with_their_seed(folder, run) -> None:
    options = ("generate", folder, "-p", "a", "--max-new-tokens", "20", "--temperature", "1.5", "--top-k", "50")
    one, same, other = (run(*options, "--seed", seed)[1] for seed in ("1", "1", "2"))
    assert one == same != other


class Scripted:
    """Stands for the model: says a fixed text, one byte a token."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, *_args, **_options):
        yield from self.text.encode()
        yield 256


@pytest.mark.parametrize("option", ["--show-thinking", "--hide-thinking"])
def test_thoughts_are_shown_or_hidden(folder, run, monkeypatch, option: str) -> None:
    monkeypatch.setattr("sambay.generation.stream", Scripted("<think>\nhm … é\n</think>\n\nYes."))
    _, out, _ = run("generate", folder, "-p", "x", option)
    assert out == ("<think>\nhm … é\n</think>\n\nYes.\n" if option == "--show-thinking" else "Yes.\n")


def test_a_thought_that_never_ends_is_closed(folder, run, monkeypatch) -> None:
    monkeypatch.setattr("sambay.generation.stream", Scripted("<think>hm"))
    assert run("generate", folder, "-p", "x")[1].strip() == "<think>\nhm\n</think>"


# ------------------------------------------------------------------------------------------------------- chat


def test_chat_takes_its_turns_from_a_pipe(folder, run) -> None:
    turns = "hello\n\nand you\n/help\n/reset\nhello\n/nothing\n/exit\nnot read\n"
    code, out, err = run("chat", folder, "--max-new-tokens", "6", stdin=turns)
    ids = ChatTokenizer.load(folder).encode_chat([{"role": "user", "content": "hello"}])
    first = expected_text(folder, ids, 6) + "\n"
    assert code == 0
    assert out.startswith(first)
    assert out.endswith(cli.HELP + "\n" + first)
    assert err.count("(stopped after 6 tokens") == 3
    assert "no command /nothing" in err


def test_chat_says_that_the_context_is_full_and_goes_on(folder, run, tmp_path) -> None:
    small = copy_of(folder, tmp_path)
    config = SambaYConfig.from_pretrained(small)
    config.max_position_embeddings = 40
    config.save_pretrained(small)
    code, out, err = run("chat", small, stdin="hello\nmore\n/reset\nhello\n")
    assert code == 0
    assert err.count("(stopped: the context is full)") == 2
    assert err.count("the context holds 40: /reset starts again") == 1
    assert len(out.splitlines()) >= 2


def read_until(terminal: int, wanted: str, seconds: float = 120) -> str:
    """What a pseudo-terminal shows, up to and with `wanted`."""
    shown, deadline = "", time.monotonic() + seconds
    while wanted not in shown:
        assert time.monotonic() < deadline, f"no {wanted!r} in {shown!r}"
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def read_to_the_end(terminal: int) -> None:
    with contextlib.suppress(OSError):  # Linux's way to say that nobody is on the other side any more
        while os.read(terminal, 4096):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_ctrl_c_stops_a_reply_and_at_the_prompt_leaves(folder) -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {"PYTHONPATH": str(Path(sambay.__file__).parent.parent), "TERM": "xterm"}
    command = [sys.executable, "-m", "sambay", "chat", str(folder)]
    child = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env={**os.environ, **environment}
    )
    os.close(theirs)
    try:
        read_until(ours, "\r\n> ")
        os.write(ours, b"hello\n")
        read_until(ours, "hello\r\n")
        time.sleep(1)  # some tokens of a reply of 2,048
        child.send_signal(signal.SIGINT)
        shown = read_until(ours, "(stopped)\r\n> ")
        assert "Traceback" not in shown
        os.write(ours, b"/foo\n")
        assert "no command /foo" in read_until(ours, "\r\n> ")
        time.sleep(0.5)  # Python notices no signal between showing a prompt and waiting for keys
        child.send_signal(signal.SIGINT)
        read_to_the_end(ours)  # the child waits for its terminal to be read
        assert child.wait(30) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)


# ------------------------------------------------------------------------------------------------------- init


def test_init_writes_what_transformers_reads(tmp_path, run) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    code, out, _ = run("init", "tiny", tmp_path / "a", "--seed", "5")
    assert (code, out) == (0, f"{tmp_path / 'a'}: tiny with random weights, bfloat16, seed 5\n")
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "a")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert network.dtype is torch.bfloat16
    assert tokenizer("é", add_special_tokens=False).input_ids == list("é".encode())
    ends = [tokenizer.convert_tokens_to_ids(token) for token in ("<|end|>", "<|endoftext|>")]
    assert network.generation_config.eos_token_id == ends
    assert network.config.eos_token_id == tokenizer.eos_token_id
    run("init", "tiny", tmp_path / "b", "--seed", "5")
    assert (tmp_path / "a/model.safetensors").read_bytes() == (tmp_path / "b/model.safetensors").read_bytes()


def test_init_copies_or_builds_another_tokenizer(
    tmp_path, run, folder, reference_dir, tokenizer_ranks, monkeypatch
) -> None:
    larger = named_config("tiny")
    larger.vocab_size = 200064
    monkeypatch.setattr("sambay.sizes.named_config", lambda name: larger)
    monkeypatch.setattr("sambay.model.weights.named_config", lambda name: larger)
    code, out, _ = run("init", "tiny", tmp_path / "bytes")
    assert "268 of the model's 200,064 ids" in out
    released = ("--tokenizer", reference_dir / "phi4_mini_flash", "--ranks", tokenizer_ranks)
    code, out, err = run("init", "tiny", tmp_path / "released", *released)
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert ChatTokenizer.load(tmp_path / "released").encode("hello world<|end|>")[-1] == 200020
    assert run("init", "tiny", tmp_path / "copied", "--tokenizer", tmp_path / "released")[0] == 0
    assert ChatTokenizer.load(tmp_path / "copied").stop_ids == (200020, 199999)


def test_init_leaves_a_folder_alone_unless_forced(tmp_path, run) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    code, out, err = run("init", "tiny", tmp_path)
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path} is not empty: --force writes into it all the same\n"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    assert run("init", "tiny", tmp_path, "--force")[0] == 0


# ----------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["generate", "{}", "-p", ""], "the prompt is empty"),
        (["generate", "{}", "-p", " \n"], "the prompt is empty"),
        (["generate", "{}", "--raw", "-p", ""], "the prompt is empty"),
        (["generate", "{}", "-p", "x" * 4096], "tokens; the context holds 4096"),
        (["generate", "{}"], "Missing option '--prompt'"),
        (["generate", "{}", "-p", "x", "--temperature", "-1"], "temperature=-1.0"),
        (["generate", "{}", "-p", "x", "--temperature", "hot"], "Invalid value for '--temperature'"),
        (["generate", "{}", "-p", "x", "--temperature", "1", "--top-p", "0"], "top_p=0.0"),
        (["generate", "{}", "-p", "x", "--top-p", "0.5"], "top_p=0.5 changes nothing at temperature 0"),
        (["generate", "{}", "-p", "x", "--max-new-tokens", "0"], "max_new_tokens=0"),
        (["generate", "{}", "-p", "x", "--stop", ""], "--stop is empty"),
        (["generate", "{}", "-p", "x", "--raw", "--system", "s"], "--system needs the chat template"),
        (["generate", "{}", "-p", "x", "--dtype", "int8"], "dtype 'int8': allowed are bfloat16"),
        (["generate", "{}", "-p", "x", "--device", "abacus"], "device 'abacus': allowed here are"),
        (["generate", "{}", "-p", "x", "--device", "cuda:99"], "device 'cuda:99': allowed here are"),
        (["generate", "{}", "-p", "x", "--colour"], "No such option: --colour"),
        (["chat", "{}", "--temperature", "-1"], "temperature=-1.0"),
        (["generate", "{}/none", "-p", "x"], "no such folder"),
        (["chat", "{}/none"], "no such folder"),
        (["info", "tinny"], "nor is it a named size: phi-4-mini-flash"),
        (["init", "tinny", "{}/x"], "unknown size 'tinny': allowed are phi-4-mini-flash"),
        (["init", "tiny", "{}/x", "--dtype", "int8"], "dtype 'int8'"),
        (["init", "tiny", "{}/x", "--seed", "-1"], "seed=-1"),
        (["init", "tiny", "{}/x", "--ranks", "y"], "--ranks needs --tokenizer"),
        (["init", "tiny", "{}/config.json"], "is a file"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(folder, run, arguments: list[str], message: str) -> None:
    code, out, err = run(*(argument.replace("{}", str(folder)) for argument in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not (folder / "x").exists()


def test_a_damaged_checkpoint_is_one_line(folder, run, tmp_path) -> None:
    damaged = copy_of(folder, tmp_path)
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    for command in (["info", damaged], ["generate", damaged, "-p", "x"], ["chat", damaged]):
        code, out, err = run(*command)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "truncated" in err
    config = json.loads((damaged / "config.json").read_text())
    (damaged / "config.json").write_text(json.dumps({**config, "model_type": "llama"}))
    code, out, err = run("generate", damaged, "-p", "x")
    assert (code, out) == (2, "")
    assert "of architecture 'llama'" in err


def test_a_tokenizer_that_does_not_fit_is_refused(folder, run, tmp_path) -> None:
    other = copy_of(folder, tmp_path)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "vocab_size": 200}))
    assert "the tokenizer has 268 ids, the model only 200" in run("generate", other, "-p", "x")[2]


def test_the_traceback_is_there_for_who_asks(folder, run, monkeypatch) -> None:
    monkeypatch.setenv("SAMBAY_TRACEBACK", "1")
    code, _, err = run("generate", folder / "none", "-p", "x")
    assert code == 2
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("error: no such folder")


def test_version_and_help(run) -> None:
    assert run("--version") == (0, f"sambay {sambay.__version__}\n", "")
    assert "generate" in run()[1]
    assert run()[0] == 0


def test_a_reader_who_leaves_early_hears_nothing(folder) -> None:
    child = process("generate", folder, "-p", "hello", "--temperature", "1", "--max-new-tokens", "500")
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(1)
    child.stdout.close()
    assert child.stderr.read() == ""
    child.wait(60)
    child.stderr.close()
    assert child.stdin is not None
    child.stdin.close()


def test_the_demo_answers_three_questions_with_the_model_in_the_box() -> None:
    before = time.monotonic()
    child = process("demo", env={"TERM": "dumb"})
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert time.monotonic() - before < 60
    assert out.count("$ sambay generate") == 3
    assert [answer for answer in ("933", "6", "33") if f"\\boxed{{{answer}}}" in out] == ["933", "6", "33"]
    assert "\x1b" not in out, "colours where there is no terminal"
    assert not err


def test_without_a_model_in_the_box_the_demo_shows_a_random_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(assets, "DEFAULT_MODEL", tmp_path)
    assert cli.main(["demo"]) == 0
    out, err = capsys.readouterr()
    assert "random weights" in out
    assert "$ sambay info" in out
    ours = out.split("$ sambay generate")[0]  # what follows is the model's own text, which may hold any byte
    assert "\x1b" not in ours
    assert all(line.startswith("(stopped after") for line in err.splitlines()), err
