"""Tools in the released chat format: offered in the system message, called as JSON between two tags of the reply.

<|system|>…<|tool|>[{"name": …, "description": …, "parameters": {…}}]<|/tool|><|end|>
<|assistant|><|tool_call|>[{"name": …, "arguments": {…}}]<|/tool_call|><|end|>
<|tool_response|>the tool's result<|end|>
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import Any

from .requests import Tool, ToolCall

CALL_OPEN = "<|tool_call|>"
CALL_CLOSE = "<|/tool_call|>"


def offered(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """As the system message lists them."""
    return [tool.function.model_dump(exclude_none=True, exclude={"strict"}) for tool in tools]


def written_calls(calls: Sequence[ToolCall]) -> str:
    """Calls of an earlier reply, as the model wrote them. Raises ValueError for arguments that are no JSON object."""
    written = []
    for call in calls:
        arguments = json.loads(call.function.arguments)
        if not isinstance(arguments, dict):
            raise ValueError(f"arguments of {call.function.name} are no JSON object")
        written.append({"name": call.function.name, "arguments": arguments})
    return CALL_OPEN + json.dumps(written, ensure_ascii=False) + CALL_CLOSE


class ToolCallReader:
    """Keeps calls apart from the text of one reply as it streams. names: of the tools that were offered.

    What follows the opening tag is held back to the end of the reply; if it is no call of these tools, it is text.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)
        self._held = ""

    def feed(self, piece: str) -> str:
        """The text that is certain to be no call."""
        self._held += piece
        start = self._held.find(CALL_OPEN)
        if start < 0:
            sizes = range(min(len(self._held), len(CALL_OPEN) - 1), 0, -1)
            num_open = next((size for size in sizes if self._held.endswith(CALL_OPEN[:size])), 0)
            start = len(self._held) - num_open
        text, self._held = self._held[:start], self._held[start:]
        return text

    def finish(self) -> tuple[str, list[dict[str, Any]]]:
        """What was held back: text, or the calls that it is."""
        held, self._held = self._held, ""
        calls = self._calls(held.removeprefix(CALL_OPEN)) if held.startswith(CALL_OPEN) else []
        return ("", calls) if calls else (held, [])

    def _calls(self, text: str) -> list[dict[str, Any]]:
        body, close, after = text.partition(CALL_CLOSE)
        if close and after.strip():
            return []
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            return []
        calls = found if isinstance(found, list) else [found]
        if not all(self._is_call(call) for call in calls):
            return []
        return [_as_protocol(call) for call in calls]

    def _is_call(self, call: Any) -> bool:
        return isinstance(call, dict) and call.get("name") in self._names and isinstance(call.get("arguments"), dict)


def _as_protocol(call: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(call["arguments"], ensure_ascii=False)
    return {
        "id": f"call_{secrets.token_hex(12)}",
        "type": "function",
        "function": {"name": call["name"], "arguments": arguments},
    }
