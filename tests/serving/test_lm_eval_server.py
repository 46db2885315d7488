"""lm-eval's command against a running `sambay serve`: its requests are taken, and its scores are of the replies."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("tenacity") is None, reason="lm-eval[api] is not installed"),
]

QUESTIONS = [f"What is {number} + {number}?" for number in range(8)]
TASK = """
task: spoken
dataset_path: json
dataset_kwargs: {{data_files: {{test: {file}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: ["\\x00", "\\x01"], max_gen_toks: 12, temperature: 0, do_sample: false}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    """The address of a model that the command made and serves."""
    from sambay.cli import main

    folder = tmp_path_factory.mktemp("served") / "tiny-model"
    assert main(["init", "tiny", str(folder), "--dtype", "float32"]) == 0
    command = [sys.executable, "-m", "sambay", "serve", str(folder), "--port", "0", "--max-sequences", "8"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            line = next(line for line in process.stderr if " at http" in line)
            with subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL):
                yield line.split()[-1]
                process.terminate()
                assert process.wait(60) == 0
        finally:
            process.kill()


def _said(url, path, question):
    prompt = {"messages": [{"role": "user", "content": question}]} if "chat" in path else {"prompt": question}
    asked = {"model": "tiny-model", "temperature": 0, "max_tokens": 12, "stop": ["\x00", "\x01"], "seed": 1234}
    choice = httpx.post(f"{url}{path}", json={**asked, **prompt}, timeout=60).json()["choices"][0]
    return choice["message"]["content"] if "chat" in path else choice["text"]


@pytest.mark.parametrize(
    ("kind", "path", "options"),
    [
        ("local-chat-completions", "/chat/completions", ["--apply_chat_template"]),
        ("local-completions", "/completions", []),
    ],
)
def test_its_scores_are_of_the_replies(url, tmp_path, kind, path, options):
    """Three in four answers are what the server says by itself; the others are something else."""
    said = [_said(url, path, question) for question in QUESTIONS]
    docs = [
        {"question": question, "answer": text if place % 4 else f"not {text}"}
        for place, (question, text) in enumerate(zip(QUESTIONS, said, strict=True))
    ]
    data = tmp_path / "docs.jsonl"
    data.write_text("".join(json.dumps(doc) + "\n" for doc in docs))
    (tmp_path / "spoken.yaml").write_text(TASK.format(file=data))
    model = f"model=tiny-model,base_url={url}{path},num_concurrent=4,max_retries=1,tokenizer_backend=none"
    command = [sys.executable, "-m", "lm_eval", "--model", kind, "--model_args", model, "--tasks", "spoken"]
    command += [*options, "--include_path", str(tmp_path), "--output_path", str(tmp_path / "out")]
    offline = {"HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    ran = subprocess.run(command, env={**os.environ, **offline}, capture_output=True, text=True, timeout=250)
    assert ran.returncode == 0, ran.stderr[-3000:]
    (found,) = Path(tmp_path, "out").rglob("results_*.json")
    assert json.loads(found.read_text())["results"]["spoken"]["exact_match,none"] == 0.75
    assert "API request failed" not in ran.stderr


def test_log_likelihoods_of_prompts_are_refused_and_not_made_up(url):
    """What lm-eval's multiple-choice tasks ask for."""
    asked = {"model": "tiny-model", "prompt": [[65, 66]], "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1}
    reply = httpx.post(f"{url}/completions", json={**asked, "echo": True}, timeout=60)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "echo")
    assert httpx.post(f"{url}/completions", json=asked, timeout=60).status_code == 200
