"""Many clients that stream, wait, hang up and send nonsense: nothing leaks, and the server is exact after it."""

import asyncio
import contextlib
import gc
import json
import os
import random
import resource
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from sambay.engine.async_llm import DeltaStream
from sambay.engine.request import Request, Sequence
from sambay.serving.exchange import Exchange
from sambay.serving.replies import Branch, Replies

SOAK_SECONDS = float(os.environ.get("SAMBAY_SOAK_SECONDS", "180"))  # of the slow one
CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
BROKEN = [b"", b"{", b"\xff", b"[" * 5000, b'{"model": "tiny"}', b'{"model": "tiny", "messages": [{"role": "x"}]}']


def _request(draw):
    """A well-formed one: some share their beginning, some are long, some want several replies."""
    text = "All clients begin alike. " * draw.choice([0, 1, 4]) + str(draw.randrange(20))
    fields = {"model": "tiny", "max_tokens": draw.randrange(1, 24), "temperature": draw.choice([0.5, 1.0, 3.0])}
    if draw.random() < 0.3:
        fields["n"] = draw.randrange(1, 4)
    if draw.random() < 0.3:
        fields["stop"] = draw.choice(["e", ["a", "b"], "\n"])
    if draw.random() < 0.5:
        return TEXT, {**fields, "prompt": text + "x"}
    if draw.random() < 0.3:
        fields["max_reasoning_tokens"] = draw.randrange(10)
    return CHAT, {**fields, "messages": [{"role": "user", "content": text}]}


async def _wait_for_reply(client, path, body):
    while True:
        response = await client.post(path, json=body)
        if response.status_code != 429:
            break
        assert float(response.headers["retry-after"]) >= 1
        await asyncio.sleep(0.05)
    assert response.status_code == 200, response.text
    found = response.json()
    assert len(found["choices"]) == body.get("n", 1)
    assert all(choice["finish_reason"] in ("stop", "length") for choice in found["choices"])
    assert found["usage"]["completion_tokens"] <= body["max_tokens"] * body.get("n", 1)


async def _stream(client, path, body, num_lines):
    """Reads so many lines and hangs up; None: all of them."""
    async with client.stream("POST", path, json={**body, "stream": True}) as response:
        if response.status_code == 429:
            return
        assert response.status_code == 200, await response.aread()
        lines = []
        async for line in response.aiter_lines():
            if line:
                lines.append(line)
            if num_lines is not None and len(lines) >= num_lines:
                return
    assert lines[-1] == "data: [DONE]"
    finishes = [json.loads(line[6:])["choices"][0]["finish_reason"] for line in lines[:-1]]
    assert len([finish for finish in finishes if finish]) == body.get("n", 1)


async def _visit(client, draw, counts):
    kind = draw.choice(["whole", "whole", "stream", "stream", "leave", "give up", "broken"])
    path, body = _request(draw)
    counts[kind] = counts.get(kind, 0) + 1
    if kind == "whole":
        await _wait_for_reply(client, path, body)
    elif kind == "stream":
        await _stream(client, path, body, None)
    elif kind == "leave":
        await _stream(client, path, {**body, "max_tokens": 2000}, draw.randrange(1, 5))
    elif kind == "give up":
        endless = {**body, "max_tokens": 2000, "ignore_eos": True, "stop": None}
        with contextlib.suppress(httpx.ReadTimeout):  # it may also be refused
            await client.post(path, json=endless, timeout=httpx.Timeout(30, read=draw.random() * 0.2 + 0.01))
    else:
        response = await client.post(path, content=draw.choice(BROKEN), headers={"content-type": "application/json"})
        assert response.status_code == 400


async def _soak(url, num_clients, seconds):
    end, counts = time.monotonic() + seconds, {}
    limits = httpx.Limits(max_connections=num_clients)

    async def one(number):
        draw = random.Random(number)
        while time.monotonic() < end:
            await _visit(client, draw, counts)

    async with httpx.AsyncClient(base_url=url, timeout=120, limits=limits) as client:
        await asyncio.gather(*(one(number) for number in range(num_clients)))
    return counts


def _greedy(served):
    return [served.chat(f"question {number}", max_tokens=20, temperature=0).json()["choices"] for number in range(3)]


def _alive():
    """Objects of requests by kind, those that other tests keep included."""
    gc.collect()
    kinds = (DeltaStream, Exchange, Replies, Branch, Request, Sequence)
    return Counter(type(one).__name__ for one in gc.get_objects() if type(one) in kinds)


def _rss_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def _tasks(served):
    """Of the server's own loop."""
    return len(asyncio.all_tasks(served.server.servers[0].get_loop()))


def _check_nothing_is_left(served, num_tasks_before, alive_before):
    served.wait_until_idle(30)
    served.check_all_is_free()
    end = time.monotonic() + 10
    while _tasks(served) > num_tasks_before and time.monotonic() < end:
        time.sleep(0.05)  # connections that clients have closed
    assert _tasks(served) <= num_tasks_before
    left = _alive() - alive_before
    assert left.total() < 20, left  # what the last requests were may still be in a frame


@pytest.mark.timeout(SOAK_SECONDS + 300)
@pytest.mark.parametrize(
    ("num_clients", "seconds"), [(64, 2), pytest.param(64, SOAK_SECONDS, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_a_soak_leaves_the_server_as_it_was(make_served, make_engine, num_clients, seconds):
    """The last three quarters of a long one may not add memory: what is kept by then is all that is ever kept."""
    engine = make_engine(max_sequences=16, max_batch_tokens=256)
    with make_served(engine, max_queued=40) as served:
        before, alive_before, num_tasks_before, rss_begin = _greedy(served), _alive(), _tasks(served), _rss_mib()
        counts = Counter(asyncio.run(_soak(served.url, num_clients, seconds / 4)))
        _check_nothing_is_left(served, num_tasks_before, alive_before)
        rss_first = _rss_mib()
        counts.update(asyncio.run(_soak(served.url, num_clients, seconds * 3 / 4)))
        _check_nothing_is_left(served, num_tasks_before, alive_before)
        rss_last = _rss_mib()
        print(f"{dict(counts)}, {num_tasks_before} tasks before and {_tasks(served)} after, "
              f"{rss_begin:.0f} MiB before, {rss_first:.0f} after a quarter, {rss_last:.0f} after all")  # fmt: skip
        assert counts.keys() == {"whole", "stream", "leave", "give up", "broken"}
        assert served.llm.num_failures == 0
        assert served.llm.num_cancelled > 0
        assert _greedy(served) == before
        text = served.client.get("/metrics").text
        assert 'status="500"' not in text
        assert 'status="503"' not in text
        if seconds >= 60:
            assert rss_last - rss_first < 16
