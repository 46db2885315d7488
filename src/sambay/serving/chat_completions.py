"""/v1/chat/completions: conversations, with thoughts apart from content, tool calls, and structured output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.responses import Response

from sambay.engine.engine import TokenLogprob

from .body import read
from .connection import DONE, TextEvents, event
from .exchange import Exchange, Server, in_thread, logprob_entry
from .prompts import check_length, encoded_chat, ends_in_thought, to_messages
from .replies import Job, Piece
from .requests import ChatRequest
from .sampling import of_chat
from .tools import ToolCallReader

# the request's fields by what the engine's errors begin with; "": where they begin with no field
_NAMES = {
    "": "messages",
    **dict.fromkeys(("guided", "json_schema", "json_object"), "response_format"),
    **{name: name for name in ("logit_bias", "stop_token_ids", "n")},
}


async def chat_completion(server: Server, http: Request) -> Response:
    """Answers one request."""
    request = await read(http, ChatRequest, server.options.max_body_bytes)
    server.check_model(request.model)
    params = of_chat(request, server.options.defaults)
    tools = [] if request.tool_choice == "none" else list(request.tools or ())
    messages = to_messages(request.messages, tools)
    ids = await in_thread(encoded_chat, server.tokenizer, messages)
    check_length(ids, server.max_length, "messages", params.min_tokens)
    exchange = Exchange(server, http, "chatcmpl", request.user)
    is_inside = ends_in_thought(server.tokenizer, ids)
    job = Job(ids, params, True, is_inside, request.max_reasoning_tokens)
    writer = ChatWriter(exchange, request, [tool.function.name for tool in tools])
    return await exchange.answer([job], writer, bool(request.stream), _NAMES)


@dataclass
class _Choice:
    tools: ToolCallReader | None
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None


class ChatWriter:
    """Replies as chat.completion, or as chunks of it."""

    def __init__(self, exchange: Exchange, request: ChatRequest, tool_names: Sequence[str]) -> None:
        self._exchange, self._has_logprobs = exchange, bool(request.logprobs)
        self._has_usage = bool(request.stream_options and request.stream_options.include_usage)
        self._is_counting = bool(request.stream_options and request.stream_options.continuous_usage_stats)
        self._is_streamed = bool(request.stream)
        self._choices = [_Choice(ToolCallReader(tool_names) if tool_names else None) for _ in range(request.n or 1)]
        self._text_events: dict[tuple[int, str], TextEvents] = {}

    def opening(self) -> Sequence[bytes]:
        return [self._chunk(index, {"role": "assistant", "content": ""}) for index in range(len(self._choices))]

    def add(self, pieces: Sequence[Piece]) -> Sequence[bytes]:
        return [found for piece in pieces for found in self._add(piece)]

    def _add(self, piece: Piece) -> Sequence[bytes]:
        choice, content = self._choices[piece.index], piece.content
        calls: list[dict[str, Any]] = []
        if choice.tools is not None:
            content = choice.tools.feed(content)
            if piece.finish is not None:
                rest, calls = choice.tools.finish()
                content += rest
        logprobs = [self._logprob(one) for one in piece.logprobs] if self._has_logprobs else []
        if piece.finish is not None:
            choice.finish_reason = "tool_calls" if calls else piece.finish.reason
        if not self._is_streamed:
            choice.content.append(content)
            choice.reasoning.append(piece.reasoning)
            choice.logprobs += logprobs
            choice.calls += calls
            return []
        delta: dict[str, Any] = {}
        if piece.reasoning:
            delta["reasoning_content"] = piece.reasoning
        if content:
            delta["content"] = content
        if calls:
            delta["tool_calls"] = [{"index": index, **call} for index, call in enumerate(calls)]
        if not (delta or logprobs or piece.finish):
            return []
        if len(delta) == 1 and not (
            calls or logprobs or piece.finish or self._is_counting
        ):  # nearly all are of this kind
            ((name, text),) = delta.items()
            return [self._text_chunk(piece.index, name, text)]
        return [self._chunk(piece.index, delta, logprobs, choice.finish_reason)]

    def closing(self, usage: dict[str, Any]) -> Sequence[bytes]:
        last = {**self._head("chat.completion.chunk"), "choices": [], "usage": usage}
        return [event(last), DONE] if self._has_usage else [DONE]

    def failing(self, body: dict[str, Any]) -> bytes:
        return event(body) + DONE

    def whole(self, usage: dict[str, Any]) -> dict[str, Any]:
        choices = [self._whole_choice(index, choice) for index, choice in enumerate(self._choices)]
        return {**self._head("chat.completion"), "choices": choices, "usage": usage}

    def _whole_choice(self, index: int, choice: _Choice) -> dict[str, Any]:
        content, reasoning = "".join(choice.content), "".join(choice.reasoning)
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if choice.calls:
            message["tool_calls"] = choice.calls
            message["content"] = content or None
        logprobs = {"content": choice.logprobs, "refusal": None} if self._has_logprobs else None
        return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": choice.finish_reason}

    def _head(self, kind: str) -> dict[str, Any]:
        exchange = self._exchange
        model = exchange.server.options.model_name
        return {"id": exchange.name, "object": kind, "created": exchange.created, "model": model}

    def _text_chunk(self, index: int, name: str, text: str) -> bytes:
        known = self._text_events.get((index, name))
        if known is None:
            known = self._text_events[index, name] = TextEvents(lambda text: self._chunk(index, {name: text}))
        return known.event(text)

    def _chunk(
        self, index: int, delta: dict[str, Any], logprobs: list[dict[str, Any]] | None = None,
        finish_reason: str | None = None,
    ) -> bytes:  # fmt: skip
        shown = {"content": logprobs, "refusal": None} if logprobs else None
        choice = {"index": index, "delta": delta, "logprobs": shown, "finish_reason": finish_reason}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        usage = self._exchange.usage() if self._is_counting else None
        return event({**chunk, "usage": usage} if self._has_usage else chunk)

    def _logprob(self, one: TokenLogprob) -> dict[str, Any]:
        table = self._exchange.server.token_bytes
        top = [logprob_entry(table, token_id, logprob) for token_id, logprob in one.top]
        return {**logprob_entry(table, one.token_id, one.logprob), "top_logprobs": top}
