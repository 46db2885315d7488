"""What a benchmark measures: its grid of settings, and the lengths that clients draw. No torch here."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from statistics import NormalDist
from typing import Any

DECODE, PREFILL, LATENCY, SERVING, BUSY = "decode", "prefill", "latency", "serving", "busy"
SECTIONS = (DECODE, PREFILL, LATENCY, SERVING, BUSY)
ENGINE, TRANSFORMERS = "engine", "transformers"
PATHS = (ENGINE, TRANSFORMERS)

# Prompts and replies of 2,000 and 32,000 tokens are the paper's (arXiv 2507.06607, figure 4); a laptop has a minute.
DEFAULTS: dict[str, dict[str, Any]] = {
    "cuda": {
        "concurrency": (1, 4, 16, 64), "contexts": (2048, 18432, 34816), "prompt_tokens": 2000,
        "generation_tokens": 32000, "steps": 64,
    },
    "cpu": {
        "concurrency": (1, 4), "contexts": (256, 1024), "prompt_tokens": 64, "generation_tokens": 128, "steps": 16,
        "sections": tuple(section for section in SECTIONS if section != BUSY),
    },
}  # fmt: skip
STEP_TOKENS = {"cuda": 8192, "cpu": 512}  # of prompts, in one step of the engine
_SPREAD = 0.3  # standard deviation over mean
_NORMAL = NormalDist()


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Which settings are measured and how often.

    concurrency: sequences at a time. contexts: tokens before what is timed. prompt_tokens, generation_tokens: means of
    the clients' lengths. steps: decode steps that are timed together. requests: of each client that count.
    rounds: how often all is measured. max_latency_s: when the growth of one stream is followed no further.

    Raises ValueError for a value that is not allowed.
    """

    concurrency: tuple[int, ...]
    contexts: tuple[int, ...]
    prompt_tokens: int
    generation_tokens: int
    steps: int
    requests: int = 1
    rounds: int = 3
    max_latency_s: float = 60.0
    sections: tuple[str, ...] = SECTIONS
    paths: tuple[str, ...] = PATHS

    def __post_init__(self) -> None:
        for name in ("concurrency", "contexts"):
            values = getattr(self, name)
            if not values or any(value < 1 for value in values) or len(set(values)) != len(values):
                raise ValueError(f"{name}={_listed(values)}: allowed are different numbers from 1, at least one")
        for name in ("prompt_tokens", "generation_tokens", "requests", "rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: allowed is 1 or more")
        if self.steps < 2:
            raise ValueError(f"steps={self.steps}: allowed is 2 or more")
        if not self.max_latency_s > 0:
            raise ValueError(f"max_latency_s={self.max_latency_s}: allowed is above 0")
        for name, allowed in {"sections": SECTIONS, "paths": PATHS}.items():
            values = getattr(self, name)
            if not values or not set(values) <= set(allowed):
                raise ValueError(f"{name}={_listed(values)}: allowed are {', '.join(allowed)}")

    def check_fits(self, kind: str, context_tokens: int, seed: int) -> None:
        """Raises ValueError where a setting needs more tokens than the models' `context_tokens` on "cpu" or "cuda", and
        for sections that cannot be there."""
        if kind != "cuda" and BUSY in self.sections:
            raise ValueError(
                f"sections={_listed(self.sections)}: {BUSY} is about a GPU; allowed on a {kind} are others"
            )
        if ENGINE not in self.paths and set(self.sections) <= {SERVING, BUSY}:
            raise ValueError(f"sections={_listed(self.sections)}: allowed with paths={_listed(self.paths)} are others")
        needed: dict[str, int] = {}
        if {DECODE, PREFILL, BUSY} & set(self.sections):
            room = decode_room(kind, max(self.concurrency), max(self.contexts), self.steps)
            needed[f"contexts={_listed(self.contexts)}"] = max(self.contexts) + room
        name = f"prompt_tokens={self.prompt_tokens} and generation_tokens={self.generation_tokens}"
        if LATENCY in self.sections:
            needed[name] = self.prompt_tokens + self.generation_tokens
        if SERVING in self.sections:
            needed[name] = max(needed.get(name, 0), longest_work(self, max(self.concurrency), seed))
        for setting, num_tokens in needed.items():
            if num_tokens > context_tokens:
                raise ValueError(
                    f"{setting}: a sequence would have {num_tokens} tokens; allowed is {context_tokens}, the context"
                )


