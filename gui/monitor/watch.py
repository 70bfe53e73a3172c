"""Looks at a run folder again and again, in a thread: a disk that is slow keeps nobody waiting."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace
from pathlib import Path

from .chosen import Choice
from .follow import Follower
from .launch import Launch
from .rows import Facts, Seen

BUSY, IDLE = 0.25, 1.0
"""Seconds between two looks at a run that is at work, and at one that is not."""

WORK, REST = 0.001, 0.001
"""Seconds of work after which it leaves the interpreter to the window, and for how long."""

WAITING = 20
"""Looks that nobody has asked for yet, after which it pauses."""


class Watch:
    """Follows one run until it is told to stop.

    It touches no widget: what it sees waits in a queue until the window asks for it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: queue.SimpleQueue[Seen] = queue.SimpleQueue()
        self._ended, self._woken = threading.Event(), threading.Event()
        self._choice = Choice(root, None)
        self._launch: Launch | None = None
        self._rested = 0.0
        self._thread = threading.Thread(target=self._work, name=f"watch {root.name}", daemon=True)
        self._thread.start()

    def drain(self) -> list[Seen]:
        """Give what was seen since last asked."""
        found = []
        while not self._seen.empty():
            found.append(self._seen.get())
        return found

    def choose(self, job: str | None) -> None:
        """Follow the log of a job; None for that of the run."""
        self._choice = Choice(self._root, job)
        self._woken.set()

    def launched(self, launch: Launch) -> None:
        """Follow a start until it has begun or failed."""
        self._launch = launch
        self._woken.set()

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    def stop(self) -> None:
        """Look no more; a look that is under way is not waited for."""
        self._ended.set()
        self._woken.set()

    def _pause(self) -> None:
        """Rest now and then: threads of Python take turns, and the window's must not wait long."""
        if time.perf_counter() > self._rested + WORK:
            time.sleep(REST)
            self._rested = time.perf_counter()

    def _work(self) -> None:
        follower, busy = Follower(self._root, pause=self._pause), True
        while not self._ended.is_set():
            if self._seen.qsize() < WAITING:
                try:
                    seen = self._look(follower)
                except Exception as error:  # whatever a disk may do: the next look may be better
                    facts = Facts(self._root, phase="damaged", why=f"{self._root}: {error}")
                    seen = Seen(facts)
                self._seen.put(seen)
                busy = seen.facts.driver is not None or self._launch is not None
                if seen.more:
                    continue
            self._woken.wait(BUSY if busy else IDLE)
            self._woken.clear()

    def _look(self, follower: Follower) -> Seen:
        seen = follower.look()
        chosen = self._choice.look()
        launch = self._launch
        if launch is None:
            return replace(seen, chosen=chosen)
        state = launch.state(seen.facts)
        if state == "starting":
            return replace(seen, chosen=chosen, launch=state)
        self._launch = None
        said = launch.said() if state == "failed" else ""
        return replace(seen, chosen=chosen, launch=state, said=said)
