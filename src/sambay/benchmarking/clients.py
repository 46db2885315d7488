"""Clients in a closed loop, who send their next request as soon as a reply is whole: the paper's protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from sambay.benchmarking.settings import Work
from sambay.engine.engine import Delta
from sambay.engine.sampling_params import SamplingParams


class Steps(Protocol):
    """The part of an engine that clients use."""

    def add(self, request_id: str, token_ids: Sequence[int], params: SamplingParams) -> None: ...
    def cancel(self, request_id: str) -> bool: ...
    def step(self) -> list[Delta]: ...


@dataclass
class _Client:
    works: Iterator[Work]
    num_sent: int = 0
    sent_at: float = 0.0
    num_tokens: int = 0  # of the reply so far


@dataclass(frozen=True)
class Reply:
    """One that counts: what was asked for, and the seconds until its first token and until its last."""

    work: Work
    first_token_s: float
    seconds: float


@dataclass(frozen=True)
class Served:
    """What clients saw. num_tokens: written in `seconds`, replies that were cut off at the end included."""

    replies: tuple[Reply, ...]
    num_clients: int
    num_tokens: int
    seconds: float

    @property
    def latency_s(self) -> float:
        """The mean time of a reply."""
        return sum(reply.seconds for reply in self.replies) / len(self.replies)

    def values(self) -> dict[str, float | list[float]]:
        """As data. queries_per_s: clients over mean latency, since there are so many requests at any time."""
        count = len(self.replies)
        per_token = sum(reply.seconds / reply.work.generation_tokens for reply in self.replies) / count
        return {
            "latency_s": self.latency_s, "queries_per_s": self.num_clients / self.latency_s,
            "tokens_per_s": self.num_tokens / self.seconds, "ms_per_token": 1e3 * per_token,
            "first_token_s": sum(reply.first_token_s for reply in self.replies) / count,
            "generation_tokens": [float(reply.work.generation_tokens) for reply in self.replies],
            "latencies_s": [reply.seconds for reply in self.replies],
        }  # fmt: skip


def serve_clients(
    engine: Steps, works: Sequence[Iterator[Work]], num_counted: int, most_tokens: int,
    prompt: Callable[[int], list[int]], now: Callable[[], float],
) -> Served:  # fmt: skip
    """Runs clients until each has had `num_counted` replies, which are what counts.

    Who is done goes on sending, so that the load stays what it is until the last reply that counts; what is then under
    way is cancelled. most_tokens: of a sequence; requests that do not count are cut to it. prompt: ids of that number.
    now: the time in seconds.
    """
    clients = [_Client(own) for own in works]
    under_way: dict[str, tuple[int, Work, float]] = {}  # client, its work, when its first token came
    replies: list[Reply] = []
    num_tokens, began = 0, now()

    def send(index: int) -> None:
        client = clients[index]
        work = next(client.works)
        work = Work(min(work.prompt_tokens, most_tokens - 1), work.generation_tokens)
        work = Work(work.prompt_tokens, min(work.generation_tokens, most_tokens - work.prompt_tokens))
        ids, name = prompt(work.prompt_tokens), f"client {index} request {client.num_sent}"
        client.num_sent, client.num_tokens = client.num_sent + 1, 0
        under_way[name] = (index, work, 0.0)
        client.sent_at = now()
        engine.add(name, ids, SamplingParams(temperature=0, max_tokens=work.generation_tokens, ignore_eos=True))

    for index in range(len(clients)):
        send(index)
    while len(replies) < num_counted * len(clients):
        deltas = engine.step()
        at = now()
        for delta in deltas:
            index, work, first_at = under_way[delta.request_id]
            client = clients[index]
            if client.num_tokens == 0:
                under_way[delta.request_id] = (index, work, at)
                first_at = at
            client.num_tokens += len(delta.token_ids)
            num_tokens += len(delta.token_ids)
            if delta.finish is not None:
                del under_way[delta.request_id]
                if client.num_sent <= num_counted:
                    replies.append(Reply(work, first_at - client.sent_at, at - client.sent_at))
                send(index)
    seconds = now() - began
    for name in under_way:
        engine.cancel(name)
    return Served(tuple(replies), len(clients), num_tokens, seconds)
