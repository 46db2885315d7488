"""The loss of rows that were not trained on, at the end of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from sambay.training.batches import Batches, MixtureRows, Source
from sambay.training.config import CURRICULUM, TrainConfig
from sambay.training.loss import IGNORED
from sambay.training.ranks import Ranks

FILE_NAME = "validation.json"
SEED = 2**31 - 1  # of the order of rows, whatever the run's: all runs are measured on the same


@dataclass(frozen=True)
class Validation:
    """What was measured: the mean loss a predicted token, in nats."""

    loss: float
    rows: int
    targets: int  # predicted tokens

    def write(self, folder: Path, step: int) -> None:
        values = {"step": step, **asdict(self)}
        (folder / FILE_NAME).write_text(json.dumps(values) + "\n", encoding="utf-8")


def validation_config(config: TrainConfig) -> TrainConfig:
    """The run's configuration with the data to validate on in place of those to train on."""
    is_curriculum = config.validation_data == CURRICULUM
    curriculum = {**config.curriculum, "split": "test"} if is_curriculum else {}  # problems that are never trained
    return replace(config, data=config.validation_data, data_sets=(), seed=SEED, curriculum=curriculum)


def check_has_rows(source: Source, rows: int) -> None:
    """Raises ValueError if the source would have to repeat itself."""
    if isinstance(source, MixtureRows) and rows > source.mixture.num_sequences[0]:
        raise ValueError(f"validation_rows={rows}: validation_data has only {source.mixture.num_sequences[0]} rows")


@torch.no_grad()
def validate(module: nn.Module, source: Source, rows: int, micro_batch_rows: int, ranks: Ranks) -> Validation:
    """The mean loss of the first `rows` rows, over all ranks, without dropout."""
    batches = Batches(source, ranks.data_rank, ranks.num_data_ranks, micro_batch_rows)
    total, num_targets = torch.zeros((), dtype=torch.float64, device=ranks.device), 0
    was_training = module.training
    module.eval()
    try:
        for batch in batches.step(0, rows):
            here = batch.to(ranks.device)
            total += module(here.input_ids, here.targets, **here.packing)
            num_targets += int((batch.targets != IGNORED).sum())
    finally:
        module.train(was_training)
        batches.close()
    loss, targets = ranks.sum([total.item(), num_targets])
    return Validation(loss / max(1, targets), rows, int(targets))
