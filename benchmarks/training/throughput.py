"""Tokens per second and MFU of training: SambaY and a Transformer in our trainer, SambaY in transformers' own.

    python benchmarks/training/throughput.py --json throughput.json                       # one H100, six minutes
    python benchmarks/training/throughput.py --cases ours/tiny/eager transformers/tiny/eager --lengths 64 128 \\
        --batch-tokens 256 --micro-batch-tokens 128 --timed-steps 2                       # a CPU, half a minute

A case is TRAINER/MODEL/compiled or TRAINER/MODEL/eager: "ours" compiles each layer, "transformers" has the Trainer's
torch_compile. All have the same weights, rows, tokens of a step and attention backend, bfloat16 products, float32
parameters and AdamW's state. The correctness gate comes before the table: where both trainers run a model, their first
step's loss and gradient norm, from the same rows and weights, must agree within GATE. Each case is a process of its
own; times are medians of steps after warm-up, from device idle to device idle. MFU counts as docs/training.md says.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent))
from trainers import OURS, TRANSFORMERS, Case

from sambay.training.flops import peak_flops

# Relative: of means over ten thousand losses in float32 of products rounded to 2^-9, in another order of sums where one
# of them is compiled; the norm also has the rounding of each gradient.
GATE = {"first_loss": 2e-3, "first_norm": 2e-2}
CASES = (
    *("ours/sambay_d16/compiled", "transformers/sambay_d16/eager", "ours/transformer_d16/compiled"),
    *("ours/sambay_d16/eager", "transformers/sambay_d16/compiled"),
)


def main() -> None:
    options = read_options()
    cases = [make_case(text, options) for text in options.cases]
    began = time.monotonic()
    results, notes = [], []
    for text, case in zip(options.cases, cases, strict=True):
        left = options.minutes * 60 - (time.monotonic() - began)
        found, note = run(case, min(left, options.case_minutes * 60)) if left > 0 else ([], "not run: no time left")
        results += found
        if note:
            notes.append(f"{text}: {note}")
    worst = differences(results)
    text = table(results, notes, worst)
    if options.json:
        write(options.json, {"machine": machine(options.commit), "gate": worst, "results": results, "notes": notes})
    wrong = {key: error for key, error in worst.items() if not error <= GATE[key]}
    if wrong or not results:
        raise SystemExit(f"wrong: the trainers' first steps differ by {wrong}, allowed {GATE}" if wrong else
                         "\n".join(["nothing was measured", *notes]))  # fmt: skip
    print(text)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), metavar="TRAINER/MODEL/compiled|eager")
    parser.add_argument("--lengths", type=int, nargs="+", default=[4096, 32768], help="tokens of a row")
    parser.add_argument("--batch-tokens", type=int, default=65536, help="of an optimiser step")
    parser.add_argument("--micro-batch-tokens", type=int, default=16384, help="computed at once, or one row if longer")
    parser.add_argument("--documents", type=int, default=1, help="of a row; more are kept apart by masks")
    parser.add_argument("--checkpointed-layers", type=int, default=0, help="more where the first step does not fit")
    parser.add_argument("--loss-chunk-tokens", type=int, default=8192)
    parser.add_argument("--warmup-steps", type=int, default=2)
    parser.add_argument("--timed-steps", type=int, default=5)
    parser.add_argument("--precision", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--attention", help="backend; flex_attention on CUDA, sdpa on a CPU")
    parser.add_argument("--minutes", type=float, default=30, help="no case starts, or goes on, after these")
    parser.add_argument("--case-minutes", type=float, default=5)
    parser.add_argument("--commit", help="what was measured, where there is no .git folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    for length in options.lengths:
        if options.batch_tokens % max(length, options.micro_batch_tokens):
            parser.error(f"--batch-tokens {options.batch_tokens}: allowed are multiples of --micro-batch-tokens and of "
                         f"each length, here {length}")  # fmt: skip
    if options.warmup_steps < 1 or options.timed_steps < 1:
        parser.error("--warmup-steps and --timed-steps: allowed is 1 or more")
    return options


def make_case(text: str, options: argparse.Namespace) -> Case:
    parts = text.split("/")
    if len(parts) != 3 or parts[0] not in (OURS, TRANSFORMERS) or parts[2] not in ("compiled", "eager"):
        raise SystemExit(f"--cases {text}: allowed are TRAINER/MODEL/compiled and TRAINER/MODEL/eager, TRAINER being "
                         f"{OURS} or {TRANSFORMERS}")  # fmt: skip
    return Case(
        trainer=parts[0], model=parts[1], is_compiled=parts[2] == "compiled", lengths=tuple(options.lengths),
        batch_tokens=options.batch_tokens, micro_batch_tokens=options.micro_batch_tokens,
        num_documents=options.documents, num_checkpointed_layers=options.checkpointed_layers,
        loss_chunk_tokens=options.loss_chunk_tokens, warmup_steps=options.warmup_steps,
        timed_steps=options.timed_steps, precision=options.precision, attention=options.attention,
    )  # fmt: skip


def run(case: Case, seconds: float) -> tuple[list[dict], str | None]:
    """The results of a process for `case`, as far as it came, and why it came no further."""
    with tempfile.TemporaryDirectory() as folder:
        given, results = Path(folder) / "case.json", Path(folder) / "results.jsonl"
        given.write_text(json.dumps(dataclasses.asdict(case)), encoding="utf-8")
        results.touch()
        command = [sys.executable, str(Path(__file__).with_name("trainers.py")), str(given), str(results)]
        environment = {**os.environ, "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
        note = None
        try:
            subprocess.run(command, check=True, timeout=seconds, env=environment, stdout=sys.stderr)
        except subprocess.TimeoutExpired:
            note = f"stopped after {seconds:.0f} s"
        except subprocess.CalledProcessError as error:
            note = f"failed with exit code {error.returncode}"
        return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()], note


def differences(results: list[dict]) -> dict[str, float]:
    """The largest relative difference of our first steps from transformers' on the same weights and rows."""
    worst: dict[str, float] = {}
    firsts = [row for row in results if row["length"] == row["lengths"][0]]  # ours then goes on with trained weights
    for ours in (row for row in firsts if row["trainer"] == OURS):
        for theirs in (row for row in firsts if row["trainer"] == TRANSFORMERS and row["model"] == ours["model"]):
            for key in GATE:
                worst[key] = max(worst.get(key, 0.0), abs(ours[key] - theirs[key]) / abs(theirs[key]))
    return worst


