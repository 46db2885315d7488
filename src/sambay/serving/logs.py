"""One line of JSON a request, without prompt or reply unless asked for; ids and counts of every response."""

from __future__ import annotations

import json
import logging
import secrets
import sys
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .body import ClientGoneError
from .metrics import Metrics

_LOG = logging.getLogger("sambay.serving.requests")
HUNG_UP = 499  # nginx's number for a client that left; it is in logs and metrics only


class RequestLog:
    """Middleware. Routes add what they know to `scope["state"]["log"]`; "error" there is one after the first byte."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name, begin, status = f"req-{secrets.token_hex(8)}", time.monotonic(), 0
        extra: dict[str, Any] = {}
        scope.setdefault("state", {})["log"] = extra

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode())]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except ClientGoneError:
            status = HUNG_UP
        except Exception:
            status = status or 500
            raise
        finally:
            seconds = time.monotonic() - begin
            self._note(scope, name, extra.pop("status", status), seconds, extra)

    def _note(self, scope: Scope, name: str, status: int, seconds: float, extra: dict[str, Any]) -> None:
        route = getattr(scope.get("route"), "path", "other")  # of paths that nobody serves there is no end
        self._metrics.responses[route, status] += 1
        if route.startswith("/v1/") and scope["method"] == "POST":
            self._metrics.request_s.observe(seconds)
        if _LOG.isEnabledFor(logging.INFO):
            fields = {"request": name, "method": scope["method"], "path": scope["path"], "status": status}
            _LOG.info(json.dumps({**fields, "seconds": round(seconds, 4), **extra}))


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"), "level": record.levelname}
        message = record.getMessage()
        if record.name == _LOG.name:
            line.update(json.loads(message))
        else:
            line.update(logger=record.name, message=message)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def start_logging() -> None:
    """Everything that is logged in this process goes to stderr, one JSON object a line."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    logging.getLogger("sambay").setLevel(logging.INFO)
