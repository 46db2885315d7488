"""The curriculum as an endless stream of packed training rows; a row depends on the seed and its number alone.

Letters: B rows, T = S + 1 tokens, of which the first S are read and the last S predicted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from ..loader import IGNORED, assemble
from ..shard_set import Stretch
from . import FAMILIES, TRAINED_LEVELS, draw_problem
from .conversation import ConversationEncoder, Turn
from .dialogues import draw_dialogue
from .row_workers import RowWorkers
from .sampling import conversations_of_row
from .settings import CurriculumConfig

VERSION = 2  # of the rows: to be raised with any change of what is drawn or packed that the digests do not see
_DRAWS_DIGESTED = 4  # of each family and level


class CurriculumRows:
    """Rows of `sequence_tokens` positions, each packed with conversations from its first token on.

    The last conversation of a row is cut at the row's end: nothing is padded, and where a text ends early its beginning
    is still worth learning. keeps_documents: whether the conversations of a row are told apart.
    Raises ValueError as CurriculumConfig does, and for a folder without tokenizer.json.
    """

    def __init__(
        self, config: CurriculumConfig, sequence_tokens: int, seed: int = 0, *, keeps_documents: bool = True
    ) -> None:
        self._tokenizer = read_tokenizer(config.tokenizer)
        self.num_ids = max(self._tokenizer.get_vocab(with_added_tokens=True).values()) + 1
        self._maker = RowMaker(config, sequence_tokens, seed, self._tokenizer.to_str())
        self._keeps_documents = keeps_documents
        self._workers = RowWorkers(self._maker, config.workers, sequence_tokens) if config.workers else None

    def rows(self, first: int, count: int) -> dict[str, Tensor]:
        """Rows [first, first + count): `input_ids`, `labels`, `seq_idx` and `position_ids` as `sambay.data.Batch` says,
        the labels of turns without loss also -100."""
        made = self._workers.rows(first, count) if self._workers else self._maker.rows(first, count)
        stretches = [Stretch(row.ids_T.astype(np.int64), row.is_start_T.copy()) for row in made]
        batch = {
            key: value for key, value in vars(assemble(stretches, self._keeps_documents)).items() if value is not None
        }
        has_loss_BS = torch.from_numpy(np.stack([row.has_loss_T[1:] for row in made]))
        return {**batch, "labels": batch["labels"].masked_fill(~has_loss_BS, IGNORED)}

    def describe(self) -> dict[str, Any]:
        """All that the rows depend on: the options, the tokenizer, and samples of what each family and the dialogues
        draw, so that a run does not go on with families that have changed."""
        maker = self._maker
        return {
            "kind": "curriculum", "version": VERSION, "seed": maker.seed, "sequence_tokens": maker.sequence_tokens,
            "keeps_documents": self._keeps_documents, **maker.config.describe(),
            "tokenizer": _digest(maker.spelling), "families": family_digests(maker.config),
            "dialogues": _digest(*(turn.text for turn in _sampled_dialogues())),
        }  # fmt: skip

    def close(self) -> None:
        """End the workers; else they end with this object."""
        if self._workers:
            self._workers.close()


@dataclass(frozen=True)
class Row:
    """Tokens, whether each opens a conversation, and whether its prediction counts."""

    ids_T: np.ndarray
    is_start_T: np.ndarray
    has_loss_T: np.ndarray


@dataclass(frozen=True)
class RowMaker:
    """Makes rows, in this process or, pickled, in a worker. spelling: the tokenizer's JSON."""

    config: CurriculumConfig
    sequence_tokens: int
    seed: int
    spelling: str

    def rows(self, first: int, count: int) -> list[Row]:
        return [self.row(index) for index in range(first, first + count)]

    def row(self, index: int) -> Row:
        ids: list[int] = []
        is_start: list[bool] = []
        has_loss: list[bool] = []
        num_tokens = self.sequence_tokens + 1
        for conversation in conversations_of_row(self.config, self.seed, index):
            more_ids, more_loss = self._encode(conversation)
            ids += more_ids
            has_loss += more_loss
            is_start += [True] + [False] * (len(more_ids) - 1)
            if len(ids) >= num_tokens:
                break
        return Row(
            np.array(ids[:num_tokens], dtype=np.int32), np.array(is_start[:num_tokens]), np.array(has_loss[:num_tokens])
        )

    @cached_property
    def _encode(self) -> ConversationEncoder:
        return ConversationEncoder(Tokenizer.from_str(self.spelling), self.config.is_loss_on_replies_only)


def read_tokenizer(folder: str) -> Tokenizer:
    """The tokenizer of a folder. Raises ValueError if it has none."""
    path = Path(folder, "tokenizer.json")
    if not path.is_file():
        raise ValueError(f"curriculum: tokenizer={folder!r}: allowed is a folder with a tokenizer.json")
    return Tokenizer.from_str(path.read_text(encoding="utf-8"))


def family_digests(config: CurriculumConfig) -> dict[str, str]:
    """For each family that is drawn, a digest of a few of its problems."""
    digests = {}
    for name, weight in config.weights.items():
        if weight:
            drawn = [
                draw_problem(FAMILIES[name], Random(f"{name} {level} {index}"), level)
                for level in TRAINED_LEVELS
                for index in range(_DRAWS_DIGESTED)
            ]
            texts = [text for problem in drawn for text in (problem.question, problem.reply)]
            digests[name] = _digest(*FAMILIES[name].wordings, *texts)
    return digests


def _sampled_dialogues() -> Iterator[Turn]:
    for index in range(64):
        yield from draw_dialogue(Random(f"dialogue {index}"), level_weights=(1.0, 1.0, 1.0)).turns


def _digest(*parts: str) -> str:
    digest = blake2b(digest_size=6)
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()
