"""Standard, µP and µP++: how initialisation, learning rate, weight decay and multipliers depend on depth and width.

All rules are in this file (arXiv 2507.06607, section 3 and table 6, and the code published with it). The family's width
is its aspect ratio times its depth d, so both are expressed by d / d0, with d0 = 16 layers.

| | standard | µP | µP++ |
|---|---|---|---|
| learning rate η | η0 √(B/B0) | η0 √(B/B0) | η0 √(B/B0) √(d0/d) |
| ... of matrix-like parameters | η | η d0/d | η d0/d |
| weight decay | all parameters | all parameters | matrix-like parameters alone |
| logits | 1 | d0/d | d0/d |
| what mixers and MLPs add to the residual stream | 1 | 1 | 1/√(2d) |
| attention scores | 1/√C | √128/C | √128/C |
| linear weights at the start | N(0, 0.02²) | U(±1/√inputs) | U(±1/√inputs) |
| embedding at the start, tied / untied | N(0, 0.02²) | N(0, 0.02²) / N(0, 10⁻⁸) | N(0, 0.02²) / N(0, 10⁻⁸) |
| untied head at the start | N(0, 0.02²) | 0 | 0 |
"""

from __future__ import annotations

import copy
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn

from sambay.config import SambaYConfig

# C head width, B tokens a batch, d depth (layers).
BASE_DEPTH = 16
BASE_BATCH_TOKENS = 2**21
BASE_LEARNING_RATE = 4e-4
BASE_HEAD_DIM = 128
BASE_TRAINING_TOKENS = 100e9
EMBEDDING_STD, UNTIED_EMBEDDING_STD, STANDARD_STD, LAMBDA_STD = 0.02, 1e-4, 0.02, 0.1

# Parts of a name that make a weight vector-like: it does not grow with the width on both sides.
VECTOR_LIKE = ("conv1d", "embed_tokens", "lm_head", "norm", "subln")
# The projections into the residual stream, which GPT-2 divides by the square root of their number.
OUTPUT_PROJECTIONS = ("out_proj.weight", "fc2.weight")


class Parameterisation(str, Enum):
    """Which column of the table above."""

    STANDARD = "standard"
    MUP = "mup"
    MUPP = "mup++"


@dataclass(frozen=True)
class Group:
    """Parameters with one learning rate and one weight decay. `lr_multiplier` is a factor of the run's rate."""

    names: tuple[str, ...]
    is_matrix_like: bool
    lr_multiplier: float
    weight_decay: float


def is_matrix_like(name: str) -> bool:
    """Whether both sides of the parameter grow with the width.

    The published rule by names, in the released files' names: a "weight" of neither a convolution, an embedding, the
    head nor a norm. Biases, A_log, D and the λ vectors are no "weight".
    """
    return "weight" in name and not any(part in name for part in VECTOR_LIKE)


def parameter_groups(
    names: Iterable[str], kind: Parameterisation, depth: int, weight_decay: float, base_depth: int = BASE_DEPTH
) -> list[Group]:
    """The matrix-like and the vector-like parameters, as the optimisers need them (empty groups left out)."""
    names = list(names)
    matrices = tuple(name for name in names if is_matrix_like(name))
    vectors = tuple(name for name in names if not is_matrix_like(name))
    scale = 1.0 if kind is Parameterisation.STANDARD else base_depth / depth
    vector_decay = 0.0 if kind is Parameterisation.MUPP else weight_decay
    groups = [Group(matrices, True, scale, weight_decay), Group(vectors, False, 1.0, vector_decay)]
    return [group for group in groups if group.names]


def with_multipliers(config: SambaYConfig, kind: Parameterisation, base_depth: int = BASE_DEPTH) -> SambaYConfig:
    """A copy of `config` whose forward multipliers follow the table. They are saved with the model."""
    multipliers: dict[str, Any] = {"logits_multiplier": 1.0, "residual_multiplier": 1.0, "attention_multiplier": None}
    if kind is not Parameterisation.STANDARD:
        multipliers["logits_multiplier"] = base_depth / config.num_hidden_layers
        multipliers["attention_multiplier"] = math.sqrt(BASE_HEAD_DIM) / int(config.head_dim or 1)
    if kind is Parameterisation.MUPP:
        multipliers["residual_multiplier"] = 1 / math.sqrt(2 * config.num_hidden_layers)
    copied = copy.deepcopy(config)
    for key, value in multipliers.items():
        setattr(copied, key, value)
    return copied


