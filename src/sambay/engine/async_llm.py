"""The engine for an event loop: one thread steps it, and every request is a stream of deltas to be awaited.

    event loop                 engine thread
    submit -> orders ------->  add
    deltas <-----------------  step, as long as there is work; else asleep
    close  -> orders ------->  cancel: slots, pages and draws are free before the next step

Only the thread touches the engine, and only each stream's own loop touches its deltas.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, TypeVar

from sambay.chat import Message
from sambay.engine.engine import Delta, Engine
from sambay.engine.sampling_params import SamplingParams
from sambay.engine.scheduler import QueueFullError

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.02
T = TypeVar("T")


class EngineFailedError(RuntimeError):
    """A step of the engine failed; what was under way is lost, what comes later is not."""


class EngineClosedError(RuntimeError):
    """The engine takes no more requests, or was closed under this one."""


def made_in_thread(make: Callable[[], T]) -> T:
    """What `make` gives, made in a thread of its own that ends; for an engine that is to run in another one, on a CPU.

    OpenMP keeps workers for each thread that has computed, as many as there are cores. With those of the main thread
    beside those of the engine's there are more than cores, so all of them sleep at each barrier instead of spinning
    (libgomp): on two cores the engine ran at half its speed.

    Ctrl-C meanwhile is raised at once, and the thread goes on until the process ends.
    """
    made: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            made.append(make())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="sambay-loading", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return made[0]


class DeltaStream:
    """The deltas of one request, for the loop that submitted it. Closing it, at any moment, frees all it holds."""

    def __init__(
        self, prompt_ids: Sequence[int], params: SamplingParams, name: str, on_close: Callable[[DeltaStream], None]
    ) -> None:
        self.prompt_ids, self.params, self.name = tuple(prompt_ids), params, name
        self.loop = asyncio.get_running_loop()
        self.is_closed = False
        self.num_running = params.n  # samples; the engine thread's
        self.accepted: asyncio.Future[None] = self.loop.create_future()
        self._on_close = on_close
        self._ready: deque[Delta] = deque()
        self._num_left = params.n
        self._error: Exception | None = None
        self._woken = asyncio.Event()

    async def burst(self) -> list[Delta]:
        """All deltas that have come since the last call, at least one; none once every sample has ended.

        Raises EngineFailedError or EngineClosedError where the engine could not go on. For one task at a time.
        """
        while not self._ready:
            if self._error is not None:
                raise self._error
            if not self._num_left or self.is_closed:
                return []
            self._woken.clear()
            await self._woken.wait()
        found = list(self._ready)
        self._ready.clear()
        self._num_left -= sum(delta.finish is not None for delta in found)
        return found

    def close(self) -> None:
        """Cancels what is left of the request; later deltas are dropped."""
        if not self.is_closed:
            self.is_closed = True
            self._ready.clear()
            self._woken.set()
            self._on_close(self)

    # Called in the stream's loop, by way of the engine thread.

    def accept(self) -> None:
        if not self.accepted.done():
            self.accepted.set_result(None)

    def take(self, delta: Delta) -> None:
        if not self.is_closed:
            self._ready.append(delta)
            self._woken.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._woken.set()
        if not self.accepted.done():
            self.accepted.set_exception(error)


class AsyncLLM:
    """An engine in a thread of its own, from which any number of tasks stream replies. `made_in_thread` says where
    best to make it.

    max_queued: samples that may be under way beyond those that the engine can run at a time.
    Close it when done: `close`, or `await drain(...)` before it to let requests end.
    """

    def __init__(self, engine: Engine, max_queued: int = 256) -> None:
        if max_queued < 0:
            raise ValueError(f"max_queued={max_queued}: allowed is 0 or more")
        self.engine, self.tokenizer = engine, engine.tokenizer
        self.max_unfinished = engine.limits.max_sequences + max_queued
        self.num_unfinished = 0  # samples submitted and not ended
        self.num_refused = self.num_cancelled = self.num_failures = 0
        self._names = count()
        self._streams: dict[str, DeltaStream] = {}  # the thread's
        self._changed = threading.Condition()
        self._orders: list[Callable[[], None]] = []
        self._is_draining = self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="sambay-engine", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------------------------------------ requests

    async def stream(
        self, prompt: str | Sequence[int] | Sequence[Message], params: SamplingParams | None = None
    ) -> AsyncIterator[Delta]:
        """The deltas of the replies to text, ids or a conversation. Closing the iterator, or cancelling the task that
        awaits it, ends the request at once. Raises as `submit`, and as `DeltaStream.burst`."""
        stream = await self.submit(await asyncio.to_thread(self.encode, prompt), params)
        try:
            while found := await stream.burst():
                for delta in found:
                    yield delta
        finally:
            stream.close()

    def encode(self, prompt: str | Sequence[int] | Sequence[Message]) -> list[int]:
        """The ids of a prompt: text as it is, a conversation in the tokenizer's template, ids unchanged."""
        if isinstance(prompt, str):
            return self.tokenizer.encode(prompt)
        if prompt and isinstance(prompt[0], Mapping):
            return self.tokenizer.encode_chat(prompt)  # type: ignore[arg-type]
        return list(prompt)  # type: ignore[arg-type]

    async def submit(
        self, prompt_ids: Sequence[int], params: SamplingParams | None = None, replaced: DeltaStream | None = None
    ) -> DeltaStream:
        """Returns when the engine has accepted the request.

        replaced: a stream under way of as many samples, which is closed and whose place this request takes, however
        full the queue is. Raises ValueError for what can never run, QueueFullError where as many samples are under way
        as may, EngineClosedError after `drain` or `close`.
        """
        params = params or SamplingParams()
        if params.n > self.max_unfinished:
            raise ValueError(f"n={params.n}: allowed is at most {self.max_unfinished}, as many as may wait")
        stream = DeltaStream(prompt_ids, params, f"async-{next(self._names)}", self._order_cancel)
        self._enter(stream, has_place=replaced is not None)
        if replaced is not None:
            assert replaced.params.n == params.n, "a stream can only be replaced by one as large"
            replaced.close()
        try:
            await stream.accepted
        except BaseException:
            stream.close()
            raise
        return stream

    def _enter(self, stream: DeltaStream, has_place: bool) -> None:
        with self._changed:
            if self._is_stopping or (self._is_draining and not has_place):
                raise EngineClosedError("the engine is closing: it takes no more requests")
            if not has_place and self.num_unfinished + stream.params.n > self.max_unfinished:
                self.num_refused += 1
                raise QueueFullError(
                    f"{self.num_unfinished} samples are under way and n={stream.params.n}; allowed: "
                    f"{self.max_unfinished} in all"
                )
            self.num_unfinished += stream.params.n
            self._orders.append(partial(self._admit, stream))
            self._changed.notify()

    def _order_cancel(self, stream: DeltaStream) -> None:
        with self._changed:
            self._orders.append(partial(self._cancel, stream))
            self._changed.notify()

    # ------------------------------------------------------------------------------------------------ the end

    async def drain(self, timeout_s: float | None = None) -> bool:
        """Takes no more requests and waits for those under way; returns whether all ended in time."""
        self._is_draining = True
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while self.num_unfinished and (end is None or time.monotonic() < end):
            await asyncio.sleep(_POLL_SECONDS)
        return not self.num_unfinished

    def close(self) -> None:
        """Cancels everything and ends the thread. Streams still open raise EngineClosedError."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join()

    @property
    def is_accepting(self) -> bool:
        """Whether a request would be taken, if there is room."""
        return self._thread.is_alive() and not (self._is_draining or self._is_stopping)

    # ------------------------------------------------------------------------------------------------ the thread

    def _run(self) -> None:
        while self._follow_orders():
            if self.engine.has_work:
                self._step()
        for stream in list(self._streams.values()):
            self.engine.cancel(stream.name)
            self._fail(stream, EngineClosedError("the engine was closed"))
        while self.engine.has_work:  # what the device had begun
            self._step()

    def _follow_orders(self) -> bool:
        """Waits until there is anything to do and does what was asked for; False once the engine is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self._is_stopping or self.engine.has_work)
            orders, self._orders = self._orders, []
        for order in orders:
            order()
        return not self._is_stopping

    def _admit(self, stream: DeltaStream) -> None:
        self._streams[stream.name] = stream
        if stream.is_closed:
            self._forget(stream)
            return
        try:
            self.engine.add(stream.name, stream.prompt_ids, stream.params)
        except Exception as error:
            self._fail(stream, error)
        else:
            self._call(stream.loop, stream.accept)

    def _cancel(self, stream: DeltaStream) -> None:
        if stream.name in self._streams:
            self.num_cancelled += 1
            self.engine.cancel(stream.name)
            self._forget(stream)

    def _step(self) -> None:
        try:
            deltas = self.engine.step()
        except Exception as error:
            self._recover(error)
            return
        batches: dict[asyncio.AbstractEventLoop, list[tuple[DeltaStream, Delta]]] = {}
        for delta in deltas:
            stream = self._streams.get(delta.request_id)
            if stream is None:
                continue
            batches.setdefault(stream.loop, []).append((stream, delta))
            stream.num_running -= delta.finish is not None
            if not stream.num_running:
                self._forget(stream)
        for loop, batch in batches.items():
            self._call(loop, partial(_deliver, batch))

    def _recover(self, error: Exception) -> None:
        """All that was under way is lost, since nobody knows how far the device has come; the engine has begun anew."""
        self.num_failures += 1
        _LOG.error("a step of the engine failed; %d requests are lost", len(self._streams), exc_info=error)
        for stream in list(self._streams.values()):
            self._fail(stream, EngineFailedError(f"a step of the engine failed: {type(error).__name__}"))

    def _fail(self, stream: DeltaStream, error: Exception) -> None:
        self._forget(stream)
        self._call(stream.loop, partial(stream.fail, error))

    def _forget(self, stream: DeltaStream) -> None:
        """Once, though several ends of a stream may meet: it fails as its loop is found closed, say."""
        if self._streams.pop(stream.name, None) is not None:
            with self._changed:
                self.num_unfinished -= stream.params.n

    def _call(self, loop: asyncio.AbstractEventLoop, call: Callable[[], Any]) -> None:
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # the loop is closed, and nobody is left to tell
            for stream in [one for one in self._streams.values() if one.loop is loop]:
                self._cancel(stream)


def _deliver(batch: Sequence[tuple[DeltaStream, Delta]]) -> None:
    for stream, delta in batch:
        stream.take(delta)
