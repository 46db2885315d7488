"""Texts to shards, over several processes; what a killed run finished is kept by the next."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from .durable import whole_file
from .shard import DIGEST_BYTES, Header, Shard, ShardWriter, digest_of, token_bytes_for
from .shard_set import ShardSet, write_index
from .sources import Piece, Source
from .worker_processes import start_worker, worker_context

TOKENIZER_NAME = "tokenizer.json"
_BATCH_BYTES = 1 << 20  # texts tokenised in one call


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did: the set it made, and how many of its shards were kept from an earlier run."""

    shards: ShardSet
    num_kept: int
    num_written: int


@dataclass(frozen=True)
class _Task:
    piece: Piece
    path: Path
    tokenizer_digest: bytes
    num_ids: int
    end_id: int


def prepare(
    sources: Sequence[Source],
    folder: str | os.PathLike[str],
    tokenizer: PreTrainedTokenizerFast,
    *,
    num_workers: int = 1,
    piece_bytes: int = 1 << 26,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Tokenise all documents of sources into folder: `shard-00000.bin` and so on, tokenizer.json, last index.json.

    The same documents, tokenizer and piece_bytes give the same bytes, whatever num_workers. With one worker all happens
    in this process; more are started afresh, so a script must then be importable (`if __name__ == "__main__"`).
    A shard in folder that is whole, and was made of the same texts by the same tokenizer, is kept; other shards of the
    same name are written anew. One run at a time may write to a folder.
    piece_bytes: about how much text becomes one shard, the unit of work and of resuming. progress(done, total): shards.

    Documents end with the tokenizer's `eos_token`; special tokens spelled in a text are plain text.
    Raises ValueError for sources without documents, for what the sources refuse, for a tokenizer without `eos_token`,
    and if the folder holds shards that are not of this preparation.
    """
    if num_workers < 1 or piece_bytes < 1:
        raise ValueError(f"num_workers={num_workers}, piece_bytes={piece_bytes}: allowed is 1 or more of both")
    pieces = [piece for source in sources for piece in source.pieces(piece_bytes)]
    tasks = _plan(pieces, Path(folder), tokenizer)
    headers, num_kept = [], 0
    for done, (header, was_kept) in enumerate(_run(tasks, num_workers), 1):
        headers.append(header)
        num_kept += was_kept
        if progress:
            progress(done, len(tasks))
    shards = [(task.path.name, header) for task, header in zip(tasks, headers, strict=True)]
    write_index(Path(folder), shards, tasks[0].tokenizer_digest.hex(), tasks[0].num_ids, tasks[0].end_id)
    return Prepared(ShardSet.open(folder), num_kept, len(tasks) - num_kept)


def _plan(pieces: list[Piece], folder: Path, tokenizer: PreTrainedTokenizerFast) -> list[_Task]:
    """One task a piece; puts the tokenizer where the workers find it."""
    if not pieces:
        raise ValueError("the sources hold no document: one or more expected")
    if tokenizer.eos_token_id is None:
        raise ValueError("the tokenizer has no eos_token: one is expected, to end documents with")
    paths = [folder / f"shard-{number:05d}.bin" for number in range(len(pieces))]
    strangers = {path.name for path in folder.glob("shard-*.bin")} - {path.name for path in paths}
    if strangers:
        raise ValueError(
            f"{folder} holds {min(strangers)}, but {len(paths)} shards are to be written: use another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    data = tokenizer.backend_tokenizer.to_str().encode()
    with whole_file(folder / TOKENIZER_NAME) as file:
        file.write(data)
    num_ids = max(tokenizer.get_vocab().values()) + 1
    return [
        _Task(piece, path, digest_of(data), num_ids, tokenizer.eos_token_id)
        for piece, path in zip(pieces, paths, strict=True)
    ]


def _run(tasks: list[_Task], num_workers: int) -> Iterator[tuple[Header, bool]]:
    if num_workers == 1:
        yield from map(_make_shard, tasks)
        return
    pool = ProcessPoolExecutor(min(num_workers, len(tasks)), worker_context(__name__), start_worker)
    try:
        yield from pool.map(_make_shard, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


def _make_shard(task: _Task) -> tuple[Header, bool]:
    """Write one shard, unless it is there. Returns its header, and whether it was."""
    found = _finished(task)
    if found:
        return found, True
    tokenizer = _tokenizer(task.path.with_name(TOKENIZER_NAME), task.tokenizer_digest)
    fingerprint = _Fingerprint(task)
    with whole_file(task.path) as file:
        writer = ShardWriter(file, token_bytes_for(task.num_ids), task.end_id)
        for texts in _batches(task.piece.documents()):
            for text, encoding in zip(texts, tokenizer.encode_batch_fast(texts, add_special_tokens=False), strict=True):
                fingerprint.add(text)
                writer.add(encoding.ids)
        return writer.finish(fingerprint.digest()), False


def _finished(task: _Task) -> Header | None:
    """The header of the task's shard if it is whole and of these texts and this tokenizer."""
    try:
        shard = Shard(task.path)
        shard.verify()
    except (FileNotFoundError, ValueError):
        return None
    fingerprint = _Fingerprint(task)
    for text in task.piece.documents():
        fingerprint.add(text)
    return shard.header if shard.header.fingerprint == fingerprint.digest() else None


class _Fingerprint:
    """Of all that a shard is made from: reading the texts again costs little beside tokenising them."""

    def __init__(self, task: _Task) -> None:
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._hash.update(task.tokenizer_digest + task.end_id.to_bytes(8, "little"))

    def add(self, text: str) -> None:
        data = text.encode()
        self._hash.update(len(data).to_bytes(8, "little"))
        self._hash.update(data)

    def digest(self) -> bytes:
        return self._hash.digest()


@lru_cache(maxsize=1)
def _tokenizer(path: Path, digest: bytes) -> Tokenizer:
    data = path.read_bytes()
    if digest_of(data) != digest:
        raise ValueError(f"{path}: checksum {digest.hex()} expected, found {digest_of(data).hex()}")
    spelling = json.loads(data)
    for token in spelling["added_tokens"]:  # those of tools are not special, and would be found in a text all the same
        token["special"] = True
    tokenizer = Tokenizer.from_str(json.dumps(spelling))
    tokenizer.encode_special_tokens = True  # a text that spells the end of a document must not end it
    return tokenizer


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
