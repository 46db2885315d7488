from __future__ import annotations

import pytest
import torch
from torch import nn

from sambay.training.optimisers import OptimiserName, Optimisers
from sambay.training.parameterisation import Group

NAMES = ("matrix", "vector")


def make(kind: OptimiserName = OptimiserName.ADAMW) -> tuple[dict[str, nn.Parameter], Optimisers]:
    torch.manual_seed(0)
    parameters = {"matrix": nn.Parameter(torch.randn(6, 4)), "vector": nn.Parameter(torch.randn(4))}
    groups = [Group(("matrix",), True, 0.5, 0.1), Group(("vector",), False, 1.0, 0.0)]
    return parameters, Optimisers(parameters, groups, kind)


def fill_gradients(parameters: dict[str, nn.Parameter]) -> None:
    for parameter in parameters.values():
        parameter.grad = torch.randn_like(parameter)


@pytest.mark.parametrize("kind", list(OptimiserName))
def test_each_group_has_its_rule_rate_and_decay(kind: OptimiserName) -> None:
    ours, optimisers = make(kind)
    theirs, _ = make()
    if kind is OptimiserName.MUON:
        matrix: torch.optim.Optimizer = torch.optim.Muon(
            [theirs["matrix"]], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
        )
    else:
        matrix = torch.optim.AdamW([theirs["matrix"]], lr=0.01, betas=(0.9, 0.95), weight_decay=0.1)
    vector = torch.optim.AdamW([theirs["vector"]], lr=0.02, betas=(0.9, 0.95), weight_decay=0.0)
    optimisers.set_learning_rate(0.02)
    for _ in range(3):
        fill_gradients(ours)
        for name in NAMES:
            theirs[name].grad = ours[name].grad.clone()  # type: ignore[union-attr]
        optimisers.step()
        matrix.step()
        vector.step()
    for name in NAMES:
        assert torch.equal(ours[name], theirs[name])


@pytest.mark.parametrize("kind", list(OptimiserName))
def test_state_copied_to_fresh_optimisers_continues_the_same(kind: OptimiserName) -> None:
    ours, optimisers = make(kind)
    optimisers.set_learning_rate(0.1)
    fill_gradients(ours)
    optimisers.step()
    copies, fresh = make(kind)
    fresh.set_learning_rate(0.1)
    assert fresh.state().keys() == optimisers.state().keys()
    for name, tensor in fresh.state().items():
        tensor.copy_(optimisers.state()[name])
    with torch.no_grad():
        for name in NAMES:
            copies[name].copy_(ours[name])
    fill_gradients(ours)
    for name in NAMES:
        copies[name].grad = ours[name].grad.clone()  # type: ignore[union-attr]
    optimisers.step()
    fresh.step()
    for name in NAMES:
        assert torch.equal(ours[name], copies[name])


def test_clipping_is_over_all_parameters() -> None:
    parameters, optimisers = make()
    for parameter in parameters.values():
        parameter.grad = torch.ones_like(parameter)
    assert optimisers.clip_gradients(None) == pytest.approx(28**0.5)
    assert optimisers.clip_gradients(1.0) == pytest.approx(28**0.5)
    assert optimisers.clip_gradients(None) == pytest.approx(1.0, rel=1e-5)
    optimisers.zero_grad()
    assert all(parameter.grad is None for parameter in parameters.values())
