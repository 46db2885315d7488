"""Where rows come from, and which of a step's rows this rank computes: the same rows for any number of ranks."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from sambay.data.loader import IGNORED, assemble
from sambay.data.mixture import Mixture, MixtureConfig

# Letters: B rows of a micro-batch, S positions.


class Source(Protocol):
    """An endless, deterministic stream of rows that any position of can be asked for."""

    def rows(self, first: int, count: int) -> dict[str, Tensor]:
        """Rows [first, first + count): `input_ids` and `labels` (count, S), of packed documents also `seq_idx` (which
        document of the row) and `position_ids` (counted within it). As in `sambay.data` a label is the id after its
        position, or -100 where that starts another document."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the stream is made of, as plain data: a resumed run must find the same."""
        ...


class MixtureRows:
    """The sequences of a mixture of packed token shards."""

    def __init__(self, config: MixtureConfig) -> None:
        self.mixture = Mixture(config)
        self.num_ids = self.mixture.num_ids

    def rows(self, first: int, count: int) -> dict[str, Tensor]:
        stretches = [self.mixture.sequence(index) for index in range(first, first + count)]
        batch = vars(assemble(stretches, self.mixture.config.keeps_documents))
        return {key: value for key, value in batch.items() if value is not None}

    def describe(self) -> dict[str, Any]:
        return self.mixture.describe()


class SyntheticRows:
    """Rows of two documents, each of tokens that grow by a stride of their own modulo the vocabulary: learnt soon.

    For tests, benchmarks and trying a configuration. No file is read.
    """

    def __init__(self, vocab_size: int, sequence_tokens: int, seed: int) -> None:
        self.vocab_size, self.sequence_tokens, self.seed = vocab_size, sequence_tokens, seed

    def rows(self, first: int, count: int) -> dict[str, Tensor]:
        made = [self._row(index) for index in range(first, first + count)]
        keys = ("input_ids", "labels", "seq_idx", "position_ids")
        return {key: torch.from_numpy(np.stack(part)) for key, part in zip(keys, zip(*made, strict=True), strict=True)}

    def _row(self, index: int) -> tuple[np.ndarray, ...]:
        random = np.random.default_rng((self.seed, index))
        border = int(random.integers(1, self.sequence_tokens))
        places = np.arange(self.sequence_tokens)
        document = (places >= border).astype(np.int64)
        within = places - border * document
        starts, strides = random.integers(0, self.vocab_size, 2)[document], random.integers(1, 8, 2)[document]
        labels = (starts + strides * (within + 1)) % self.vocab_size
        labels[border - 1] = IGNORED
        return (starts + strides * within) % self.vocab_size, labels, document, within

    def describe(self) -> dict[str, Any]:
        return {"kind": "synthetic", **vars(self)}


@dataclass(frozen=True)
class MicroBatch:
    """Some rows of a step on one rank. `first_row` is their place in the stream."""

    first_row: int
    input_ids: Tensor
    targets: Tensor
    packing: dict[str, Tensor]

    def to(self, device: torch.device) -> MicroBatch:
        packing = {key: value.to(device, non_blocking=True) for key, value in self.packing.items()}
        input_ids, targets = (part.to(device, non_blocking=True) for part in (self.input_ids, self.targets))
        return MicroBatch(self.first_row, input_ids, targets, packing)


class Batches:
    """This rank's micro-batches of one step after the other, read ahead by one step in a thread.

    A step's rows are cut into micro-batches first and the micro-batches dealt to the ranks in turn. A rank left over in
    the last turn computes the last micro-batch again with no targets, since all ranks must take part in each exchange.
    """

    def __init__(self, source: Source, rank: int, num_ranks: int, micro_batch_rows: int) -> None:
        self.source, self.rank, self.num_ranks, self.micro_batch_rows = source, rank, num_ranks, micro_batch_rows
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._ahead: dict[tuple[int, int], Future[list[MicroBatch]]] = {}

    def step(self, first_row: int, num_rows: int) -> list[MicroBatch]:
        """The micro-batches of rows [first_row, first_row + num_rows) that are this rank's."""
        read = self._ahead.pop((first_row, num_rows), None)
        return read.result() if read else self._read(first_row, num_rows)

    def read_ahead(self, first_row: int, num_rows: int) -> None:
        self._ahead = {(first_row, num_rows): self._pool.submit(self._read, first_row, num_rows)}

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _read(self, first_row: int, num_rows: int) -> list[MicroBatch]:
        starts = list(range(first_row, first_row + num_rows, self.micro_batch_rows))
        turns = -(-len(starts) // self.num_ranks)
        mine = [turn * self.num_ranks + self.rank for turn in range(turns)]
        return [self._micro_batch(starts, index, first_row + num_rows) for index in mine]

    def _micro_batch(self, starts: list[int], index: int, end: int) -> MicroBatch:
        first = starts[min(index, len(starts) - 1)]
        rows = self.source.rows(first, min(self.micro_batch_rows, end - first))
        targets = rows["labels"].long()
        if index >= len(starts):
            targets = torch.full_like(targets, IGNORED)
        packing: dict[str, Tensor] = {key: rows[key].long() for key in ("seq_idx", "position_ids") if key in rows}
        return MicroBatch(first, rows["input_ids"].long(), targets, packing)
