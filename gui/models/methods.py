"""The methods page: which there are, what each needs and costs, and which are chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..document import Document
from ..language import tr
from .catalogue import Catalogue, Entry, families
from .uses import use_of

PRESETS = {
    "quick": ("saliency", "input_x_gradient", "guided_backprop", "grad_cam"),
    "thorough": (
        "saliency",
        "smooth_grad",
        "integrated_gradients",
        "captum.deep_lift",
        "occlusion",
        "rise",
        "grad_cam",
        "layer_activation",
    ),
}
"""Methods that are chosen together; those that are not there are left out."""


@dataclass(frozen=True)
class Pace:
    """Seconds that a pass of the model takes each way, as the last plan has measured."""

    forward: float
    backward: float

    def seconds(self, entry: Entry) -> float | None:
        """Say how long a method would take with its defaults; None where that is not known."""
        if entry.forward is None or entry.backward is None:
            return None
        return entry.forward * self.forward + entry.backward * self.backward


def pace_of(plan: Mapping[str, Any], model: str | None = None) -> Pace | None:
    """Work out the time of a pass from the jobs of a plan, by least squares; None where unknown."""
    ff = fb = bb = ft = bt = 0.0
    for group in plan.get("groups", []):
        if model not in (None, group["model"]):
            continue
        for job in group["jobs"]:
            if not job.get("seconds") or not job.get("passes"):
                continue
            f, b, t = job["passes"]["forward"], job["passes"]["backward"], job["seconds"]
            # Relative errors: a job of a thousand passes says no more than one of one.
            f, b, t = f / t, b / t, 1.0
            ff, fb, bb = ff + f * f, fb + f * b, bb + b * b
            ft, bt = ft + f * t, bt + b * t
    determinant = ff * bb - fb * fb
    if determinant > 1e-9 * ff * bb:
        forward, backward = (ft * bb - bt * fb) / determinant, (bt * ff - ft * fb) / determinant
        if forward > 0 and backward > 0:
            return Pace(forward, backward)
    both = ff + 2 * fb + bb
    return Pace((ft + bt) / both, (ft + bt) / both) if both > 0 else None


class MethodsModel:
    """Chooses methods; a method is chosen where an entry of the config uses it."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    @property
    def uses(self) -> list[str]:
        """The names of the methods that entries use, in their order."""
        return [name for entry in self.document.entries("methods") if (name := use_of(entry))]

    def groups(self, search: str = "") -> dict[str, list[Entry]]:
        """Give the methods of each family that hold all words searched for."""
        words = search.casefold().split()
        titles = families()
        found: dict[str, list[Entry]] = {title: [] for title in titles.values()}
        for entry in self.catalogue.methods.values():
            text = f"{entry.name} {entry.name.replace('_', ' ')} {entry.summary} {entry.paper}"
            text = f"{text} {entry.library or ''} {' '.join(entry.needs)}".casefold()
            if all(word in text for word in words):
                found[titles.get(entry.family, entry.family)].append(entry)
        return found

    def unfit(self, entry: Entry, ndim: int | None = None) -> str:
        """Say why a method cannot be used here; empty where it can."""
        if entry.lost:
            return f"{entry.lost} → {entry.remedy}"
        tasks = {m.get("task") for m in self.document.entries("models") if isinstance(m, dict)}
        tasks -= {None}
        if tasks and not tasks & set(entry.tasks):
            return tr("serves %s only") % ", ".join(entry.tasks)
        if ndim is not None and ndim not in entry.ndim:
            return tr("serves %s images only") % ", ".join(f"{n}D" for n in entry.ndim)
        return ""

    def choose(self, name: str, chosen: bool) -> None:
        """Use a method, or take away every entry that does."""
        if chosen and name not in self.uses:
            self._set([*self.document.entries("methods"), self._entry(name)])
        elif not chosen and name in self.uses:
            self._set([e for e in self.document.entries("methods") if use_of(e) != name])

    def preset(self, name: str) -> None:
        """Add the methods of a preset that are there and fit."""
        entries = self.catalogue.methods
        wanted = [one for one in PRESETS[name] if one in entries and not self.unfit(entries[one])]
        new = [self._entry(one) for one in wanted if one not in self.uses]
        if new:
            self._set([*self.document.entries("methods"), *new])

    def _entry(self, name: str) -> Any:
        """Write a use of a method; a layer method begins with the layer that is chosen by itself."""
        known = self.catalogue.methods.get(name)
        return {"use": name, "layers": ["auto"]} if known and known.takes_layer else name

    def _set(self, entries: Sequence[Any]) -> None:
        self.document.set(("methods",), list(entries))
