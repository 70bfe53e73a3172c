"""Ctrl-C: once to end after the running job, twice to end now."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Counts requests to stop while it is entered; a request to terminate counts as two.

    Outside the main thread, where Python delivers no signals, it counts none.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    @property
    def asked(self) -> bool:
        """Whether no further job is to begin."""
        return self.count > 0

    @property
    def now(self) -> bool:
        """Whether the running job is not to be waited for."""
        return self.count > 1

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1 if number == signal.SIGINT else 2
