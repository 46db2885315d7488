"""/tokenize and /detokenize: text or a conversation to token ids, and back."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from .body import read
from .errors import refused
from .exchange import Server, in_thread
from .prompts import encoded_chat, to_messages
from .requests import DetokenizeRequest, TokenizeRequest


async def tokenize(server: Server, http: Request) -> dict[str, Any]:
    """The ids of a prompt as it is, or of messages in the template, ready for a reply."""
    request = await read(http, TokenizeRequest, server.options.max_body_bytes)
    server.check_model(request.model)
    if (request.prompt is None) == (request.messages is None):
        raise refused("prompt", "give exactly one of prompt and messages")
    if request.messages is not None:
        ids = await in_thread(encoded_chat, server.tokenizer, to_messages(request.messages))
    else:
        ids = await in_thread(server.tokenizer.encode, request.prompt)
    return {"tokens": ids, "count": len(ids), "max_model_len": server.max_length}


async def detokenize(server: Server, http: Request) -> dict[str, Any]:
    """The text of ids, special tokens written out."""
    request = await read(http, DetokenizeRequest, server.options.max_body_bytes)
    server.check_model(request.model)
    return {"prompt": await in_thread(server.tokenizer.decode, request.tokens, True)}
