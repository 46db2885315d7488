"""A request's messages as the released template takes them, and prompts as token ids that fit."""

from __future__ import annotations

from collections.abc import Sequence

from sambay.chat import ChatTokenizer, Message
from sambay.chat.reasoning import THINK_CLOSE, THINK_OPEN

from .errors import ApiError, refused
from .requests import ChatMessage, Tool
from .tools import offered, written_calls

_ROLES = {"developer": "system", "tool": "tool_response"}


def to_messages(given: Sequence[ChatMessage], tools: Sequence[Tool] = ()) -> list[Message]:
    """Raises ApiError naming the message that is wrong."""
    calls: set[str] = set()
    messages: list[Message] = []
    for index, message in enumerate(given):
        _check(message, f"messages.{index}", calls)
        calls.update(call.id for call in message.tool_calls or ())
        role = _ROLES.get(message.role, message.role)
        messages.append({"role": role, "content": _content(message, f"messages.{index}")})
    if tools:
        if messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": ""})
        messages[0] = {**messages[0], "tools": offered(tools)}
    return messages


def _check(message: ChatMessage, name: str, calls: set[str]) -> None:
    if message.role != "assistant":
        for field in ("reasoning_content", "tool_calls"):
            if getattr(message, field) is not None:
                raise refused(f"{name}.{field}", f"is the assistant's, not of role {message.role}")
    if message.role == "tool":
        if message.tool_call_id not in calls:
            raise refused(f"{name}.tool_call_id", f"{message.tool_call_id!r} is no call of an earlier message")
    elif message.tool_call_id is not None:
        raise refused(f"{name}.tool_call_id", f"is of role tool, not {message.role}")
    if message.content is None and not message.tool_calls:
        raise refused(f"{name}.content", "missing")


def _content(message: ChatMessage, name: str) -> str:
    content = message.content or ""
    if not isinstance(content, str):
        content = "".join(part.text for part in content)
    if message.reasoning_content:  # as the model writes a thought
        content = f"{THINK_OPEN}\n{message.reasoning_content}\n{THINK_CLOSE}\n\n{content}"
    if message.tool_calls:
        try:
            content += written_calls(message.tool_calls)
        except (ValueError, RecursionError) as error:
            raise refused(f"{name}.tool_calls", f"arguments: {error}") from None
    return content


def encoded_chat(tokenizer: ChatTokenizer, messages: Sequence[Message], param: str = "messages") -> list[int]:
    """Raises ApiError for messages that the template refuses; param: the request's field that they are."""
    try:
        return tokenizer.encode_chat(messages)
    except ValueError as error:
        raise ApiError(400, str(error), param, "invalid_value") from None


def ends_in_thought(tokenizer: ChatTokenizer, ids: Sequence[int]) -> bool:
    """Whether the template has opened a thought for the model to go on with."""
    return tokenizer.decode(ids[-16:], show_special=True).rstrip("\n").endswith(THINK_OPEN)


def check_length(ids: Sequence[int], max_length: int, param: str, min_tokens: int = 0) -> None:
    """Raises ApiError for a prompt that is empty or leaves no room for a reply of min_tokens."""
    if not ids:
        raise refused(param, "a prompt is empty: at least one token is needed")
    if len(ids) >= max_length:
        message = f"{len(ids)} tokens; the context holds {max_length}, the reply included"
        raise refused(param, message, "context_length_exceeded")
    if min_tokens > max_length - len(ids):
        raise refused("min_tokens", f"the prompt leaves room for {max_length - len(ids)} tokens")
