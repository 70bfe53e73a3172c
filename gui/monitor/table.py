"""The table of jobs without its widget: what it shows, in which order, and what it sums up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Literal

from .rows import ENDED, STATES, Facts, Row, Seen, State

Column = Literal["state", "method", "image", "model", "target", "device", "progress", "time"]
COLUMNS: tuple[Column, ...] = (
    "state",
    "method",
    "image",
    "model",
    "target",
    "device",
    "progress",
    "time",
)

Kind = Literal["all", "running", "failed", "interrupted", "pending", "done"]
KINDS: dict[Kind, tuple[State, ...]] = {
    "all": STATES,
    "running": ("running",),
    "failed": ("failed", "timed out"),
    "interrupted": ("interrupted",),
    "pending": ("pending",),
    "done": ("done",),
}
"""What one may ask for, and the states that it means."""

RANKS = {state: rank for rank, state in enumerate(STATES)}


class Table:
    """Jobs, sorted and filtered.

    Attributes
    ----------
    shown : list of str
        The jobs that are shown, in order.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.shown: list[str] = []
        self._ids: tuple[str, ...] = ()
        self._counts: Counter[State] = Counter()
        self._running: dict[str, Row] = {}
        self._stale = False
        self._column: Column | None = None
        self._descending = False
        self._words: list[str] = []
        self._kind: Kind = "all"

    def take(self, seen: Seen) -> None:
        """Take what was seen; `arrange` then shows it."""
        if seen.ids is not None:
            rows = [self.rows[job] for job in seen.ids if job in self.rows]
            self.rows, self._running, self._ids = {}, {}, seen.ids
            self._counts.clear()
            self._stale = True
            self._put(rows)
        self._put(seen.rows)

    def _put(self, rows: Iterable[Row]) -> None:
        """Put jobs in, and count them: there may be too many to be counted often."""
        for row in rows:
            before = self.rows.get(row.id)
            if before is None:
                self._stale = True
            else:
                self._counts[before.state] -= 1
            self.rows[row.id] = row
            self._counts[row.state] += 1
            self._running.pop(row.id, None)
            if row.state == "running":
                self._running[row.id] = row

    def sort(self, column: Column | None, *, descending: bool = False) -> None:
        """Sort by a column; None for the plan's order."""
        self._column, self._descending, self._stale = column, descending, True

    def filter(self, text: str = "", kind: Kind = "all") -> None:
        """Show only jobs that hold each word of a text, and are of a kind."""
        self._words, self._kind, self._stale = text.lower().split(), kind, True

    def arrange(self, now: float) -> bool:
        """Sort and filter anew; whether other jobs are shown, or in another order."""
        filtered = bool(self._words) or self._kind != "all"
        if not (self._stale or filtered or self._column):
            return False
        self._stale = False
        rows = [self.rows[job] for job in self._ids if job in self.rows]
        if filtered:
            states = KINDS[self._kind]
            rows = [row for row in rows if row.state in states and self._holds(row)]
        if self._column is not None:
            rows.sort(key=self._key(self._column, now), reverse=self._descending)
        shown = [row.id for row in rows]
        changed = shown != self.shown
        self.shown = shown
        return changed

    def _holds(self, row: Row) -> bool:
        if not self._words:
            return True
        text = f"{row.id} {row.state} {row.device or ''} {row.reason or ''}".lower()
        return all(word in text for word in self._words)

    def _key(self, column: Column, now: float) -> Callable[[Row], Any]:
        if column == "state":
            return lambda row: RANKS[row.state]
        if column == "device":
            return lambda row: row.device or ""
        if column == "progress":
            return lambda row: row.part
        if column == "time":
            return lambda row: row.seconds(now) or 0.0
        place = ("image", "model", "target", "method").index(column)
        return lambda row: row.parts[place]

    @property
    def counts(self) -> dict[Kind, int]:
        """How many jobs there are of each kind."""
        found = self._counts
        return {kind: sum(found[state] for state in states) for kind, states in KINDS.items()}

    @property
    def part(self) -> float:
        """How much of the run is done, from 0 to 1."""
        if not self.rows:
            return 0.0
        ended = sum(self._counts[state] for state in ENDED)
        running = sum(row.part for row in self._running.values())
        return (ended + running) / len(self.rows)

    def running(self) -> list[Row]:
        """Give the jobs at work."""
        return list(self._running.values())

    def can(self, facts: Facts, *, starting: bool) -> set[str]:
        """Say what may be asked for: ``stop``, ``stop now``, ``retry``, ``resume``, ``report``."""
        counts, free = self.counts, facts.driver is None or facts.lost
        fit = set()
        if starting or (facts.driver is not None and not facts.lost):
            fit |= {"stop now"} | ({"stop"} if facts.stopping is None and not starting else set())
        if free and not starting and facts.phase != "absent":
            fit |= {"retry"} if counts["failed"] else set()
            fit |= {"resume"} if counts["all"] > counts["done"] else set()
        if counts["done"] or counts["failed"]:
            fit.add("report")
        return fit
