"""Rows made ahead of their use by worker processes: what will be asked for next is guessed from what was."""

from __future__ import annotations

import signal
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Protocol

from ..worker_processes import start_worker, worker_context

_TASK_TOKENS = 1 << 14  # about a tenth of a second of a core; the way to a worker and back costs a hundredth of it
_TASKS_AHEAD = 4  # of each worker


class Maker(Protocol):
    """Makes rows [first, first + count). Pickled, it does so in another process."""

    def rows(self, first: int, count: int) -> list[Any]: ...


class RowWorkers:
    """A pool of processes that make the rows asked for, and meanwhile those that are likely to be asked for next.

    Requests of one rank are evenly spaced, so the next ones are where the last two point. A wrong guess costs time
    only.
    More processes are started afresh, so a script must be importable (`if __name__ == "__main__"`).
    """

    def __init__(self, maker: Maker, num_workers: int, sequence_tokens: int) -> None:
        self._pool = ProcessPoolExecutor(num_workers, worker_context(__name__), _start, (maker,))
        self._rows_a_task = max(1, _TASK_TOKENS // sequence_tokens)
        self._num_ahead = _TASKS_AHEAD * num_workers
        self._made: dict[tuple[int, int], Future[list[Any]]] = {}
        self._last_first, self._stride = 0, 0
        # not waited for: what is under way may be dropped
        self.close = weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)

    def rows(self, first: int, count: int) -> list[Any]:
        """Rows [first, first + count)."""
        if first > self._last_first:
            self._stride = first - self._last_first
        self._last_first = first
        wanted = self._tasks(first, count)
        tasks = [*wanted]
        while len(tasks) < len(wanted) + self._num_ahead:
            first += self._stride or count
            tasks += self._tasks(first, count)
        self._submit(tasks)
        return [row for task in wanted for row in self._made.pop(task).result()]

    def _tasks(self, first: int, count: int) -> list[tuple[int, int]]:
        end = first + count
        starts = range(first, end, self._rows_a_task)
        return [(start, min(self._rows_a_task, end - start)) for start in starts]

    def _submit(self, tasks: Sequence[tuple[int, int]]) -> None:
        for stale in self._made.keys() - set(tasks):
            self._made.pop(stale).cancel()
        for task in tasks:
            if task not in self._made:
                self._made[task] = self._pool.submit(_make, *task)


_maker: Maker  # of a worker process


def _start(maker: Maker) -> None:
    global _maker
    start_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which finishes its step and saves
    _maker = maker


def _make(first: int, count: int) -> list[Any]:
    return _maker.rows(first, count)
