"""What a run will do: groups of jobs, their names, their order and their cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from esegeta import config
from esegeta.errors import ConfigError, ImageError, Problem, counted, shorten
from esegeta.passes import Passes
from esegeta.plugin import Plugin
from esegeta.registry import Registry
from esegeta.runs.folder import FILES
from esegeta.runs.judging import judges, judging
from esegeta.runs.names import LONGEST, component, derive, unique


@dataclass(frozen=True)
class Job:
    """One map to be made, or one to be judged.

    Parameters
    ----------
    id : str
        ``IMAGE/MODEL/TARGET/METHOD[@LAYER][/METRIC]``: its folder in the run folder.
    method, use : str
        Its method's name in this run, and the plug-in's.
    layer : str, optional
    parameters : dict
        The plug-in's, with defaults filled in.
    passes : Passes
        What it adds to the group's cost.
    seed : int
        Of the run's seed and the job's id, so that it depends on no order.
    timeout : float, optional
        Seconds it may take from its start.
    amp : str
        ``off``, ``fp16`` or ``bf16``.
    fingerprint : str
        Changes whenever the map may; see `esegeta.runs.fingerprint`.
    subject : Job, optional
        Where this job judges a map, which ``use`` says how: the job that makes it.
    metric : str, optional
        Where it does: the metric's name in this run.
    artifact : str, optional
        The folder of what its method was trained to.
    """

    id: str
    method: str
    use: str
    layer: str | None
    parameters: dict[str, Any]
    passes: Passes
    seed: int
    timeout: float | None = None
    amp: str = "off"
    fingerprint: str = ""
    subject: "Job | None" = None
    metric: str | None = None
    artifact: str | None = None


@dataclass(frozen=True)
class Group:
    """The jobs that explain one target of one model on one image, and share a probe.

    Parameters
    ----------
    image_name, model_name, target_name : str
        As they stand in the jobs' ids.
    image, model, target : config.Image, config.Model, config.Target
        What is explained; the image is one file.
    steps : tuple of config.Step
        The preprocessing.
    jobs : tuple of Job
        In the order in which they run.
    image_gradient : bool
        Whether a job needs the gradient towards the image, and the shared pass must go that far.
    """

    image_name: str
    model_name: str
    target_name: str
    image: config.Image
    model: config.Model
    target: config.Target
    steps: tuple[config.Step, ...]
    jobs: tuple[Job, ...]
    image_gradient: bool

    @property
    def id(self) -> str:
        """The common part of its jobs' ids."""
        return f"{self.image_name}/{self.model_name}/{self.target_name}"

    @property
    def layers(self) -> list[str]:
        """Every layer its jobs ask for, once each."""
        return list(dict.fromkeys(job.layer for job in self.jobs if job.layer is not None))

    @cached_property
    def alone(self) -> "Group":
        """All that a worker needs beside the job at hand: one job for each layer and artifact."""
        jobs = {(job.layer, job.artifact): job for job in self.jobs if job.subject is None}
        return replace(self, jobs=tuple(jobs.values()))

    @property
    def wrapper(self) -> str:
        """The wrapper's name."""
        assert self.target.wrapper is not None, "config.target_of names it"
        return self.target.wrapper

    @property
    def passes(self) -> Passes:
        """What it costs; the pass that jobs share counts once."""
        return sum((job.passes for job in self.jobs), Passes())


@dataclass(frozen=True)
class Plan:
    """All groups of a run, in the order in which they run."""

    name: str
    groups: tuple[Group, ...] = field(default_factory=tuple)

    @property
    def passes(self) -> Passes:
        """What the run costs."""
        return sum((group.passes for group in self.groups), Passes())

    def jobs(self) -> Iterator[tuple[Group, Job]]:
        """Yield every job with its group."""
        for group in self.groups:
            for job in group.jobs:
                yield group, job

    def __len__(self) -> int:
        return sum(len(group.jobs) for group in self.groups)

    def __str__(self) -> str:
        return (
            f"{counted(len(self), 'job')} in {counted(len(self.groups), 'group')} "
            f"({counted(len({g.model_name for g in self.groups}), 'model')}, "
            f"{counted(len({g.image_name for g in self.groups}), 'image')})"
        )

    def record(self) -> dict[str, Any]:
        """Give the content of ``plan.json``."""
        return {
            "version": 1,
            "name": self.name,
            "groups": [_record(group) for group in self.groups],
            "totals": {
                "groups": len(self.groups),
                "jobs": len(self),
                "passes": cost(self.passes),
            },
        }


