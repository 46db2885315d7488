import csv
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from sambay.data.curriculum import FAMILIES, Split, draw_problem

ROOT = Path(__file__).resolve().parent.parent.parent
COOKBOOK = ROOT / "docs" / "cookbook"
NEEDS = {"structured.py": "llguidance", "agent.py": "openai", "assessment.py": "math_verify"}

# this Python first, warnings as errors, and the CPU, whose replies the index shows
ENVIRONMENT = {
    **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONWARNINGS": "error",
    "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
}  # fmt: skip


def sections():
    """The README's text under each recipe's heading."""
    _, *parts = re.split(r"^## (\S+\.py)\n", (COOKBOOK / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def sessions(section):
    """Commands and what they print, of the blocks that begin with a command."""
    blocks = re.findall(r"^```\n(\$ .*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    steps = [step for block in blocks for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [step.partition("\n")[::2] for step in steps]


def run(command, folder, **options):
    """A shell command in a folder where docs/ is the repository's."""
    if not (folder / "docs").exists():
        (folder / "docs").symlink_to(ROOT / "docs")
    return subprocess.run(
        command, shell=True, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=240, check=False,
        **options,
    )  # fmt: skip


def matches(shown, printed):
    return re.fullmatch(re.escape(shown.strip()).replace("…", ".+?"), printed.strip()) is not None


def recipe(name):
    spec = importlib.util.spec_from_file_location(f"cookbook_{name}", COOKBOOK / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_recipe_is_in_the_index_with_what_it_prints():
    names = {path.name for path in COOKBOOK.glob("*.py")}
    found = sections()
    assert found.keys() == names
    index = (COOKBOOK / "README.md").read_text(encoding="utf-8")
    assert {name for name in names if f"| [{name}]({name}) |" in index} == names
    assert {name for name in names if not sessions(found[name])} == {"tutor.py"}  # its lesson is typed, and below
    for name in names:
        assert all(len(line) < 121 for line in (COOKBOOK / name).read_text(encoding="utf-8").splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(sections()))
def test_a_recipe_prints_what_the_index_says(name, tmp_path):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{name} needs {NEEDS[name]}")
    for command, shown in sessions(sections()[name]):
        done = run(command, tmp_path)
        assert done.returncode == 0, done.stderr
        assert matches(shown, done.stdout), f"$ {command}\n{done.stdout}"


@pytest.mark.slow
def test_a_killed_batch_loses_nothing_and_repeats_nothing(tmp_path):
    command = [sys.executable, str(COOKBOOK / "batch.py"), str(COOKBOOK / "questions.jsonl"), "killed.jsonl"]
    killed = tmp_path / "killed.jsonl"
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, **silent)
    try:
        end = time.monotonic() + 120
        while not (killed.exists() and killed.stat().st_size) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    first = killed.read_text(encoding="utf-8").splitlines(keepends=True)
    assert 0 < len(first) < 24, "killed too early or too late to show anything"
    with killed.open("a", encoding="utf-8") as file:
        file.write('{"id": 24, "answer": "2", "te')  # as a kill in the middle of a write leaves it
    resumed = run("python docs/cookbook/batch.py docs/cookbook/questions.jsonl killed.jsonl", tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.startswith(f"{len(first)} done, {24 - len(first)} to do\n")
    whole = run("python docs/cookbook/batch.py docs/cookbook/questions.jsonl whole.jsonl", tmp_path)
    assert whole.returncode == 0, whole.stderr
    lines = killed.read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines[: len(first)] == first, "what was written has changed"
    assert [json.loads(line)["id"] for line in lines] == list(range(1, 25))
    assert "".join(lines) == (tmp_path / "whole.jsonl").read_text(encoding="utf-8")


def test_a_question_without_an_id_of_its_own_is_refused(tmp_path):
    (tmp_path / "twice.jsonl").write_text('{"id": 1, "question": "a"}\n{"id": 1, "question": "b"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="the same id twice"):
        recipe("batch").read_questions(tmp_path / "twice.jsonl")


def test_a_table_without_a_column_is_refused(tmp_path):
    with (tmp_path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["student", "question", "answer"], ["Ann", "1 + 1", "2"]])
    with pytest.raises(ValueError, match="line 2: needed are the columns student, question, wanted, answer"):
        recipe("assessment").read_answers(tmp_path / "table.csv")


def test_the_tutor_rises_after_two_right_ones_and_steps_back_to_what_was_missed():
    tutor = recipe("tutor")
    learner, random, seen = tutor.Learner(), Random(1), []
    for is_solved in (True, True, True, True, True, True, False, False, False, False, True, True):
        problem = learner.next_exercise(random)
        seen.append((problem.level, problem.family))
        learner.take_in(problem, is_solved)
    assert [level for level, _ in seen] == [1, 1, 2, 2, 3, 3, 3, 2, 1, 1, 1, 1]
    assert learner.level == 2
    families = [family for _, family in seen]
    assert len(set(families[6:11])) == 1, "a kind that was missed comes again until it is solved"
    assert len(set(families[:6])) > 1


@pytest.mark.slow
def test_a_lesson_marks_what_is_typed_and_explains_what_is_wrong(tmp_path):
    pytest.importorskip("math_verify", reason="answers are marked by it")
    tutor = recipe("tutor")
    learner, random, typed, wanted = tutor.Learner(), Random(5), [], []
    for is_solved in (True, True, False, True):  # the lesson of that seed, known beforehand
        problem = learner.next_exercise(random)
        wanted.append(problem)
        typed.append(problem.answer if is_solved else "-12345")
        learner.take_in(problem, is_solved)
    done = run("python docs/cookbook/tutor.py 5", tmp_path, input="\n".join(typed) + "\n")
    assert done.returncode == 0, done.stderr
    first, *exercises = done.stdout.split("\n[level ")
    assert first == ""
    assert [one[0] for one in exercises] == ["1", "1", "2", "1", "1"]
    for shown, problem in zip(exercises, wanted, strict=False):
        assert problem.question in shown
    assert [index for index, one in enumerate(exercises) if "> Right." in one] == [0, 1, 3]
    answer, _, steps = exercises[2].partition("> ")[2].partition("\n")
    assert answer == f"No, it is {wanted[2].answer}:"
    assert steps.strip().splitlines()[-1].endswith(wanted[2].answer.split("/")[-1])


def test_an_explanation_is_never_a_wrong_one():
    pytest.importorskip("math_verify", reason="answers are marked by it")
    tutor = recipe("tutor")
    problem = draw_problem(FAMILIES["addition"], Random(0), 1, Split.TEST)

    class Llm:
        def __init__(self, answer):
            self.text = f"<think>\nas the model sees it\n</think>\n\nThe answer is \\boxed{{{answer}}}."

        def chat(self, conversation, params):
            return [self]

    assert tutor.explanation(Llm(problem.answer), problem) == "as the model sees it"
    assert tutor.explanation(Llm("0"), problem) == "\n".join(problem.steps)


@pytest.mark.slow
def test_64k_tokens_cost_the_same_each_and_are_read_once(tmp_path):
    done = run("python docs/cookbook/long_document.py", tmp_path)
    assert done.returncode == 0, done.stderr
    costs = [float(cost) for cost in re.findall(r": ([\d.]+) µs each", done.stdout)]
    counts = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) prompt tokens", done.stdout)]
    lengths = [int(count.replace(",", "")) for count in re.findall(r"^([\d,]+) tokens:", done.stdout, re.MULTILINE)]
    assert len(costs) == 4
    assert lengths[-1] > 62_000
    # eight times the length; other work on the machine may double a cost
    assert costs[-1] < 2.5 * costs[0], costs
    first, later = counts
    assert lengths[-1] <= first < lengths[-1] + 300, "three questions, and the document once"
    assert later < 200


class TestTheAgent:
    """Against a server whose replies are written beforehand, since the model in the box calls no tools."""

    @pytest.fixture
    def ask(self):
        openai = pytest.importorskip("openai", reason="the official client is not installed")
        from serving.conftest import ScriptedEngine, Served

        agent = recipe("agent")

        def asked(script):
            with Served(ScriptedEngine(script, num_bytes=8)) as served:
                client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0)
                return agent.run_agent(client, "What is 47 * 13?", agent.TOOLS)

        return asked

    def test_a_call_is_run_and_its_result_goes_back(self, ask):
        def script(prompt):
            if "<|tool_response|>" in prompt:
                return "It is " + prompt.rpartition("<|tool_response|>")[2].partition("<|end|>")[0] + "."
            assert '"name": "multiply"' in prompt.partition("<|tool|>")[2].partition("<|/tool|>")[0]
            return '<|tool_call|>[{"name": "multiply", "arguments": {"a": 47, "b": 13}}]<|/tool_call|>'

        messages = ask(script)
        assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
        assert messages[2]["content"] == "611"
        assert messages[3]["content"] == "It is 611."

    def test_a_wrong_call_is_told_to_the_model(self, ask):
        def script(prompt):
            if "error" in prompt:
                return "I cannot."
            return '<|tool_call|>[{"name": "multiply", "arguments": {"a": 47}}]<|/tool_call|>'

        messages = ask(script)
        assert "missing 1 required positional argument: 'b'" in messages[2]["content"]
        assert messages[3]["content"] == "I cannot."

    def test_a_model_that_calls_without_end_is_stopped(self, ask):
        call = '<|tool_call|>[{"name": "days_in_month", "arguments": {"month": "June"}}]<|/tool_call|>'
        with pytest.raises(RuntimeError, match="no answer after 5 rounds"):
            ask(lambda prompt: call)
