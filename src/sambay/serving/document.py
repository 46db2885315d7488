"""/openapi.json: every field of every request, every answer, and every status that a route can give.

Bodies are read by hand and answers are written by hand, so both are described by hand, from the types they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from .answers import ErrorAnswer, Health, ModelCard, ModelList

_PROTECTED = "/v1/", "/tokenize", "/detokenize", "/tutor/"
_ERRORS = {
    400: "A field is wrong, or the body is no request.",
    401: "The API key is missing or wrong.",
    404: "The model is not served here.",
    408: "The reply took longer than the server allows.",
    413: "The body is too large.",
    415: "The body is not said to be JSON.",
    429: "As many requests wait as may; Retry-After says when to come again.",
    501: "The server lacks what this needs.",
    503: "The server is closing, or a step of its engine failed.",
}
_OF_GENERATION = (400, 404, 408, 413, 415, 429, 503)
_GETS: dict[str, type[BaseModel]] = {
    "/v1/models": ModelList, "/v1/models/{name}": ModelCard, "/health": Health,
}  # fmt: skip


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """What a route adds to its description for a body of that type."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _reference(model)}}}}


def describe(app: FastAPI, posts: Mapping[str, tuple[type[BaseModel], type[BaseModel]]], has_keys: bool) -> None:
    """Makes the app's document say all that its routes do. posts: the types of body and answer by path."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        components = document.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        bodies, answers = zip(*posts.values(), strict=True)
        for model in (*bodies, *answers, *_GETS.values(), ErrorAnswer):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        if has_keys:
            components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _describe(path, operation, posts, has_keys)
        return document

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(
    path: str, operation: dict[str, Any], posts: Mapping[str, tuple[type[BaseModel], type[BaseModel]]], has_keys: bool
) -> None:
    is_protected = has_keys and path.startswith(_PROTECTED)
    if is_protected:
        operation["security"] = [{"key": []}]
    content: dict[str, Any] = {"application/json": {}}
    if path in posts:
        content = {"application/json": {"schema": _reference(posts[path][1])}}
        if "stream" in posts[path][0].model_fields:
            content["text/event-stream"] = {"schema": {"type": "string"}}
    elif path in _GETS:
        content = {"application/json": {"schema": _reference(_GETS[path])}}
    elif path == "/metrics":
        content = {"text/plain": {"schema": {"type": "string"}}}
    operation["responses"] = {"200": {"description": "The answer.", "content": content}}
    error = {"application/json": {"schema": _reference(ErrorAnswer)}}
    for status in (*_statuses(path, posts), *((401,) if is_protected else ())):
        shown = content if path == "/health" else error
        operation["responses"][str(status)] = {"description": _ERRORS[status], "content": shown}


def _statuses(path: str, posts: Mapping[str, Any]) -> tuple[int, ...]:
    if path in posts:
        return _OF_GENERATION if path.startswith("/v1/") else (400, 404, 413, 415)
    if path.startswith("/tutor/"):
        return (400, 413, 415, 501, 503)
    return {"/v1/models/{name}": (404,), "/health": (503,)}.get(path, ())


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
