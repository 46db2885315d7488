"""Batches of a mixture for one of several ranks, and a state from which any number of ranks goes on.

Letters: B sequences, S positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .mixture import Mixture
from .shard_set import Stretch

IGNORED = -100  # a label that no loss counts, as in torch and transformers


@dataclass(frozen=True)
class Batch:
    """Sequences, ready for the model.

    input_ids: (B, S) int64. labels: (B, S) int64, at each position the id that follows, already shifted (transformers
    calls this `shift_labels`); -100 where that starts another document, which no token before it can predict.
    seq_idx: (B, S) int32, the number of each token's document in its sequence, from 0. position_ids: (B, S) int64, from
    0 again in each document. The last two are None if the mixture does not keep documents apart.
    """

    input_ids: Tensor
    labels: Tensor
    seq_idx: Tensor | None
    position_ids: Tensor | None

    def to(self, device: torch.device) -> Batch:
        """The batch on a device, copied without waiting where the memory is pinned."""
        tensors = (self.input_ids, self.labels, self.seq_idx, self.position_ids)
        return Batch(*(None if x is None else x.to(device, non_blocking=True) for x in tensors))  # type: ignore[arg-type]


class Loader:
    """An endless iterator over one rank's batches.

    Of every B · world_size sequences of the stream, rank r takes the B that start at r · B. So the union over the ranks
    is the stream, in order, and `state_dict` (the same on every rank) is its position: another number of ranks, or
    another batch_size, goes on with the very next sequence.

    The next batch is made by a thread meanwhile. With a CUDA device, its memory is pinned and the copy asynchronous.
    Raises ValueError for a rank outside the world and a batch_size below 1.
    """

    def __init__(
        self,
        mixture: Mixture,
        batch_size: int,
        rank: int = 0,
        world_size: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        if not 0 <= rank < world_size or batch_size < 1:
            raise ValueError(
                f"rank={rank}, world_size={world_size}, batch_size={batch_size}: "
                "allowed are ranks from 0 to world_size - 1, and 1 or more sequences"
            )
        self.mixture, self.batch_size, self.rank, self.world_size = mixture, batch_size, rank, world_size
        self.device = torch.device(device)
        self.num_sequences = 0  # consumed by all ranks together
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._next: tuple[int, Future[Batch]] | None = None  # position and batch

    @property
    def num_tokens(self) -> int:
        """Positions consumed by all ranks together."""
        return self.num_sequences * self.mixture.config.sequence_length

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        position = self.num_sequences
        if self._next is None or self._next[0] != position:
            self._submit(position)
        assert self._next is not None
        batch = self._next[1].result()
        self.num_sequences += self.batch_size * self.world_size
        self._submit(self.num_sequences)
        return batch.to(self.device)

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream, and what the stream is made of, as plain data."""
        return {"num_sequences": self.num_sequences, "num_tokens": self.num_tokens, "mixture": self.mixture.describe()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state. Raises ValueError if its stream is another than this mixture's, or it has other keys."""
        expected = {"num_sequences", "num_tokens", "mixture"}
        if set(state) != expected:
            raise ValueError(f"data state: keys {sorted(expected)} expected, found {sorted(state)}")
        ours, theirs = self.mixture.describe(), state["mixture"]
        for key in (*ours, *theirs):
            if ours.get(key) != theirs.get(key):
                raise ValueError(f"data state: {key} is {ours.get(key)!r} here, found {theirs.get(key)!r}")
        expected_tokens = state["num_sequences"] * self.mixture.config.sequence_length
        if state["num_tokens"] != expected_tokens:
            raise ValueError(f"data state: num_tokens {expected_tokens} expected, found {state['num_tokens']}")
        self.num_sequences = state["num_sequences"]

    def close(self) -> None:
        """End the thread."""
        self._pool.shutdown(cancel_futures=True)

    def _submit(self, position: int) -> None:
        self._next = position, self._pool.submit(self._make, position)

    def _make(self, position: int) -> Batch:
        first = position + self.rank * self.batch_size
        stretches = [self.mixture.sequence(index) for index in range(first, first + self.batch_size)]
        batch = assemble(stretches, self.mixture.config.keeps_documents)
        return _pinned(batch) if self.device.type == "cuda" else batch


def assemble(stretches: Sequence[Stretch], keeps_documents: bool) -> Batch:
    """One batch of stretches of S + 1 tokens."""
    ids = np.stack([stretch.ids_T for stretch in stretches])
    inputs_BS, labels_BS = ids[:, :-1].copy(), ids[:, 1:].copy()
    if not keeps_documents:
        return Batch(torch.from_numpy(inputs_BS), torch.from_numpy(labels_BS), None, None)
    is_start = np.stack([stretch.is_start_T for stretch in stretches])
    is_start[:, 0] = False  # the first token is of document 0 anyway
    labels_BS[is_start[:, 1:]] = IGNORED
    is_start_BS = is_start[:, :-1]
    places_BS = np.broadcast_to(np.arange(is_start_BS.shape[1]), is_start_BS.shape)
    first_BS = np.maximum.accumulate(np.where(is_start_BS, places_BS, 0), axis=1)
    seq_idx_BS = is_start_BS.cumsum(axis=1, dtype=np.int32)
    return Batch(*(torch.from_numpy(x) for x in (inputs_BS, labels_BS, seq_idx_BS, places_BS - first_BS)))


def _pinned(batch: Batch) -> Batch:
    tensors = (batch.input_ids, batch.labels, batch.seq_idx, batch.position_ids)
    return Batch(*(None if x is None else x.pin_memory() for x in tensors))  # type: ignore[arg-type]
