import asyncio
import os
import subprocess
import sys
import threading
from contextlib import aclosing

import pytest

from sambay.engine.async_llm import AsyncLLM, EngineClosedError, EngineFailedError, made_in_thread
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.scheduler import QueueFullError

LONG = SamplingParams(temperature=0, max_tokens=2000, ignore_eos=True)


@pytest.fixture
def engine(make_engine):
    return make_engine(max_sequences=4)


@pytest.fixture
def llm(engine):
    llm = AsyncLLM(engine, max_queued=2)
    yield llm
    llm.close()
    assert not llm._thread.is_alive()
    engine.scheduler.check_invariants()
    assert (engine.scheduler.num_running, engine.scheduler.num_waiting, llm.num_unfinished) == (0, 0, 0)
    assert engine.scheduler.num_free_pages == engine.limits.num_pages - 1


async def _ids_of(llm, prompt, params):
    ids: dict[int, list[int]] = {}
    async for delta in llm.stream(prompt, params):
        ids.setdefault(delta.sample, []).extend(delta.token_ids)
    return ids


async def _until(condition):
    while not condition():
        await asyncio.sleep(0.001)


async def _to_the_end(stream):
    while await stream.burst():
        pass


def test_streams_give_what_the_engine_gives_alone(llm, make_engine):
    prompts = ["one", [5, 6, 7], [{"role": "user", "content": "two"}]]
    params = SamplingParams(temperature=5, seed=3, n=2, max_tokens=12)

    async def together():
        return await asyncio.gather(*(_ids_of(llm, prompt, params) for prompt in prompts))

    found = asyncio.run(together())
    alone = make_engine(max_sequences=4)
    for prompt, ids in zip(prompts, found, strict=True):
        alone.add("a", llm.encode(prompt), params)
        expected: dict[int, list[int]] = {0: [], 1: []}
        while alone.has_work:
            for delta in alone.step():
                expected[delta.sample] += delta.token_ids
        assert ids == expected
        assert ids[0] != ids[1]


def test_closing_a_stream_frees_everything_at_once(llm):
    async def main():
        async with aclosing(llm.stream("a long one", LONG)) as deltas:
            await anext(deltas)
            assert llm.engine.scheduler.num_running == 1
        await asyncio.wait_for(_until(lambda: llm.engine.scheduler.num_running == 0), 2)
        assert llm.num_cancelled == 1

    asyncio.run(main())