def table(results: list[dict], notes: list[str], worst: dict[str, float]) -> str:
    peak = peak_flops(torch.device("cuda")) if torch.cuda.is_available() else None
    head = f"{'case':34} {'row':>6} {'tokens/s':>9} {'MFU':>6} {'step s':>7} {'GB':>5} {'ckpt':>4}"
    lines = [f"{head}  cost a token, of the first length's"]
    shortest: dict[str, float] = {}
    for row in results:
        name = f"{row['trainer']}/{row['model']}/{'compiled' if row['is_compiled'] else 'eager'}"
        step = statistics.median(row["seconds"])
        row["tokens_per_second"] = speed = row["batch_tokens"] / step
        row["mfu"] = row["flops_per_token"] * speed / peak if peak else None
        row["cost_ratio"] = step / shortest.setdefault(name, step)
        mfu = f"{row['mfu']:6.1%}" if peak else f"{'-':>6}"
        memory = f"{row['peak_bytes'] / 1e9:5.1f}" if row["peak_bytes"] else f"{'-':>5}"
        lines.append(f"{name:34} {row['length']:6} {speed:9.0f} {mfu} {step:7.3f} {memory} "
                     f"{row['num_checkpointed_layers']:4}  {row['cost_ratio']:.2f}")  # fmt: skip
    agreed = ", ".join(f"{key} {error:.1e} (allowed {GATE[key]:.0e})" for key, error in worst.items())
    return "\n".join([*lines, *notes, f"first steps agree: {agreed}" if agreed else "no two trainers to compare"])


def machine(commit: str | None) -> dict[str, str | None]:
    on_cuda = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if on_cuda else platform.processor() or platform.machine(),
        "torch": torch.__version__, "transformers": transformers.__version__, "python": platform.python_version(),
        "commit": commit or read_commit(),
    }  # fmt: skip


def read_commit() -> str:
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def write(path: Path, found: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
