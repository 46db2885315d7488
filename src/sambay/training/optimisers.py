"""AdamW for everything, or Muon for matrices and AdamW for the rest: groups, state by name, clipping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from sambay.training.parameterisation import Group
from sambay.training.tensor_shards import TensorShards

_UNSPLIT = TensorShards()


class OptimiserName(str, Enum):
    """Which rule updates the matrix-like parameters; the vector-like ones always have AdamW."""

    ADAMW = "adamw"
    MUON = "muon"


class Optimisers:
    """The optimisers of a run as one: a learning rate for all, a step, and a state named like the parameters."""

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        groups: Iterable[Group],
        kind: OptimiserName = OptimiserName.ADAMW,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        momentum: float = 0.95,
    ) -> None:
        self.parameters = dict(parameters)
        self.is_fused = next(iter(self.parameters.values())).device.type == "cuda"
        adamw: list[dict[str, Any]] = []
        muon: list[dict[str, Any]] = []
        for group in groups:
            described = {
                "params": [self.parameters[name] for name in group.names], "weight_decay": group.weight_decay,
                "lr": 0.0, "lr_multiplier": group.lr_multiplier,
            }  # fmt: skip
            (muon if kind is OptimiserName.MUON and group.is_matrix_like else adamw).append(described)
        self.all: list[Optimizer] = []
        if adamw:
            self.all.append(AdamW(adamw, betas=betas, eps=eps, fused=self.is_fused))
        if muon:  # with the update's size of AdamW (arXiv 2502.16982), so that one learning rate serves both
            self.all.append(torch.optim.Muon(muon, momentum=momentum, adjust_lr_fn="match_rms_adamw"))
        for optimiser in self.all:
            _start_state(optimiser, self.is_fused)

    def set_learning_rate(self, rate: float) -> None:
        """Each group's rate becomes `rate` times its multiplier."""
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = rate * group["lr_multiplier"]

    def step(self) -> None:
        for optimiser in self.all:
            optimiser.step()

    def zero_grad(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Every tensor of the optimisers' state by name, such as "exp_avg.model.embed_tokens.weight".

        They are the state itself: what is copied into them is loaded.
        """
        return {
            f"{key}.{name}": value
            for optimiser in self.all
            for name, parameter in self.parameters.items()
            if parameter in optimiser.state
            for key, value in optimiser.state[parameter].items()
        }

    def clip_gradients(self, max_norm: float | None, shards: TensorShards = _UNSPLIT) -> Tensor:
        """Scales all gradients so that their norm over all ranks is at most `max_norm`. Returns the norm before."""
        norm = shards.gradient_norm(self.parameters)
        if max_norm is not None:
            nn.utils.clip_grads_with_norm_(self.parameters.values(), max_norm, norm)
        return norm


def _start_state(optimiser: Optimizer, is_fused: bool) -> None:
    """The state that the optimiser would make in its first step, so that a checkpoint finds it in place."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            zeros = torch.zeros_like(parameter, memory_format=torch.preserve_format).detach()
            if isinstance(optimiser, AdamW):
                device = parameter.device if is_fused else torch.device("cpu")
                step = torch.zeros((), dtype=torch.float32, device=device)
                optimiser.state[parameter].update(step=step, exp_avg=zeros, exp_avg_sq=zeros.clone())
            else:
                optimiser.state[parameter].update(momentum_buffer=zeros)
