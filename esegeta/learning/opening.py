"""What a training needs of a config: model and wrapper, what it builds on, where its data lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from esegeta import config, models
from esegeta.errors import ImageError, RunError, counted, listed
from esegeta.learning.artifact import Artifact, model_hash
from esegeta.learning.course import Course, Wrapper
from esegeta.learning.data import Examples, Source, source
from esegeta.plugin import Plugin
from esegeta.probe.network import Network
from esegeta.registry import Registry
from esegeta.runs import code
from esegeta.runs.device import Place
from esegeta.runs.hashes import sha256

if TYPE_CHECKING:
    from esegeta.learning.loop import Schedule

MASKS = ("predicted", "border", "all")
"""The masks that can be chosen of every image that is trained with."""


@dataclass(frozen=True, eq=False)
class Subject:
    """The model that a training is for, or makes.

    Parameters
    ----------
    name : str
    model : nn.Module
    network : Network
    wrapper : callable
    mask : str
    classes : tuple of str
    code : list
        Facts of the model's source.
    """

    name: str
    model: nn.Module
    network: Network
    wrapper: Wrapper
    mask: str
    classes: tuple[str, ...]
    code: code.Facts

    def facts(self) -> list[Any]:
        """What of it decides what is learnt."""
        return [model_hash(self.model), self.code, self.mask]

    def course(self, plain: Course, first: torch.Tensor, data: Examples) -> Course:
        """Put the model into a course.

        Raises
        ------
        ModelError, RunError
            Where the model does not take the images, or a label is none of its classes.
        """
        course = replace(
            plain,
            model=self.model,
            network=self.network,
            wrapper=self.wrapper,
            mask=self.mask,
            class_names=self.classes,
        )
        with torch.no_grad():
            count = course.scores(first.to(course.device)).shape[1]
        if self.classes and len(self.classes) != count:
            raise RunError(
                f"{self.name!r} gives {counted(count, 'class')}, but {len(self.classes)} names are listed: "
                f"{listed(self.classes)}"
            )
        if data.labels is not None and int(data.labels.max()) >= count:
            raise RunError(
                f"the data has the label {int(data.labels.max())}, but {self.name!r} gives "
                f"{counted(count, 'class')}, 0 to {count - 1}"
            )
        return replace(course, classes=count)


@dataclass(frozen=True, eq=False)
class Opened:
    """A training's model, where it has one, and its data: found and not yet read.

    Parameters
    ----------
    subject : Subject, optional
    steps : tuple of config.Step
    data, validation : Source
    device : torch.device
    start : dict
        Weights to begin with.
    base : Artifact, optional
    seed : int
    """

    subject: Subject | None
    steps: tuple[config.Step, ...]
    data: Source
    validation: Source | None
    device: torch.device
    start: dict[str, torch.Tensor]
    base: Artifact | None
    seed: int

    def schedule(self, settings: config.Config, training: config.Training) -> Schedule:
        """How long and where is trained."""
        from esegeta.learning.loop import Schedule

        execution = settings.execution
        if execution.amp == "fp16" and self.device.type == "cpu":
            raise RunError(config.FP16_ON_CPU)
        return Schedule(
            training.epochs, training.batch, training.patience, self.seed, self.device,
            execution.amp,
        )  # fmt: skip

    def facts(
        self, settings: config.Config, training: config.Training, plugin: Plugin
    ) -> dict[str, Any]:
        """What decides what is learnt: where it is the same, a training can go on."""
        values = plugin.validate(training.with_)
        return {
            "training": plugin.name,
            "source": [(path.name, code.content(path)) for path in code.beside(plugin.source)],
            "parameters": values.model_dump(mode="json"),
            "schedule": [training.epochs, training.batch, training.patience],
            "seed": self.seed,
            "amp": settings.execution.amp,
            "model": None if self.subject is None else self.subject.facts(),
            "steps": [step.model_dump(mode="json", by_alias=True) for step in self.steps],
            "data": self.data.facts,
            "validation": self.validation.facts if self.validation else None,
            "start": sha256(training.start) if training.start else None,
            "base": None if self.base is None else self.base.card["sha256"],
            "torch": torch.__version__,
        }

    def course(self, data: Examples, steps: int) -> Course:
        """Put together what the plug-in may ask.

        Raises
        ------
        ModelError, RunError
            Where the model does not take the images, or a label is none of its classes.
        """
        low, high = data.extremes()
        first, _ = data.batch(torch.zeros(1, dtype=torch.int64))
        course = Course(
            None, None, None, "", tuple(first.shape[1:]), 0, (), len(data), steps,
            data.labels is not None, low.to(self.device), high.to(self.device), self.seed,
            self.device, self.start, self.base,
        )  # fmt: skip
        return course if self.subject is None else self.subject.course(course, first, data)


def opened(
    settings: config.Config,
    registry: Registry,
    training: config.Training,
    plugin: Plugin,
    place: Place,
) -> Opened:
    """Load the model of a training, and find its data.

    Raises
    ------
    EsegetaError
        Where that fails, or the training does not serve the model.
    """
    device = torch.device(place.device)
    seed = settings.execution.seed if training.seed is None else training.seed
    spec = None if plugin.makes == "base" else config.model_of(settings, training)
    subject = None
    if spec is not None:
        subject = _subject(settings, registry, training, spec, plugin, device, seed)
    own = None if spec is None else spec.preprocess
    steps = settings.preprocess if own is None else own
    names = () if spec is None else tuple(config.class_names(spec))
    found = source(training.data, names)
    axes = found.read[0]().ndim
    if axes not in plugin.ndim:
        raise ImageError(f"'{plugin.name}' serves {plugin.dimensions} images; these are {axes}D")
    return Opened(
        subject,
        tuple(steps),
        found,
        source(training.validation, names) if training.validation else None,
        device,
        models.weights_in(training.start)[0][1] if training.start else {},
        _base(settings, training, plugin),
        seed,
    )


def _subject(
    settings: config.Config,
    registry: Registry,
    training: config.Training,
    spec: config.Model,
    plugin: Plugin,
    device: torch.device,
    seed: int,
) -> Subject:
    """Load the model."""
    target = config.target_of(settings, spec)
    if target.patches is not None:
        raise RunError(f"{training.name}: nothing can be trained for a model that takes patches")
    if not isinstance(target.mask, str) or target.mask not in MASKS:
        raise RunError(
            f"{training.name}: the mask {target.mask!r} is that of one image; valid: {listed(MASKS)}"
        )
    own = plugin.makes == "model"
    # What is to be made cannot be loaded; each seed begins with weights of its own.
    spec = spec.model_copy(update={"weights": None}) if own else spec
    model = models.load(spec, seed).module.to(device)
    if own:
        model.train().requires_grad_(True)
    assert target.wrapper is not None, "config.target_of names it"
    wrapper = registry.get(target.wrapper, "wrapper")
    return Subject(
        spec.name,
        model,
        Network(model, output=spec.output),
        partial(wrapper.function, **wrapper.arguments(wrapper.validate(target.with_))),
        target.mask,
        tuple(config.class_names(spec)),
        code.of_factory(spec.factory) if spec.factory else [],
    )


def _base(settings: config.Config, training: config.Training, plugin: Plugin) -> Artifact | None:
    """Open what a training builds on."""
    if plugin.base is None:
        return None
    folder = config.base_of(settings, training, plugin.base)
    assert folder is not None, "the config was checked"
    found = Artifact.open(folder)
    found.require_training(plugin.base)
    return found
