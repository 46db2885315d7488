"""The curriculum's tokenizer: byte pairs learnt from its own text, digits one by one, the released chat tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable

from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from sambay.chat import with_chat_format
from sambay.chat.decoding import byte_alphabet

DEFAULT_VOCABULARY = 4096
MODEL_MAX_TOKENS = 65536
_LEAST, _MOST = 512, 8192
_NUM_CHAT_TOKENS = 12


def _pieces(letter: str, digit: str) -> str:
    """How text is cut before byte pairs merge, the first that fits; arguments stand in a bracketed class."""
    return "|".join(
        (
            r"</?think>",  # plain text, not control tokens, yet always one token
            r" ?\\boxed\{",
            rf"'(?:s|t|re|ve|m|ll|d)(?![{letter}])",
            rf" ?[{letter}]+",
            rf"[{digit}]",  # each alone and never with a space: a number is always the same tokens
            rf" ?[-+*/^=()<>%|](?: (?=[{digit}]))?",  # signs of arithmetic, each alone
            rf" ?[^\s{letter}{digit}]+(?: (?=[{digit}]))?",  # with the space that parts it from a number
            r"\n+",
            r"\s+(?!\S)",
            r"\s+",
        )
    )


def _cut() -> pre_tokenizers.PreTokenizer:
    words = pre_tokenizers.Split(Regex(_pieces(r"\p{L}", r"\p{N}")), behavior="isolated")
    return pre_tokenizers.Sequence([words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def train_tokenizer(texts: Iterable[str], vocabulary: int = DEFAULT_VOCABULARY) -> PreTrainedTokenizerFast:
    """The tokenizer of `vocabulary` ids at most that these texts give: the same texts, the same tokenizer.

    Ids from 0: the 256 bytes, the merges in the order they were learnt, the chat tokens. Texts that hold few different
    words give fewer ids. `save_pretrained` writes it as a model's folder has it.
    Raises ValueError for a vocabulary outside 512 to 8192.
    """
    if not _LEAST <= vocabulary <= _MOST:
        raise ValueError(f"vocabulary={vocabulary}: allowed is from {_LEAST} to {_MOST}")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = _cut()
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - _NUM_CHAT_TOKENS,
        min_frequency=2,
        initial_alphabet=byte_alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return with_chat_format(tokenizer, MODEL_MAX_TOKENS)


def encoder_of(tokenizer: Tokenizer) -> Callable[[str], list[int]]:
    """What gives a text's ids as this tokenizer does, control tokens spelled in it being plain text.

    With a tokenizer of `train_tokenizer` and ASCII text, pieces are looked up in a table: some ten times as fast.
    """
    state = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:  # tools' tokens are not special, and would be found in a text all the same
        token["special"] = True
    plain = Tokenizer.from_str(json.dumps(state))
    plain.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        return plain.encode(text, add_special_tokens=False).ids

    ours = Tokenizer(BPE())
    ours.pre_tokenizer = _cut()
    if state["pre_tokenizer"] != json.loads(ours.to_str())["pre_tokenizer"] or state["normalizer"] is not None:
        return encode
    find_pieces, table = re.compile(_pieces("A-Za-z", "0-9"), re.ASCII).findall, _Pieces(plain)

    def encode_pieces(text: str) -> list[int]:
        if not text.isascii():
            return encode(text)
        return [index for piece in find_pieces(text) for index in table[piece]]

    return encode_pieces


class _Pieces(dict[str, list[int]]):
    """The ids of each piece, looked up once."""

    _MOST = 1 << 16  # texts without end may hold nonsense words without end

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._model, self._alphabet = tokenizer.model, byte_alphabet()

    def __missing__(self, piece: str) -> list[int]:
        if len(self) >= self._MOST:
            self.clear()
        word = "".join(self._alphabet[byte] for byte in piece.encode())
        ids = self[piece] = [token.id for token in self._model.tokenize(word)]
        return ids
