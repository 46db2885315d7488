"""What an operator decides about a server, checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sambay.engine.sampling_params import SamplingParams


@dataclass(frozen=True, kw_only=True)
class ServerOptions:
    """Raises ValueError for a value that is not allowed.

    model_name: what requests call the model. created: seconds since 1970, shown in /v1/models.
    api_keys: any of these opens /v1 and the tokenizer's routes; none: everybody may enter.
    allowed_origins: web pages of these origins may call from a browser (CORS); none by default, "*" is every one.
    max_body_bytes: of a request. max_request_s: a reply that takes longer is cancelled; None: never.
    retry_after_s: what a client is told to wait where the queue is full.
    drain_s: how long requests under way may go on after SIGTERM.
    is_logging_prompts: whether the log holds prompts and replies.
    defaults: of sampling, for what a request leaves out: temperature, top_p, top_k.
    """

    model_name: str
    created: int = 0
    api_keys: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 8 << 20
    max_request_s: float | None = 600.0
    retry_after_s: int = 1
    drain_s: float = 30.0
    is_logging_prompts: bool = False
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.model_name:
            raise ValueError("model_name is empty: allowed is any other name")
        for key in self.api_keys:
            if len(key) < 8 or not key.isascii() or not key.isprintable() or " " in key:
                raise ValueError("an API key is not allowed: at least 8 printable ASCII characters, no spaces")
        for name, least in (("max_body_bytes", 1024), ("retry_after_s", 1), ("drain_s", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}={getattr(self, name)}: allowed is {least} or more")
        if self.max_request_s is not None and not self.max_request_s > 0:
            raise ValueError(f"max_request_s={self.max_request_s}: allowed is above 0, or None")
        SamplingParams(**self.defaults)
        object.__setattr__(self, "defaults", MappingProxyType(dict(self.defaults)))
