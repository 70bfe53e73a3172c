"""Brings what is chosen of a run onto the screen: reads image and maps where nobody waits for them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, Signal

from esegeta.report.orient import Affine
from esegeta.report.reading import Run, read

from ..helpers import Helper
from ..language import tr
from .choice import Choice
from .colours import Pixels
from .layers import Difference, Layer
from .loader import Loader
from .loading import Loaded, Source, made
from .looks import Looks
from .scene import Scene, shades
from .strip import Strip
from .work import image_of, layer_of, sheet_of, spatial_of, strip_of, times, warm

DIFFERENCE = "difference"


class Stage(QObject):
    """Holds the choice and the scene, and fills the scene.

    Signals
    -------
    opened :
        Another run, or the same one read anew.
    renewed :
        Other maps are chosen, or one is there now.
    moved :
        The scene is to be drawn anew.
    said : str, str
        A message, and its kind.
    """

    opened = Signal()
    renewed = Signal()
    moved = Signal()
    said = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.choice: Choice | None = None
        self.scene: Scene | None = None
        self.failed: dict[str, str] = {}
        self.lacking: dict[str, str] = {}
        """Why there are no images beside a map, where a job made a strip of them."""
        self.sheets: dict[str, Pixels] = {}
        self.subtracted: tuple[str, str] | None = None
        self.relative = True
        self.looks = Looks(self)
        self.image_trouble = ""
        self._image: Loaded | None = None
        self._waits_for_image = False
        self._shown: tuple[object, ...] = ()
        self._raw: dict[str, tuple[Layer, Affine | None]] = {}
        self._asked: set[str] = set()
        self._next: list[tuple[tuple[object, ...], Callable[[], Any]]] = []
        self._turn = 0
        self._folder = Path(tempfile.mkdtemp(prefix="esegeta-viewer-"))
        self.loader = Loader(self)
        self.loader.done.connect(self._done)
        self.loader.failed.connect(self._missed)
        self.ready = False
        """Whether what drawing needs is imported."""
        self.loader.start(("warm",), warm)
        self.helper = Helper(self)
        self.helper.answered.connect(self._made)
        self.helper.failed.connect(self._no_image)

    def close(self) -> None:
        """End what is at work, and take away what was written."""
        self.helper.stop()
        for process in self.helper.findChildren(QProcess):  # killed, which takes no time
            process.waitForFinished(1000)
        self.loader.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    # A run

    def open(self, folder: Path, job: str | None = None) -> None:
        """Read a run folder, anew where it is shown; then show a job of it."""
        self.loader.start(("run", folder, job), partial(read, folder))

    def _opened(self, folder: Path, job: str | None, run: Run) -> None:
        old = self.choice
        if old is not None and old.folder == folder:
            self.choice = old.renewed(run)
            before = {job.id: job.result for job in old.run.jobs}
            # What was made anew is read anew.
            self._drop({job.id for job in run.jobs if job.result == before.get(job.id)})
        else:
            self.choice, self._shown = Choice(folder, run), ()
        if job is not None and not self.choice.show(job):
            self.said.emit(tr("There is no job %s in this run.") % job, "wrong")
        self.opened.emit()
        self.show()

    def show(self) -> None:
        """Bring what is chosen onto the screen."""
        choice = self.choice
        if choice is None:
            return
        group = choice.group
        if group is not None:
            shown = (choice.folder, group.image, group.model, group.target)
            if shown != self._shown:
                self._begin(shown)
        wanted = choice.chosen
        self._drop({job.id for job in wanted})
        known = {*self._asked, *self.failed, *self.sheets}
        for job in wanted:
            if job.state == "done" and job.id not in known:
                self._asked.add(job.id)
                ticket = ("map", self._turn, job.id)
                self._next.append((ticket, partial(layer_of, choice.folder, job)))
        self.renewed.emit()
        # Only now: threads at work would slow down what is shown first.
        waiting, self._next = self._next, []
        for one, work in waiting:
            self.loader.start(one, work)

    def _begin(self, shown: tuple[object, ...]) -> None:
        """Show another group: the image stays where it is the same."""
        assert self.choice is not None
        same_image = shown[:2] == self._shown[:2]
        self._shown = shown
        self._turn += 1
        self.failed, self.sheets, self._raw, self._asked = {}, {}, {}, set()
        self.lacking = {}
        self.subtracted = None
        old, self.scene = self.scene, None
        if same_image and self._image is not None:
            self._settle()
            if self.scene is not None and old is not None:
                self.scene.voxel, self.scene.window = old.voxel, old.window
            return
        self._image, self.image_trouble = None, ""
        self._waits_for_image = True
        self.helper.stop()
        choice, name = self.choice, str(shown[1])
        work = partial(image_of, choice.run.config, choice.folder, name)
        self._next.append((("image", self._turn), work))

    def _drop(self, wanted: set[str]) -> None:
        """Let go of maps that nobody looks at: each takes as much memory as the image."""
        self._asked &= wanted
        for held in (self._raw, self.failed, self.lacking, self.sheets):
            for key in set(held) - wanted:
                del held[key]
        if self.scene is not None:
            for key in set(self.scene.layers) - wanted - {DIFFERENCE}:
                del self.scene.layers[key]
        if self.subtracted and not set(self.subtracted) <= wanted:
            self.subtract(None)

    # What comes

    def _done(self, ticket: tuple[Any, ...], answer: Any) -> None:
        kind, *rest = ticket
        if kind == "warm":
            self.ready = True
            self._settle()
        elif kind == "run":
            self._opened(rest[0], rest[1], answer)
        elif rest[0] != self._turn:
            return  # of what was shown before
        elif kind == "image":
            self._imaged(*answer)
        elif kind in ("map", "strip") and rest[1] in self._asked:
            self._mapped(rest[1], *answer)
            if kind == "map":
                self._ask_images(rest[1])
        elif kind == "peak" and self.scene is not None:
            self.scene.voxel = answer
            self.moved.emit()
        elif kind == "difference" and self.scene is not None and self.subtracted == rest[1]:
            self.looks.put_on(answer, signed=False)
            self.scene.add(answer)
            self.renewed.emit()

    def _missed(self, ticket: tuple[Any, ...], reason: str) -> None:
        kind, *rest = ticket
        if kind == "warm":
            self.said.emit(tr("The viewer cannot draw: %s") % reason, "wrong")
        elif kind == "run":
            self.said.emit(tr("The run cannot be shown: %s") % reason, "wrong")
        elif rest[0] != self._turn:
            return
        elif kind == "image":
            self._no_image(reason)
        elif kind == "map":
            self.failed[rest[1]] = tr("Its map cannot be shown: %s") % reason
            self.renewed.emit()
        elif kind == "strip":
            self.lacking[rest[1]] = tr("Its images cannot be shown: %s") % reason
            self.renewed.emit()
        else:
            self.said.emit(reason, "wrong")

    def _imaged(self, source: Source, image: Loaded | None) -> None:
        self._waits_for_image = False
        if image is not None:
            self._image = image
        self._settle()
        if source.number is not None and self.choice is not None:
            request = {
                "config": self.choice.run.config,
                "base": str(self.choice.folder),
                "image": source.number,
                "whole": True,
                "folder": str(self._folder),
            }
            self.said.emit(tr("The image is made by code; a helper process makes it…"), "note")
            self.helper.start(["inspect", "image"], request)

    def _made(self, answer: dict[str, Any]) -> None:
        """The helper process has written an image that code makes."""
        turn, file = self._turn, Path(answer["file"]["file"])
        affine = self.scene.geometry.affine if self.scene else None
        self.loader.start(("image", turn), lambda: (Source(), made(file, affine)))
        self.said.emit("", "note")

    def _no_image(self, reason: str) -> None:
        self._waits_for_image = False
        self.image_trouble = tr("The image cannot be shown, only the maps: %s") % reason
        self.said.emit(self.image_trouble, "wrong")
        self._settle()

    def _mapped(self, key: str, layer: Layer, affine: Affine | None, kind: str) -> None:
        if kind == "sheet":
            self.sheets[key] = shades(sheet_of(layer.values))
            self.renewed.emit()
            return
        self._raw[key] = (layer, affine)
        self._settle()

    def _ask_images(self, key: str) -> None:
        """Read the images of a map that is one of a strip's: it is seen before they are there."""
        assert self.choice is not None
        for job in self.choice.chosen:
            if job.id == key and job.result.get("returns") == "strip":
                work = partial(strip_of, self.choice.folder, job)
                self.loader.start(("strip", self._turn, key), work)

    def _settle(self) -> None:
        """Put together what has come."""
        if self._waits_for_image or not self.ready:
            return
        if self.scene is None:
            if self._image is not None:
                self._on(self._image.values.shape[1:], self._image.affine)
            elif self._raw:
                layer, affine = next(iter(self._raw.values()))
                self._on(spatial_of(layer.values), affine)
        if self.scene is None:
            self.renewed.emit()
            return
        if self._image is not None and self.scene.image is None:
            try:
                self.scene.take_image(self._image.values, self._image.window)
            except ValueError as error:
                self.said.emit(str(error), "wrong")
        for key, (layer, _) in list(self._raw.items()):
            del self._raw[key]
            self._add(key, layer)
        self.renewed.emit()

    def _on(self, spatial: tuple[int, ...], affine: Affine | None) -> None:
        """Begin a scene."""
        self.scene = Scene(spatial, affine)
        self.looks.begin(self.scene)
        if self.scene.geometry.trouble:
            self.said.emit(self.scene.geometry.trouble, "wrong")

    def _add(self, key: str, layer: Layer) -> None:
        assert self.scene is not None
        scene, stored = self.scene, layer.values
        if stored.shape[1:] != (*scene.grid, 1)[:3]:
            words = tr("The map is on a grid of %s voxels, the image on one of %s.")
            reasons = self.lacking if isinstance(layer, Strip) else self.failed
            reasons[key] = words % (times(spatial_of(stored)), times(scene.grid))
            return
        first = not scene.layers
        layer.turn(scene.geometry)
        if layer.kind == "map":
            self.looks.put_on(layer)
        scene.add(layer)
        if key in (self.subtracted or ()):
            self.renew_difference(key)
        if first and scene.voxel == scene.geometry.centre and layer.kind == "map":
            self.strongest(key)

    # What somebody wants

    def strongest(self, key: str) -> None:
        """Go to the strongest voxel of a map."""
        layer = self.scene.layers.get(key) if self.scene else None
        if self.scene is not None and layer is not None and layer.peak is not None:
            self.scene.voxel = self.scene.geometry.turned(layer.peak)
            self.moved.emit()
        elif layer is not None:
            self.loader.start(("peak", self._turn), layer.strongest)

    def renew_difference(self, changed: str) -> None:
        """Subtract anew after one of the maps became another, or was given another sign."""
        if self.subtracted and changed != DIFFERENCE:
            self.subtract(self.subtracted)

    def leaf(self, key: str, **changes: Any) -> None:
        """Look at another image of a strip: arguments of `Strip.choose`."""
        strip = self.scene.layers.get(key) if self.scene else None
        if isinstance(strip, Strip):
            strip.choose(**changes)
            self.renew_difference(key)
            self.moved.emit()

    def subtract(self, keys: tuple[str, str] | None) -> None:
        """Show the difference of two maps, or of none."""
        self.subtracted = keys
        scene = self.scene
        if scene is not None and keys is None:
            scene.layers.pop(DIFFERENCE, None)
        elif scene is not None and keys is not None:
            one, other = (scene.layers[key] for key in keys)
            ticket = (DIFFERENCE, self._turn, keys)
            self.loader.start(ticket, partial(Difference.of, one, other, self.relative))
