"""SIGTERM, Ctrl-C and a time limit as a question that the loop asks after each step."""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType
from typing import Any


class StopRequest:
    """Notes SIGTERM and SIGINT while it is entered. A second SIGINT interrupts at once, as usual.

    `max_minutes`: the time from now on after which it asks of itself.
    """

    def __init__(self, max_minutes: float | None = None) -> None:
        self.is_signalled = False
        self.deadline_s = math.inf if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._before: dict[int, Any] = {}

    @property
    def is_asked(self) -> bool:
        return self.is_signalled or time.monotonic() >= self.deadline_s

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():  # elsewhere Python allows no handlers
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.is_signalled and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.is_signalled = True
