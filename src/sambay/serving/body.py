"""A request's body as a checked object: bounded in bytes and depth, strict UTF-8, strict JSON, no unknown fields."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from .errors import ApiError, from_validation

MAX_DEPTH = 64  # of lists and objects: far beyond any schema, and far below what a parser's stack holds

Body = TypeVar("Body", bound=BaseModel)


class ClientGoneError(Exception):
    """Whoever asked has hung up."""


async def read(request: Request, model: type[Body], max_bytes: int) -> Body:
    """The body as `model`. Raises ApiError naming what is wrong: 413 beyond max_bytes, 415, or 400."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, f"content-type {kind!r}: allowed is application/json", None, "unsupported_media_type")
    data = parse(await _bytes(request, max_bytes))
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise from_validation(error) from None


async def _bytes(request: Request, max_bytes: int) -> bytes:
    too_large = ApiError(413, f"the body is larger than {max_bytes} bytes", None, "body_too_large")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise ClientGoneError from None
    return b"".join(parts)


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object that the bytes are. Raises ApiError for anything else, also for NaN and numbers of 1,000s of
    digits, and for anything nested deeper than MAX_DEPTH."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise _bad(f"the body is no UTF-8: byte {error.start}") from None
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # of which JSONDecodeError is one
        raise _bad(f"the body is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise _bad(f"the body is a {type(data).__name__}: allowed is an object")
    if _is_deeper(data, MAX_DEPTH):
        raise _bad(f"the body is nested deeper than {MAX_DEPTH}")
    return data


def _is_deeper(data: Any, most: int) -> bool:
    """Whether lists and objects lie more than `most` deep; level by level, so that no depth overruns a stack."""
    level = [data]
    for _ in range(most):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [value for values in inner for value in values if isinstance(value, dict | list)]
        if not level:
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bad(message: str) -> ApiError:
    return ApiError(400, message, None, "invalid_body")
