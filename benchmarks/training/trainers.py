"""Times training steps of one model in one trainer, in a process of its own: `throughput.py` starts it.

    python benchmarks/training/trainers.py CASE.json RESULTS.jsonl

CASE.json holds the fields of `Case`; every length's `Result` is appended to RESULTS.jsonl as soon as it is measured.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, SequentialSampler
from transformers import Trainer, TrainerCallback, TrainingArguments

from sambay.training import TrainConfig
from sambay.training.batches import Batches
from sambay.training.flops import flops_per_token
from sambay.training.loop import Run, build_model
from sambay.training.ranks import Ranks
from sambay.training.stopping import StopRequest

OURS, TRANSFORMERS = "ours", "transformers"


@dataclass(frozen=True)
class Case:
    """One model in one trainer at some lengths. Every step has `batch_tokens`, whatever the length."""

    trainer: str
    model: str
    is_compiled: bool
    lengths: tuple[int, ...]
    batch_tokens: int
    micro_batch_tokens: int
    num_documents: int = 1  # of a row
    num_checkpointed_layers: int = 0  # where the first step does not fit, more
    loss_chunk_tokens: int = 8192
    warmup_steps: int = 2
    timed_steps: int = 5
    precision: str = "bfloat16"
    attention: str | None = None
    overrides: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def num_steps(self) -> int:
        return self.warmup_steps + self.timed_steps

    def micro_batch_rows(self, length: int) -> int:
        return max(1, self.micro_batch_tokens // length)

    def config(self, length: int, output: str) -> TrainConfig:
        return TrainConfig(
            output=output, model=self.model, model_overrides=self.overrides, data="synthetic", sequence_tokens=length,
            batch_tokens=self.batch_tokens, total_tokens=10**12, micro_batch_rows=self.micro_batch_rows(length),
            precision=self.precision, attention=self.attention, is_compiled=self.is_compiled,
            loss_chunk_tokens=self.loss_chunk_tokens, is_progress_shown=False,
        )  # fmt: skip


class RandomRows:
    """Rows of random tokens in documents of equal length; a row's last position has no target."""

    def __init__(self, vocab_size: int, length: int, num_documents: int) -> None:
        self.vocab_size, self.length, self.num_documents = vocab_size, length, num_documents

    def row(self, index: int) -> dict[str, np.ndarray]:
        ids = np.random.default_rng(index).integers(3, self.vocab_size, self.length + 1)
        places = np.arange(self.length)
        documents = places * self.num_documents // self.length
        is_last = np.append(documents[1:] != documents[:-1], True)
        starts = np.maximum.accumulate(np.where(np.append(True, is_last[:-1]), places, 0))
        rows = {"input_ids": ids[:-1], "labels": np.where(is_last, -100, ids[1:])}
        return rows | ({"seq_idx": documents, "position_ids": places - starts} if self.num_documents > 1 else {})

    def rows(self, first: int, count: int) -> dict[str, Tensor]:
        made = [self.row(index) for index in range(first, first + count)]
        return {key: torch.from_numpy(np.stack([row[key] for row in made])) for key in made[0]}

    def describe(self) -> dict[str, Any]:
        return {"kind": "random", **vars(self)}


def measure(case: Case, write) -> None:
    """Calls `write` with each length's result as plain values."""
    (measure_ours if case.trainer == OURS else measure_transformers)(case, write)


