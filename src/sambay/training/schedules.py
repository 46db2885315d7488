"""How the learning rate and the batch size go over the tokens of a run."""

from __future__ import annotations

import math
from enum import Enum


class Schedule(str, Enum):
    """The shape of the learning rate after the warm-up, which is linear from 0."""

    CONSTANT = "constant"
    LINEAR = "linear"  # to the final fraction at the last token
    COSINE = "cosine"  # half a period, to the same
    WSD = "wsd"  # warm-up, stable, decay: constant, then linear over the last `decay_fraction`


def lr_factor(
    schedule: Schedule,
    tokens: int,
    batch_tokens: int,
    total_tokens: int,
    warmup_tokens: int = 0,
    decay_fraction: float = 2 / 7,
    final_fraction: float = 0.0,
) -> float:
    """The factor of the peak learning rate for a step of `batch_tokens` after `tokens` tokens.

    The warm-up counts the step itself and the decay does not, so that neither the first nor the last step is wasted on
    a rate of 0. `decay_fraction` is WSD's decaying part of what follows the warm-up; the published code's is 2/7.
    """
    if tokens + batch_tokens < warmup_tokens:
        return (tokens + batch_tokens) / warmup_tokens
    progress = min(1.0, max(0, tokens - warmup_tokens) / max(1, total_tokens - warmup_tokens))
    if schedule is Schedule.CONSTANT:
        return 1.0
    if schedule is Schedule.COSINE:
        remaining = (1 + math.cos(math.pi * progress)) / 2
    elif schedule is Schedule.LINEAR:
        remaining = 1 - progress
    else:
        remaining = min(1.0, (1 - progress) / decay_fraction) if decay_fraction else 1.0
    return final_fraction + (1 - final_fraction) * remaining


def batch_rows(tokens: int, full_rows: int, start_rows: int, ramp_tokens: int, increment_rows: int) -> int:
    """Rows of the batch after `tokens` tokens: from `start_rows` up to `full_rows` in equal steps over `ramp_tokens`.

    It depends on nothing but the tokens seen, and so is the same on any number of ranks.
    """
    if tokens >= ramp_tokens or start_rows >= full_rows:
        return full_rows
    grown = (full_rows - start_rows) * tokens / ramp_tokens
    return min(full_rows, start_rows + int(grown / increment_rows) * increment_rows)
