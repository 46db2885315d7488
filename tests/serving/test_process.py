"""`sambay serve` as a process: it serves, ends in order at signals, and tells of wrong options in one line."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

CHAT = "/v1/chat/completions"
BODY = {"model": "tiny-model", "messages": [{"role": "user", "content": "hello"}], "stream": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from sambay.cli import main

    folder = tmp_path_factory.mktemp("served") / "tiny-model"
    assert main(["init", "tiny", str(folder), "--dtype", "float32"]) == 0
    return folder


def test_the_command_serves_and_ends_in_order_on_sigterm(folder, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("a-key-for-tests\n")
    command = [sys.executable, "-m", "sambay", "serve", str(folder), "--port", "0", "--api-key-file", str(keys)]
    command += ["--max-sequences", "4", "--memory-fraction", "0.3", "--drain-seconds", "20"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        line = next(line for line in process.stderr if " at http" in line)
        url = line.split()[-1].removesuffix("/v1")
        assert line.startswith("tiny-model at http://127.0.0.1:")
        rest: list[str] = []
        reader = threading.Thread(target=lambda: rest.extend(process.stderr))
        reader.start()
        headers = {"Authorization": "Bearer a-key-for-tests"}
        with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
            body = {**BODY, "max_tokens": 300, "ignore_eos": True}
            with client.stream("POST", CHAT, json=body) as reply:
                lines = reply.iter_lines()
                next(lines)
                process.send_signal(signal.SIGTERM)  # with a reply under way, which is to end as it would have
                text = [line for line in lines if line]
                assert text[-1] == "data: [DONE]"
                assert json.loads(text[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
            process.wait(20)
            with pytest.raises(httpx.ConnectError):
                client.get("/health")
        reader.join()
        assert process.returncode == 0
        assert rest[0] == f"in a browser: {url}\n"
        logged = [json.loads(line) for line in rest if line.startswith("{") and '"path"' in line]
        assert [(one["path"], one["status"], one["completion_tokens"]) for one in logged] == [(CHAT, 200, 300)]
        assert not [line for line in rest if "Traceback" in line]
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.parametrize(
    ("number", "times", "drain_seconds", "code"),
    [(signal.SIGINT, 1, "0.5", 130), (signal.SIGTERM, 1, "0.5", 0), (signal.SIGINT, 2, "60", 130)],
    ids=["ctrl-c", "sigterm", "ctrl-c twice"],
)
def test_a_reply_that_outlasts_the_end_is_told_so(folder, number, times, drain_seconds, code):
    command = [sys.executable, "-m", "sambay", "serve", str(folder), "--port", "0", "--max-sequences", "4"]
    command += ["--memory-fraction", "0.3", "--drain-seconds", drain_seconds]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            url = next(line for line in process.stderr if " at http" in line).split()[-1].removesuffix("/v1")
            with httpx.Client(base_url=url, timeout=60) as client:
                body = {**BODY, "max_tokens": 4000, "ignore_eos": True}
                with client.stream("POST", CHAT, json=body) as reply:
                    lines = reply.iter_lines()
                    next(lines)
                    for _ in range(times):
                        process.send_signal(number)
                        time.sleep(0.3)
                    last = [line for line in lines if line][-2:]
            assert json.loads(last[0].removeprefix("data: "))["error"]["code"] == "closing"
            assert last[1] == "data: [DONE]"
            logged = process.stderr.read()
            assert process.wait(20) == code
        finally:
            process.kill()
    assert "Traceback" not in logged
    assert f"replies under way have {drain_seconds} s to end" in logged
    assert json.loads(logged.splitlines()[-1])["error"] == "closing"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-body-mib", "0"], "max_body_bytes=0"),
        (["--api-key-file", "/nowhere/keys"], "No such file"),
        (["--max-sequences", "0"], "max_sequences=0"),
        (["--device", "abacus"], "abacus"),
        (["--port", "70000"], "--port"),
        (["--host", "256.256.256.256"], "cannot listen on 256.256.256.256 port 0: "),
    ],
)
def test_wrong_options_of_the_command_are_one_line(folder, capsys, options, message):
    from sambay.cli import main

    assert main(["serve", str(folder), "--port", "0", *options]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


LOADS_FOR_LONG = """
import sys, time
import sambay.engine.llm

def load(*_, **__):
    print("loading", file=sys.stderr, flush=True)
    time.sleep(60)

sambay.engine.llm.LLM = load
from sambay.cli import main
sys.exit(main(["serve", "x", "--port", "0"]))
"""


def test_ctrl_c_while_the_model_is_loaded_ends_at_once():
    with subprocess.Popen([sys.executable, "-c", LOADS_FOR_LONG], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr.readline() == "loading\n"
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130
            assert process.stderr.read() == ""
        finally:
            process.kill()
