"""Structured output: which tokens a grammar allows next, and how a batch of logits is held to it.

Letters: G guided rows of a batch, T its rows, V vocabulary, W words of 32 bits that hold one bit a token.

The grammar's work is llguidance's, on the CPU: about 0.1 ms a row and token at the released vocabulary. It comes with
the extra `guided`, and is imported when the first guided request arrives. A guided row does not speculate: the mask of
its next token needs the one before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sambay.chat import ChatTokenizer, TokenBytes

from .sampling_params import Guided

_MOST_GRAMMARS = 64  # compiled ones that are kept for requests to come
# Any JSON white space, but no endless run of it, which small models fall into.
_WHITESPACE = r"[\x20\x0A\x0D\x09]{1,32}"


@dataclass(frozen=True)
class AllowedTokens:
    """Bit v of a row's words says whether token v is allowed. rows_G: the guided ones of the T; others are free."""

    rows_G: Tensor
    words_GW: Tensor  # int32

    def forbid_others(self, scores_TV: Tensor) -> None:
        """Sets the scores (T, V) of what is not allowed to -inf, in place."""
        num_bits = scores_TV.shape[1]
        bits = torch.arange(32, dtype=torch.int32, device=scores_TV.device)
        is_allowed_GV = (self.words_GW[:, :, None] >> bits & 1).bool().flatten(1)[:, :num_bits]
        guided_GV = scores_TV[self.rows_G].masked_fill_(~is_allowed_GV, -torch.inf)
        scores_TV.index_copy_(0, self.rows_G, guided_GV)


