"""The run page: how it is carried out, what it would take, and the config as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esegeta.config import dump, parse
from esegeta.errors import ConfigError
from esegeta.units import duration, size

from ..document import Document
from ..language import tr
from ..paths import absolute, found
from .catalogue import Catalogue
from .form import Field

TOP = ("name", "output", "plugins", "references")
"""The config's own keys on this page."""


class RunModel:
    """Edits the execution; says where the run goes and what it would take."""

    def __init__(self, document: Document, catalogue: Catalogue | None = None) -> None:
        self.document = document
        self.catalogue = catalogue or Catalogue()

    def fields(self) -> list[Field]:
        """Give the keys of the execution, whatever the schema holds."""
        return self.catalogue.part("Execution")

    def top_fields(self) -> list[Field]:
        """Give the config's own keys: name, output, plug-ins, references."""
        from .form import fields_of

        schema = self.catalogue.schema
        return [field for field in fields_of(schema, schema.get("$defs", {})) if field.key in TOP]

    def folder(self) -> Path:
        """Give the run folder: the config's, else runs/NAME beside the config."""
        output = self.document.get("output")
        if isinstance(output, str) and output:
            return found(output, self.document.base)
        return self.document.base / "runs" / self.document.run_name

    def holds_run(self) -> bool:
        """Whether the run folder holds a run already."""
        return (self.folder() / "plan.json").is_file()

    def self_contained(self) -> dict[str, Any] | None:
        """Give the config with all paths absolute, which means the same anywhere; None if it is wrong.

        Plug-ins beside the config are named, as they would be found beside its file.
        """
        try:
            config = parse(self.document.named, self.document.base)
        except ConfigError:
            return None
        beside = self.document.base / "plugins"
        data = absolute(self.document.named, self.document.base)
        data["output"] = str(self.folder())
        known = dump(config)["plugins"]
        data["plugins"] = [*([str(beside)] if beside.is_dir() else []), *known]
        return data

    def arguments(self, *, resume: bool) -> list[str]:
        """Give the command line that runs the saved config."""
        parts = ["run", str(self.document.file), "--output", str(self.folder()), "--plain"]
        return [*parts, "--resume"] if resume else parts


def totals(plan: Mapping[str, Any] | None) -> str:
    """Say in words what a run would take; as much as is known."""
    if not plan:
        return ""
    passes = plan.get("passes") or {}
    parts = [tr("%s jobs in %s groups") % (f"{plan['jobs']:,}", f"{plan['groups']:,}")]
    if passes:
        counts = f"{passes['forward']:,.0f}", f"{passes['backward']:,.0f}"
        parts.append(tr("%s forward, %s backward passes") % counts)
    if plan.get("run_seconds") is not None:
        about = tr("at most about %s") if plan.get("at_most") else tr("about %s")
        workers = plan.get("workers") or 1
        by = tr(" with %d workers") % workers if workers > 1 else ""
        parts.append(about % duration(plan["run_seconds"]) + by)
    if plan.get("memory") is not None:
        parts.append(tr("%s of memory per worker") % size(plan["memory"]))
    return " · ".join(parts)


def rows(plan: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str, str, str]]]]:
    """Give the plan as groups of jobs: name, passes, time, and what is wrong."""
    found_rows = []
    for group in plan.get("groups", []):
        jobs = [
            (
                str(job["id"]).rpartition("/")[2],
                _passes(job.get("passes")),
                "" if job.get("seconds") is None else duration(job["seconds"]),
                str(job.get("error") or ""),
            )
            for job in group["jobs"]
        ]
        name = f"{group['image']} / {group['model']} / {group['target']}"
        if group.get("error"):
            name += f": {group['error']}"
        found_rows.append((name, jobs))
    return found_rows


def _passes(passes: Any) -> str:
    if not passes:
        return ""
    return f"{passes['forward']:,.0f} F + {passes['backward']:,.0f} B"
