"""Climbing a ladder: each run trained once, in as many pieces as time and interruptions make of it."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from transformers import initialization

from sambay.data.durable import whole_file
from sambay.model.sambay import SambaYForCausalLM
from sambay.training.config import TrainConfig
from sambay.training.ladder import LadderConfig, Rung
from sambay.training.loop import Result, Run, open_source
from sambay.training.ranks import Ranks
from sambay.training.records import read
from sambay.training.validation import validation_config

logger = logging.getLogger(__name__)

IDENTITY_NAME, POINT_NAME = "identity.json", "point.json"
# Options that do not change what a run learns, and paths, for which the data's own description stands.
_FREE = (
    *("output", "data", "validation_data", "device", "attention", "micro_batch_rows", "loss_chunk_tokens"),
    *("is_compiled", "is_activation_checkpointed", "num_checkpointed_layers", "peak_flops", "max_minutes"),
    *("checkpoint_steps", "keep_checkpoints", "is_resumed", "log_steps", "is_progress_shown", "trackers", "data_sets"),
)


@dataclass(frozen=True)
class Point:
    """What a finished run measured. Losses are means a predicted token of the validation rows, in nats."""

    architecture: str
    depth: int
    tokens: int
    flops: float  # the axis: see `scaling.ladder_flops`
    num_parameters: int  # of the model as built, embeddings included
    loss: float
    validation_targets: int
    skipped_steps: int
    seconds: float  # of training steps: the mean of the logged ones, times their number


@dataclass(frozen=True)
class Climb:
    """The points of a ladder so far, in the order of its runs."""

    points: tuple[Point, ...]
    num_runs: int

    @property
    def is_finished(self) -> bool:
        return len(self.points) == self.num_runs


def climb(config: LadderConfig, say: Callable[[str], None] = logger.info) -> Climb:
    """Trains the runs that are not finished, one after the other, until all are or something asks to stop.

    A finished run is not run again, a stopped or killed one goes on from its newest checkpoint. SIGTERM, Ctrl-C and
    `max_minutes` save the run at hand and return. Every process of torchrun or Slurm calls this; the first one writes.

    Raises ValueError if the output folder holds runs of other options or data, and as `train` does.
    """
    deadline = None if config.max_minutes is None else time.monotonic() + 60 * config.max_minutes
    rungs = config.rungs()
    data = _describe_data(rungs[0].config)
    points = {rung.name: _known_point(rung, data) for rung in rungs}  # by all processes, before any of them writes
    try:
        for number, rung in enumerate(rungs, 1):
            minutes = None if deadline is None else (deadline - time.monotonic()) / 60
            if points[rung.name] is not None:
                continue
            if minutes is not None and minutes <= 0 and _num_ranks() == 1:
                break
            say(f"run {number} of {len(rungs)}, {rung.name}: {rung.config.total_tokens:,} tokens")
            # Ranks whose clocks disagree about the end must not part: the trainer makes a step, and asks them all.
            result = _train(rung, None if minutes is None else max(minutes, 1e-6), data)
            if not result.is_finished:
                break
            points[rung.name] = _finish(rung, result, config.are_checkpoints_kept)
    finally:
        if dist.is_initialized():  # one for all runs: made anew in the same processes, it can hang
            dist.destroy_process_group()
    return Climb(tuple(point for point in points.values() if point is not None), len(rungs))


def is_first_rank() -> bool:
    """Whether this process is the one that writes, also where no training has to start first."""
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def _num_ranks() -> int:
    return int(os.environ.get("WORLD_SIZE", os.environ.get("SLURM_NTASKS", "1")))


def _describe_data(config: TrainConfig) -> dict[str, Any]:
    """What the runs are trained and measured on, as plain data."""
    vocab_size = config.model_config().vocab_size
    described = [open_source(each, vocab_size).describe() for each in (config, validation_config(config))]
    return json.loads(json.dumps(dict(zip(("train", "validation"), described, strict=True))))


def _known_point(rung: Rung, data: dict[str, Any]) -> Point | None:
    """The run's point if it is finished. Raises ValueError if what is in its folder is another run."""
    folder = Path(rung.config.output)
    if (folder / IDENTITY_NAME).is_file():
        found, wanted = _load(folder / IDENTITY_NAME), _identity(rung, data)
        for name in wanted:
            if found.get(name) != wanted[name]:
                raise ValueError(f"{folder} was run with {name}={found.get(name)!r}, which is {wanted[name]!r} now: "
                                 "allowed are the same, or another output folder")  # fmt: skip
    elif folder.exists() and any(path.suffix != ".part" for path in folder.iterdir()):
        raise ValueError(f"{folder} is not empty and not of a ladder: choose another output folder")
    path = folder / POINT_NAME
    return Point(**_load(path)) if path.is_file() else None


def _identity(rung: Rung, data: dict[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in rung.config.to_dict().items() if name not in _FREE}
    return json.loads(json.dumps({**options, "data": data}))


def _train(rung: Rung, minutes: float | None, data: dict[str, Any]) -> Result:
    if is_first_rank():
        folder = Path(rung.config.output)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / IDENTITY_NAME, _identity(rung, data))
    config = replace(rung.config, max_minutes=minutes)
    result = Run(config, Ranks(config), None).train()
    torch.compiler.reset()  # compiled code of this run's shapes would count against the next run's limit
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return result


def _finish(rung: Rung, result: Result, are_checkpoints_kept: bool) -> Point:
    """Writes the run's point, which makes it finished, and removes what only going on would need."""
    assert result.validation is not None, "the ladder's configuration asks for it"
    seconds = [record["seconds"] for record in read(result.output / "metrics.jsonl")]
    point = Point(
        architecture=rung.architecture, depth=rung.depth, tokens=result.progress.tokens, flops=rung.flops,
        num_parameters=_num_parameters(rung.config), loss=result.validation.loss,
        validation_targets=result.validation.targets, skipped_steps=result.progress.skipped_steps,
        seconds=float(np.mean(seconds)) * result.progress.step,
    )  # fmt: skip
    if is_first_rank():
        _write(result.output / POINT_NAME, asdict(point))
        for checkpoint in () if are_checkpoints_kept else result.output.glob("step-*"):
            shutil.rmtree(checkpoint)
    return point


def _num_parameters(config: TrainConfig) -> int:
    with torch.device("meta"), initialization.no_init_weights():
        model = SambaYForCausalLM(config.model_config())
    model.tie_weights()
    return sum(parameter.numel() for parameter in model.parameters())


def _load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, values: dict[str, Any]) -> None:
    with whole_file(path) as file:
        file.write(json.dumps(values, indent=1).encode() + b"\n")
