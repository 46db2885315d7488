"""A shuffled order of any length that takes no memory: each position is computed from its index alone."""

from __future__ import annotations

from hashlib import blake2b

# Four would do for large sizes (Luby and Rackoff 1988); with fewer than thirty sequences some orders came up too often.
_NUM_ROUNDS = 8
_MASK_64 = (1 << 64) - 1


class Permutation:
    """A bijection of range(size), chosen by key: `Permutation(size, key)(index)`.

    A Feistel network permutes the numbers of 2h bits, of which at most four times as many as size exist; one that
    falls outside range(size) is permuted again until it falls inside (Black and Rogaway 2002, cycle walking).
    """

    def __init__(self, size: int, key: str) -> None:
        assert size >= 1
        self.size = size
        self._half_bits = ((size - 1).bit_length() + 1) // 2
        data = blake2b(key.encode(), digest_size=8 * _NUM_ROUNDS).digest()
        self._round_keys = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]

    def __call__(self, index: int) -> int:
        assert 0 <= index < self.size
        index = self._walk(index)
        while index >= self.size:
            index = self._walk(index)
        return index

    def _walk(self, index: int) -> int:
        bits, mask = self._half_bits, (1 << self._half_bits) - 1
        left, right = index >> bits, index & mask
        for key in self._round_keys:
            left, right = right, left ^ (_scrambled(right ^ key) & mask)
        return left << bits | right


def _scrambled(number: int) -> int:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): each bit in moves every bit out."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 & _MASK_64
    number = (number ^ number >> 27) * 0x94D049BB133111EB & _MASK_64
    return number ^ number >> 31
