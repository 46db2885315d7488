"""Work that lasts as long as its client stays and its deadline allows, and replies sent as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from json.encoder import encode_basestring as _encode_text
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .body import ClientGoneError
from .errors import ApiError

T = TypeVar("T")

DONE = b"data: [DONE]\n\n"
_MARK = "\x00"
_LINE_ENDS = (("\x85", "\\u0085"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def event(data: Any, name: str | None = None) -> bytes:
    """One server-sent event with JSON data."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {_on_one_line(_encode(data))}\n\n".encode()


def _on_one_line(encoded: str) -> str:
    """JSON in which no client sees a line's end: many split at all that Unicode counts as one, though the protocol has
    but two. JSON itself writes the others (U+000A to U+001E) as escapes."""
    if encoded.isascii():
        return encoded
    for char, escape in _LINE_ENDS:
        encoded = encoded.replace(char, escape)
    return encoded


class TextEvents:
    """Events that differ in one text: the rest is serialised once. make: the event with a given text in its place,
    which is the last string of that kind in it."""

    def __init__(self, make: Callable[[str], bytes]) -> None:
        self._before, _, self._after = make(_MARK).rpartition(_encode(_MARK).encode())

    def event(self, text: str) -> bytes:
        """The bytes that `make(text)` would give."""
        return self._before + _on_one_line(_encode_text(text)).encode() + self._after


async def while_connected(receive: Receive, work: Awaitable[T], seconds: float | None) -> T:
    """What `work` gives. It is cancelled, and has cleaned up, when this raises ClientGoneError or, after `seconds`,
    an ApiError. `receive` must have given the whole body."""
    task = asyncio.ensure_future(work)
    listener = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait({task, listener}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if listener.done():
            raise ClientGoneError
        message = f"the reply took longer than {seconds:g} s"
        raise ApiError(408, message, None, "deadline_exceeded", {"X-Should-Retry": "false"})
    finally:
        for one in (task, listener):
            one.cancel()
        await asyncio.gather(task, listener, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """Events as they come, until there are no more, the client is gone or the deadline has passed.

    events: bytes that may be several events. on_error: the events that tell of an error, once the reply has begun.
    on_end: called with the error that ended it, if one did.
    """

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncIterator[bytes], seconds: float | None, on_error: Callable[[Exception], bytes],
        on_end: Callable[[Exception | None], None],
    ) -> None:  # fmt: skip
        self.status_code = 200
        self.background = None
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})
        self._events, self._seconds, self._on_error, self._on_end = events, seconds, on_error, on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        failure: Exception | None = None
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await while_connected(receive, self._send_events(send), self._seconds)
        except (ClientGoneError, OSError) as error:
            failure = error
        except Exception as error:
            failure = error
            await _send(send, self._on_error(error), is_last=False)
        finally:
            await self._events.aclose()  # type: ignore[attr-defined]
            self._on_end(failure)
        if not isinstance(failure, ClientGoneError | OSError):
            await _send(send, b"", is_last=True)

    async def _send_events(self, send: Send) -> None:
        async for part in self._events:
            await _send(send, part, is_last=False)


async def _send(send: Send, part: bytes, is_last: bool) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": not is_last})


async def reply_while_connected(request: Request, work: Awaitable[T], seconds: float | None) -> T:
    """`while_connected` for a request whose body has been read."""
    return await while_connected(request.receive, work, seconds)
