from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from training.launching import launch

from sambay.sizes import named_config
from sambay.training import TrainConfig, train
from sambay.training.records import read
from sambay.training.tensor_parallel import Split, check_tensor_parallel

# SambaY+DA; and its peers' other choices: one softmax, rotary positions, RMSNorm, more biases, dropout. With its usual
# epsilon Adam makes full steps of gradients that are nothing but rounding, such as those of the keys' biases.
DIFFERENTIAL: dict[str, Any] = {"micro_batch_rows": 2, "eps": 1e-5, "checkpoint_steps": 0}
SOFTMAX: dict[str, Any] = {
    **DIFFERENTIAL,
    "model_overrides": {
        "attention_type": "softmax", "norm_type": "rmsnorm", "rope_theta": 10000.0,
        "mlp_bias": True, "mamba_proj_bias": True, "resid_pdrop": 0.1, "embd_pdrop": 0.1,
    },
}  # fmt: skip


def assert_same_run(config: TrainConfig, alone: TrainConfig) -> None:
    split, whole = (read(Path(run.output) / "metrics.jsonl") for run in (config, alone))
    assert [record["step"] for record in split] == list(range(1, 13))
    losses, norms = ([[record[key] for record in run] for run in (split, whole)] for key in ("loss", "grad_norm"))
    assert losses[0] == pytest.approx(losses[1], rel=0, abs=1e-5)  # float32 sums in another order
    assert norms[0][0] == pytest.approx(norms[1][0], rel=1e-6, abs=0)  # every gradient once, before any step of Adam
    assert norms[0] == pytest.approx(norms[1], rel=1e-3, abs=0)
    assert losses[1][-1] < losses[1][0] - 0.1, "nothing was learnt, so nothing was compared"


def weights(config: TrainConfig) -> dict[str, Tensor]:
    return load_file(Path(config.output) / "model" / "model.safetensors")


def assert_same_weights(config: TrainConfig, alone: TrainConfig) -> None:
    split, whole = weights(config), weights(alone)
    assert split.keys() == whole.keys()
    for name in whole:
        difference = (split[name] - whole[name]).norm() / whole[name].norm()
        assert difference < 2e-4, f"{name}: {difference}"


@pytest.mark.slow
@pytest.mark.parametrize("options", [DIFFERENTIAL, SOFTMAX], ids=["differential", "softmax"])
def test_two_ranks_that_share_each_layer_equal_one(small_run, options: dict[str, Any]) -> None:
    alone, shared = small_run("alone", **options), small_run("shared", **options, tensor_parallel_size=2)
    train(alone)
    code, output = launch(shared, num_ranks=2)
    assert code == 0, output
    assert_same_run(shared, alone)
    assert_same_weights(shared, alone)
    # the checkpoint of two ranks, read by one that has no step left to do: the same weights to the bit
    saved = weights(shared)
    assert train(small_run("shared", **options)).losses == ()
    assert all(torch.equal(value, saved[name]) for name, value in weights(shared).items())


@pytest.mark.slow
def test_killed_and_resumed_with_other_tensor_parallel_sizes(small_run) -> None:
    options = {**DIFFERENTIAL, "checkpoint_steps": 3}
    alone, one = small_run("alone", **options), small_run("killed", **options)
    two = small_run("killed", **options, tensor_parallel_size=2)
    train(alone)
    code, output = launch(two, num_ranks=2, after_step=5)
    assert code != 0, output
    code, output = launch(one, num_ranks=1, after_step=8)
    assert code == -signal.SIGKILL, output
    code, output = launch(two, num_ranks=2)
    assert code == 0, output
    assert_same_run(two, alone)
    assert_same_weights(two, alone)


@pytest.mark.slow
def test_two_groups_of_two_ranks(small_run) -> None:
    # three micro-batches: the second group has a turn without targets
    sizes = {"batch_tokens": 96, "base_batch_tokens": 96, "total_tokens": 96 * 12, "micro_batch_rows": 1, "eps": 1e-5}
    alone = small_run("alone", **sizes)
    groups = small_run("groups", **sizes, tensor_parallel_size=2, is_activation_checkpointed=True)
    train(alone)
    code, output = launch(groups, num_ranks=4)
    assert code == 0, output
    assert_same_run(groups, alone)
    assert_same_weights(groups, alone)
    saved = weights(groups)
    assert train(small_run("groups", **sizes)).losses == ()
    assert all(torch.equal(value, saved[name]) for name, value in weights(groups).items())


def test_parts_hold_their_share_of_every_fused_piece() -> None:
    whole = torch.arange(12.0)[:, None]
    split = Split(0, (8, 4))
    parts = [split.part(whole, rank, 2) for rank in range(2)]
    assert parts[0].flatten().tolist() == [0, 1, 2, 3, 8, 9]
    assert parts[1].flatten().tolist() == [4, 5, 6, 7, 10, 11]
    assert torch.equal(split.join(parts), whole)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tensor_parallel_size": 0}, "tensor_parallel_size=0: allowed is 1 or more"),
        (
            {"tensor_parallel_size": 4},
            r"tensor_parallel_size=4 does not divide 2 \(pairs of key/value heads\): allowed are 1, 2$",
        ),
        (
            {"tensor_parallel_size": 3, "model_overrides": {"attention_type": "softmax"}},
            r"=3 does not divide 128 \(MLP width, intermediate_size\): allowed are 1, 2, 4$",
        ),
        (
            {"tensor_parallel_size": 2, "model_overrides": {"intermediate_size": 129}},
            r"=2 does not divide 129 \(MLP width, intermediate_size\): allowed are 1$",
        ),
        (
            {
                "tensor_parallel_size": 2,
                "model_overrides": {"hidden_size": 63, "head_dim": 8, "mamba_expand": 1},
            },
            r"=2 does not divide 63 \(Mamba channels\): allowed are 1$",
        ),
        ({"tensor_parallel_size": 2, "model_overrides": {"attention_dropout": 0.1}}, "attention_dropout=0.1: .*is 0"),
        ({"tensor_parallel_size": 2, "optimiser": "muon"}, "tensor_parallel_size=2: allowed is 1 with .*muon"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(small_run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small_run(**options)


def test_a_number_of_ranks_that_does_not_fit_is_refused(small_run) -> None:
    with pytest.raises(ValueError, match=r"=2 does not divide 1 \(number of ranks\): allowed are 1$"):
        train(small_run(tensor_parallel_size=2))
    softmax = {"attention_type": "softmax"}
    model = small_run(model_overrides=softmax).model_config()
    with pytest.raises(ValueError, match=r"=4 does not divide 6 \(number of ranks\): allowed are 1, 2$"):
        check_tensor_parallel(4, model, num_ranks=6)
    check_tensor_parallel(4, model, num_ranks=8)
    check_tensor_parallel(10, named_config("phi-4-mini-flash"), num_ranks=20)
