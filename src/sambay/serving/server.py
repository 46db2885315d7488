"""A process that serves: sockets, signals, and the end."""

from __future__ import annotations

import signal
import socket
import sys
from typing import NoReturn

import uvicorn

from sambay.engine.async_llm import AsyncLLM

from .app import create_app
from .logs import start_logging
from .options import ServerOptions


def serve(llm: AsyncLLM, options: ServerOptions, listener: socket.socket) -> None:
    """Serves until SIGTERM or Ctrl-C; then takes no more connections, lets requests end for `drain_s`, and returns.

    A second Ctrl-C does not wait. listener: of `listen`.
    """
    start_logging()
    config = uvicorn.Config(
        create_app(llm, options), log_config=None, access_log=False, server_header=False, ws="none",
        timeout_graceful_shutdown=max(int(options.drain_s), 1), timeout_keep_alive=30,
    )  # fmt: skip
    # uvicorn raises the signals again that it was ended by: an ordered end is a good one
    signal.signal(signal.SIGTERM, _leave)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    print(f"{options.model_name} at http://{shown}:{port}/v1", file=sys.stderr, flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        llm.close()


def listen(host: str, port: int) -> socket.socket:
    """A socket to serve on. Raises OSError where the address is not to be had.

    Its connections send at once. asyncio sees to that only where a socket names TCP as its protocol, which those of
    uvicorn and of `socket.create_server` do not: each reply would wait 40 ms for the client's acknowledgement.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(found[0], socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(found[4])
    except OSError:
        listener.close()
        raise
    return listener


def _leave(*_: object) -> NoReturn:
    sys.exit(0)
