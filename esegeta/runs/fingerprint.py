"""Fingerprints: a job's changes whenever its map may, and only then."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from esegeta import config
from esegeta.config.check_training import CARD
from esegeta.registry import Registry
from esegeta.runs import code
from esegeta.runs.code import content
from esegeta.runs.plan import Job, Plan

_MAKES_MAPS = (
    "engine.py", "returned.py", "strip.py", "learning/artifact.py", "libraries.py", "probe", "images",
    "models",
)  # fmt: skip
"""The parts of esegeta that decide how a map looks."""

_JUDGES_MAPS = ("evaluation",)


def stamp(plan: Plan, settings: config.Config, registry: Registry) -> Plan:
    """Give every job of a plan its fingerprint.

    It covers the method and its parameters, layer, target and wrapper, the model (source, arguments,
    weights), the image and its label, the preprocessing, the references, the seed, the source of
    the plug-ins and of esegeta itself, and the versions of PyTorch and of the libraries that the
    method and the preprocessing use. It covers neither device nor threads nor memory: results do
    not depend on them.

    Raises
    ------
    RunError
        Where a factory's package is too large to be one.
    """
    code.forget()
    shared = [_esegeta(), code.release("torch"), *map(_file, config.references(settings))]
    # Each thing is hashed once, however many jobs it serves.
    models = {g.model_name: g.model for g in plan.groups}
    images = {g.image_name: g.image for g in plan.groups}
    plugins = {job.use for _, job in plan.jobs()} | {g.wrapper for g in plan.groups}
    judging = _judging() if any(job.subject for _, job in plan.jobs()) else ""
    of_model = {name: digest(_model(model)) for name, model in models.items()}
    of_image = {name: digest(_image(image)) for name, image in images.items()}
    of_plugin = {name: _plugin(name, registry) for name in plugins}
    groups = []
    for group in plan.groups:
        common = digest(
            [
                shared,
                of_model[group.model_name],
                of_image[group.image_name],
                _steps(group.steps),
                group.target.model_dump(mode="json", by_alias=True),
                of_plugin[group.wrapper],
            ]
        )
        jobs: dict[str, Job] = {}
        for job in group.jobs:  # what makes a map comes before what judges it
            made_of = [common, of_plugin[job.use], *_job(job)]
            if job.subject is not None:
                subject = jobs[job.subject.id]
                job = replace(job, subject=subject)
                made_of += [judging, subject.fingerprint]
            jobs[job.id] = replace(job, fingerprint=digest(made_of))
        groups.append(replace(group, jobs=tuple(jobs.values())))
    return replace(plan, groups=tuple(groups))


def _job(job: Job) -> list[Any]:
    facts = [job.use, job.parameters, job.layer, job.seed, job.amp]
    # Without one a job has the fingerprint that it had before there were any.
    return facts if job.artifact is None else [*facts, _file(Path(job.artifact) / CARD)]


def _plugin(name: str, registry: Registry) -> list[Any]:
    plugin = registry.get(name)
    files = [[file.name, _file(file)] for file in code.beside(plugin.source)]
    return [files, code.of_library(plugin.library) if plugin.library else None]


def _steps(steps: Iterable[config.Step]) -> list[Any]:
    written = [step.model_dump(mode="json", by_alias=True) for step in steps]
    return [code.release("torchio"), *written] if written else []


def _model(model: config.Model) -> list[Any]:
    # Its name changes where a map lies, not the map; the classes say which one a name means.
    facts = model.model_dump(mode="json", include={"arguments", "task", "output", "classes"})
    return [
        facts,
        code.of_factory(model.factory) if model.factory else None,
        _file(model.file) if model.file else None,
        _file(model.weights) if model.weights else None,
    ]


def _image(image: config.Image) -> list[Any]:
    facts = image.model_dump(mode="json", include={"arguments", "axes", "key", "index"})
    return [
        facts,
        code.of_factory(image.factory) if image.factory else None,
        _file(image.path) if image.path else None,
        _file(image.label) if image.label else None,
    ]


def _esegeta() -> str:
    return _own(_MAKES_MAPS)


def _judging() -> str:
    return _own(_JUDGES_MAPS)


@lru_cache
def _own(parts: Sequence[str]) -> str:
    root = Path(__file__).parent.parent
    files: list[Path] = []
    for name in parts:
        path = root / name
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return digest([[str(file.relative_to(root)), _file(file)] for file in files])


def _file(path: Path | str) -> str | None:
    """Digest a file's content (of a folder: that of every file in it); None where there is none."""
    path = Path(path)
    if path.is_dir():
        return digest([[file.name, _file(file)] for file in _within(path)])
    return content(path)


def _within(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def digest(facts: object) -> str:
    """Hash anything JSON can hold."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
