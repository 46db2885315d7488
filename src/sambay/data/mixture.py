"""Several shard sets as one endless stream of sequences, in an order that any index finds at once.

Sequence g of the stream is draw n of set k: a schedule says which, the same for every block of 65,536 sequences and as
even as it can be. Draw n of a set of L sequences is number n mod L of its epoch n div L, each epoch in an order of its
own. Nothing is remembered from one sequence to the next, so a stream goes on exactly from a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .permutation import Permutation
from .shard_set import ShardSet, Stretch

BLOCK = 1 << 16  # sequences after which the schedule starts again; weights are rounded to 1/BLOCK


@dataclass(frozen=True)
class SetConfig:
    """One set of a mixture.

    name: keys the set's shuffling, so that other sets may come and go. weight: its share of the sequences, relative to
    the others' weights. path: a folder written by `prepare`, or with is_published a pattern such as "slim/train*.bin",
    for which end_id and num_ids must be given.
    """

    name: str
    path: str
    weight: float = 1.0
    is_published: bool = False
    end_id: int | None = None
    num_ids: int | None = None

    def open(self) -> ShardSet:
        """Raises ValueError for fields that do not go together, and as the readers do."""
        given = [name for name in ("end_id", "num_ids") if getattr(self, name) is not None]
        if self.is_published:
            if self.end_id is None or self.num_ids is None:
                raise ValueError(f"set {self.name}: end_id and num_ids expected with is_published, found {given}")
            return ShardSet.open_published(Path(self.path).parent.glob(Path(self.path).name), self.end_id, self.num_ids)
        if given:
            raise ValueError(f"set {self.name}: {given} found without is_published: the folder's index has them")
        return ShardSet.open(self.path)


@dataclass(frozen=True)
class MixtureConfig:
    """sequence_length: positions S of a sequence. keeps_documents: whether documents in a sequence are told apart (else
    the stream is read on as one text, as in the published scaling runs). shuffles: whether sequences are shuffled."""

    sets: tuple[SetConfig, ...]
    sequence_length: int
    seed: int = 0
    keeps_documents: bool = True
    shuffles: bool = True

    def __post_init__(self) -> None:
        names = [one.name for one in self.sets]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"sets: one or more expected, of different names, found {names}")
        if self.sequence_length < 1:
            raise ValueError(f"sequence_length: 1 or more expected, found {self.sequence_length}")

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> MixtureConfig:
        """The config from plain data, as read from a file. Raises ValueError for keys that are unknown or missing."""
        _check_keys(cls, config, "mixture")
        for one in config["sets"]:
            _check_keys(SetConfig, one, "set")
        return cls(**{**config, "sets": tuple(SetConfig(**one) for one in config["sets"])})


class Draw(NamedTuple):
    """Where a sequence comes from: number of the set, epoch of that set, number of the sequence in it."""

    set_number: int
    epoch: int
    sequence: int


class Mixture:
    """The stream. Sequence i of a set is its tokens [i·S, i·S + S + 1): the last is only predicted, and is the first of
    sequence i + 1; what remains at a set's end is left out.

    Raises ValueError for a set shorter than a sequence, for weights that are not positive or below 1/65,536 of all, for
    sets of different tokenizers, and as the readers do.
    """

    def __init__(self, config: MixtureConfig) -> None:
        self.config = config
        self.sets = [one.open() for one in config.sets]
        self.num_ids = max(shards.num_ids for shards in self.sets)
        self._check_tokenizers()
        self.num_sequences = [self._num_sequences(number) for number in range(len(self.sets))]
        self._quotas = _quotas({one.name: one.weight for one in config.sets})
        self._set_of_slot, self._rank_of_slot = _schedule(self._quotas)

    def draw(self, index: int) -> Draw:
        """Which sequence the stream has at index."""
        block, slot = divmod(index, BLOCK)
        number = int(self._set_of_slot[slot])
        size = self.num_sequences[number]
        epoch, within = divmod(block * self._quotas[number] + int(self._rank_of_slot[slot]), size)
        if self.config.shuffles:
            key = f"{self.config.seed} {epoch} {self.config.sets[number].name}"
            within = Permutation(size, key)(within)
        return Draw(number, epoch, within)

    def sequence(self, index: int) -> Stretch:
        """The S + 1 tokens of the stream's sequence at index, and where documents start among them."""
        number, _, sequence = self.draw(index)
        start = sequence * self.config.sequence_length
        return self.sets[number].read(start, start + self.config.sequence_length + 1)

    def epochs(self, num_sequences: int) -> dict[str, float]:
        """How often each set has been read, on average, by the first num_sequences of the stream."""
        block, slot = divmod(num_sequences, BLOCK)
        drawn = np.bincount(self._set_of_slot[:slot], minlength=len(self.sets))
        return {
            one.name: float(block * quota + count) / size
            for one, quota, count, size in zip(self.config.sets, self._quotas, drawn, self.num_sequences, strict=True)
        }

    def describe(self) -> dict[str, Any]:
        """All that the stream depends on, as plain data; paths are no part of it."""
        described = {key: value for key, value in asdict(self.config).items() if key != "sets"}
        described["sets"] = [one.name for one in self.config.sets]
        for one, shards in zip(self.config.sets, self.sets, strict=True):
            described[f"weight of {one.name}"] = one.weight
            described[f"tokens of {one.name}"] = shards.num_tokens
            described[f"digest of {one.name}"] = shards.identity
        return described

    def _num_sequences(self, number: int) -> int:
        num_tokens, length = self.sets[number].num_tokens, self.config.sequence_length
        if num_tokens <= length:
            name = self.config.sets[number].name
            raise ValueError(f"set {name}: {length + 1} tokens or more expected for one sequence, found {num_tokens}")
        return (num_tokens - 1) // length

    def _check_tokenizers(self) -> None:
        found = {
            one.name: shards.tokenizer
            for one, shards in zip(self.config.sets, self.sets, strict=True)
            if shards.tokenizer is not None
        }
        if len(set(found.values())) > 1:
            raise ValueError(f"one tokenizer expected for all sets, found {found}")