@dataclass(frozen=True)
class Work:
    """One request of a client: tokens to read and tokens to write."""

    prompt_tokens: int
    generation_tokens: int


def decode_room(kind: str, batch: int, context: int, steps: int) -> int:
    """Tokens that a sequence may grow by while the others' prompts are read and its steps are timed, at most.

    A prompt may take a step more than its tokens ask for, since its state is kept where a page ends.
    """
    return steps + 16 + batch + -(-batch * context // STEP_TOKENS[kind])


def works_of_clients(grid: Grid, num_clients: int, seed: int) -> list[Iterator[Work]]:
    """The requests of each client, without end; the same for every model.

    Lengths are normal with a standard deviation of 30 % of their mean, as in the paper's protocol. Those that count,
    `requests` of each client, come from equally likely slices of that distribution, one each, in the order that the
    seed says: their mean is the wanted one whatever the number of clients. What a client sends afterwards is drawn.
    """
    rng = random.Random(seed)
    num_counted = num_clients * grid.requests
    slices = [_NORMAL.inv_cdf((index + 0.5) / num_counted) for index in range(num_counted)]
    prompts, replies = (rng.sample(slices, num_counted) for _ in range(2))
    counted = [
        Work(_length(grid.prompt_tokens, prompt), _length(grid.generation_tokens, reply))
        for prompt, reply in zip(prompts, replies, strict=True)
    ]
    return [
        chain(counted[client::num_clients], _drawn_works(grid, random.Random(f"{seed}/{client}")))
        for client in range(num_clients)
    ]


def longest_work(grid: Grid, num_clients: int, seed: int) -> int:
    """The most tokens of a request that counts."""
    works = [islice(own, grid.requests) for own in works_of_clients(grid, num_clients, seed)]
    return max(work.prompt_tokens + work.generation_tokens for work in chain(*works))


def _drawn_works(grid: Grid, rng: random.Random) -> Iterator[Work]:
    while True:
        prompt, reply = (_NORMAL.inv_cdf(0.5 + 0.998 * (rng.random() - 0.5)) for _ in range(2))
        yield Work(_length(grid.prompt_tokens, prompt), _length(grid.generation_tokens, reply))


def _length(mean: int, deviations: float) -> int:
    return max(1, round(mean * (1 + _SPREAD * deviations)))


def with_defaults(kind: str, context_tokens: int, given: Mapping[str, Any]) -> Grid:
    """The grid of a device kind, "cpu" or "cuda", with what is given (None: is not) in place of its defaults.

    Default lengths are halved until they fit the context; given ones are taken as they are.
    """
    values = {name: value for name, value in given.items() if value is not None}
    own = dict(DEFAULTS[kind])
    while 3 * (own["prompt_tokens"] + own["generation_tokens"]) > context_tokens and own["generation_tokens"] > 1:
        own["prompt_tokens"] = max(1, own["prompt_tokens"] // 2)
        own["generation_tokens"] //= 2
    steps, most = values.get("steps", own["steps"]), max(values.get("concurrency", own["concurrency"]))
    fitting = [n for n in own["contexts"] if n + decode_room(kind, most, n, steps) <= context_tokens]
    own["contexts"] = tuple(fitting) or (max(1, context_tokens // 4),)
    return Grid(**{**own, **values})


def _listed(values: tuple) -> str:
    return ",".join(map(str, values))
