"""The released chat format, what a message may hold, and the template with training marks.

    <|role|>content<|end|> … <|assistant|>                  (no line breaks between messages)
    <|system|>content<|tool|>tools<|/tool|><|end|>          (a system message that offers tools)

A tool's result is a message of role tool_response: role tool would write the opening of a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Message = Mapping[str, Any]

ROLES = ("system", "user", "assistant", "tool_response")
_FIELDS = ("role", "content", "tools")

# From tokenizer_config.json of microsoft/Phi-4-mini-flash-reasoning (MIT).
_OTHER_MESSAGE = "{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}"
RELEASED_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools']"
    " + '<|/tool|>' + '<|end|>' }}" + _OTHER_MESSAGE + "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}"
)

# <|assistant|> swallows the whitespace after it, so a mark that began with that whitespace would
# cover <|assistant|> itself: the mark begins at the first character that is a token of the reply.
_MARKED_REPLY = (
    "{% elif message['role'] == 'assistant' %}"
    "{% set reply = message['content'].lstrip() %}"
    "{{ '<|assistant|>' + message['content'][:message['content']|length - reply|length] }}"
    "{% generation %}{{ reply + '<|end|>' }}{% endgeneration %}"
)


def training_template(template: str = RELEASED_TEMPLATE) -> str:
    """Return the template with `{% generation %}` around each reply and its `<|end|>`.

    It renders the same text; `apply_chat_template(…, return_assistant_tokens_mask=True)` and TRL's
    `assistant_only_loss` then know which tokens the model is to write. The final `<|endoftext|>`
    of a rendered conversation is not marked: generation has stopped at `<|end|>` before it.
    A template that has marks is returned as it is; another one raises ValueError.
    """
    if "{% generation %}" in template:
        return template
    if template.count(_OTHER_MESSAGE) != 1:
        raise ValueError(
            "only the released chat template can be marked for training; give one that has "
            "{% generation %} marks of its own"
        )
    return template.replace(_OTHER_MESSAGE, _MARKED_REPLY + _OTHER_MESSAGE)


def checked_messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Return the messages as the template takes them, tools as JSON text.

    A message has a `role` (one of ROLES), a str `content` and, on a system message, perhaps `tools`
    (JSON text, or a list of JSON objects). Raises ValueError for anything else, naming the message.
    """
    if isinstance(messages, (str, Mapping)) or not isinstance(messages, Sequence):
        raise ValueError(f"messages must be a list of messages, got {type(messages).__name__}")
    if not messages:
        raise ValueError("messages is empty: give at least one {'role': …, 'content': …}")
    return [_checked(message, f"messages[{i}]") for i, message in enumerate(messages)]


def _checked(message: Message, name: str) -> dict[str, str]:
    if not isinstance(message, Mapping):
        raise ValueError(f"{name} must be a dict, got {type(message).__name__}")
    unknown = [field for field in message if field not in _FIELDS]
    if unknown:
        raise ValueError(f"{name} has an unknown field {unknown[0]!r}; known: {', '.join(_FIELDS)}")
    role = message.get("role")
    if role not in ROLES:
        raise ValueError(f"{name} has the role {role!r}; allowed: {', '.join(ROLES)}")
    checked = {"role": role, "content": checked_text(message.get("content"), f"{name}.content")}
    if message.get("tools") is not None:
        checked["tools"] = _checked_tools(message["tools"], role, name)
    return checked


def checked_text(text: Any, name: str) -> str:
    """Return text if it is a str that UTF-8 can hold; else raise ValueError naming it."""
    if text is None:
        raise ValueError(f"{name} is missing: give a str (it may be empty)")
    if not isinstance(text, str):
        raise ValueError(f"{name} must be a str, got {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds a lone surrogate at {error.start}") from None
    return text


def _checked_tools(tools: Any, role: str, name: str) -> str:
    if role != "system":
        raise ValueError(f"{name} has tools, which only a system message may have, not {role}")
    if isinstance(tools, list) and all(isinstance(tool, dict) for tool in tools):
        try:
            tools = json.dumps(tools, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}.tools cannot be written as JSON: {error}") from error
    if not isinstance(tools, str):
        raise ValueError(f"{name}.tools must be JSON text or a list of JSON objects")
    return checked_text(tools, f"{name}.tools")