Shapes = Mapping[tuple[str, str], tuple[int, ...]]
"""The spatial shape of the prepared image of a model and an image, by their names."""

Chosen = Mapping[tuple[str, str], Sequence[str]]
"""The layers that a pattern stands for in a model, by the model's name and the pattern."""


def make(
    settings: config.Config,
    registry: Registry,
    shapes: Shapes | None = None,
    chosen: Chosen | None = None,
) -> Plan:
    """Plan a run: every method on every image and model it is meant for.

    Models come outermost, so that each is loaded once.

    Parameters
    ----------
    settings : config.Config
    registry : Registry
    shapes : mapping, optional
        Where known, what costs depend on; else they are told for a typical image.
    chosen : mapping, optional
        What patterns of layers stand for, where known; else each counts as one layer.

    Raises
    ------
    ConfigError
        Where nothing is left to do, a pattern fits no file, or a name is too long for a folder.
    """
    problems = list(_too_long(settings))
    if problems:
        raise ConfigError(problems)
    images = config.expand(settings)
    groups: list[Group] = []
    for model in settings.models:
        for image in images:
            if image.models is None or model.name in image.models:
                spatial = (shapes or {}).get((model.name, str(image.name)))
                groups += _groups(settings, registry, model, image, spatial, chosen or {})
    if not groups:
        raise ConfigError(
            [
                Problem(
                    "", 'there is nothing to do: the "models" of images and methods leave no pair'
                )
            ]
        )
    return Plan(settings.name, tuple(groups))


def _too_long(settings: config.Config) -> Iterator[Problem]:
    """Report names the user gave that are too long; those of files, classes and layers are cut."""
    for kind in ("images", "models", "methods"):
        for index, entry in enumerate(getattr(settings, kind)):
            chosen = entry.name if entry.name != getattr(entry, "use", None) else None
            if chosen is not None and len(chosen) > LONGEST:
                yield Problem(
                    f"{kind}[{index}].name",
                    f"this name is too long for a folder: it has {len(chosen)} characters",
                    shorten(chosen),
                    f"1 to {LONGEST} characters",
                )


def _groups(
    settings: config.Config,
    registry: Registry,
    model: config.Model,
    image: config.Image,
    spatial: tuple[int, ...] | None,
    chosen: Chosen,
) -> Iterator[Group]:
    """One group per target, in the order in which the methods name them."""
    methods: dict[str, list[config.Method]] = {}
    targets: dict[str, config.Target] = {}
    for method in settings.methods:
        if method.models is None or model.name in method.models:
            target = _complete(config.target_of(settings, model, method))
            key = target.model_dump_json(by_alias=True)
            targets[key] = target
            meant = (chosen.get((model.name, layer), [layer]) for layer in method.layers)
            artifact = config.artifact_of(settings, model, method)
            own = {"layers": [one for found in meant for one in found], "artifact": artifact}
            methods.setdefault(key, []).append(method.model_copy(update=own))
    taken: set[str] = set()
    # Beside the folders of images lie the run's own files.
    image_name = component(unique(str(image.name), FILES))
    for key, target in targets.items():
        target_name = unique(component(_target_name(target, model)), taken)
        taken.add(target_name)
        prefix = f"{image_name}/{component(model.name)}/{target_name}"
        drafts = _drafts(methods[key], registry, prefix, settings.execution, spatial, target)
        steps = settings.preprocess if model.preprocess is None else model.preprocess
        maps = tuple(_shared(drafts))
        judged = [(job, full) for job, (_, full) in zip(maps, drafts, strict=True)]
        yield Group(
            image_name,
            component(model.name),
            target_name,
            image,
            model,
            target,
            tuple(steps),
            (*maps, *judging(settings, registry, model, judged)),
            any(plugin.gradients and not plugin.takes_layer for plugin, _ in drafts),
        )