def result(case: Case, length: int, num_layers: int, seconds: list[float], first: tuple[float, float], model) -> dict:
    parameters = sum(weight.numel() for weight in model.parameters())
    on_cuda = torch.cuda.is_available()
    return {
        **dataclasses.asdict(case), "length": length, "num_checkpointed_layers": num_layers,
        "micro_batch_rows": case.micro_batch_rows(length), "parameters": parameters,
        "first_loss": first[0], "first_norm": first[1], "seconds": seconds,
        "flops_per_token": flops_per_token(model.config, parameters, length),
        "peak_bytes": torch.cuda.max_memory_allocated() if on_cuda else None,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------ our trainer


def measure_ours(case: Case, write) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = case.config(case.lengths[0], folder)
        run = Run(config, Ranks(config), random_rows(case, config.model_config().vocab_size, case.lengths[0]))
        for length in case.lengths:
            prepare(run, case, length, folder)
            torch._dynamo.reset()  # as if this length were the only one: no graph for any length
            num_layers, first = first_step(run, case)
            seconds = [timed_step(run)[0] for _ in range(case.num_steps - 1)][case.warmup_steps - 1 :]
            write(result(case, length, num_layers, seconds, first, run.model))
        run.batches.close()
        run.checkpoints.close()


def random_rows(case: Case, vocab_size: int, length: int) -> RandomRows:
    return RandomRows(vocab_size, length, case.num_documents)


def prepare(run: Run, case: Case, length: int, folder: str) -> None:
    """The run with rows of another length: weights and optimiser go on, which costs nothing and tells nothing."""
    run.batches.close()
    run.config = case.config(length, folder)
    run.source = random_rows(case, run.model.config.vocab_size, length)
    run.batches = Batches(run.source, 0, 1, run.config.micro_batch_rows)
    run.progress.rows = run.progress.tokens = 0
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def first_step(run: Run, case: Case) -> tuple[int, tuple[float, float]]:
    """The first step, with as many layers checkpointed as it takes. Returns their number, loss and gradient norm."""
    blocks = list(run.model.model.layers)
    start = case.num_checkpointed_layers
    tries = [start, *(share * len(blocks) // 4 for share in (1, 2, 4) if share * len(blocks) // 4 > start)]
    run.model.activation_checkpointing_enable({"use_reentrant": False})
    for num_layers in tries:
        for index, block in enumerate(blocks):
            block.gradient_checkpointing = index < num_layers
        try:
            _, record = timed_step(run)
            return num_layers, (record["loss"], record["grad_norm"])
        except torch.OutOfMemoryError:
            print(f"out of memory with {num_layers} of {len(blocks)} layers checkpointed", flush=True)
        run.optimisers.zero_grad()
        gc.collect()
        torch.cuda.empty_cache()
    raise SystemExit("one micro-batch does not fit the device: pass fewer --micro-batch-tokens")


def timed_step(run: Run) -> tuple[float, dict]:
    synchronise()
    began = time.perf_counter()
    record, _ = run.step(StopRequest())
    synchronise()
    return time.perf_counter() - began, record


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


# ------------------------------------------------------------------------------------------ transformers' Trainer


class TrainRows(Dataset):
    """The same rows as examples: transformers' loss shifts the labels itself."""

    def __init__(self, rows: RandomRows, count: int) -> None:
        self.source, self.count = rows, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        row = {key: torch.from_numpy(value) for key, value in self.source.row(index).items()}
        labels = row["input_ids"].clone()
        labels[1:][row["labels"][:-1] == -100] = -100
        labels[0] = -100  # nothing predicts it, and the Trainer would count it in its mean
        return {**row, "labels": labels}


class InOrder(Trainer):
    """transformers' Trainer, reading its rows from the first on, as ours does."""

    def _get_train_sampler(self, train_dataset=None) -> SequentialSampler:  # noqa: ARG002
        return SequentialSampler(self.train_dataset)


class Stopwatch(TrainerCallback):
    """Seconds from a step's end to the next one's, and the first step's loss and gradient norm."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.logs: list[dict] = []

    def on_step_end(self, *_, **__) -> None:
        synchronise()
        self.times.append(time.perf_counter())

    def on_log(self, *_, logs: dict, **__) -> None:
        self.logs.append(dict(logs))


def measure_transformers(case: Case, write) -> None:
    for length in case.lengths:
        with tempfile.TemporaryDirectory() as folder:
            is_checkpointed = case.num_checkpointed_layers > 0
            try:
                found = train_with_transformers(case, length, folder, is_checkpointed)
            except torch.OutOfMemoryError:
                print("out of memory without activation checkpointing", flush=True)
                found = None
            if found is None:  # out of the except clause, which holds the tensors
                gc.collect()
                torch.cuda.empty_cache()
                found = train_with_transformers(case, length, folder, is_checkpointed=True)
            write(found)


def train_with_transformers(case: Case, length: int, folder: str, is_checkpointed: bool) -> dict:
    """The Trainer has no choice of layers: all are checkpointed, or none."""
    config = dataclasses.replace(case.config(length, folder), is_compiled=False)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = build_model(config, device)
    model.config.use_cache = False
    rows = case.micro_batch_rows(length)
    num_rows = case.batch_tokens // length
    arguments = TrainingArguments(
        folder, per_device_train_batch_size=rows, gradient_accumulation_steps=max(1, num_rows // rows),
        max_steps=case.num_steps, bf16=case.precision == "bfloat16", use_cpu=device.type == "cpu",
        learning_rate=1e-4, lr_scheduler_type="constant", weight_decay=0.1, adam_beta2=0.95, max_grad_norm=1.0,
        optim="adamw_torch_fused" if device.type == "cuda" else "adamw_torch", logging_steps=1, save_strategy="no",
        report_to=[], disable_tqdm=True, activation_checkpointing=is_checkpointed,
        activation_checkpointing_kwargs={"use_reentrant": False} if is_checkpointed else None,
        torch_compile=case.is_compiled, logging_nan_inf_filter=False, dataloader_pin_memory=device.type == "cuda",
    )  # fmt: skip
    watch = Stopwatch()
    source = TrainRows(random_rows(case, model.config.vocab_size, length), num_rows * case.num_steps)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    InOrder(model, arguments, train_dataset=source, callbacks=[watch]).train()
    seconds = [end - start for start, end in zip(watch.times, watch.times[1:], strict=False)][case.warmup_steps - 1 :]
    num_layers = len(model.model.layers) if is_checkpointed else 0
    first = (float(watch.logs[0]["loss"]), float(watch.logs[0]["grad_norm"]))
    return result(case, length, num_layers, seconds, first, model)


def main() -> None:
    case_path, results_path = map(Path, sys.argv[1:])
    fields = json.loads(case_path.read_text(encoding="utf-8"))
    case = Case(**{**fields, "lengths": tuple(fields["lengths"])})

    def write(found: dict) -> None:
        assert all(map(math.isfinite, (found["first_loss"], found["first_norm"]))), found
        with results_path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")

    measure(case, write)


if __name__ == "__main__":
    main()
