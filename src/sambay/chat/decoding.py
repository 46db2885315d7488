"""Token ids to text as they arrive, never half a character.

A byte-level vocabulary writes each byte as one printable character, so a token is a byte string
and a character of several bytes may be spread over several tokens.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable

from tokenizers import decoders
from transformers import PreTrainedTokenizerFast


def byte_alphabet() -> list[str]:
    """Return the character that stands for each byte 0..255 in a byte-level vocabulary (GPT-2).

    Printable Latin-1 characters stand for themselves, the other bytes for U+0100 and on, in order.
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    stand_in = {byte: chr(256 + index) for index, byte in enumerate(others)}
    return [stand_in.get(byte, chr(byte)) for byte in range(256)]


_BYTE_OF_CHAR = {char: byte for byte, char in enumerate(byte_alphabet())}


class TokenBytes(dict[int, bytes]):
    """The bytes of each token id, looked up once and remembered; share one among decoders.

    An id without a token (the released vocabulary has unused rows) has no bytes.
    Raises ValueError for a tokenizer whose vocabulary is not byte-level.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        super().__init__()
        self._tokenizer = tokenizer.backend_tokenizer
        decoder = self._tokenizer.decoder
        if not isinstance(decoder, decoders.ByteLevel):
            raise ValueError(f"the tokenizer's decoder must be ByteLevel, got {decoder}")
        added = self._tokenizer.get_added_tokens_decoder()
        self.special_ids = frozenset(index for index, token in added.items() if token.special)

    def __missing__(self, token_id: int) -> bytes:
        token = self._tokenizer.id_to_token(token_id) or ""
        try:
            value = bytes(_BYTE_OF_CHAR[char] for char in token)
        except KeyError:  # an added token spelled outside the byte alphabet, with a space for one
            value = token.encode()
        self[token_id] = value
        return value


class IncrementalDecoder:
    """Decode one sequence as it grows: the pieces joined equal decoding all ids at once.

    An incomplete UTF-8 character is held back until its last byte; bytes that cannot become one
    turn into U+FFFD as soon as that is certain. Cost is proportional to the new tokens alone.
    `show_special`: write special tokens (`<|end|>`) instead of skipping them.
    """

    def __init__(self, tokens: TokenBytes | PreTrainedTokenizerFast, show_special: bool = False) -> None:
        self._bytes = tokens if isinstance(tokens, TokenBytes) else TokenBytes(tokens)
        self._skipped = frozenset() if show_special else self._bytes.special_ids
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, ids: int | Iterable[int]) -> str:
        """Return the text that one or more token ids complete (maybe empty)."""
        ids = (ids,) if isinstance(ids, int) else ids
        return self._utf8.decode(b"".join(self._bytes[i] for i in ids if i not in self._skipped))

    def flush(self) -> str:
        """Return U+FFFD for a character cut off at the end of the sequence, else nothing."""
        return self._utf8.decode(b"", final=True)
