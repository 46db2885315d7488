"""A process that serves: sockets, signals, and the end."""

from __future__ import annotations

import asyncio
import errno
import math
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from sambay.engine.async_llm import AsyncLLM

from .app import create_app
from .logs import start_logging
from .options import ServerOptions

_BACKLOG = 2048  # uvicorn's
_POLL_S = 0.02
_LAST_WORDS_S = 2.0  # for clients that are slow to read that the server is closing


class _Server(uvicorn.Server):
    """Ends in order: no more connections, then the replies under way, then the engine, so that no reply is cut off
    without a word. A second Ctrl-C, or the end of `drain_s`, closes the engine under them; their clients are told."""

    def __init__(self, config: uvicorn.Config, llm: AsyncLLM, drain_s: float) -> None:
        super().__init__(config)
        self._llm, self._drain_s = llm, drain_s
        self.was_interrupted = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn would raise each signal again when all is done, with a traceback for the second Ctrl-C."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.was_interrupted = self.was_interrupted or sig == signal.SIGINT
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        ending = asyncio.create_task(self._end_engine())
        await super().shutdown(sockets)
        await ending
        if self.force_exit:  # uvicorn has left this out
            await self.lifespan.shutdown()
        end = time.monotonic() + _LAST_WORDS_S
        while self.server_state.tasks and time.monotonic() < end:
            await asyncio.sleep(_POLL_S)

    async def _end_engine(self) -> None:
        if not await self._llm.drain(0.0):
            hint = "; Ctrl-C again ends them now" if self.was_interrupted else ""
            print(f"replies under way have {self._drain_s:g} s to end{hint}", file=sys.stderr, flush=True)
        end = time.monotonic() + self._drain_s
        while self._llm.num_unfinished and time.monotonic() < end and not self.force_exit:
            await asyncio.sleep(_POLL_S)
        await asyncio.to_thread(self._llm.close)


def serve(llm: AsyncLLM, options: ServerOptions, listener: socket.socket) -> None:
    """Serves until SIGTERM or Ctrl-C; then takes no more connections, lets requests end for `drain_s`, and returns.

    A second Ctrl-C does not wait. listener: of `listen`. Raises KeyboardInterrupt at the end where Ctrl-C brought it.
    """
    start_logging()
    config = uvicorn.Config(
        create_app(llm, options), log_config=None, access_log=False, server_header=False, ws="none",
        timeout_graceful_shutdown=math.ceil(options.drain_s + _LAST_WORDS_S), timeout_keep_alive=30,
    )  # fmt: skip
    server = _Server(config, llm, options.drain_s)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"{options.model_name} at http://{shown}:{port}/v1", file=sys.stderr, flush=True)
    print(f"in a browser: http://{shown}:{port}", file=sys.stderr, flush=True)
    try:
        server.run(sockets=[listener])
    finally:
        llm.close()
    if server.was_interrupted:
        raise KeyboardInterrupt


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on. Raises OSError, saying why, where the address is not to be had.

    It listens at once: an address that is only bound would be given to a second server, too, which would learn of it
    when its model is loaded. Who connects meanwhile waits until this one's is.

    Its connections send at once. asyncio sees to that only where a socket names TCP as its protocol, which those of
    uvicorn and of `socket.create_server` do not: each reply would wait 40 ms for the client's acknowledgement.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(found[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(found[4])
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        hint = ": is another server running? --port 0 takes any that is free" if error.errno == errno.EADDRINUSE else ""
        raise OSError(f"cannot listen on {host} port {port}: {error.strerror}{hint}") from error
    return listener