def _check_keys(cls: type, found: Mapping[str, Any], what: str) -> None:
    allowed = [field.name for field in fields(cls)]
    unknown = [key for key in found if key not in allowed]
    if unknown:
        raise ValueError(f"{what}: unknown keys {unknown}: allowed are {allowed}")
    required = ("sets", "sequence_length") if cls is MixtureConfig else ("name", "path")
    missing = [key for key in required if key not in found]
    if missing:
        raise ValueError(f"{what}: keys {missing} expected, found {list(found)}")


def _quotas(weights: dict[str, float]) -> list[int]:
    """Each set's sequences in a block: the shares rounded down, what is left going to the largest remainders."""
    total = sum(weights.values())
    for name, weight in weights.items():
        if not 0 < weight < float("inf") or weight / total * BLOCK < 1:
            raise ValueError(f"weight of {name}: positive and at least 1/{BLOCK} of all expected, found {weight}")
    shares = [weight / total * BLOCK for weight in weights.values()]
    quotas = [int(share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda number: quotas[number] - shares[number])
    for number in by_remainder[: BLOCK - sum(quotas)]:
        quotas[number] += 1
    return quotas


def _schedule(quotas: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    """For each slot of a block its set, and how many slots before it are that set's; every set evenly spaced."""
    numbers = np.concatenate([np.full(quota, number, dtype=np.uint16) for number, quota in enumerate(quotas)])
    ranks = np.concatenate([np.arange(quota, dtype=np.uint32) for quota in quotas])
    times = np.concatenate([(np.arange(quota) + 0.5) / quota for quota in quotas])
    order = np.argsort(times, kind="stable")
    return numbers[order], ranks[order]
