"""The work bench: the model, image and probe at hand, so that the jobs of a group share them."""

import logging
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

import torch

from esegeta import config, engine, images, models
from esegeta.config.check_training import CARD
from esegeta.errors import MethodError
from esegeta.explanation import Explanation
from esegeta.learning.artifact import Artifact
from esegeta.probe import Probe
from esegeta.registry import find
from esegeta.report import overlay as pictures
from esegeta.report import strip as strips
from esegeta.runs.device import Place, places
from esegeta.runs.folder import FRAMES, OVERLAY, RunFolder
from esegeta.runs.hashes import sha256
from esegeta.runs.inputs import layers_of, patches_of, prepared, reference
from esegeta.runs.judge import judge
from esegeta.runs.partial import Partial
from esegeta.runs.places import on_model_grid
from esegeta.runs.plan import Group, Job, cost
from esegeta.runs.worker import base
from esegeta.strip import Strip

T = TypeVar("T")
Progress = Callable[[int, int], None]
_log = logging.getLogger(__name__)

DTYPES = {"off": None, "fp16": torch.float16, "bf16": torch.bfloat16}
"""What computes in which precision of the config."""


class Latest(Generic[T]):
    """Remembers the last answer, also when it was an error: a model that fails is loaded once."""

    def __init__(self) -> None:
        self._key: Hashable = None
        self._value: T | None = None
        self._error: BaseException | None = None
        self._trace: TracebackType | None = None

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """Give the answer for `key`, made anew where the last was for another."""
        if key != self._key:
            # Let go of the old one first: two large models may not fit side by side.
            self._key, self._value, self._error = key, None, None
            try:
                self._value = make()
            except BaseException as error:  # SystemExit too
                self._error, self._trace = error, error.__traceback__
        if self._error is not None:
            raise self._error.with_traceback(self._trace)
        return self._value  # type: ignore[return-value]


class Bench:
    """Makes the maps of a run, one after the other.

    Parameters
    ----------
    settings : config.Config
    plugins : sequence of Path
        Folders of plug-ins.
    place : Place, optional
        Where it computes; by default where the run's first worker does.
    """

    def __init__(
        self, settings: config.Config, plugins: Sequence[Path], place: Place | None = None
    ) -> None:
        place = place or places(settings.execution)[0]
        self._execution = settings.execution
        self._references = config.references(settings)
        self.registry = find(plugins)
        self.device = torch.device(place.device)
        if place.threads:
            torch.set_num_threads(place.threads)
        self._model: Latest[models.LoadedModel] = Latest()
        self._image: Latest[images.Prepared] = Latest()
        self._layers: Latest[list[models.LayerInfo]] = Latest()
        self._probe: Latest[Probe] = Latest()
        self._artifact: Latest[Artifact] = Latest()

    def model(self, group: Group) -> models.LoadedModel:
        """Load the group's model, or give it where it is at hand."""
        return self._model.get(group.model_name, lambda: self._load(group))

    def _load(self, group: Group) -> models.LoadedModel:
        began = time.perf_counter()
        loaded = models.load(group.model)
        loaded.module.to(self.device)
        if self.device.type == "cpu":
            models.channels_last(loaded.module)
        weights = sum(parameter.numel() for parameter in loaded.module.parameters())
        seconds = time.perf_counter() - began
        _log.debug("model %s: %s parameters, loaded in %.2f s", group.model_name, weights, seconds)
        return loaded

    def image(self, group: Group) -> images.Prepared:
        """Read and prepare the group's image, or give it where it is at hand."""
        steps = tuple(step.model_dump_json() for step in group.steps)
        return self._image.get(
            (group.image_name, steps),
            lambda: _prepared(group),
        )

    def probe(self, group: Group, amp: str = "off") -> Probe:
        """Set up the group's probe of a precision, or give it where it is at hand."""
        return self._probe.get((group.id, amp), lambda: self._make_probe(group, amp))

    def artifact(self, job: Job) -> Artifact | None:
        """Open what a job's method was trained to, or give it where it is at hand."""
        folder = job.artifact
        if folder is None:
            return None
        changed = (Path(folder) / CARD).stat().st_mtime_ns if Path(folder, CARD).exists() else 0
        return self._artifact.get((folder, changed), lambda: Artifact.open(folder))

    def layers(self, group: Group) -> list[models.LayerInfo]:
        """List the model's layers as they run on the image; proves that it takes the image.

        Raises
        ------
        ImageError, ModelError
            Where it does not.
        """
        return self._layers.get(
            (group.model_name, group.image_name, group.target.patches),
            lambda: layers_of(
                self.model(group).module,
                self.image(group).tensor[None].to(self.device),
                group.target,
                group.image_name,
            ),
        )

    def _make_probe(self, group: Group, amp: str) -> Probe:
        ran = {info.name: info.calls for info in self.layers(group) if info.shape is not None}
        image = self.image(group)
        wrapper = self.registry.get(group.wrapper, "wrapper")
        model = self.model(group)
        return engine.make_probe(
            model.module,
            image.tensor.to(self.device),
            wrapper=wrapper,
            wrapper_parameters=wrapper.validate(group.target.with_),
            target=group.target.class_,
            classes=group.model.classes,
            mask=on_model_grid(group.target.mask, image),
            label=image.label,
            contrast=group.target.contrast,
            output=group.model.output,
            amp=DTYPES[amp],
            patches=patches_of(group.target),
            # A layer that is not there costs the job that names it, not the pass all share.
            layers=[layer for layer in [*group.layers, *self._read(group)] if _ran(layer, ran)],
            image_gradient=group.image_gradient,
            references=[reference(path, group.steps) for path in self._references],
            memory=self._execution.memory,
            batch=model.batch,
            seed=self._execution.seed,
        )

    @staticmethod
    def _read(group: Group) -> list[str]:
        """Give the layers that trained methods of a group read."""
        found: list[str] = []
        for job in group.jobs:
            with suppress(MethodError):  # its own job says what is wrong
                found += Artifact.open(job.artifact).layers if job.artifact else []
        return found

    def make(self, folder: RunFolder, group: Group, job: Job, progress: Progress) -> dict[str, Any]:
        """Make a job's map, write its files, and give its result."""
        probe = self.probe(group, job.amp)
        plugin = self.registry.get(job.use)
        parameters = plugin.validate(job.parameters)
        progress(0, engine.steps(probe, engine.expected(probe, plugin, parameters)))
        explanation = engine.run_method(
            probe,
            plugin,
            layer=job.layer,
            artifact=self.artifact(job),
            parameters=parameters,
            seed=job.seed,
            progress=progress,
            checkpoint=_checkpoint(folder, group, job),
        )
        estimate = job.passes if plugin.fused else engine.expected(probe, plugin, parameters)
        known = explanation.record()
        told = (job.id, known["passes"]["forward"], known["passes"]["backward"])
        _log.debug("job %s: %s forward and %s backward passes", *told)
        own = folder.cleared(job.id)
        with folder.writing():
            files = write(explanation, self.image(group), own, job)
        target = {**known["target"], "wrapper": group.wrapper}
        more = {"target": target, "estimate": cost(estimate), "files": files}
        return _done(group, job, {**known, **more}, own)

    def judge(
        self, folder: RunFolder, group: Group, job: Job, progress: Progress
    ) -> dict[str, Any]:
        """Judge the map of another job, and give the result."""
        return _done(group, job, judge(self, folder, group, job, progress), folder.job(job.id))