class GuidedState:
    """How far one reply is in its grammar. error: why it cannot go on, once it has outgrown llguidance's limits.

    Other replies of a batch are to go on, so nothing here raises for it. All copies of a compiled grammar fill one
    table of the lexer, which has a limit: where that is reached, the reply so far is read again by a matcher of its
    own, from `anew`, and only what is too much for one reply is an error.
    """

    def __init__(self, matcher: Any, anew: Callable[[], Any]) -> None:
        self._matcher = matcher
        self._anew: Callable[[], Any] | None = anew
        self._token_ids: list[int] = []
        self.error: str | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing can follow but a stop id, so that the reply may end without one."""
        return bool(self._matcher.is_stopped())

    def advance(self, token_id: int) -> None:
        """Take the token that was drawn. `error` tells of one that cannot follow."""
        self._token_ids.append(token_id)
        if self.error is None and not self._matcher.consume_token(token_id):
            self._begin_anew(f"token {token_id} cannot follow in this grammar")

    def fill_mask(self, words_W: Tensor) -> None:
        """Write the bits of the tokens that may come next into one row of int32 words on the CPU; at the end of the
        grammar these are the stop ids. Where it cannot go on, all: what is drawn is of no use, but the row is whole."""
        assert words_W.dtype == torch.int32, words_W.dtype
        assert words_W.is_cpu, words_W.device
        self._write(words_W)
        if self._matcher.is_error():
            self._begin_anew("the grammar cannot go on")
            if self.error is None:
                self._write(words_W)
            if self._matcher.is_error():
                self._begin_anew("the grammar cannot go on")
                words_W.fill_(-1)

    def _write(self, words_W: Tensor) -> None:
        self._matcher.unsafe_compute_mask_ptr(words_W.data_ptr(), words_W.numel() * words_W.element_size())

    def _begin_anew(self, what: str) -> None:
        """Once; the second time it is an error."""
        if self._anew is not None:
            self._matcher, self._anew = self._anew(), None
            if self._matcher.consume_tokens(self._token_ids):
                return
        self.error = self.error or f"{what}: {self._matcher.get_error().strip().splitlines()[0]}"


class Guidance:
    """Grammars compiled for one tokenizer. vocab_size: of the model, whose last ids may have no token.

    Making one takes a second or two at the released vocabulary, so it is made once, with the first guided request.
    Raises ImportError naming the extra where llguidance is missing.
    """

    def __init__(self, tokenizer: ChatTokenizer, vocab_size: int) -> None:
        self._llguidance = _imported()
        self.vocab_size = vocab_size
        wrapped = self._llguidance.TokenizerWrapper(_Vocabulary(tokenizer, vocab_size))
        self._tokens = self._llguidance.LLTokenizer(wrapped, n_vocab=vocab_size, eos_token=list(tokenizer.stop_ids))
        self._limits = self._llguidance.LLParserLimits(verbose_errors=False)
        self._compiled: dict[str, Any] = {}

    def start(self, guided: Guided) -> GuidedState:
        """The state before a reply's first token. Raises ValueError for a grammar that cannot be compiled."""
        grammar = self._grammar(guided)
        matcher = self._compiled.pop(grammar, None) or self._compile(grammar)
        if matcher.is_error():
            raise ValueError(f"{_given(guided)} cannot be compiled: {matcher.get_error().strip()}")
        self._compiled[grammar] = matcher  # the latest last
        if len(self._compiled) > _MOST_GRAMMARS:
            del self._compiled[next(iter(self._compiled))]
        return GuidedState(matcher.deep_copy(), partial(self._anew, grammar))

    def _compile(self, grammar: str) -> Any:
        return self._llguidance.LLMatcher(self._tokens, grammar, log_level=0, limits=self._limits)

    def _anew(self, grammar: str) -> Any:
        """A matcher that shares nothing; the next request compiles the grammar for itself, too."""
        self._compiled.pop(grammar, None)
        return self._compile(grammar)

    def allowed(self, states: Sequence[GuidedState], rows: Sequence[int], device: torch.device | str) -> AllowedTokens:
        """What may come next in the rows of a batch that are guided, on the device of the logits."""
        words_GW = torch.zeros(len(states), -(-self.vocab_size // 32), dtype=torch.int32)
        for state, words_W in zip(states, words_GW, strict=True):
            state.fill_mask(words_W)
        rows_G = torch.tensor(rows, dtype=torch.long)
        return AllowedTokens(rows_G.to(device, non_blocking=True), words_GW.to(device, non_blocking=True))

    def _grammar(self, guided: Guided) -> str:
        matcher = self._llguidance.LLMatcher
        if guided.regex is not None:
            # "dws": \d, \w and \s are ASCII's; the many other digits of Unicode are never what was meant
            return str(matcher.grammar_from_lark(f"start: /{self._llguidance.regex_to_lark(guided.regex, 'dws')}/"))
        if guided.choice is not None:
            return str(matcher.grammar_from_lark("start: " + " | ".join(map(json.dumps, guided.choice))))
        schema = {"type": "object"} if guided.json_schema is None else guided.json_schema
        return str(matcher.grammar_from_json_schema(json.dumps(schema), overrides={"whitespace_pattern": _WHITESPACE}))


class _Vocabulary:
    """A tokenizer as llguidance reads it: the bytes of each id, none where the vocabulary has a gap."""

    def __init__(self, tokenizer: ChatTokenizer, vocab_size: int) -> None:
        token_bytes = TokenBytes(tokenizer.tokenizer)
        self.tokens = [token_bytes[token_id] for token_id in range(vocab_size)]
        self.special_token_ids = sorted(tokenizer.tokenizer.added_tokens_decoder)
        self.eos_token_id = tokenizer.stop_ids[0]
        self.bos_token_id = None
        self._encode = tokenizer.encode

    def __call__(self, text: str) -> list[int]:
        return self._encode(text)


def _imported() -> Any:
    try:
        import llguidance
    except ImportError as error:
        raise ImportError("guided output needs llguidance: pip install 'sambay[guided]'") from error
    return llguidance


def _given(guided: Guided) -> str:
    named = (name for name in ("json_schema", "regex", "choice") if getattr(guided, name) is not None)
    return next(named, "json_object")
