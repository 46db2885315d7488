"""A process that serves: sockets, signals, and the end."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn

import uvicorn

from sambay.engine.async_llm import AsyncLLM

from .app import create_app
from .logs import start_logging
from .options import ServerOptions


def serve(llm: AsyncLLM, options: ServerOptions, host: str, port: int) -> None:
    """Serves until SIGTERM or Ctrl-C; then takes no more connections, lets requests end for `drain_s`, and returns.

    A second Ctrl-C does not wait. Raises OSError where the address is not to be had.
    """
    start_logging()
    config = uvicorn.Config(
        create_app(llm, options), host=host, port=port, log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=max(int(options.drain_s), 1), timeout_keep_alive=30, ws="none",
    )  # fmt: skip
    socket = config.bind_socket()  # uvicorn's own failure to bind would exit the process
    # uvicorn raises the signals again that it was ended by: an ordered end is a good one
    signal.signal(signal.SIGTERM, _leave)
    print(f"{options.model_name} at http://{host}:{socket.getsockname()[1]}/v1", file=sys.stderr, flush=True)
    try:
        uvicorn.Server(config).run(sockets=[socket])
    finally:
        socket.close()
        llm.close()


def _leave(*_: object) -> NoReturn:
    sys.exit(0)
