"""/tutor: exercises of the curriculum, and their marks. The answer leaves the server only with a mark."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError

from sambay.data.curriculum import FAMILIES, HARDER_LEVEL, Problem, Split, draw_problem
from sambay.data.curriculum.instructions import kind_of

from .body import read
from .errors import ApiError, from_validation, refused
from .exchange import Server
from .requests import Strict, Text
from .tutor_marks import MAX_ANSWER_CHARS, Mark, mark
from .tutor_topics import OFFERED, TOPICS

T = TypeVar("T")

LEVELS = tuple(range(1, HARDER_LEVEL + 1))
MARKING_S = 10.0  # the first mark loads a computer algebra system; all others take milliseconds
_Seed = Annotated[int, Field(ge=0, lt=2**53)]  # what a browser's numbers hold exactly
_Level = Annotated[int, Field(ge=LEVELS[0], le=LEVELS[-1])]


class ExerciseQuery(Strict):
    """Which exercise: the same three give the same one, on every machine of the same version."""

    family: Text
    level: _Level
    seed: _Seed


class MarkRequest(ExerciseQuery):
    """/tutor/mark. An answer to the exercise of these three."""

    answer: Annotated[Text, Field(min_length=1, max_length=MAX_ANSWER_CHARS)]


def exercise_of(query: ExerciseQuery) -> Problem:
    """Raises ApiError for a family that is not offered.

    Test problems: the model that explains has not been trained on them, and they are asked without instructions.
    """
    if query.family not in OFFERED:
        raise refused("family", f"{query.family!r} is not offered; /tutor/families lists those that are")
    random = Random(f"tutor|{query.family}|{query.level}|{query.seed}")
    return draw_problem(FAMILIES[query.family], random, query.level, Split.TEST)


class Marker:
    """Work that is not for the event loop: two threads of their own, and nobody waits longer than MARKING_S."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, "tutor")

    async def do(self, work: Callable[[], T]) -> T:
        """Raises ApiError where the time is over or marking needs what is not installed."""
        try:
            return await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(self._threads, work), MARKING_S)
        except asyncio.TimeoutError:
            message = f"marking took longer than {MARKING_S:g} s: try again, or write the answer more simply"
            raise ApiError(503, message, None, "marking_timeout", {"Retry-After": "5"}) from None
        except ImportError as error:
            message = f"marking this answer needs {error.name}: pip install 'sambay[serve]'"
            raise ApiError(501, message, None, "not_installed") from None

    async def marked(self, server: Server, http: Request) -> dict[str, Any]:
        request = await read(http, MarkRequest, server.options.max_body_bytes)
        return await self.do(partial(_marked, request))


def _marked(request: MarkRequest) -> dict[str, Any]:
    problem = exercise_of(request)
    found = mark(request.answer, problem.answer)
    is_told = found is not Mark.UNFINISHED  # it may still be worked out
    return {
        "mark": found.value,
        "answer": problem.answer if is_told else None,
        "steps": list(problem.steps) if is_told else None,
    }


def _asked(query: ExerciseQuery) -> dict[str, Any]:
    problem = exercise_of(query)
    return {**query.model_dump(), "question": problem.question, "answer_kind": kind_of(problem.answer)}


def tutor_router(server: Server) -> APIRouter:
    """The routes; whoever includes them asks for the key."""
    router, marker = APIRouter(prefix="/tutor"), Marker()

    @router.get("/families", summary="What is offered, by topic.")
    async def tutor_families(request: Request) -> dict[str, Any]:
        _query(request, Strict)
        return {"topics": [{"name": name, "families": list(of)} for name, of in TOPICS.items()], "levels": LEVELS}

    @router.get("/exercise", summary="A question without its answer.", openapi_extra=_parameters(ExerciseQuery))
    async def tutor_exercise(request: Request) -> dict[str, Any]:
        return await marker.do(partial(_asked, _query(request, ExerciseQuery)))

    @router.post(
        "/mark", summary="Right, wrong or unfinished; then the answer with its worked steps.",
        openapi_extra=_body(MarkRequest),
    )  # fmt: skip
    async def tutor_mark(request: Request) -> dict[str, Any]:
        return await marker.marked(server, request)

    return router


Q = TypeVar("Q", bound=Strict)


def _query(request: Request, model: type[Q]) -> Q:
    """Raises ApiError as for a body: unknown, doubled, missing and wrong parameters are named."""
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise refused(name, "given more than once")
        given[name] = value
    try:
        return model.model_validate_strings(given)
    except ValidationError as error:
        raise from_validation(error) from None


def _schema(model: type[Strict]) -> dict[str, Any]:
    return model.model_json_schema()


def _body(model: type[Strict]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": _schema(model)}}}}


def _parameters(model: type[Strict]) -> dict[str, Any]:
    fields = _schema(model)["properties"]
    return {
        "parameters": [{"name": name, "in": "query", "required": True, "schema": of} for name, of in fields.items()]
    }
