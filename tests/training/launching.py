"""Runs that a test starts in processes of their own, and what they logged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sambay.training import TrainConfig
from sambay.training.records import read

WORKER = Path(__file__).with_name("worker.py")


def launch(config: TrainConfig, num_ranks: int, **plan: Any) -> tuple[int, str]:
    """Runs the worker to its end. Returns its exit code and what it wrote."""
    path = Path(config.output).with_suffix(".json")
    path.write_text(json.dumps({"config": config.to_dict(), **plan}))
    command = [sys.executable, str(WORKER), str(path)]
    if num_ranks > 1:
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_ranks}"]
        command = [sys.executable, *torchrun, *command[1:]]
    done = subprocess.run(
        command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=240, check=False
    )
    return done.returncode, done.stdout + done.stderr


def losses(config: TrainConfig) -> list[float]:
    records = read(Path(config.output) / "metrics.jsonl")
    assert [record["step"] for record in records] == list(range(1, len(records) + 1))
    return [record["loss"] for record in records]