def learning_rate(
    kind: Parameterisation,
    depth: int,
    batch_tokens: int,
    base: float = BASE_LEARNING_RATE,
    base_depth: int = BASE_DEPTH,
    base_batch_tokens: int = BASE_BATCH_TOKENS,
) -> float:
    """η = η0 √(B/B0), and under µP++ times √(d0/d) (arXiv 2507.06607, table 6)."""
    rate = base * math.sqrt(batch_tokens / base_batch_tokens)
    return rate * math.sqrt(base_depth / depth) if kind is Parameterisation.MUPP else rate


def training_tokens(num_parameters: int, base_parameters: int, base_tokens: float = BASE_TRAINING_TOKENS) -> int:
    """T = T0 N(d) / N(d0), N(d0) that of the Transformer++ with d0 layers (arXiv 2507.06607, table 6)."""
    return round(base_tokens * num_parameters / base_parameters)


# ------------------------------------------------------------------------------------------- initialisation


@torch.no_grad()
def initialise(
    model: nn.Module, config: SambaYConfig, kind: Parameterisation, seed: int, is_output_scaled: bool | None = None
) -> None:
    """Fills every parameter by the table.

    Each is drawn on the CPU from a stream of its own, seeded by `seed` and its name: the same values on every device,
    for any number of ranks, whatever else the model holds.

    Args:
        is_output_scaled: whether projections into the residual stream are divided by √(2d), as in GPT-2. None is the
            published code's habit: under the standard parameterisation, and under the others if embeddings are tied
            (table 6 of the paper does not mention the latter).
    """
    if is_output_scaled is None:
        is_output_scaled = kind is Parameterisation.STANDARD or config.tie_word_embeddings
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        stream = torch.Generator().manual_seed(seed * 2**32 + zlib.crc32(name.encode()))
        value = _draw(name, torch.zeros(parameter.shape), config, kind, stream, shapes)
        if is_output_scaled and name.endswith(OUTPUT_PROJECTIONS):
            value /= math.sqrt(2 * config.num_hidden_layers)
        parameter.copy_(value)


def _draw(
    name: str, zeros: Tensor, config: SambaYConfig, kind: Parameterisation, stream: torch.Generator, shapes: dict
) -> Tensor:
    is_standard = kind is Parameterisation.STANDARD
    if name.endswith("A_log"):  # S4D-real (arXiv 2312.00752, section 3.6)
        return zeros + torch.log(torch.arange(1, zeros.shape[1] + 1, dtype=torch.float32))
    if name.endswith("dt_proj.bias"):
        return _step_size_bias(zeros, stream)
    if "conv1d" in name:  # PyTorch's default, of weight and bias: inputs are the convolution's width
        bound = shapes[name.replace(".bias", ".weight")][-1] ** -0.5
        return zeros.uniform_(-bound, bound, generator=stream)
    if "lambda_" in name:
        return zeros.normal_(0, LAMBDA_STD, generator=stream)
    if name.endswith("bias"):
        return zeros
    if "norm" in name or "subln" in name or name.endswith(".D"):
        return zeros + 1
    if "embed_tokens" in name:
        is_small = not is_standard and not config.tie_word_embeddings
        return zeros.normal_(0, UNTIED_EMBEDDING_STD if is_small else EMBEDDING_STD, generator=stream)
    if "lm_head" in name and not is_standard:
        return zeros
    if is_standard:  # the published code overwrites Mamba's own rule for dt_proj as well
        return zeros.normal_(0, STANDARD_STD, generator=stream)
    bound = zeros.shape[1] ** -0.5  # for dt_proj this is Mamba's own rule: its inputs are the rank
    return zeros.uniform_(-bound, bound, generator=stream)


def _step_size_bias(zeros: Tensor, stream: torch.Generator) -> Tensor:
    """The inverse softplus of step sizes log-uniform in [1e-3, 1e-1] (arXiv 2312.00752, section 3.6)."""
    exponents = zeros.uniform_(math.log(1e-3), math.log(1e-1), generator=stream)
    steps = exponents.exp().clamp(min=1e-4)
    return steps + torch.log(-torch.expm1(-steps))
