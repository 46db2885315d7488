"""Reads the shards of the published training code: `train*.bin`, one chunk of token ids a file.

    [0, 7)        b"LITPKDS"
    [7, 15)       version, 64 bits, 1
    [15, 16)      type of a token id: 4 is int32, 8 is uint16
    [16, 24)      token ids in the chunk, 64 bits; 2049 x 1024 by default
    [24, ...)     the chunk

The format, and the names of its fields, are ArchScale's `lit_gpt/packed_dataset.py`, which has them from lit-llama. It
has no checksum and no index of documents; a document that does not fit into a chunk goes on in the next file.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from .shard import digest_of, read_numbers

MAGIC = b"LITPKDS"
VERSION = 1
_FIELDS = struct.Struct("<7sQBQ")  # no padding with "<", so 7 + 8 + 1 + 8 = 24 bytes
# The two that its tokenising scripts write. The format has codes for others, floating point among them.
_DTYPES: dict[int, np.dtype] = {4: np.dtype("<i4"), 8: np.dtype("<u2")}


class PublishedShard:
    """One file, opened, with the interface of `Shard`: the header and the size are checked.

    Raises ValueError, naming the file, what was expected and what was found.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self._header = file.read(_FIELDS.size)
        self._dtype, self.num_tokens = _parse(self._header, path)
        expected = _FIELDS.size + self.num_tokens * self._dtype.itemsize
        found = path.stat().st_size
        if found != expected:
            raise ValueError(
                f"{path}: {expected} bytes expected for a chunk of {self.num_tokens} tokens, found {found}"
            )

    @property
    def identity(self) -> str:
        """What a resumed run compares: name and header, there being no checksum."""
        return digest_of(self.path.name.encode() + self._header).hex()

    def read(self, start: int, stop: int) -> np.ndarray:
        """The token ids of [start, stop)."""
        assert 0 <= start <= stop <= self.num_tokens
        return read_numbers(self.path, self._dtype, _FIELDS.size + start * self._dtype.itemsize, stop - start)

    def verify(self) -> None:
        """Nothing to compare with: the format has no checksum. The set checks that all ids are in the vocabulary."""


def _parse(header: bytes, path: Path) -> tuple[np.dtype, int]:
    if len(header) < _FIELDS.size:
        raise ValueError(f"{path}: a header of {_FIELDS.size} bytes expected, found {len(header)} bytes")
    magic, version, code, num_tokens = _FIELDS.unpack(header)
    if magic != MAGIC:
        raise ValueError(f"{path}: magic {MAGIC!r} expected, found {magic!r}")
    if version != VERSION:
        raise ValueError(f"{path}: version {VERSION} expected, found {version}")
    if code not in _DTYPES:
        raise ValueError(f"{path}: type 4 (int32) or 8 (uint16) expected, found {code}")
    return _DTYPES[code], num_tokens
