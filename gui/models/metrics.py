"""Which metrics judge the maps: those that entries of "evaluate" use."""

from __future__ import annotations

from collections.abc import Mapping

from ..document import Document
from ..language import tr
from .catalogue import Catalogue, Entry
from .methods import use_of

KEY = "evaluate"


class MetricsModel:
    """Chooses metrics; what an entry says beside the name stays as it is."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The metrics there are, by name."""
        return self.catalogue.metrics

    @property
    def uses(self) -> list[str]:
        """The names of the metrics that entries use, in their order."""
        return [name for entry in self.document.entries(KEY) if (name := use_of(entry))]

    def unfit(self, entry: Entry) -> str:
        """Say why a metric cannot be used; empty where it can."""
        return f"{entry.lost} → {entry.remedy}" if entry.lost else ""

    def told(self, entry: Entry) -> str:
        """Say what a metric asks, and which values are the better ones."""
        better = {"high": tr("More is better."), "low": tr("Less is better.")}.get(entry.best, "")
        return " ".join(filter(None, (entry.summary, better, self.unfit(entry))))

    def choose(self, name: str, chosen: bool) -> None:
        """Use a metric with its defaults, or take away every entry that uses it."""
        entries = self.document.entries(KEY)
        if chosen and name not in self.uses:
            self.document.set((KEY,), [*entries, name])
        elif not chosen and name in self.uses:
            kept = [entry for entry in entries if use_of(entry) != name]
            if kept:
                self.document.set((KEY,), kept)
            else:
                self.document.remove((KEY,))