def _done(group: Group, job: Job, found: dict[str, Any], own: Path) -> dict[str, Any]:
    hashes = {kind: sha256(own / name) for kind, name in found["files"].items()}
    return {**base(group, job), **found, "state": "done", "sha256": hashes, "error": None}


def _prepared(group: Group) -> images.Prepared:
    began = time.perf_counter()
    image = prepared(group.image, group.steps, group.image_name)
    shape, seconds = tuple(image.tensor.shape), time.perf_counter() - began
    _log.debug("image %s: %s, read and prepared in %.2f s", group.image_name, shape, seconds)
    return image


def _checkpoint(folder: RunFolder, group: Group, job: Job) -> Partial | None:
    """Give the place where a job's answers are kept; only a pass in many patches is worth it."""
    if group.target.patches is None:
        return None
    return Partial(folder.partial(job.id), job.fingerprint)


def _ran(layer: str, ran: Mapping[str, int]) -> bool:
    """Say whether an address (``name`` or ``name#2``) stands for one output of a layer that ran."""
    name, hashed, call = layer.partition("#")
    calls = ran.get(name, 0)
    return call.isdigit() and 1 <= int(call) <= calls if hashed else calls == 1


def _write_strip(
    strip: Strip, mapped: torch.Tensor, image: images.Prepared, folder: Path, title: str
) -> dict[str, str]:
    """Write the images of a strip on their source's grid, and pictures of them."""
    source = image.image
    carried = replace(
        strip,
        map=mapped,
        floor=image.to_source(strip.floor),
        ways=[
            replace(way, images=torch.stack([image.to_source(one) for one in way.images]))
            for way in strip.ways
        ],
    )
    files = {
        name: images.write_map(
            stack.flatten(0, -source.ndim - 1), source, folder, f"map.{name}"
        ).name
        for name, stack in carried.arrays().items()
    }
    shown, affine = image.to_source(image.tensor), None if source.ndim == 2 else source.affine
    drawn = strips.Pictures(shown, carried, affine)
    pictures.save_figure(drawn.figure(title), folder / OVERLAY)
    drawn.write_tiles(folder / FRAMES)
    return {**files, "frames": FRAMES}


def write(
    explanation: Explanation, image: images.Prepared, folder: Path, job: Job
) -> dict[str, str]:
    """Write a map on its source's grid, or a sheet as it is, and the picture of either."""
    title = job.method if job.layer is None else f"{job.method} at {job.layer}"
    if explanation.kind == "sheet":
        path = images.write_array(explanation.map, folder)
        pictures.save_figure(pictures.sheet(explanation.map, title=title), folder / OVERLAY)
        return {"map": path.name, "overlay": OVERLAY}
    source = image.image
    mapped = image.to_source(explanation.map)
    files = {"map": images.write_map(mapped, source, folder).name, "overlay": OVERLAY}
    if not torch.equal(mapped, explanation.map):
        # As the model sees it: what judges the map needs the numbers themselves.
        files["model"] = images.write_array(explanation.map, folder, "map.model").name
    affine = None if source.ndim == 2 else source.affine
    if explanation.strip is not None:
        files |= _write_strip(explanation.strip, mapped, image, folder, title)
        return files
    if explanation.kind == "image":
        figure = pictures.picture(source.tensor, mapped, affine=affine, title=title)
    else:
        show = explanation.plugin.show
        figure = pictures.overlay(source.tensor, mapped, affine=affine, show=show, title=title)
    pictures.save_figure(figure, folder / OVERLAY)
    return files
