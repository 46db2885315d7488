"""The fields that each route knows, with their types. Bounds that the engine has too are left to it.

A field is honoured or refused. null counts as left out, as in OpenAI's protocol. Fields beyond that protocol have the
names that vLLM gave them; `max_reasoning_tokens` is ours.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_CHOICES = 128
MAX_STOPS = 16


def _has_utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"holds a lone surrogate at {error.start}") from None
    return text


Text = Annotated[str, AfterValidator(_has_utf8)]
_Stop = Annotated[Text, Field(min_length=1, max_length=1000)]
_Empty = Annotated[list[Any], Field(max_length=0)]
_TokenId = Annotated[int, Field(ge=0, lt=2**31)]


class Strict(BaseModel):
    """No unknown field, and no value of another type taken for the right one."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())


class StreamOptions(Strict):
    """continuous_usage_stats, which is vLLM's: every chunk says what has been used so far."""

    include_usage: bool | None = None
    continuous_usage_stats: bool | None = None


class SamplingFields(Strict):
    """What chat and text completions have in common. `user` goes into the log."""

    model: Text
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: Annotated[int, Field(lt=2**31)] | None = None
    min_p: float | None = None
    seed: int | None = None
    stop: _Stop | Annotated[list[_Stop], Field(max_length=MAX_STOPS)] | None = None
    stop_token_ids: Annotated[list[_TokenId], Field(max_length=MAX_STOPS)] | None = None
    max_tokens: int | None = None
    min_tokens: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: Annotated[dict[str, float], Field(max_length=1024)] | None = None
    ignore_eos: bool | None = None
    skip_special_tokens: bool | None = None
    include_stop_str_in_output: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: Annotated[Text, Field(max_length=512)] | None = None


class TextPart(Strict):
    type: Literal["text"]
    text: Text


class CalledFunction(Strict):
    name: Text
    arguments: Text


class ToolCall(Strict):
    id: Text
    type: Literal["function"]
    function: CalledFunction


class ChatMessage(Strict):
    """The last four are what a server's reply has and a client may send back unchanged."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Text | list[TextPart] | None = None
    reasoning_content: Text | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: Text | None = None
    refusal: None = None
    annotations: _Empty | None = None
    function_call: None = None
    audio: None = None


class OfferedFunction(Strict):
    name: Annotated[Text, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
    description: Text | None = None
    parameters: dict[str, Any] | None = None
    strict: Literal[False] | None = None


class Tool(Strict):
    type: Literal["function"]
    function: OfferedFunction


class JsonSchema(Strict):
    """name and description are the client's own; every schema is kept to strictly."""

    name: Text
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    description: Text | None = None
    strict: bool | None = None


class ResponseFormat(Strict):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class ChatRequest(SamplingFields):
    """/v1/chat/completions. Tools are offered to the model, which decides: no tool can be forced."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    max_completion_tokens: int | None = None
    max_reasoning_tokens: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[list[Tool], Field(max_length=128)] | None = None
    tool_choice: Literal["none", "auto"] | None = None
    parallel_tool_calls: Literal[True] | None = None
    modalities: list[Literal["text"]] | None = None
    store: Literal[False] | None = None
    service_tier: Literal["auto", "default"] | None = None


class CompletionRequest(SamplingFields):
    """/v1/completions. echo gives the prompt back before the reply."""

    prompt: Text | list[Text] | list[_TokenId] | list[list[_TokenId]]
    echo: bool | None = None
    logprobs: int | None = None
    suffix: None = None
    best_of: int | None = None


class ResponsePart(Strict):
    """annotations and logprobs are what a server's reply has and a client may send back."""

    type: Literal["input_text", "output_text"]
    text: Text
    annotations: _Empty | None = None
    logprobs: _Empty | None = None


class ResponseItem(Strict):
    """A message; id and status are what a server's reply has and a client may send back."""

    type: Literal["message"] | None = None
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[ResponsePart]
    id: Text | None = None
    status: Literal["completed", "incomplete"] | None = None


class TextFormat(Strict):
    """As response_format, but the schema lies beside its name."""

    type: Literal["text", "json_object", "json_schema"]
    name: Text | None = None
    schema_: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    description: Text | None = None
    strict: bool | None = None


class TextOptions(Strict):
    format: TextFormat | None = None


class ResponsesRequest(Strict):
    """/v1/responses, the part of it that needs no memory between requests and no tools."""

    model: Text
    input: Text | Annotated[list[ResponseItem], Field(min_length=1)]
    instructions: Text | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    text: TextOptions | None = None
    stream: bool | None = None
    store: Literal[False] | None = None
    truncation: Literal["disabled"] | None = None
    user: Annotated[Text, Field(max_length=512)] | None = None


class TokenizeRequest(Strict):
    """Exactly one of prompt (text) and messages."""

    model: Text | None = None
    prompt: Text | None = None
    messages: Annotated[list[ChatMessage], Field(min_length=1)] | None = None


class DetokenizeRequest(Strict):
    model: Text | None = None
    tokens: list[_TokenId]
