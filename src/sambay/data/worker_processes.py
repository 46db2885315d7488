"""How worker processes are started, and how they end: never forked from this process, never outliving it."""

from __future__ import annotations

import os
import threading
from multiprocessing import get_all_start_methods, get_context, parent_process
from multiprocessing.context import BaseContext


def worker_context(module: str) -> BaseContext:
    """Workers that have `module`, by its name, imported.

    They are never forked from this process: its threads (torch's, the tokenizer's) could hang them.
    """
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload([module])  # importing takes seconds: once for all workers, and before they fork
    return context


def start_worker() -> None:
    """To be run first by each worker."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one worker, one core
    threading.Thread(target=_exit_with_parent, daemon=True).start()


def _exit_with_parent() -> None:
    """A pool's workers would wait for work for ever once their parent is killed."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
