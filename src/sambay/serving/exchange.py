"""One request on its way through the server: its replies, what they cost, and how they are sent."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.responses import Response

from sambay.chat import ChatTokenizer, TokenBytes
from sambay.engine.async_llm import AsyncLLM

from .body import ClientGoneError
from .connection import EventStream, while_connected
from .errors import ApiError, from_engine, from_value_error, refused
from .logs import HUNG_UP
from .metrics import Metrics
from .options import ServerOptions
from .replies import Job, Piece, Replies


class Server:
    """What all requests share."""

    def __init__(self, llm: AsyncLLM, options: ServerOptions) -> None:
        self.llm, self.options = llm, options
        self.tokenizer: ChatTokenizer = llm.tokenizer
        self.metrics = Metrics(llm)
        self.token_bytes = TokenBytes(self.tokenizer.tokenizer)

    @property
    def max_length(self) -> int:
        return self.llm.engine.limits.max_length

    def check_model(self, name: str | None) -> None:
        """Raises ApiError for a model that is not served here."""
        if name is not None and name != self.options.model_name:
            message = f"the model {name!r} is not served here; allowed: {self.options.model_name!r}"
            raise ApiError(404, message, "model", "model_not_found")


class Writer(Protocol):
    """The form of a route's replies."""

    def opening(self) -> Sequence[bytes]:
        """Events before the first piece."""

    def add(self, pieces: Sequence[Piece]) -> Sequence[bytes]:
        """Takes pieces in and returns the events that they are in a streamed reply."""

    def closing(self, usage: dict[str, Any]) -> Sequence[bytes]:
        """Events after the last piece."""

    def failing(self, body: dict[str, Any]) -> bytes:
        """Events that tell of an error after the first piece."""

    def whole(self, usage: dict[str, Any]) -> dict[str, Any]:
        """The reply in one piece."""


class Exchange:
    """The pieces of a request's replies, counted and timed as they pass."""

    def __init__(self, server: Server, request: Request, prefix: str, user: str | None) -> None:
        self.server, self.request = server, request
        self.name, self.created = f"{prefix}-{secrets.token_hex(12)}", int(time.time())
        self.num_prompt = self.num_completion = self.num_reasoning = 0
        self._replies: Replies | None = None
        self._names: dict[str, str] = {}
        self._begin = time.monotonic()
        self._last: dict[int, float] = {}  # when each choice had its last token
        self._log = request.scope["state"]["log"]
        if user is not None:
            self._log["user"] = user

    async def answer(self, jobs: Sequence[Job], writer: Writer, is_streamed: bool, names: dict[str, str]) -> Response:
        """Runs the jobs and writes what they give. names: the request's fields by the engine's names, for errors."""
        self.num_prompt, self._names = sum(len(job.prompt_ids) for job in jobs), names
        self._log.update(prompt_tokens=self.num_prompt, stream=is_streamed)
        if self.server.options.is_logging_prompts:
            self._log["prompts"] = [self.server.tokenizer.decode(job.prompt_ids, show_special=True) for job in jobs]
        seconds = self.server.options.max_request_s
        end = None if seconds is None else self._begin + seconds
        try:
            replies = self._replies = await self._guarded(self._start(jobs), seconds)
            left = None if end is None else max(end - time.monotonic(), 0.001)
            if is_streamed:
                events = self._events(replies, writer)
                return EventStream(events, left, lambda error: self._late_error(error, writer), self._end)
            try:
                await self._guarded(self._collect(replies, writer), left)
            finally:
                replies.close()
        except Exception as error:
            raise self._as_api_error(error) from error
        self._end(None)
        return JSONResponse(writer.whole(self.usage()))

    async def _guarded(self, work: Any, seconds: float | None) -> Any:
        return await while_connected(self.request.receive, work, seconds)

    async def _start(self, jobs: Sequence[Job]) -> Replies:
        names = self._names
        try:
            return await Replies.start(self.server.llm, jobs)
        except ValueError as error:
            raise from_value_error(error, names, names.get("")) from error
        except ImportError as error:  # a grammar without its extra
            raise ApiError(400, str(error), names.get("guided"), "unsupported_value") from error

    async def _collect(self, replies: Replies, writer: Writer) -> None:
        async for pieces in self._noted(replies):
            writer.add(pieces)

    async def _events(self, replies: Replies, writer: Writer) -> AsyncIterator[bytes]:
        try:
            if opening := b"".join(writer.opening()):
                yield opening
            async for pieces in self._noted(replies):
                if found := b"".join(writer.add(pieces)):
                    yield found
            yield b"".join(writer.closing(self.usage()))
        finally:
            replies.close()

    async def _noted(self, replies: Replies) -> AsyncIterator[list[Piece]]:
        async for pieces in replies.bursts():
            now = time.monotonic()
            for piece in pieces:
                self._note(piece, now)
            yield pieces

    def _note(self, piece: Piece, now: float) -> None:
        if piece.finish is not None and piece.finish.reason == "error":
            raise refused(self._names["guided"], str(piece.finish.stopped_by), "grammar_too_complex")
        metrics, count = self.server.metrics, len(piece.token_ids)
        self.num_completion += count
        self.num_reasoning += piece.num_reasoning_tokens
        last = self._last.get(piece.index)
        if last is not None and count:
            metrics.inter_token_s.observe((now - last) / count, count)
        if not self._last:
            metrics.first_token_s.observe(now - self._begin)
            self._log["first_token_s"] = round(now - self._begin, 4)
        self._last[piece.index] = now
        if self.server.options.is_logging_prompts:
            self._log["reply"] = self._log.get("reply", "") + piece.reasoning + piece.content

    @property
    def num_cached(self) -> int:
        return 0 if self._replies is None else self._replies.num_cached_tokens

    def usage(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.num_prompt,
            "completion_tokens": self.num_completion,
            "total_tokens": self.num_prompt + self.num_completion,
            "prompt_tokens_details": {"cached_tokens": self.num_cached},
            "completion_tokens_details": {"reasoning_tokens": self.num_reasoning},
        }

    def _as_api_error(self, error: Exception) -> Exception:
        found = from_engine(error, self.server.options.retry_after_s) or error
        self._end(found)
        return found

    def _late_error(self, error: Exception, writer: Writer) -> bytes:
        found = from_engine(error, self.server.options.retry_after_s) or error
        if not isinstance(found, ApiError):
            found = ApiError(500, "the server met an error of its own; its log says more")
        return writer.failing(found.body())

    def _end(self, error: Exception | None) -> None:
        error = error and (from_engine(error, self.server.options.retry_after_s) or error)
        self._log.update(completion_tokens=self.num_completion, cached_tokens=self.num_cached)
        if isinstance(error, ClientGoneError | OSError):
            self._log["status"] = HUNG_UP
        elif error is not None:
            self._log["error"] = error.code if isinstance(error, ApiError) else type(error).__name__


def logprob_entry(token_bytes: TokenBytes, token_id: int, logprob: float) -> dict[str, Any]:
    """A token in OpenAI's form; bytes that are no UTF-8 by themselves show as U+FFFD in `token`."""
    raw = token_bytes[token_id]
    return {"token": raw.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(raw)}


async def in_thread(call: Callable[..., Any], *arguments: Any) -> Any:
    """Tokenizing a long prompt takes long, and lets other threads run meanwhile."""
    return await asyncio.to_thread(call, *arguments)
