from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from training.launching import launch, losses

from sambay.training import TrainConfig, train
from sambay.training.checkpoints import find_fault

ONE_ROW = {"micro_batch_rows": 1}  # four turns for one rank, two for each of two


def assert_same_run(config: TrainConfig, alone: TrainConfig) -> None:
    assert len(losses(config)) == 12
    # float32 sums in another order; Adam makes full steps of whatever is left where a gradient cancels
    assert losses(config) == pytest.approx(losses(alone), abs=1e-5, rel=0)
    assert losses(alone)[-1] < losses(alone)[0] - 0.1, "nothing was learnt, so nothing was compared"


def test_two_ranks_equal_one(small_run) -> None:
    # three micro-batches on two ranks: one rank has a turn without targets
    sizes = {"batch_tokens": 96, "base_batch_tokens": 96, "total_tokens": 96 * 12}
    held_out = {"validation_data": "synthetic", "validation_rows": 5}
    uneven = {**ONE_ROW, **sizes, **held_out, "is_activation_checkpointed": True}
    alone, both = small_run("alone", **uneven), small_run("both", **uneven)
    train(alone)
    code, output = launch(both, num_ranks=2)
    assert code == 0, output
    assert_same_run(both, alone)
    one, two = (json.loads((Path(run.output) / "validation.json").read_text()) for run in (alone, both))
    assert two == {**one, "loss": pytest.approx(one["loss"], abs=1e-5)}


@pytest.mark.slow
def test_killed_between_and_during_saves_and_resumed_on_other_numbers_of_ranks(small_run) -> None:
    alone, killed = small_run("alone", **ONE_ROW), small_run("killed", **ONE_ROW)
    train(alone)
    folder = Path(killed.output)
    code, output = launch(killed, num_ranks=2, during_save=6)
    assert code != 0, output
    assert (folder / "step-00000006.writing").is_dir()
    code, output = launch(killed, num_ranks=1, after_step=8)
    assert code == -signal.SIGKILL, output
    assert not list(folder.glob("*.writing"))
    assert find_fault(folder / "step-00000006") is None
    assert not (folder / "step-00000009").exists()
    code, output = launch(killed, num_ranks=2)
    assert code == 0, output
    assert_same_run(killed, alone)


@pytest.mark.slow
def test_sigterm_to_one_rank_saves_and_stops_all(small_run) -> None:
    alone, stopped = small_run("alone", **ONE_ROW), small_run("stopped", **ONE_ROW)
    train(alone)
    code, output = launch(stopped, num_ranks=2, terminate_first_rank_at=4)
    assert code == 0, output
    assert json.loads(Path(stopped.output).with_suffix(".result").read_text()) == [False, 5]
    assert find_fault(Path(stopped.output) / "step-00000005") is None
    code, output = launch(stopped, num_ranks=1)
    assert code == 0, output
    assert_same_run(stopped, alone)


@pytest.mark.slow
def test_muon_and_bfloat16_on_two_ranks(small_run) -> None:
    options = {**ONE_ROW, "optimiser": "muon", "precision": "bfloat16"}
    alone, both = small_run("alone", **options), small_run("both", **options)
    train(alone)
    code, output = launch(both, num_ranks=2)
    assert code == 0, output
    # products rounded to bfloat16 (2^-9), and Muon's own iteration in bfloat16 whatever the precision
    assert losses(both) == pytest.approx(losses(alone), abs=2e-2, rel=0)
