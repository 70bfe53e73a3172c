"""Which metrics judge the maps, and how: the entries of "evaluate"."""

from __future__ import annotations

from collections.abc import Mapping

from ..language import tr
from .catalogue import Entry
from .uses import UsesModel, use_of


class MetricsModel(UsesModel):
    """Chooses metrics and edits their uses; what else an entry says stays as it is."""

    KEY, PART, MORE = "evaluate", "Metric", ("name", "methods", "timeout")

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The metrics there are, by name."""
        return self.catalogue.metrics

    @property
    def uses(self) -> list[str]:
        """The names of the metrics that entries use, in their order."""
        return [name for entry in self.document.entries(self.KEY) if (name := use_of(entry))]

    def places(self, name: str) -> dict[int, str]:
        """Give the entries that use a metric, by their index, and how their results are named."""
        entries = enumerate(self.document.entries(self.KEY))
        return {index: self.title(entry) for index, entry in entries if use_of(entry) == name}

    def unfit(self, entry: Entry) -> str:
        """Say why a metric cannot be used; empty where it can."""
        return f"{entry.lost} → {entry.remedy}" if entry.lost else ""

    def told(self, entry: Entry) -> str:
        """Say what a metric asks, and which values are the better ones."""
        better = {"high": tr("More is better."), "low": tr("Less is better.")}.get(entry.best, "")
        return " ".join(filter(None, (entry.summary, better, self.unfit(entry))))

    def choose(self, name: str, chosen: bool) -> None:
        """Use a metric with its defaults, or take away every entry that uses it."""
        entries = self.document.entries(self.KEY)
        if chosen and name not in self.uses:
            self.document.set((self.KEY,), [*entries, name])
        elif not chosen and name in self.uses:
            kept = [entry for entry in entries if use_of(entry) != name]
            if kept:
                self.document.set((self.KEY,), kept)
            else:
                self.document.remove((self.KEY,))
