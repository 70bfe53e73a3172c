"""Fingerprints: a job's changes whenever its map may, and only then."""

import hashlib
import importlib.util
import json
import modulefinder
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from esegeta import config
from esegeta.registry import Registry
from esegeta.runs.hashes import sha256
from esegeta.runs.plan import Group, Job, Plan

_MAKES_MAPS = ("engine.py", "probe", "images", "models")
"""The parts of esegeta that decide how a map looks."""


def stamp(plan: Plan, settings: config.Config, registry: Registry) -> Plan:
    """Give every job of a plan its fingerprint.

    It covers the method and its parameters, layer, target and wrapper, the model (source, arguments,
    weights), the image and its label, the preprocessing, the references, the seed, and the source of
    the plug-ins and of esegeta itself. It covers neither device nor threads nor memory: results do
    not depend on them.
    """
    shared = digest([_esegeta(), [_file(file) for file in config.references(settings)]])
    groups = []
    for group in plan.groups:
        common = digest([shared, _group(group, registry)])
        jobs = tuple(
            replace(job, fingerprint=digest([common, _job(job, registry)])) for job in group.jobs
        )
        groups.append(replace(group, jobs=jobs))
    return replace(plan, groups=tuple(groups))


def _job(job: Job, registry: Registry) -> list[Any]:
    source = _file(registry.get(job.use).source)
    return [job.use, source, job.parameters, job.layer, job.seed]


def _group(group: Group, registry: Registry) -> list[Any]:
    wrapper = registry.get(group.wrapper, "wrapper")
    return [
        _model(group.model),
        _image(group.image),
        [step.model_dump(mode="json", by_alias=True) for step in group.steps],
        group.target.model_dump(mode="json", by_alias=True),
        _file(wrapper.source),
    ]


def _model(model: config.Model) -> list[Any]:
    # Its name changes where a map lies, not the map; the classes say which one a name means.
    facts = model.model_dump(mode="json", include={"arguments", "task", "output", "classes"})
    return [
        facts,
        _source(model.factory) if model.factory else None,
        _file(model.file) if model.file else None,
        _file(model.weights) if model.weights else None,
    ]


def _image(image: config.Image) -> list[Any]:
    facts = image.model_dump(mode="json", include={"arguments", "axes", "key", "index"})
    return [
        facts,
        _source(image.factory) if image.factory else None,
        _file(image.path) if image.path else None,
        _file(image.label) if image.label else None,
    ]


def _source(factory: str) -> list[Any]:
    """Digest the source of ``file.py:Class`` with what it imports beside it, or of a module."""
    where, _, name = factory.rpartition(":")
    if where.endswith(".py"):
        return [name, [_file(path) for path in imported(Path(where))]]
    try:
        found = importlib.util.find_spec(where)
    except (ImportError, ValueError):
        found = None
    return [where, name, _file(found.origin) if found and found.origin else None]


@lru_cache(maxsize=256)
def imported(script: Path) -> tuple[Path, ...]:
    """Find a script and all it imports from its own folder, without running any of it."""
    finder = modulefinder.ModuleFinder(path=[str(script.parent)])
    try:
        finder.run_script(str(script))
    except (OSError, SyntaxError):
        return (script,)
    found = (getattr(module, "__file__", None) for module in finder.modules.values())
    files = {Path(file) for file in found if file}
    return (script, *sorted(files - {script}))


@lru_cache(maxsize=1)
def _esegeta() -> str:
    root = Path(__file__).parent.parent
    files: list[Path] = []
    for name in _MAKES_MAPS:
        path = root / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return digest([[str(file.relative_to(root)), _file(file)] for file in files])


def _file(path: Path | str) -> str | None:
    """Digest a file's content (of a folder: that of every file in it); None where there is none."""
    path = Path(path)
    if path.is_dir():
        return digest([[file.name, _file(file)] for file in _within(path)])
    try:
        facts = path.stat()
    except OSError:
        return None
    return _content(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=4096)
def _content(path: Path, _modified: int, _size: int) -> str | None:
    """Hash a file; remembered until it is touched, as a weights file serves many jobs."""
    return sha256(path)


def _within(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digest(facts: object) -> str:
    """Hash anything JSON can hold."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