@pytest.mark.parametrize("is_accepted", [True, False])
def test_cancelling_the_task_ends_the_request(llm, is_accepted):
    async def main():
        if not is_accepted:  # the thread is busy, so the task is cancelled while it waits to be accepted
            entered, go_on = threading.Event(), threading.Event()
            llm._orders.append(lambda: (entered.set(), go_on.wait(10)))
        task = asyncio.create_task(_ids_of(llm, "x", LONG))
        await asyncio.wait_for(_until(lambda: llm.num_unfinished == 1), 5)
        if is_accepted:
            await asyncio.wait_for(_until(lambda: llm.engine.scheduler.num_running == 1), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if not is_accepted:
            go_on.set()
        await asyncio.wait_for(_until(lambda: llm.num_unfinished == 0), 5)

    asyncio.run(main())


def test_the_queue_is_bounded_and_opens_again(llm):
    async def main():
        streams = [await llm.submit([1, 2], LONG) for _ in range(6)]  # four run and two wait
        with pytest.raises(QueueFullError, match="6 samples are under way and n=1; allowed: 6 in all"):
            await llm.submit([1], LONG)
        assert llm.num_refused == 1
        streams[0].close()
        await _until(lambda: llm.num_unfinished == 5)
        streams.append(await llm.submit([1], LONG))
        for stream in streams:
            stream.close()

    asyncio.run(main())


def test_what_never_fits_is_no_matter_of_waiting(llm):
    async def main():
        with pytest.raises(ValueError, match="n=7: allowed is at most 6"):
            await llm.submit([1], SamplingParams(n=7))
        with pytest.raises(ValueError, match="the prompt has token 320"):
            await llm.submit([320])
        with pytest.raises(ValueError, match="5000 prompt tokens"):
            await llm.submit([1] * 5000)
        assert llm.num_unfinished == 0

    asyncio.run(main())


def test_a_replacement_has_its_place_however_full_the_queue_is(llm):
    async def main():
        streams = [await llm.submit([1, 2], LONG) for _ in range(6)]
        other = await llm.submit([1, 2, 3], LONG, replaced=streams[0])
        assert await streams[0].burst() == []
        await _until(lambda: llm.num_unfinished == 6)
        for stream in streams:
            stream.close()
        assert await other.burst()
        other.close()

    asyncio.run(main())


def test_a_failed_step_reaches_all_who_wait_and_the_engine_goes_on(llm, monkeypatch, caplog):
    async def main():
        expected = await _ids_of(llm, "abc", SamplingParams(temperature=0, max_tokens=5))
        streams = [await llm.submit([1, 2, 3], LONG) for _ in range(5)]

        def fail(*_):
            raise RuntimeError("the device is gone")

        with monkeypatch.context() as broken:
            broken.setattr(llm.engine.runner, "run", fail)
            for stream in streams:
                with pytest.raises(EngineFailedError, match="RuntimeError"):
                    await _to_the_end(stream)
        assert "the device is gone" in caplog.text
        assert llm.num_failures == 1
        assert await _ids_of(llm, "abc", SamplingParams(temperature=0, max_tokens=5)) == expected

    asyncio.run(main())


def test_draining_lets_requests_end_and_takes_no_more(llm):
    async def main():
        short = SamplingParams(temperature=0, max_tokens=20, ignore_eos=True)
        task = asyncio.create_task(_ids_of(llm, "abc", short))
        await _until(lambda: llm.num_unfinished == 1)
        assert await llm.drain(30)
        assert not llm.is_accepting
        assert len((await task)[0]) == 20
        with pytest.raises(EngineClosedError, match="takes no more requests"):
            await llm.submit([1])

    asyncio.run(main())


def test_draining_gives_up_in_time_and_closing_tells_those_who_wait(llm):
    async def main():
        stream = await llm.submit([1], LONG)
        assert not await llm.drain(0.05)
        await asyncio.to_thread(llm.close)
        with pytest.raises(EngineClosedError):
            await _to_the_end(stream)

    asyncio.run(main())


def test_a_loop_that_ended_leaves_nothing_behind(llm):
    async def main():
        await llm.submit([1], LONG)

    asyncio.run(main())  # the stream is neither read nor closed

    async def wait():
        await asyncio.wait_for(_until(lambda: llm.num_unfinished == 0), 5)

    asyncio.run(wait())
    assert llm.engine.scheduler.num_running == 0


def test_closing_after_the_loop_ended_meets_no_stream_twice(llm):
    async def main():
        for _ in range(6):
            await llm.submit([1], LONG)

    asyncio.run(main())
    llm.close()
    assert llm.num_unfinished == 0


def test_closing_twice_is_closing_once(llm):
    async def main():
        stream = await llm.submit([1], LONG)
        stream.close()
        stream.close()
        assert await stream.burst() == []
        await _until(lambda: llm.num_unfinished == 0)

    asyncio.run(main())
    assert llm.num_cancelled == 1


def test_a_negative_queue_is_refused(engine):
    with pytest.raises(ValueError, match="max_queued=-1"):
        AsyncLLM(engine, -1)


def test_what_is_made_in_a_thread_comes_back_or_fails_as_it_would():
    def fail():
        raise ValueError("too little memory")

    assert made_in_thread(lambda: threading.current_thread().name) == "sambay-loading"
    with pytest.raises(ValueError, match="too little memory"):
        made_in_thread(fail)


COUNTED = """
import time, torch
from pathlib import Path
from sambay.engine.async_llm import made_in_thread

def product():
    return torch.ones(600, 600) @ torch.ones(600, 600) + torch.ones(600, 600).exp()

def num_threads():
    return len(list(Path("/proc/self/task").iterdir()))

before = num_threads()
made_in_thread(product)
end = time.monotonic() + 10
while num_threads() > before and time.monotonic() < end:
    time.sleep(0.01)  # they end a little later
elsewhere = num_threads() - before
product()
print(elsewhere, num_threads() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts a process's threads by /proc")
def test_a_thread_that_ends_takes_its_workers_along():
    """Those that stay beside the engine's own would make it sleep at every barrier."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    ran = subprocess.run([sys.executable, "-c", COUNTED], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["0", "1"]
