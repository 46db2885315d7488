"""The routes, who may call them, and what they are called in OpenAPI."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel
from starlette.responses import Response

from sambay.engine.async_llm import AsyncLLM

from . import answers, requests
from .chat_completions import chat_completion
from .completions import completion
from .document import body_of, describe
from .errors import ApiError, add_handlers
from .exchange import Server
from .logs import RequestLog
from .options import ServerOptions
from .page import page_router
from .responses import response
from .tokens import detokenize, tokenize
from .tutor import tutor_router

_POSTS: dict[str, tuple[Callable[[Server, Request], Awaitable[Any]], type[BaseModel], type[BaseModel]]] = {
    "/v1/chat/completions": (chat_completion, requests.ChatRequest, answers.ChatCompletion),
    "/v1/responses": (response, requests.ResponsesRequest, answers.ResponseAnswer),
    "/v1/completions": (completion, requests.CompletionRequest, answers.TextCompletion),
    "/tokenize": (tokenize, requests.TokenizeRequest, answers.Tokenized),
    "/detokenize": (detokenize, requests.DetokenizeRequest, answers.Detokenized),
}


def create_app(llm: AsyncLLM, options: ServerOptions) -> FastAPI:
    """An ASGI application. When it shuts down it lets requests end for `drain_s` and closes `llm`."""
    server = Server(llm, options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:  # noqa: ARG001
        yield
        await llm.drain(options.drain_s)
        llm.close()

    # no pages of documentation: they would load scripts from elsewhere
    app = FastAPI(title="sambay", docs_url=None, redoc_url=None, lifespan=lifespan)
    add_handlers(app)
    app.include_router(_protected(server))
    app.include_router(_open(server))
    app.include_router(page_router())
    app.add_middleware(RequestLog, metrics=server.metrics)
    if options.allowed_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(options.allowed_origins), allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )  # fmt: skip
    describe(app, {path: (model, found) for path, (_, model, found) in _POSTS.items()}, bool(options.api_keys))
    return app


def _protected(server: Server) -> APIRouter:
    """What an API key is asked for."""
    keys = [key.encode() for key in server.options.api_keys]

    async def check_key(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        given_bytes = given.strip().encode() if scheme.lower() == "bearer" else b""
        # all are compared, so that the time says nothing
        if keys and not sum([hmac.compare_digest(given_bytes, key) for key in keys]):
            message = "a valid API key is needed: Authorization: Bearer KEY"
            raise ApiError(401, message, None, "invalid_api_key", {"WWW-Authenticate": "Bearer"})

    router = APIRouter(dependencies=[Depends(check_key)])
    for path, (answer, model, _) in _POSTS.items():
        router.add_api_route(
            path, _endpoint(server, answer), methods=["POST"], operation_id=answer.__name__,
            summary=(model.__doc__ or path).strip(), response_model=None, openapi_extra=body_of(model),
        )  # fmt: skip
    router.include_router(tutor_router(server))

    card = {
        "id": server.options.model_name, "object": "model", "created": server.options.created, "owned_by": "sambay",
        "max_model_len": server.max_length,
    }  # fmt: skip

    @router.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [card]}

    @router.get("/v1/models/{name:path}")
    async def one_model(name: str) -> dict[str, Any]:
        server.check_model(name)
        return card

    return router


def _endpoint(server: Server, answer: Callable[[Server, Request], Awaitable[Any]]) -> Callable[[Request], Any]:
    async def endpoint(request: Request) -> Response:
        found = await answer(server, request)
        return found if isinstance(found, Response) else JSONResponse(found)

    return endpoint


def _open(server: Server) -> APIRouter:
    """What tells no secrets."""
    router = APIRouter()

    @router.get("/health")
    async def health() -> JSONResponse:
        is_well = server.llm.is_accepting
        return JSONResponse({"status": "ok" if is_well else "closing"}, status_code=200 if is_well else 503)

    @router.get("/metrics")
    async def metrics() -> PlainTextResponse:
        return PlainTextResponse(server.metrics.text(), media_type="text/plain; version=0.0.4")

    return router
