"""One tokenizer for a model's text: ids, stop ids, conversations and their continuation."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers import GenerationConfig, PreTrainedTokenizerFast

from .decoding import IncrementalDecoder, TokenBytes
from .template import Message, checked_messages, checked_text
from .vocabulary import CONTROL_TOKENS

_FILES = ("tokenizer*", "special_tokens_map.json", "chat_template*", "generation_config.json")
_REPLY = "\x01reply\x01"  # stands for the turn under way; no prompt of a template spells it


class ChatTokenizer:
    """Encode, decode and render conversations as one model expects them.

    `stop_ids`: any of these ends a reply (released: `<|end|>`, `<|endoftext|>`); by default those
    of the two that the vocabulary has. `num_ids`: one more than the largest token id.
    Raises ValueError for a vocabulary that is not byte-level.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, stop_ids: Sequence[int] | None = None) -> None:
        self.tokenizer = tokenizer
        vocab = tokenizer.get_vocab()
        self.num_ids = max(vocab.values()) + 1
        defaults = [vocab.get("<|end|>"), tokenizer.eos_token_id]
        given = [i for i in defaults if i is not None] if stop_ids is None else stop_ids
        self.stop_ids = tuple(dict.fromkeys(given))
        self._backend = tokenizer.backend_tokenizer
        self._token_bytes = TokenBytes(tokenizer)
        self._guard = _Guard(tokenizer)

    @classmethod
    def load(cls, source: str | PathLike[str]) -> ChatTokenizer:
        """Load from a folder with a tokenizer.json, or from a Hub id.

        Stop ids come from generation_config.json where there is one. Raises ValueError with the
        reason if no tokenizer can be read.
        """
        folder = _folder_of(str(source))
        if not Path(folder, "tokenizer.json").is_file():
            raise ValueError(f"no tokenizer.json in {source}")
        try:
            # Not AutoTokenizer: the released files name GPT2Tokenizer, which puts GPT-2's way of
            # cutting words in the place of the one that tokenizer.json states.
            tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        except Exception as error:  # the Rust reader raises plain Exception
            raise ValueError(f"cannot read the tokenizer in {source}: {error}") from error
        return cls(tokenizer, _stop_ids_of(folder))

    def encode(self, text: str) -> list[int]:
        """Return the ids of text, adding none; a control token spelled in it is that token.

        Raises ValueError for text that is not a str, or holds lone surrogates.
        """
        return self._backend.encode(checked_text(text, "text"), add_special_tokens=False).ids

    def decode(self, ids: Sequence[int], show_special: bool = False) -> str:
        """Return the text of ids; bytes that are no UTF-8 become U+FFFD, unused ids nothing."""
        return self._backend.decode(list(ids), skip_special_tokens=not show_special)

    def decoder(self, show_special: bool = False) -> IncrementalDecoder:
        """Return a decoder for one sequence; all of a tokenizer's decoders share one table."""
        return IncrementalDecoder(self._token_bytes, show_special)

    def render(self, messages: Sequence[Message], add_generation_prompt: bool = True) -> str:
        """Return the conversation as text, by the tokenizer's own template.

        `add_generation_prompt`: end where the assistant is to speak; else as a finished text.
        Raises ValueError for messages that `checked_messages` or the template refuses.
        """
        return self._render(checked_messages(messages), add_generation_prompt)

    def encode_chat(self, messages: Sequence[Message], add_generation_prompt: bool = True) -> list[int]:
        """Return the ids of a conversation, ready for the model.

        They are those of `encode(render(messages))`, save that a control token spelled inside a
        message is plain text there: nobody can forge a turn. `<|tool_call|>` stays a token.
        Raises ValueError as `render` does.
        """
        guarded = [self._guard.hide(message) for message in checked_messages(messages)]
        pieces = self._guard.reveal(self._render(guarded, add_generation_prompt))
        return [index for piece in pieces for index in (self.encode(piece) if isinstance(piece, str) else piece)]

    def next_turn(self, history_ids: Sequence[int], messages: Sequence[Message]) -> list[int]:
        """Return the ids to append to history_ids so that the conversation goes on with messages.

        history_ids: everything so far, the last reply included, whether it was cut off or ended in
        `<|end|>`; empty before the first turn. A final `<|endoftext|>` is no part of a conversation
        and must be left out. history_ids + next_turn equals `encode_chat` of the whole conversation
        if the reply is as `encode` writes its text and begins with no whitespace, which
        `<|assistant|>` swallows when text is read; the history itself is never altered.
        Raises ValueError as `encode_chat` does, and for a history that ends in another stop id.
        """
        if not history_ids:
            return self.encode_chat(messages)
        opening = [{"role": "user", "content": ""}, {"role": "assistant", "content": _REPLY}]
        ids = _after(self.encode_chat([*opening, *checked_messages(messages)]), self.encode(_REPLY))
        if ids[0] not in self._token_bytes.special_ids:
            raise ValueError("the chat template ends replies with no special token, so none can be continued")
        if history_ids[-1] == ids[0]:
            return ids[1:]
        if history_ids[-1] in self.stop_ids:
            stop, close = (self.decode([i], show_special=True) for i in (history_ids[-1], ids[0]))
            raise ValueError(f"the history ends in {stop}; leave it out, or end in {close}")
        return ids

    def _render(self, messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
        if self.tokenizer.chat_template is None:
            raise ValueError("the tokenizer has no chat template, so it takes plain text only")
        try:
            text: Any = self.tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except TemplateError as error:
            raise ValueError(f"the chat template refuses the messages: {error}") from error
        assert isinstance(text, str)
        return text


class _Guard:
    """Keeps the control tokens that a message spells apart from those that the template writes.

    hide() puts a mark in the place of each; once rendered, reveal() puts there the ids of its
    spelling. transformers does as much with `sanitize_control_tokens`, but by switching the shared
    tokenizer back and forth, which two threads of a server must not.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        declared = {*CONTROL_TOKENS, *(tokenizer.chat_control_tokens or ())}
        added = tokenizer.added_tokens_decoder.values()
        self._tokens = [t.content for t in added if t.special or t.content in declared]
        self._spelled = [_spelled(tokenizer.backend_tokenizer, token) for token in self._tokens]
        self._control = re.compile("|".join(map(re.escape, self._tokens)) or "(?!)")
        self._nonce = secrets.token_hex(8)  # so that no message can spell a mark
        self._mark = re.compile(f"<{self._nonce}:([0-9]+)>")

    def hide(self, message: dict[str, str]) -> dict[str, str]:
        """Return the message with marks in the place of control tokens; roles have none."""
        return {field: self._control.sub(self._mark_of, text) for field, text in message.items()}

    def reveal(self, text: str) -> Iterator[str | list[int]]:
        """Yield the rendered text between the marks, and the ids for each mark."""
        for index, piece in enumerate(self._mark.split(text)):
            yield self._spelled[int(piece)] if index % 2 else piece

    def _mark_of(self, match: re.Match[str]) -> str:
        return f"<{self._nonce}:{self._tokens.index(match[0])}>"


def _spelled(backend: Tokenizer, token: str) -> list[int]:
    """Return the ids of an added token's text as the vocabulary's model alone reads it."""
    words = backend.pre_tokenizer.pre_tokenize_str(token) if backend.pre_tokenizer else [(token, (0, 0))]
    return [part.id for word, _ in words for part in backend.model.tokenize(word)]


def _folder_of(source: str) -> str:
    """Return the folder itself, or the one that a Hub id's tokenizer files are downloaded to."""
    if Path(source).is_dir():
        return source
    try:
        return snapshot_download(source, allow_patterns=list(_FILES))
    except (HFValidationError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{source} is no folder, and no model to be had from the Hub: {reason}") from error


def _stop_ids_of(folder: str) -> list[int] | None:
    if not Path(folder, "generation_config.json").is_file():
        return None
    stop = GenerationConfig.from_pretrained(folder).eos_token_id
    return [stop] if isinstance(stop, int) else stop


def _after(ids: list[int], part: list[int]) -> list[int]:
    """Return what follows the first occurrence of part in ids."""
    starts = range(len(ids) - len(part) + 1)
    start = next((i for i in starts if ids[i : i + len(part)] == part), None)
    if start is None:
        raise ValueError("the chat template rewrites replies, so no conversation can be continued")
    return ids[start + len(part) :]