def _complete(target: config.Target) -> config.Target:
    """Set every key, so that two targets that mean the same are written the same."""
    values = {name: getattr(target, name) for name in type(target).model_fields}
    return target.model_copy(update=values)


def _drafts(
    methods: Sequence[config.Method],
    registry: Registry,
    prefix: str,
    execution: config.Execution,
    spatial: tuple[int, ...] | None,
    target: config.Target,
) -> list[tuple[Plugin, Job]]:
    """Make a group's jobs with their plug-ins, in the order in which they run."""
    drafts: list[tuple[Plugin, Job]] = []
    taken: set[str] = set()
    share = _share(target, spatial)
    for method in methods:
        plugin = registry.get(method.use)
        values = plugin.validate(method.with_)
        passes = plugin.cost(values, spatial) if spatial else plugin.cost(values)
        passes = passes.in_patches(share) if target.patches else passes + Passes()
        parameters = values.model_dump(mode="json")
        for layer in dict.fromkeys(method.layers) if plugin.takes_layer else (None,):
            folder = component(method.name) + (f"@{component(layer)}" if layer else "")
            identity = f"{prefix}/{unique(folder, taken)}"
            taken.add(identity.rpartition("/")[2])
            job = Job(
                id=identity,
                method=method.name,
                use=plugin.name,
                layer=layer,
                parameters=parameters,
                passes=passes,
                seed=derive(execution.seed, identity),
                timeout=method.timeout or execution.timeout,
                amp=method.amp or execution.amp,
                artifact=str(method.artifact) if plugin.takes_artifact else None,
            )
            drafts.append((plugin, job))
    return sorted(drafts, key=_order)


def _share(
    target: config.Target, spatial: tuple[int, ...] | None
) -> Callable[[Sequence[slice]], float] | None:
    """Give what tells which part of an image's patches a box touches; None where nobody knows yet."""
    if target.patches is None or spatial is None:
        return None
    from esegeta.probe.tiling import Tiling
    from esegeta.runs.inputs import patches_of

    patches = patches_of(target)
    assert patches is not None
    try:
        return Tiling(spatial, patches).share
    except ImageError:  # its jobs say so
        return None


def _order(draft: tuple[Plugin, Job]) -> tuple[str, bool, float]:
    """Sort jobs of one precision, which share a probe, together, and the expensive last."""
    plugin, job = draft
    return job.amp, not plugin.fused, total(job.passes)


def _shared(drafts: Sequence[tuple[Plugin, Job]]) -> Iterator[Job]:
    """Charge the pass that fused methods share to the first of them that needs it."""
    precision, paid = "", Passes()
    for plugin, job in drafts:
        if job.amp != precision:
            precision, paid = job.amp, Passes()
        if not plugin.fused:
            yield job
            continue
        rest = Passes(
            max(0, job.passes.forward - paid.forward), max(0, job.passes.backward - paid.backward)
        )
        paid = paid + rest
        yield replace(job, passes=rest)


def _target_name(target: config.Target, model: config.Model) -> str:
    named = _class_name(target, model)
    return named if target.contrast == "none" else f"{named}-{target.contrast}"


def _class_name(target: config.Target, model: config.Model) -> str:
    if isinstance(target.class_, int):
        names = config.class_names(model)
        in_range = 0 <= target.class_ < len(names)
        return (names[target.class_] if in_range else "") or str(target.class_)
    return target.class_


def total(passes: Passes) -> float:
    """Give forward and backward passes together."""
    return passes.forward + passes.backward


def cost(passes: Passes) -> dict[str, float]:
    """Write passes for JSON."""
    return {"forward": passes.forward, "backward": passes.backward}


def _record(group: Group) -> dict[str, Any]:
    return {
        "image": group.image_name,
        "model": group.model_name,
        "target": group.target_name,
        "jobs": [
            {
                "id": job.id,
                "method": job.method,
                "use": job.use,
                "layer": job.layer,
                "parameters": job.parameters,
                "passes": cost(job.passes),
                "seed": job.seed,
                "timeout": job.timeout,
                "amp": job.amp,
                "fingerprint": job.fingerprint,
                **({"artifact": job.artifact} if job.artifact else {}),
                **judges(job),
            }
            for job in group.jobs
        ],
    }
