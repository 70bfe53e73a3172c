"""What an experiment works on: a config's models, its images as each model sees them, its methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor, nn

from esegeta import config, engine, models
from esegeta.errors import RunError, listed, unknown
from esegeta.learning.artifact import Artifact
from esegeta.learning.data import FOLDER
from esegeta.plugin import Plugin
from esegeta.probe import Probe
from esegeta.probe.contrast import Contrast
from esegeta.registry import Registry
from esegeta.runs.device import places
from esegeta.runs.inputs import layers_of, prepared

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Use:
    """A method of the config, at one of its layers if it takes one.

    Parameters
    ----------
    name : str
        Its name in the config.
    plugin : Plugin
    parameters : pydantic.BaseModel
        As the config gives them, defaults filled in.
    layer : str, optional
    artifact : Artifact, optional
        What it was trained to.
    """

    name: str
    plugin: Plugin
    parameters: BaseModel
    layer: str | None
    artifact: Artifact | None = None

    @property
    def title(self) -> str:
        """Its name, with the layer."""
        return self.name if self.layer is None else f"{self.name} @ {self.layer}"


class Study:
    """A config, opened for an experiment.

    Parameters
    ----------
    settings : config.Config
    registry : Registry
    progress : callable, optional
        Called with what is done and all there is to do.

    Attributes
    ----------
    seed : int
        Of everything that is drawn.
    """

    def __init__(
        self, settings: config.Config, registry: Registry, progress: Progress | None = None
    ) -> None:
        self._settings = settings
        self._registry = registry
        self.progress = progress or (lambda done, total: None)
        self.seed = settings.execution.seed

    @property
    def data(self) -> dict[str, Any]:
        """The config as JSON data, its paths absolute."""
        return config.dump(self._settings)

    def changed(self, **parts: Any) -> Study:
        """The same with other parts of the config, as JSON data."""
        settings = config.parse({**self.data, **parts}, self._settings.base)
        return Study(settings, self._registry, self.progress)

    def train(self, *names: str) -> None:
        """Do the config's trainings, or those of these names; what is there already is kept."""
        from esegeta.learning.api import train

        train(self._settings, only=names, resume=True)

    def subjects(self, *tasks: str) -> Iterator[Subject]:
        """Load each model, of one of these tasks, with the images that are for it.

        Raises
        ------
        RunError
            If a model is for another task, or no image is for it.
        """
        place = places(self._settings.execution)[0]
        if place.threads:
            torch.set_num_threads(place.threads)
        for model in self._settings.models:
            if model.task not in tasks:
                raise RunError(
                    f"this experiment is for {listed(tasks)}; {model.name!r} is for {model.task}"
                )
            yield Subject(self._settings, self._registry, model, torch.device(place.device))


