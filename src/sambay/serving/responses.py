"""/v1/responses: one text reply to a conversation that the client keeps; nothing is stored between requests."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from fastapi import Request
from starlette.responses import Response

from sambay.chat import Message
from sambay.engine.sampling_params import SamplingParams

from .body import read
from .connection import event
from .errors import from_value_error
from .exchange import Exchange, Server, in_thread
from .prompts import check_length, encoded_chat, ends_in_thought
from .replies import Job, Piece
from .requests import ResponsesRequest
from .sampling import guided_format

_NAMES = {
    "": "input",
    "max_tokens": "max_output_tokens",
    **dict.fromkeys(("guided", "json_schema", "json_object"), "text.format"),
    **{name: name for name in ("temperature", "top_p")},
}


async def response(server: Server, http: Request) -> Response:
    """Answers one request."""
    request = await read(http, ResponsesRequest, server.options.max_body_bytes)
    server.check_model(request.model)
    params = _params(request, server)
    ids = await in_thread(encoded_chat, server.tokenizer, _messages(request), "input")
    check_length(ids, server.max_length, "input")
    exchange = Exchange(server, http, "resp", request.user)
    job = Job(ids, params, True, ends_in_thought(server.tokenizer, ids))
    return await exchange.answer([job], ResponseWriter(exchange, request, params), bool(request.stream), _NAMES)


def _params(request: ResponsesRequest, server: Server) -> SamplingParams:
    given = {"temperature": request.temperature, "top_p": request.top_p, "max_tokens": request.max_output_tokens}
    given = {name: value for name, value in given.items() if value is not None}
    wanted = None if request.text is None or request.text.format is None else guided_format(request.text.format)
    try:
        return SamplingParams(**{**server.options.defaults, **given, "guided": wanted})
    except ValueError as error:
        raise from_value_error(error, _NAMES) from None


def _messages(request: ResponsesRequest) -> list[Message]:
    found: list[Message] = [] if request.instructions is None else [{"role": "system", "content": request.instructions}]
    if isinstance(request.input, str):
        return [*found, {"role": "user", "content": request.input}]
    for item in request.input:
        role = "system" if item.role == "developer" else item.role
        content = item.content if isinstance(item.content, str) else "".join(part.text for part in item.content)
        found.append({"role": role, "content": content})
    return found


class ResponseWriter:
    """A reply as a response object, or as the events that build it up."""

    def __init__(self, exchange: Exchange, request: ResponsesRequest, params: SamplingParams) -> None:
        self._exchange, self._request, self._params = exchange, request, params
        self._reasoning: list[str] = []
        self._content: list[str] = []
        self._is_cut_off = False
        self._number = 0
        self._items: list[str] = []  # ids of the output items begun, the message last

    def opening(self) -> Sequence[bytes]:
        begun = self._object("in_progress", None)
        return [self._event("response.created", response=begun), self._event("response.in_progress", response=begun)]

    def add(self, pieces: Sequence[Piece]) -> Sequence[bytes]:
        return [found for piece in pieces for found in self._add(piece)]

    def _add(self, piece: Piece) -> list[bytes]:
        self._is_cut_off = piece.finish is not None and piece.finish.reason == "length"
        events: list[bytes] = []
        for text, gathered, kind in (
            (piece.reasoning, self._reasoning, "reasoning"), (piece.content, self._content, "message"),
        ):  # fmt: skip
            if text:
                events += self._begin(kind) if not gathered else []
                gathered.append(text)
                events.append(self._event(f"{_PARTS[kind]}.delta", **self._place(kind), delta=text, **_logprobs(kind)))
        return events

    def _begin(self, kind: str) -> list[bytes]:
        ended = self._ended("reasoning") if kind == "message" and self._reasoning else []
        self._items.append(f"{_PREFIXES[kind]}_{secrets.token_hex(12)}")
        place = self._place(kind)
        item = self._item(kind, "in_progress", has_content=False)
        added = self._event("response.output_item.added", output_index=place["output_index"], item=item)
        if kind == "reasoning":
            return [*ended, added]
        return [*ended, added, self._event("response.content_part.added", **place, part=self._part(kind, ""))]

    def _ended(self, kind: str) -> list[bytes]:
        place, text = self._place(kind), self._text(kind)
        events = [self._event(f"{_PARTS[kind]}.done", **place, text=text, **_logprobs(kind))]
        if kind == "message":
            events.append(self._event("response.content_part.done", **place, part=self._part(kind, text)))
        item = self._item(kind, self._status())
        return [*events, self._event("response.output_item.done", output_index=place["output_index"], item=item)]

    def closing(self, usage: dict[str, Any]) -> Sequence[bytes]:
        begun = [] if self._content else self._begin("message")
        whole = self._object(self._status(), usage)
        name = "response.incomplete" if self._is_cut_off else "response.completed"
        return [*begun, *self._ended("message"), self._event(name, response=whole)]

    def failing(self, body: dict[str, Any]) -> bytes:
        error = body["error"]
        return self._event("error", code=error["code"], message=error["message"], param=error["param"])

    def whole(self, usage: dict[str, Any]) -> dict[str, Any]:
        if not self._content:
            self._begin("message")
        return self._object(self._status(), usage)

    def _status(self) -> str:
        return "incomplete" if self._is_cut_off else "completed"

    def _text(self, kind: str) -> str:
        return "".join(self._reasoning if kind == "reasoning" else self._content)

    def _place(self, kind: str) -> dict[str, Any]:
        index = 0 if kind == "reasoning" else len(self._items) - 1
        return {"item_id": self._items[index], "output_index": index, "content_index": 0}

    def _part(self, kind: str, text: str) -> dict[str, Any]:
        if kind == "reasoning":
            return {"type": "reasoning_text", "text": text}
        return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def _item(self, kind: str, status: str, has_content: bool = True) -> dict[str, Any]:
        content = [self._part(kind, self._text(kind))] if has_content else []
        item = {"id": self._place(kind)["item_id"], "type": kind, "status": status, "content": content}
        return {**item, "summary": []} if kind == "reasoning" else {**item, "role": "assistant"}

    def _object(self, status: str, usage: dict[str, Any] | None) -> dict[str, Any]:
        exchange, request = self._exchange, self._request
        kinds = [] if usage is None else ["reasoning", "message"][-len(self._items) :]
        return {
            "id": exchange.name, "object": "response", "created_at": exchange.created, "status": status, "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
            "instructions": request.instructions, "max_output_tokens": request.max_output_tokens,
            "model": exchange.server.options.model_name, "metadata": {}, "parallel_tool_calls": True, "store": False,
            "output": [self._item(kind, status) for kind in kinds], "temperature": self._params.temperature,
            "text": {"format": {"type": "text"} if request.text is None else _format_of(request)},
            "tool_choice": "auto", "tools": [], "top_p": self._params.top_p,
            "usage": None if usage is None else _usage(usage),
        }  # fmt: skip

    def _event(self, kind: str, **fields: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        return event({"type": kind, "sequence_number": number, **fields}, kind)


_PARTS = {"reasoning": "response.reasoning_text", "message": "response.output_text"}
_PREFIXES = {"reasoning": "rs", "message": "msg"}


def _logprobs(kind: str) -> dict[str, Any]:
    return {"logprobs": []} if kind == "message" else {}


def _format_of(request: ResponsesRequest) -> dict[str, Any]:
    assert request.text is not None
    found = request.text.format
    return {"type": "text"} if found is None else found.model_dump(by_alias=True, exclude_none=True)


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": usage["prompt_tokens_details"],
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": usage["completion_tokens_details"],
        "total_tokens": usage["total_tokens"],
    }
