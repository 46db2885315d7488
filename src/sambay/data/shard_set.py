"""Many shards as one stream of token ids: a folder with an index.json, or published files by name."""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .durable import whole_file
from .published import PublishedShard
from .shard import Header, Shard, digest_of

INDEX_NAME = "index.json"
INDEX_VERSION = 1
_VERIFY_TOKENS = 1 << 20


class AnyShard(Protocol):
    """What a set needs of a file: its ids by position, who it is, and whether it is whole."""

    path: Path
    num_tokens: int

    @property
    def identity(self) -> str: ...

    def read(self, start: int, stop: int) -> np.ndarray: ...

    def verify(self) -> None: ...


@dataclass(frozen=True)
class Stretch:
    """Token ids (int64), and for each whether a document starts there. The first may be anywhere in its document."""

    ids_T: np.ndarray
    is_start_T: np.ndarray


class ShardSet:
    """The tokens of shards, one after the other. `end_id` ends documents; ids are below `num_ids`.

    tokenizer: the checksum of the tokenizer's file, None where the format does not tell.
    """

    def __init__(self, shards: Sequence[AnyShard], end_id: int, num_ids: int, tokenizer: str | None) -> None:
        self.shards, self.end_id, self.num_ids, self.tokenizer = list(shards), end_id, num_ids, tokenizer
        self._borders = [0, *accumulate(shard.num_tokens for shard in shards)]
        self.num_tokens = self._borders[-1]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> ShardSet:
        """Open what `prepare` wrote: cheap, for headers and sizes alone are checked; `verify` reads everything.

        Raises ValueError, naming the file, for a shard that is missing, cut short, or not the one of the index.
        """
        index = _read_index(Path(folder) / INDEX_NAME)
        shards = [_listed(Path(folder), entry) for entry in index["shards"]]
        return cls(shards, index["end_id"], index["num_ids"], index["tokenizer"])

    @classmethod
    def open_published(cls, paths: Iterable[str | os.PathLike[str]], end_id: int, num_ids: int) -> ShardSet:
        """Open files of the published training code, in the order of their names.

        end_id: the id after which a document starts, which the files do not tell (2 for Llama 2's tokenizer).
        Every file starts a document too: whether it goes on with the one before is not told either.
        """
        shards = [PublishedShard(path) for path in sorted(map(Path, paths))]
        if not shards:
            raise ValueError("no file of the published format is there: one or more expected")
        return cls(shards, end_id, num_ids, None)

    @property
    def identity(self) -> str:
        """What a resumed run compares: equal for the same shards in the same order."""
        return digest_of("".join(shard.identity for shard in self.shards).encode()).hex()

    def read(self, start: int, stop: int) -> Stretch:
        """The tokens of [start, stop), across shards.

        Raises ValueError, naming the file, for a file that was cut short and for ids that are not in the vocabulary.
        """
        assert 0 <= start < stop <= self.num_tokens
        ids_T = np.empty(stop - start, dtype=np.int64)
        is_start_T = np.zeros(stop - start, dtype=bool)
        number = bisect_right(self._borders, start) - 1
        while self._borders[number] < stop:
            first, last = self._borders[number], self._borders[number + 1]
            begin, end = max(start, first), min(stop, last)
            ids_T[begin - start : end - start] = self._checked(self.shards[number], begin - first, end - first)
            is_start_T[begin - start] = begin == first
            number += 1
            if number == len(self.shards):
                break
        is_start_T[1:] |= ids_T[:-1] == self.end_id
        return Stretch(ids_T, is_start_T)

    def verify(self) -> None:
        """Read every byte: checksums where the format has them, and all ids against the vocabulary.

        Raises ValueError, naming the file.
        """
        for shard in self.shards:
            shard.verify()
            for start in range(0, shard.num_tokens, _VERIFY_TOKENS):
                self._checked(shard, start, min(start + _VERIFY_TOKENS, shard.num_tokens))

    def _checked(self, shard: AnyShard, start: int, stop: int) -> np.ndarray:
        ids = shard.read(start, stop)
        for extreme in (ids.min(), ids.max()):
            if not 0 <= extreme < self.num_ids:
                raise ValueError(f"{shard.path}: token ids of 0 to {self.num_ids - 1} expected, found {extreme}")
        return ids


def write_index(folder: Path, shards: Sequence[tuple[str, Header]], tokenizer: str, num_ids: int, end_id: int) -> None:
    """Write index.json, which makes a folder of shards a set. The last file to be written."""
    entries = [
        {"file": name, "num_tokens": h.num_tokens, "num_documents": h.num_documents, "digest": h.digest.hex()}
        for name, h in shards
    ]
    index = {
        "version": INDEX_VERSION,
        "tokenizer": tokenizer,
        "num_ids": num_ids,
        "end_id": end_id,
        "num_tokens": sum(h.num_tokens for _, h in shards),
        "num_documents": sum(h.num_documents for _, h in shards),
        "shards": entries,
    }
    with whole_file(folder / INDEX_NAME) as file:
        file.write(json.dumps(index, indent=1).encode() + b"\n")


_INDEX_KEYS = {"version", "tokenizer", "num_ids", "end_id", "num_tokens", "num_documents", "shards"}
_ENTRY_KEYS = {"file", "num_tokens", "num_documents", "digest"}


def _read_index(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path}: an index expected, found none; an interrupted `prepare` is finished by a second run")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: JSON expected, found {error}") from None
    _check_keys(index, _INDEX_KEYS, path)
    if index["version"] != INDEX_VERSION:
        raise ValueError(f"{path}: version {INDEX_VERSION} expected, found {index['version']}")
    for entry in index["shards"]:
        _check_keys(entry, _ENTRY_KEYS, path)
    return index


def _check_keys(found: Any, expected: set[str], path: Path) -> None:
    if not isinstance(found, dict) or set(found) != expected:
        keys = sorted(found) if isinstance(found, dict) else found
        raise ValueError(f"{path}: keys {sorted(expected)} expected, found {keys}")


def _listed(folder: Path, entry: dict[str, Any]) -> Shard:
    path = folder / entry["file"]
    if not path.is_file():
        raise ValueError(f"{path}: a shard expected, found none")
    shard = Shard(path)
    found = {
        "file": entry["file"],
        "num_tokens": shard.num_tokens,
        "num_documents": shard.num_documents,
        "digest": shard.identity,
    }
    if found != entry:
        raise ValueError(f"{path}: {entry} expected by the index, found {found}")
    return shard
