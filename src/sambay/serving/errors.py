"""What goes wrong, in OpenAI's shape: {"error": {"message", "type", "param", "code"}}; `param` names the field."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from sambay.engine.async_llm import EngineClosedError, EngineFailedError
from sambay.engine.scheduler import QueueFullError

_LOG = logging.getLogger("sambay.serving")
_FIELD = re.compile(r"(?!(?:str|int|float|bool)$)[a-z_]+")
_MOST_CHARACTERS = 500  # of a message: values of the request are quoted in it
_TYPES = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error", 503: "service_unavailable"}


class ApiError(Exception):
    """An answer that is an error. param: the field at fault; code: what a program can tell it by."""

    def __init__(
        self, status: int, message: str, param: str | None = None, code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        param = None if self.param is None else _shown(self.param)
        return {"error": {"message": _shown(self.message), "type": kind, "param": param, "code": self.code}}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body(), status_code=self.status, headers=self.headers)


def _shown(text: str) -> str:
    """Shortened, and without the lone surrogates that JSON can bring and UTF-8 has no bytes for."""
    if len(text) > _MOST_CHARACTERS:
        text = f"{text[: _MOST_CHARACTERS // 2]} … {text[-_MOST_CHARACTERS // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode()


def refused(param: str, message: str, code: str | None = None) -> ApiError:
    """A field that cannot be honoured as given."""
    return ApiError(400, f"{param}: {message}", param, code)


def from_validation(error: ValidationError) -> ApiError:
    """The first thing wrong with a body, by the path of its field."""
    first = min(error.errors(include_url=False, include_context=False, include_input=False), key=_order)
    is_unknown = first["type"] == "extra_forbidden"
    parts = _path(first["loc"], is_unknown)
    path = ".".join(map(str, parts)) if parts else "body"
    if is_unknown:
        return ApiError(400, f"{path}: unknown field", path, "unknown_parameter")
    if first["type"] == "missing":
        return ApiError(400, f"{path}: missing", path, "missing_required_parameter")
    return ApiError(400, f"{path}: {first['msg'].removeprefix('Value error, ')}", path, "invalid_value")


def _order(one: Any) -> tuple[bool, int]:
    """Unknown fields first; then what lies deepest, since of a union the member that fits best gets furthest."""
    return one["type"] != "extra_forbidden", -len(one["loc"])


def _path(location: tuple[Any, ...], is_unknown: bool) -> list[Any]:
    """Without what pydantic adds to say which member of a union it tried: those are no field names.

    is_unknown: the last part is a name that the client made up, whatever it looks like.
    """
    known = location[:-1] if is_unknown else location
    path = [part for part in known if isinstance(part, int) or _FIELD.fullmatch(part)]
    return [*path, *location[len(known) :]]


def from_value_error(error: ValueError, names: Mapping[str, str], default: str | None = None) -> ApiError:
    """A ValueError of the engine or tokenizer, whose message begins with the field's name: "n=0: allowed is …".

    names: the request's name of each field. default: where the message names none.
    """
    message = str(error)
    found = re.match(r"(\w+)(?=[=:. \[]|$)", message)
    name = names.get(found[1]) if found else None
    if name is not None and found is not None:
        message = name + message[len(found[1]) :]
    return ApiError(400, message, name or default, "invalid_value")


def from_engine(error: Exception, retry_after_s: int) -> ApiError | None:
    """What the state of the engine, and no field, is the reason for; None for any other error."""
    if isinstance(error, QueueFullError):
        return ApiError(429, f"the queue is full: {error}", None, "queue_full", {"Retry-After": str(retry_after_s)})
    if isinstance(error, EngineClosedError):
        return ApiError(503, str(error), None, "closing", {"Retry-After": "10"})
    if isinstance(error, EngineFailedError):
        return ApiError(503, str(error), None, "engine_failed")
    return None


def add_handlers(app: FastAPI) -> None:
    """Every error of every route leaves in the one shape."""

    @app.exception_handler(ApiError)
    async def _ours(request: Request, error: ApiError) -> JSONResponse:  # noqa: ARG001
        return error.response()

    @app.exception_handler(HTTPException)
    async def _routing(request: Request, error: HTTPException) -> JSONResponse:
        code = {404: "unknown_url", 405: "method_not_allowed"}.get(error.status_code)
        message = f"{request.method} {request.url.path}: {error.detail}"
        return ApiError(error.status_code, message, None, code, error.headers).response()

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return ApiError(500, "the server met an error of its own; its log says more").response()
