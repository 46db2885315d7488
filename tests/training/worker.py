"""One process of a run that a test starts: trains by a JSON file, kills itself where the test says."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from sambay.training import TrainConfig, train
from sambay.training.checkpoints import Checkpoints
from sambay.training.loop import Run


def kill(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arrange(plan: dict[str, Any]) -> None:
    """Kills this process during the save of step `during_save`, or after step `after_step` when nothing is saved."""
    finish, step = Checkpoints._finish, Run.step

    def finish_or_die(self, upload, writing, final, progress):
        if progress["run"]["step"] == plan.get("during_save"):
            upload.result()  # the shards are on the disk, their manifest is not
            kill()
        finish(self, upload, writing, final, progress)

    def step_and_die(self, stop):
        answer = step(self, stop)
        if self.progress.step == plan.get("after_step"):
            self.checkpoints.wait()
            kill()
        if self.progress.step == plan.get("terminate_first_rank_at") and self.ranks.is_first:
            os.kill(os.getpid(), signal.SIGTERM)
        return answer

    Checkpoints._finish, Run.step = finish_or_die, step_and_die  # type: ignore[method-assign]


def main() -> None:
    torch.set_num_threads(1)
    plan = json.loads(Path(sys.argv[1]).read_text())
    arrange(plan)
    result = train(TrainConfig.from_dict(plan["config"]))
    if os.environ.get("RANK", "0") == "0":
        Path(sys.argv[1]).with_suffix(".result").write_text(json.dumps([result.is_finished, result.progress.step]))


if __name__ == "__main__":
    main()
