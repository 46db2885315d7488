"""The released vocabulary from its public ranks, and one of single bytes for tiny models."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import PreTrainedTokenizerFast

from .decoding import byte_alphabet
from .template import RELEASED_TEMPLATE

_RANKS_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"

# How o200k_base cuts text before byte pairs merge: words by case with their contraction, up to
# three digits, punctuation with line ends, white space. https://github.com/openai/tiktoken (MIT)
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_WORDS = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTION}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTION}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)

_END_OF_TEXT = "<|endoftext|>"
_ROLE_TOKENS = ("<|assistant|>", "<|end|>", "<|user|>", "<|system|>")
_TOOL_TOKENS = ("<|tool|>", "<|/tool|>", "<|tool_call|>", "<|/tool_call|>", "<|tool_response|>")

# What only the template may write; <|tool_call|> is not among them, for the model writes it and a
# conversation that is rendered again must read it as the same token.
CONTROL_TOKENS = ("<|tool|>", "<|/tool|>", "<|tool_response|>")


def build_released_tokenizer(
    ranks_path: str | PathLike[str], tokenizer_config_path: str | PathLike[str]
) -> PreTrainedTokenizerFast:
    """Build the tokenizer of Phi-4-mini-flash from o200k_base.tiktoken and tokenizer_config.json.

    Token ids are the ranks, and the ids of `added_tokens_decoder`; the ids between are unused.
    Raises ValueError if the ranks are not those of o200k_base.
    """
    data = Path(ranks_path).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != _RANKS_SHA256:
        raise ValueError(f"{ranks_path} has SHA-256 {digest}, o200k_base has {_RANKS_SHA256}")
    lines = (line.split() for line in data.splitlines())
    ranks = {base64.b64decode(token): int(rank) for token, rank in lines}
    config = json.loads(Path(tokenizer_config_path).read_text(encoding="utf-8"))
    added = {int(index): AddedToken(**fields) for index, fields in config["added_tokens_decoder"].items()}
    words = pre_tokenizers.Split(Regex(_WORDS), behavior="isolated")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = _byte_level(ranks, added, pre_tokenizers.Sequence([words, bytes_]))
    return _wrapped(tokenizer, config["chat_template"], config["model_max_length"])


def build_byte_tokenizer() -> PreTrainedTokenizerFast:
    """Build a tokenizer of 268 ids for tiny models: id = byte for 0..255, then the chat tokens.

    It has the released chat tokens, in their order, and the released template.
    """
    added = {256 + index: token for index, token in enumerate(_chat_tokens())}
    ranks = {bytes([byte]): byte for byte in range(256)}
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return _wrapped(_byte_level(ranks, added, bytes_), RELEASED_TEMPLATE, model_max_length=65536)


def with_chat_format(tokenizer: Tokenizer, model_max_length: int = 65536) -> PreTrainedTokenizerFast:
    """A vocabulary of one's own with the released chat tokens after its last id, in their order, and their template."""
    tokenizer.add_tokens(_chat_tokens())
    return _wrapped(tokenizer, RELEASED_TEMPLATE, model_max_length)


def _chat_tokens() -> list[AddedToken]:
    specials = (_END_OF_TEXT, "<|endofprompt|>", *_ROLE_TOKENS, *_TOOL_TOKENS, "<|tag|>")
    return [_chat_token(content) for content in specials]


def _chat_token(content: str) -> AddedToken:
    """Return a token with the flags of the released one: roles and tools strip what follows."""
    is_text_end = content in (_END_OF_TEXT, "<|endofprompt|>")
    return AddedToken(content, rstrip=not is_text_end, normalized=False, special=content not in _TOOL_TOKENS)


def _byte_level(ranks: dict[bytes, int], added: dict[int, AddedToken], pre: pre_tokenizers.PreTokenizer) -> Tokenizer:
    alphabet = byte_alphabet()
    vocab = {"".join([alphabet[byte] for byte in token]): rank for token, rank in ranks.items()}
    merges = list(_merges(vocab))
    # An added token takes the id that the vocabulary has for it; otherwise it would take the next
    # free one, and the released ids have gaps.
    vocab |= {token.content: index for index, token in added.items()}
    # A word that is a token is that token, as in tiktoken; single bytes have no words, and a text
    # that spells a control token must not become it by this road.
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=merges, ignore_merges=bool(merges)))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens(list(added.values()))
    return tokenizer


def _merges(ranks: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield every pair of tokens that joins into a token, in the order of that token's rank.

    Byte pair encoding by ranks joins whichever neighbours make the token of least rank, so all
    the ways to cut a token count, not the one that training took.
    """
    for token in ranks:  # in rank order
        cuts = [i for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
        pairs = [(token[:i], token[i:]) for i in cuts]
        yield from sorted(pairs, key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))


def _wrapped(tokenizer: Tokenizer, template: str, model_max_length: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=_END_OF_TEXT,
        eos_token=_END_OF_TEXT,
        pad_token=_END_OF_TEXT,
        unk_token=_END_OF_TEXT,
        model_max_length=model_max_length,
        clean_up_tokenization_spaces=False,
        chat_template=template,
        chat_control_tokens=list(CONTROL_TOKENS),
    )
