"""/v1/completions: plain continuation of text or token ids, several prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import Response

from .body import read
from .connection import DONE, TextEvents, event
from .errors import refused
from .exchange import Exchange, Server, in_thread
from .prompts import check_length
from .replies import Job, Piece
from .requests import MAX_CHOICES, CompletionRequest
from .sampling import of_completion

# the request's fields by what the engine's errors begin with; "": where they begin with no field
_NAMES = {"": "prompt", **{name: name for name in ("logit_bias", "stop_token_ids", "n")}}


async def completion(server: Server, http: Request) -> Response:
    """Answers one request."""
    request = await read(http, CompletionRequest, server.options.max_body_bytes)
    server.check_model(request.model)
    params = of_completion(request, server.options.defaults)
    prompts = _prompts(request)
    if len(prompts) * params.n > MAX_CHOICES:
        raise refused("prompt", f"{len(prompts)} prompts of n={params.n}: allowed are {MAX_CHOICES} replies in all")
    encoded = await in_thread(_encoded, server, prompts, params.min_tokens)
    exchange = Exchange(server, http, "cmpl", request.user)
    writer = CompletionWriter(exchange, request, encoded, params.n)
    jobs = [Job(ids, params) for ids in encoded]
    return await exchange.answer(jobs, writer, bool(request.stream), _NAMES)


def _prompts(request: CompletionRequest) -> list[str | list[int]]:
    given: Any = request.prompt
    if isinstance(given, str) or (given and isinstance(given[0], int)):
        return [given]
    if not given:
        raise refused("prompt", "is empty: at least one token is needed")
    return list(given)


def _encoded(server: Server, prompts: Sequence[str | list[int]], min_tokens: int) -> list[list[int]]:
    found = []
    for prompt in prompts:
        ids = server.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
        check_length(ids, server.max_length, "prompt", min_tokens)
        found.append(ids)
    return found


@dataclass
class _Choice:
    text: list[str] = field(default_factory=list)
    logprobs: dict[str, list[Any]] | None = None
    num_characters: int = 0
    finish_reason: str | None = None


class CompletionWriter:
    """Replies as text_completion, whole or in chunks of the same form."""

    def __init__(
        self, exchange: Exchange, request: CompletionRequest, prompts: Sequence[Sequence[int]], n: int
    ) -> None:
        self._exchange, self._has_logprobs = exchange, request.logprobs is not None
        self._has_usage = bool(request.stream_options and request.stream_options.include_usage)
        self._is_counting = bool(request.stream_options and request.stream_options.continuous_usage_stats)
        self._is_streamed = bool(request.stream)
        self._choices = [_Choice() for _ in range(len(prompts) * n)]
        self._text_events: dict[int, TextEvents] = {}
        tokenizer = exchange.server.tokenizer
        echoed = [tokenizer.decode(ids, show_special=True) if request.echo else "" for ids in prompts]
        self._echoed = [text for text in echoed for _ in range(n)]

    def opening(self) -> Sequence[bytes]:
        return [self._chunk(index, text, None, None) for index, text in enumerate(self._echoed) if text]

    def add(self, pieces: Sequence[Piece]) -> Sequence[bytes]:
        events = []
        for piece in pieces:
            choice = self._choices[piece.index]
            logprobs = self._logprobs(piece, choice) if self._has_logprobs else None
            choice.finish_reason = piece.finish.reason if piece.finish is not None else None
            if not self._is_streamed:
                choice.text.append(piece.content)
                _extend(choice, logprobs)
            elif piece.content and not (logprobs or piece.finish or self._is_counting):  # nearly all are of this kind
                events.append(self._text_chunk(piece.index, piece.content))
            elif piece.content or logprobs or piece.finish:
                events.append(self._chunk(piece.index, piece.content, logprobs, choice.finish_reason))
        return events

    def closing(self, usage: dict[str, Any]) -> Sequence[bytes]:
        last = [event({**self._head(), "choices": [], "usage": usage})] if self._has_usage else []
        return [*last, DONE]

    def failing(self, body: dict[str, Any]) -> bytes:
        return event(body) + DONE

    def whole(self, usage: dict[str, Any]) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "text": self._echoed[index] + "".join(choice.text),
                "logprobs": choice.logprobs,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(self._choices)
        ]
        return {**self._head(), "choices": choices, "usage": usage}

    def _head(self) -> dict[str, Any]:
        exchange = self._exchange
        model = exchange.server.options.model_name
        return {"id": exchange.name, "object": "text_completion", "created": exchange.created, "model": model}

    def _text_chunk(self, index: int, text: str) -> bytes:
        known = self._text_events.get(index)
        if known is None:
            known = self._text_events[index] = TextEvents(lambda text: self._chunk(index, text, None, None))
        return known.event(text)

    def _chunk(self, index: int, text: str, logprobs: Any, finish_reason: str | None) -> bytes:
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}
        chunk = {**self._head(), "choices": [choice]}
        usage = self._exchange.usage() if self._is_counting else None
        return event({**chunk, "usage": usage} if self._has_usage else chunk)

    def _logprobs(self, piece: Piece, choice: _Choice) -> dict[str, list[Any]]:
        """text_offset counts the characters of the tokens themselves, which a stop string may have cut off."""
        found: dict[str, list[Any]] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        for one in piece.logprobs:
            text = self._text(one.token_id)
            found["tokens"].append(text)
            found["token_logprobs"].append(one.logprob)
            found["top_logprobs"].append({self._text(token_id): logprob for token_id, logprob in one.top})
            found["text_offset"].append(choice.num_characters)
            choice.num_characters += len(text)
        return found

    def _text(self, token_id: int) -> str:
        """As text; a part of a character as its bytes, so that different tokens have different keys."""
        raw = self._exchange.server.token_bytes[token_id]
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in raw)


def _extend(choice: _Choice, logprobs: dict[str, list[Any]] | None) -> None:
    if logprobs is None:
        return
    if choice.logprobs is None:
        choice.logprobs = logprobs
        return
    for name, values in logprobs.items():
        choice.logprobs[name] += values
