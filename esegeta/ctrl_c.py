"""Tells the user's Ctrl-C from a ``KeyboardInterrupt`` that somebody's code raises."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class CtrlC:
    """While entered, notes whether the user pressed Ctrl-C; if so, ends in `KeyboardInterrupt`.

    So the code inside may take any exception for a fault of what it runs. Outside the main thread,
    where Python delivers no signals, it notes nothing.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> "CtrlC":
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._before is not None and signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, self._before)
        if self._asked:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._asked = True
        self._before(number, frame)
