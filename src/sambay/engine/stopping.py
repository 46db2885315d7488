"""When a reply ends, and its text until then: stop ids, stop strings, the most and the least tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sambay.chat import IncrementalDecoder, StopStrings

from .sampling_params import SamplingParams


@dataclass(frozen=True)
class Finish:
    """reason: "stop", "length" for a reply that was cut off, or "error" for one that could not go on. stopped_by: the
    stop string, or the id of stop_token_ids, that ended it, or what the error was; None for one of the tokenizer's own,
    a grammar's end, and for "length"."""

    reason: Literal["stop", "length", "error"]
    stopped_by: str | int | None = None


class Stopper:
    """Follows one reply. decoder: a new one of the tokenizer, `tokenizer.decoder(not params.skip_special_tokens)`;
    stop_ids: the tokenizer's own; room: the most tokens that the context still holds.

    The pieces joined are the reply's text, cut before what ended it unless include_stop_str_in_output. Stop strings are
    found wherever tokens divide them; the first one wins and of several that start there the longest, for which it may
    take a token more to be certain.
    """

    def __init__(self, params: SamplingParams, decoder: IncrementalDecoder, stop_ids: Sequence[int], room: int) -> None:
        self.finish: Finish | None = None
        self.num_tokens = 0
        self._params, self._decoder = params, decoder
        self._stops = StopStrings(params.stop)
        self._own_stop_ids = frozenset(() if params.ignore_eos else stop_ids)
        self._limit = room if params.max_tokens is None else min(room, params.max_tokens)

    def feed(self, token_id: int, is_grammar_finished: bool = False) -> str:
        """Take one token and return the text that is now certain; `finish` says whether it was the last."""
        assert self.finish is None, "the reply has ended"
        self.num_tokens += 1
        is_early = self.num_tokens <= self._params.min_tokens
        if not is_early and (token_id in self._own_stop_ids or token_id in self._params.stop_token_ids):
            return self._end_at(token_id)
        piece = self._decoder.feed(token_id)
        if not is_early:
            piece = self._stops.feed(piece)
        if self._stops.matched is None and self.num_tokens < self._limit and not is_grammar_finished:
            return piece
        return piece + self.close(Finish("stop" if is_grammar_finished else "length"))

    def close(self, finish: Finish) -> str:
        """End the reply here and return the text held back. A stop string that is in it is the reason instead."""
        rest = self._stops.feed(self._decoder.flush()) + self._stops.flush()
        if self._stops.matched is not None:
            finish = Finish("stop", self._stops.matched)
            rest += self._stops.matched if self._params.include_stop_str_in_output else ""
        self.finish = finish
        return rest

    def _end_at(self, token_id: int) -> str:
        """A stop id's own text is part of the reply only if asked for, and no stop string is looked for in it."""
        rest = self.close(Finish("stop", token_id if token_id in self._params.stop_token_ids else None))
        is_shown = self._params.include_stop_str_in_output and self._stops.matched is None
        return rest + (self._decoder.feed(token_id) if is_shown else "")
