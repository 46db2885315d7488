"""The sampling that a request asks for: its fields by the engine's names, and the server's defaults for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sambay.engine.sampling_params import Guided, SamplingParams

from .errors import from_value_error, refused
from .requests import ChatRequest, CompletionRequest, ResponseFormat, SamplingFields, TextFormat

_SAME_NAME = (
    *("n", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "stop_token_ids", "max_tokens", "min_tokens"),
    *("presence_penalty", "frequency_penalty", "repetition_penalty", "ignore_eos", "skip_special_tokens"),
    "include_stop_str_in_output",
)
_DEFAULT_COMPLETION_TOKENS = 16  # of /v1/completions, in OpenAI's protocol


def of_chat(request: ChatRequest, defaults: Mapping[str, Any]) -> SamplingParams:
    """Raises ApiError naming the field that is wrong, or that another one excludes."""
    extra: dict[str, Any] = {}
    if request.max_completion_tokens is not None:
        if request.max_tokens not in (None, request.max_completion_tokens):
            raise refused("max_tokens", "differs from max_completion_tokens: give one of them")
        extra["max_tokens"] = request.max_completion_tokens
    if request.top_logprobs is not None and not request.logprobs:
        raise refused("top_logprobs", "needs logprobs: true")
    if request.logprobs:
        extra["logprobs"] = request.top_logprobs or 0
    if request.response_format is not None:
        extra["guided"] = guided(request.response_format)
    names = {"guided": "response_format", "logprobs": "top_logprobs"}
    if request.max_completion_tokens is not None:
        names["max_tokens"] = "max_completion_tokens"
    params = _params(request, extra, names, defaults)
    _check_reasoning(request, params)
    return params


def of_completion(request: CompletionRequest, defaults: Mapping[str, Any]) -> SamplingParams:
    """Raises ApiError naming the field that is wrong, or that another one excludes."""
    if request.best_of not in (None, request.n or 1):
        raise refused("best_of", f"replies are not ranked: allowed is n, {request.n or 1}")
    if request.echo and request.logprobs is not None:
        raise refused("echo", "with logprobs it would need those of the prompt, which are never computed")
    extra = {} if request.logprobs is None else {"logprobs": request.logprobs}
    if request.max_tokens is None:
        extra["max_tokens"] = max(_DEFAULT_COMPLETION_TOKENS, request.min_tokens or 0)
    return _params(request, extra, {}, defaults)


def guided(wanted: ResponseFormat) -> Guided | None:
    """What response_format holds the reply to. Raises ApiError."""
    if (wanted.type == "json_schema") != (wanted.json_schema is not None):
        raise refused("response_format.json_schema", 'goes with type "json_schema", and with no other')
    try:
        if wanted.json_schema is not None:
            return Guided(json_schema=wanted.json_schema.schema_)
    except (ValueError, RecursionError) as error:
        raise refused("response_format.json_schema.schema", str(error)) from None
    return Guided(json_object=True) if wanted.type == "json_object" else None


def guided_format(wanted: TextFormat) -> Guided | None:
    """What text.format of /v1/responses holds the reply to. Raises ApiError."""
    if (wanted.type == "json_schema") != (wanted.schema_ is not None):
        raise refused("text.format.schema", 'goes with type "json_schema", and with no other')
    try:
        if wanted.schema_ is not None:
            return Guided(json_schema=wanted.schema_)
    except (ValueError, RecursionError) as error:
        raise refused("text.format.schema", str(error)) from None
    return Guided(json_object=True) if wanted.type == "json_object" else None


def _params(
    request: SamplingFields, extra: dict[str, Any], names: Mapping[str, str], defaults: Mapping[str, Any]
) -> SamplingParams:
    if request.stream_options is not None and not request.stream:
        raise refused("stream_options", "needs stream: true")
    options = request.stream_options
    if options is not None and options.continuous_usage_stats and not options.include_usage:
        raise refused("stream_options.continuous_usage_stats", "needs include_usage: true")
    given = {name: value for name in _SAME_NAME if (value := getattr(request, name)) is not None}
    if request.logit_bias is not None:
        extra["logit_bias"] = _biases(request.logit_bias)
    try:
        return SamplingParams(**{**defaults, **given, **extra})
    except ValueError as error:
        fields = {name: name for name in (*_SAME_NAME, "logit_bias", "logprobs")}
        raise from_value_error(error, {**fields, **names}) from None


def _biases(given: Mapping[str, float]) -> dict[int, float]:
    for key in given:
        if not (key.isascii() and key.isdecimal() and len(key) < 10):
            raise refused("logit_bias", f"{key[:40]!r} is no token id")
    return {int(key): value for key, value in given.items()}


def _check_reasoning(request: ChatRequest, params: SamplingParams) -> None:
    """Past the budget a reply goes on as a new request, for which its first part is prompt."""
    if request.max_reasoning_tokens is None:
        return
    if params.guided is not None:
        raise refused("max_reasoning_tokens", "goes with no response_format, which leaves no room for a thought")
    for name in ("presence_penalty", "frequency_penalty"):
        if getattr(params, name):
            raise refused("max_reasoning_tokens", f"goes with no {name}, which counts over all of the reply")
