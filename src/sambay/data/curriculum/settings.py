"""The options of a curriculum as a source of training rows: what is drawn how often, and what has a loss."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import FAMILIES, TRAINED_LEVELS, Split


@dataclass(frozen=True)
class CurriculumConfig:
    """tokenizer: the folder of the tokenizer, as `sambay curriculum --tokenizer` writes one.

    workers: processes that draw and tokenise; 0 draws in the training process itself. Rows do not depend on it.
    is_loss_on_replies_only: losses on the assistant's turns alone, as in fine-tuning.
    level_weights: how often levels 1, 2, 3 are drawn, relative to each other. With final_level_weights the weights move
    in a straight line, over the first schedule_rows rows, from the former to the latter.
    dialogue_fraction: of the conversations, how many are dialogues and small talk; the others are single problems.
    family_weights: how often a family is drawn relative to the others' 1; 0 leaves it out.
    split: "test" draws the problems that are never trained, to validate on.
    """

    tokenizer: str
    workers: int = 0
    is_loss_on_replies_only: bool = False
    level_weights: tuple[float, ...] = (1.0, 1.0, 1.0)
    final_level_weights: tuple[float, ...] | None = None
    schedule_rows: int = 0
    dialogue_fraction: float = 0.15
    family_weights: Mapping[str, float] = field(default_factory=dict)
    split: Split = Split.TRAIN

    def __post_init__(self) -> None:
        if self.split not in tuple(Split):
            raise ValueError(f"curriculum: split={self.split!r}: allowed are {', '.join(side.value for side in Split)}")
        object.__setattr__(self, "split", Split(self.split))
        _check_types(self)
        for name in ("level_weights", "final_level_weights"):
            weights = getattr(self, name)
            if weights is not None:
                object.__setattr__(self, name, _levels(name, weights))
        if (self.final_level_weights is None) != (self.schedule_rows == 0):
            raise ValueError("curriculum: allowed are both final_level_weights and schedule_rows, or neither")
        unknown = sorted(set(self.family_weights) - set(FAMILIES))
        if unknown:
            raise ValueError(f"curriculum: family_weights has {unknown}; allowed are {', '.join(sorted(FAMILIES))}")
        wrong = {name: weight for name, weight in self.family_weights.items() if not _is_weight(weight)}
        if wrong or not any(self.weights.values()):
            raise ValueError(f"curriculum: family_weights={wrong or 'all 0'}: allowed are numbers from 0, one above it")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CurriculumConfig:
        """From plain data, as read from a file. Raises ValueError for unknown keys, and without a tokenizer."""
        known = [option.name for option in dataclasses.fields(cls)]
        unknown = [key for key in values if key not in known]
        if unknown:
            raise ValueError(f"curriculum: unknown keys {unknown}; allowed are {', '.join(known)}")
        if "tokenizer" not in values:
            raise ValueError("curriculum: the key 'tokenizer', the folder of the tokenizer, is missing")
        return cls(**values)

    @property
    def weights(self) -> dict[str, float]:
        """Each family's weight."""
        return {name: self.family_weights.get(name, 1.0) for name in FAMILIES}

    def level_weights_at(self, row: int) -> tuple[float, ...]:
        """The weights of the levels in a row of the stream."""
        if self.final_level_weights is None:
            return self.level_weights
        part = min(1.0, row / self.schedule_rows)
        pairs = zip(self.level_weights, self.final_level_weights, strict=True)
        return tuple(first + part * (last - first) for first, last in pairs)

    def describe(self) -> dict[str, Any]:
        """What of it changes the rows, as plain data; the tokenizer's folder and the workers do not."""
        values = {key: value for key, value in vars(self).items() if key not in ("tokenizer", "workers")}
        return {**values, "split": self.split.value, "family_weights": dict(self.family_weights)}


_KINDS: dict[str, tuple[type, ...]] = {
    "tokenizer": (str,), "workers": (int,), "is_loss_on_replies_only": (bool,), "schedule_rows": (int,),
    "dialogue_fraction": (int, float), "family_weights": (Mapping,),
}  # fmt: skip


def _check_types(config: CurriculumConfig) -> None:
    for name, kinds in _KINDS.items():
        value = getattr(config, name)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise ValueError(f"curriculum: {name}={value!r}: allowed is {' or '.join(kind.__name__ for kind in kinds)}")
    if config.workers < 0 or config.schedule_rows < 0:
        raise ValueError(f"curriculum: workers={config.workers}, schedule_rows={config.schedule_rows}: allowed is 0 or "
                         "more")  # fmt: skip
    if not 0 <= config.dialogue_fraction <= 1:
        raise ValueError(f"curriculum: dialogue_fraction={config.dialogue_fraction}: allowed is from 0 to 1")


def _levels(name: str, weights: Any) -> tuple[float, ...]:
    is_list = isinstance(weights, list | tuple) and len(weights) == len(TRAINED_LEVELS)
    if not is_list or not all(map(_is_weight, weights)) or not any(weights):
        raise ValueError(
            f"curriculum: {name}={weights!r}: allowed are {len(TRAINED_LEVELS)} numbers from 0, one above it"
        )
    return tuple(float(weight) for weight in weights)


def _is_weight(weight: Any) -> bool:
    return isinstance(weight, int | float) and not isinstance(weight, bool) and 0 <= weight < float("inf")
