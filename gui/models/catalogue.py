"""The plug-ins there are, as the wizard shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..language import tr
from .form import Field, field_of, fields_of


def families() -> dict[str, str]:
    """Give the families of methods, and how they are headed."""
    return {
        "attribution": tr("Attribution"),
        "layer_attribution": tr("Layer attribution"),
        "explainability": tr("Explainability"),
    }


@dataclass(frozen=True)
class Entry:
    """A method, wrapper or metric; `lost` says why it cannot be used, `remedy` what would mend that."""

    name: str
    family: str
    summary: str = ""
    doc: str = ""
    paper: str = ""
    parameters: tuple[Field, ...] = ()
    forward: float | None = None
    backward: float | None = None
    takes_layer: bool = False
    takes_artifact: bool = False
    fused: bool = False
    best: str = ""
    gradients: bool = True
    ndim: tuple[int, ...] = (2, 3)
    tasks: tuple[str, ...] = ()
    library: str | None = None
    origin: str = ""
    source: str = ""
    lost: str = ""
    remedy: str = ""

    @property
    def needs(self) -> list[str]:
        """What it needs of the model, the image and the config."""
        found = [tr("layer")] if self.takes_layer else []
        found += [tr("training")] if self.takes_artifact else []
        found += [tr("gradients")] if self.gradients else []
        found += [f"{self.ndim[0]}D"] if len(self.ndim) == 1 else []
        found += [task for task in self.tasks if len(self.tasks) == 1]
        found += [f.label for f in self.parameters if f.required]
        return found

    @property
    def cost(self) -> str:
        """Passes with its defaults: ``32 F + 32 B``."""
        if self.forward is None or self.backward is None:
            return tr("by its parameters")
        parts = [f"{n:,.0f} {way}" for n, way in ((self.forward, "F"), (self.backward, "B")) if n]
        text = " + ".join(parts) or tr("none")
        return tr("%s (shared)") % text if self.fused else text


@dataclass(frozen=True)
class Catalogue:
    """Methods, wrappers, metrics and the schema of a config."""

    methods: Mapping[str, Entry] = field(default_factory=dict)
    wrappers: Mapping[str, Entry] = field(default_factory=dict)
    metrics: Mapping[str, Entry] = field(default_factory=dict)
    steps: Mapping[str, list[Field]] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)

    def part(self, name: str) -> list[Field]:
        """Give the fields of a part of the config, such as ``Execution``."""
        parts = self.schema.get("$defs", {})
        return fields_of(parts.get(name, {}), parts)


def catalogue_from(answer: Mapping[str, Any]) -> Catalogue:
    """Read what ``esegeta inspect serve`` tells first."""
    entries = [_entry(record) for record in answer["catalogue"]["plugins"]]
    entries += [_lost(record) for record in answer["catalogue"]["unavailable"]]
    others = ("wrapper", "metric", "training")
    methods = {e.name: e for e in entries if e.family not in others}
    wrappers, metrics = (
        {e.name: e for e in entries if e.family == family} for family in ("wrapper", "metric")
    )
    schema = answer["schema"]
    return Catalogue(methods, wrappers, metrics, dict(_steps(schema)), schema)


def _steps(schema: Mapping[str, Any]) -> Iterable[tuple[str, list[Field]]]:
    """Read each step's arguments off the conditions of the schema."""
    for rule in schema["$defs"]["Step"]["allOf"]:
        arguments = rule["then"]["properties"]["with"]
        required = arguments.get("required", [])
        fields = [
            field_of(name, facts, schema["$defs"], required=name in required)
            for name, facts in arguments.get("properties", {}).items()
        ]
        yield rule["if"]["properties"]["use"]["const"], fields


def _entry(record: Mapping[str, Any]) -> Entry:
    passes = record["passes"] or {"forward": None, "backward": None}
    return Entry(
        name=record["name"],
        family=record["family"],
        summary=record["summary"],
        doc=record["doc"],
        paper=record["paper"],
        parameters=tuple(fields_of(record["parameters"])),
        forward=passes["forward"],
        backward=passes["backward"],
        takes_layer=record["takes_layer"],
        takes_artifact=record["takes_artifact"],
        fused=record["fused"],
        best=record["best"] or "",
        gradients=record["gradients"],
        ndim=tuple(record["ndim"]),
        tasks=tuple(record["tasks"]),
        library=record["library"],
        origin=record["origin"],
        source=record["source"],
    )


def _lost(record: Mapping[str, Any]) -> Entry:
    """A plug-in that cannot be used; a whole file of unknown family stands among the methods."""
    return Entry(
        name=record["name"],
        family=record["family"] or "attribution",
        source=record["source"],
        lost=record["reason"],
        remedy=record["remedy"],
    )
