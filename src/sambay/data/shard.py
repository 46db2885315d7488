"""One file of token ids with its documents' starts: the format that `prepare` writes, byte by byte in docs/data.md.

    [0, 80)                      header
    [80, 80 + T·b)               T token ids of b bytes (2 or 4), every document followed by the end-of-document id
    [80 + T·b, p)                zeros up to the next multiple of 8
    [p, p + 8·D)                 where each of the D documents starts, in tokens

All numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAGIC = b"SAMBAYTK"
VERSION = 1
DIGEST_BYTES = 16
_FIELDS = struct.Struct("<8sIIQQ16s16s")  # magic, version, b, T, D, fingerprint, digest
HEADER_BYTES = _FIELDS.size + DIGEST_BYTES  # the last field is the digest of the others
_DTYPES: dict[int, np.dtype] = {2: np.dtype("<u2"), 4: np.dtype("<u4")}
_START = np.dtype("<u8")
_READ_BYTES = 1 << 22


def token_bytes_for(num_ids: int) -> int:
    """The bytes that hold any of num_ids token ids: 2 up to 65,536 ids, else 4."""
    return 2 if num_ids <= 1 << 16 else 4


def digest_of(data: bytes) -> bytes:
    """BLAKE2b of 16 bytes, the checksum used throughout."""
    return blake2b(data, digest_size=DIGEST_BYTES).digest()


def read_numbers(path: Path, dtype: np.dtype, offset_bytes: int, count: int) -> np.ndarray:
    """Read count numbers. Not mapped into memory: as fast for whole sequences, without holding a descriptor for each of
    thousands of files, and a file that is cut short meanwhile is an error here, not a bus error of the process.

    Raises ValueError if the file ends before.
    """
    numbers = np.fromfile(path, dtype=dtype, count=count, offset=offset_bytes)
    if len(numbers) != count:
        raise ValueError(f"{path}: {count} numbers expected at byte {offset_bytes}, found {len(numbers)}")
    return numbers


@dataclass(frozen=True)
class Header:
    """The first 80 bytes. fingerprint: of the texts and the tokenizer; digest: of all bytes after the header."""

    token_bytes: int
    num_tokens: int
    num_documents: int
    fingerprint: bytes
    digest: bytes

    @property
    def starts_offset_bytes(self) -> int:
        return HEADER_BYTES + -(-self.num_tokens * self.token_bytes // 8) * 8

    @property
    def file_bytes(self) -> int:
        return self.starts_offset_bytes + self.num_documents * _START.itemsize

    def to_bytes(self) -> bytes:
        fields = _FIELDS.pack(
            MAGIC, VERSION, self.token_bytes, self.num_tokens, self.num_documents, self.fingerprint, self.digest
        )
        return fields + digest_of(fields)

    @classmethod
    def from_bytes(cls, data: bytes, path: Path) -> Header:
        if len(data) < HEADER_BYTES:
            raise ValueError(f"{path}: a header of {HEADER_BYTES} bytes expected, found {len(data)} bytes")
        if not data.startswith(MAGIC):
            raise ValueError(f"{path}: magic {MAGIC!r} expected, found {data[: len(MAGIC)]!r}")
        fields = data[: _FIELDS.size]
        if digest_of(fields) != data[_FIELDS.size : HEADER_BYTES]:
            raise ValueError(f"{path}: the header does not match its own checksum")
        _, version, *values = _FIELDS.unpack(fields)
        if version != VERSION:
            raise ValueError(f"{path}: version {VERSION} expected, found {version}")
        return cls(*values)


class ShardWriter:
    """Writes documents into an open file; `finish` puts the header in front of them."""

    def __init__(self, file: BinaryIO, token_bytes: int, end_id: int) -> None:
        self._file, self._token_bytes, self._end_id = file, token_bytes, end_id
        self._hash = blake2b(digest_size=DIGEST_BYTES)
        self._starts: list[int] = []
        self._num_tokens = 0
        file.write(bytes(HEADER_BYTES))

    def add(self, ids: Sequence[int]) -> None:
        """Append one document. Raises ValueError if it holds the id that ends documents."""
        tokens = np.array([*ids, self._end_id], dtype=_DTYPES[self._token_bytes])
        if (tokens[:-1] == self._end_id).any():
            raise ValueError(f"document {len(self._starts)} holds token {self._end_id}, which only ends documents")
        self._starts.append(self._num_tokens)
        self._num_tokens += len(tokens)
        self._write(tokens.tobytes())

    def finish(self, fingerprint: bytes) -> Header:
        """Write the starts and the header."""
        self._write(bytes(-self._num_tokens * self._token_bytes % 8))
        self._write(np.array(self._starts, dtype=_START).tobytes())
        num_documents = len(self._starts)
        header = Header(self._token_bytes, self._num_tokens, num_documents, fingerprint, self._hash.digest())
        self._file.seek(0)
        self._file.write(header.to_bytes())
        return header

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)


class Shard:
    """One shard, opened: its header is checked, and its size against the header.

    Raises ValueError, naming the file, what was expected and what was found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.header = Header.from_bytes(file.read(HEADER_BYTES), path)
        found = path.stat().st_size
        if found != self.header.file_bytes:
            raise ValueError(f"{path}: {self.header.file_bytes} bytes expected, found {found}")
        self.num_tokens, self.num_documents = self.header.num_tokens, self.header.num_documents
        self._dtype = _DTYPES[self.header.token_bytes]

    @property
    def identity(self) -> str:
        """What a resumed run compares: equal for equal bytes."""
        return self.header.digest.hex()

    def read(self, start: int, stop: int) -> np.ndarray:
        """The token ids of [start, stop)."""
        assert 0 <= start <= stop <= self.num_tokens
        return read_numbers(self.path, self._dtype, HEADER_BYTES + start * self._dtype.itemsize, stop - start)

    def starts(self) -> np.ndarray:
        """Where each document starts, in tokens, all of them."""
        return read_numbers(self.path, _START, self.header.starts_offset_bytes, self.num_documents)

    def document(self, index: int) -> np.ndarray:
        """The token ids of one document, without the id that ends it."""
        assert 0 <= index < self.num_documents
        count = min(2, self.num_documents - index)
        offset = self.header.starts_offset_bytes + index * _START.itemsize
        borders = [int(border) for border in read_numbers(self.path, _START, offset, count)]
        return self.read(borders[0], ([*borders[1:], self.num_tokens][0]) - 1)

    def verify(self) -> None:
        """Read every byte and compare with the checksum."""
        found = blake2b(digest_size=DIGEST_BYTES)
        with self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            while data := file.read(_READ_BYTES):
                found.update(data)
        if found.digest() != self.header.digest:
            raise ValueError(f"{self.path}: checksum {self.header.digest.hex()} expected, found {found.hexdigest()}")