class Subject:
    """A model with the images that are for it; images are read, and the model is loaded, when asked.

    Parameters
    ----------
    settings : config.Config
    registry : Registry
    model : config.Model
    device : torch.device

    Attributes
    ----------
    name : str
        The model's.
    """

    def __init__(
        self,
        settings: config.Config,
        registry: Registry,
        model: config.Model,
        device: torch.device,
    ) -> None:
        self._settings, self._registry, self._model = settings, registry, model
        self._device = device
        self._target = config.target_of(settings, model)
        self.name = model.name

    @cached_property
    def _specs(self) -> list[config.Image]:
        every = config.expand(self._settings)
        found = [image for image in every if image.models is None or self.name in image.models]
        if not found:
            raise RunError(f"no image is for the model {self.name!r}")
        return found

    def whole(self) -> Subject:
        """The same model, with every image of the npz data sets that its images are from."""
        found = Subject(self._settings, self._registry, self._model, self._device)
        specs: list[config.Image] = []
        for spec in {(one.path, one.key): one for one in self._specs}.values():
            if spec.path is None or spec.index is None or spec.key is None:
                specs += [
                    one for one in self._specs if (one.path, one.key) == (spec.path, spec.key)
                ]
                continue
            with np.load(spec.path) as file:
                count = len(file[spec.key])
            named = f"{spec.key} {{}} of {spec.path.name}"
            specs += [
                spec.model_copy(update={"index": index, "name": named.format(index)})
                for index in range(count)
            ]
        found.__dict__ |= {"_specs": specs, "module": self.module}  # in place of what is cached
        return found

    @cached_property
    def module(self) -> nn.Module:
        """The model, on its device."""
        return models.load(self._model).module.to(self._device)

    @cached_property
    def images(self) -> Tensor:
        """(N, C, *spatial) the images as the model sees them, on the CPU.

        Raises
        ------
        RunError
            If they are not all of one shape.
        """
        own = self._model.preprocess
        steps = self._settings.preprocess if own is None else own
        found = [prepared(spec, steps, spec.name).tensor for spec in self._specs]
        shapes = {tuple(image.shape) for image in found}
        if len(shapes) > 1:
            raise RunError(
                f"the images of {self.name!r} have the shapes {listed(map(str, sorted(shapes)))} after "
                "preprocessing; this experiment needs one, for example through Resize"
            )
        return torch.stack(found)

    def targets(self, labels: str, scores: Tensor) -> Tensor:
        """(N,) which class of each image is asked about.

        Parameters
        ----------
        labels : str
            Where the true classes stand: a key of the images' npz file, or ``"folder"`` where each
            image's folder has its class's name. Without: the class of the config's target.
        scores : Tensor
            (N, classes) of the images, which say what is predicted.

        Raises
        ------
        RunError
            If an image's class cannot be told.
        """
        chosen = self._target.class_
        if labels:
            found = torch.tensor([self._label(spec, labels) for spec in self._specs])
        elif chosen == "predicted":
            return scores.argmax(1)
        else:
            number = chosen if isinstance(chosen, int) else self._number(chosen)
            found = torch.full((len(scores),), number)
        if int(found.max()) >= scores.shape[1]:
            raise RunError(
                f"there is no class {int(found.max())}: {self.name!r} gives {scores.shape[1]} classes"
            )
        return found

    def _label(self, spec: config.Image, labels: str) -> int:
        if spec.path is None:
            raise RunError(f"{spec.name}: no labels are known of an image that a factory makes")
        if labels == FOLDER:
            return self._number(spec.path.parent.name)
        if spec.path.suffix.lower() != ".npz" or spec.index is None:
            raise RunError(
                f"{spec.path.name}: labels={labels!r} is a key of an npz data set, of which the image "
                f'has an "index"; for files in a folder per class it is {FOLDER!r}'
            )
        with np.load(spec.path) as file:
            if labels not in file:
                raise RunError(f"{spec.path.name}: {unknown('key', labels, file.files)}")
            return int(np.asarray(file[labels][spec.index]).reshape(-1)[0])

    def _number(self, name: str) -> int:
        if name not in self._model.classes:
            raise RunError(f"{self.name!r}: {unknown('class', name, self._model.classes)}")
        return self._model.classes.index(name)

    def probe(
        self,
        image: Tensor,
        target: int | str = "predicted",
        *,
        contrast: Contrast = "none",
        layers: Sequence[str] = (),
    ) -> Probe:
        """Set up the probe of an image (C, *spatial) and a class, held against the others."""
        assert self._target.wrapper is not None, "config.target_of names it"
        wrapper = self._registry.get(self._target.wrapper, "wrapper")
        return engine.make_probe(
            self.module,
            image.to(self._device),
            wrapper=wrapper,
            wrapper_parameters=wrapper.validate(self._target.with_),
            target=target,
            classes=self._model.classes,
            contrast=contrast,
            output=self._model.output,
            layers=layers,
            memory=self._settings.execution.memory,
            seed=self._settings.execution.seed,
        )

    @cached_property
    def methods(self) -> list[Use]:
        """The config's methods that are for this model, once per layer."""
        found: list[Use] = []
        for method in self._settings.methods:
            if method.models is None or self.name in method.models:
                plugin = self._registry.method(method.use)
                values = plugin.validate(method.with_)
                layers = self._layers(method.layers) if plugin.takes_layer else [None]
                artifact = self._artifact(method) if plugin.takes_artifact else None
                found += [Use(method.name, plugin, values, layer, artifact) for layer in layers]
        return found

    def _artifact(self, method: config.Method) -> Artifact:
        folder = config.artifact_of(self._settings, self._model, method)
        assert folder is not None, "the config was checked"
        return Artifact.open(folder)

    def _layers(self, named: Sequence[str]) -> list[str | None]:
        image = self.images[:1].to(self._device)
        known = layers_of(self.module, image, self._target, "the first image")
        found: list[Any] = [place for layer in named for place in models.choose(layer, known)]
        return list(dict.fromkeys(found))

    def explain(self, probe: Probe, use: Use) -> Tensor:
        """Make a method's map (K, *spatial), on the CPU."""
        seed = self._settings.execution.seed
        found = engine.run_method(
            probe,
            use.plugin,
            layer=use.layer,
            artifact=use.artifact,
            parameters=use.parameters,
            seed=seed,
        )
        return found.map
