"""Pre-training: a typed configuration, one loop on Lightning Fabric, and the family's parameterisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sambay.training.config import TrainConfig

if TYPE_CHECKING:
    from sambay.training.batches import Source
    from sambay.training.loop import Result

__all__ = ["TrainConfig", "train"]


def train(config: TrainConfig, source: Source | None = None) -> Result:
    """Trains by `config` and returns what came of it. Needs the extra "train".

    Args:
        source: rows to train on in place of what `config.data` names.

    Raises ValueError for a configuration that contradicts itself or a checkpoint, `loop.NonFiniteError` if too many
    steps were not finite.
    """
    from sambay.training.loop import run  # brings lightning, which a plain install has not

    return run(config, source)
