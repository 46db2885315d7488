from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import pytest

from sambay.benchmarking.clients import Work, serve_clients
from sambay.engine.engine import Delta
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.stopping import Finish


class OneSecondSteps:
    """An engine whose steps take a second and write a token of each request; a prompt of n takes n steps before."""

    def __init__(self) -> None:
        self.now = 0.0
        self.left: dict[str, list[int]] = {}  # steps until the first token, tokens to write
        self.loads: list[int] = []
        self.longest = 0
        self.cancelled: list[str] = []

    def add(self, request_id: str, token_ids: Sequence[int], params: SamplingParams) -> None:
        assert request_id not in self.left
        assert params.ignore_eos
        assert params.max_tokens is not None
        self.left[request_id] = [len(token_ids), params.max_tokens]
        self.longest = max(self.longest, len(token_ids) + params.max_tokens)

    def cancel(self, request_id: str) -> bool:
        self.cancelled.append(request_id)
        return self.left.pop(request_id) is not None

    def step(self) -> list[Delta]:
        self.now += 1.0
        self.loads.append(len(self.left))
        deltas = []
        for name, left in list(self.left.items()):
            if left[0] > 1:
                left[0] -= 1
                continue
            left[1] -= 1
            finish = None if left[1] else Finish("length")
            deltas.append(Delta(name, 0, "", (7,), None, finish))
            if finish:
                del self.left[name]
        return deltas


def serve(works: list, num_counted: int = 1, most_tokens: int = 100):
    engine = OneSecondSteps()
    served = serve_clients(
        engine, [iter(own) for own in works], num_counted, most_tokens, lambda n: [1] * n, lambda: engine.now
    )
    return engine, served


def test_one_client_sends_one_request_after_the_other() -> None:
    engine, served = serve([repeat(Work(3, 5))], num_counted=2)
    assert [(reply.first_token_s, reply.seconds) for reply in served.replies] == [(3.0, 7.0), (3.0, 7.0)]
    assert (served.num_tokens, served.seconds, served.num_clients) == (10, 14.0, 1)
    assert served.latency_s == 7.0
    values = served.values()
    assert values["queries_per_s"] == pytest.approx(1 / 7)
    assert values["tokens_per_s"] == pytest.approx(10 / 14)
    assert values["ms_per_token"] == pytest.approx(1e3 * 7 / 5)
    assert values["latencies_s"] == [7.0, 7.0]
    assert engine.left == {}


def test_the_load_stays_until_the_last_reply_that_counts() -> None:
    short, long = Work(1, 4), Work(1, 18)
    engine, served = serve([repeat(short), repeat(long)])
    assert set(engine.loads) == {2}, "who is done sends again"
    assert [reply.work for reply in served.replies] == [short, long], "what is sent then does not count"
    assert [reply.seconds for reply in served.replies] == [4.0, 18.0]
    assert served.num_tokens == 2 * 18, "but its tokens are part of the throughput"
    assert served.values()["queries_per_s"] == pytest.approx(2 / 11)
    assert len(engine.cancelled) == 2
    assert engine.left == {}


def test_requests_that_do_not_count_are_cut_to_the_room_there_is() -> None:
    works = [[Work(2, 8), Work(500, 3), Work(4, 500), *[Work(9, 9)] * 50], [Work(5, 40)]]
    engine, _ = serve([works[0], [*works[1], *[Work(1, 1)] * 50]], most_tokens=45)
    assert engine.longest == 45
