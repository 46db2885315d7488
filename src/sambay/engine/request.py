"""A request, and each of its samples as a sequence of tokens with what it holds on the device."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from collections.abc import Sequence as Items
from hashlib import blake2b
from typing import TYPE_CHECKING

from .limits import Limits

if TYPE_CHECKING:
    from .prefixes import Node


class Request:
    """One prompt and how far to go on from it. Raises ValueError for what can never run.

    request_id: the caller's name for it, unique among those not yet finished.
    token_ids: the prompt, at least one token.
    max_tokens: tokens to generate at most; None: as many as the engine has room for.
    num_samples: independent continuations of the prompt, numbered from 0.
    stop_token_ids: any of these ends a sample, and is its last token. Strings that stop are the caller's
        (`Scheduler.finish`), since they are found in text.
    min_tokens: stop tokens among so many first ones of a sample do not end it.
    """

    def __init__(
        self,
        request_id: str,
        token_ids: Iterable[int],
        max_tokens: int | None = None,
        num_samples: int = 1,
        stop_token_ids: Iterable[int] = (),
        min_tokens: int = 0,
    ) -> None:
        self.request_id = request_id
        self.token_ids = tuple(token_ids)
        self.max_tokens = max_tokens
        self.num_samples = num_samples
        self.stop_token_ids = frozenset(stop_token_ids)
        self.min_tokens = min_tokens
        if not self.token_ids:
            raise ValueError(f"request {request_id!r} has no tokens; allowed: at least one")
        if min(self.token_ids) < 0:
            raise ValueError(f"request {request_id!r} has token {min(self.token_ids)}; allowed: 0 and above")
        if num_samples < 1:
            raise ValueError(f"num_samples is {num_samples}; allowed: at least 1")
        if max_tokens is not None and max_tokens < 1:
            raise ValueError(f"max_tokens is {max_tokens}; allowed: at least 1, or None")
        if min_tokens < 0:
            raise ValueError(f"min_tokens is {min_tokens}; allowed: 0 and above")

    def max_length(self, limits: Limits) -> int:
        """Tokens at which a sample ends for want of permission or room. ValueError if it could never get there."""
        num_prompt = len(self.token_ids)
        if num_prompt >= limits.max_length:
            raise ValueError(
                f"request {self.request_id!r} has {num_prompt} prompt tokens; allowed: fewer than "
                f"{limits.max_length} (max_model_len {limits.max_model_len}, {limits.num_pages} pages)"
            )
        if self.max_tokens is None:
            return limits.max_length
        wanted = min(num_prompt + self.max_tokens, limits.max_model_len)
        if wanted > limits.max_length:
            raise ValueError(
                f"request {self.request_id!r} may reach {wanted} tokens, which never fit into the "
                f"{max(limits.num_pages - 1, 0)} pages of {limits.page_size}; allowed: {limits.max_length}"
            )
        return wanted


class Sequence:
    """One sample. `num_computed` counts the tokens whose state its slot and pages hold once all plans made are done.

    Waiting, it holds nothing. `tokens` are the known ones, prompt first; `num_in_flight` more are sampled by plans
    whose results are still out.
    """

    __slots__ = (
        *("request", "sample", "order", "tokens", "num_prompt", "max_length", "finish_reason"),
        *("num_computed", "num_in_flight", "is_drafting", "is_prefilling"),
        *("slot", "pages", "keys", "node", "turn_node", "wanted", "followers", "held_by"),
    )

    def __init__(self, request: Request, sample: int, arrival: int, max_length: int) -> None:
        self.request = request
        self.sample = sample
        self.order = (arrival, sample)
        self.tokens = list(request.token_ids)
        self.num_prompt = len(self.tokens)
        self.max_length = max_length
        self.finish_reason: str | None = None
        self.num_computed = 0
        self.num_in_flight = 0
        self.is_drafting = False  # a plan with drafts is out, so how far it has come is unknown
        self.is_prefilling = False
        self.slot = 0
        self.pages: list[int] = []
        self.keys: list[bytes] = []  # one a full page of known tokens
        self.node: Node | None = None  # the deepest place in the prefix cache known to lie on its way
        self.turn_node: Node | None = None  # its snapshot that its next one replaces
        self.wanted: list[int] = []  # depths in pages at which prefilling is to leave a prefix behind, ascending
        self.followers: list[Sequence] = []  # samples that fork off this one when the prompt is computed
        self.held_by: bytes | None = None  # key of the prefix that it waits for

    def take(self, tokens: Items[int]) -> str | None:
        """Appends what was sampled, up to the first token that ends the sequence. Returns why it ends, if it does."""
        own, request, most = self.tokens, self.request, self.max_length
        for token in tokens:
            own.append(token)
            if token in request.stop_token_ids and len(own) > self.num_prompt + request.min_tokens:
                return "stop"
            if len(own) >= most:
                return "length"
        return None

    def __repr__(self) -> str:
        return f"Sequence({self.request.request_id!r}, {self.sample}, {self.num_computed}/{len(self.tokens)})"


def order_of(sequence: Sequence) -> tuple[int, int]:
    """Oldest request first, then its samples in turn: who is served first, and preempted last."""
    return sequence.order


def extend_keys(sequence: Sequence, page_size: int) -> list[bytes]:
    """The keys of all full pages of known tokens; each stands for its page and all before it.

    128 bits of a cryptographic hash: no prompt can be made to collide with another one's prefix.
    """
    keys, tokens = sequence.keys, sequence.tokens
    for end in range((len(keys) + 1) * page_size, len(tokens) + 1, page_size):
        page = array("q", tokens[end - page_size : end]).tobytes()
        keys.append(blake2b((keys[-1] if keys else b"") + page, digest_size=16).digest())
    return keys
