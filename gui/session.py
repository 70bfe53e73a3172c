"""What all pages share: the document, the plug-ins, and what is wrong with the config."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from esegeta.errors import Problem

from .document import Document, Place, text_of
from .helpers import Server
from .language import tr
from .models.catalogue import Catalogue, catalogue_from
from .models.problems import problems_from
from .paths import found


class Session(QObject):
    """Holds what the pages show, and tells them when it changes.

    Signals
    -------
    changed : tuple
        The config has changed, at this place.
    replaced :
        Another document was opened.
    checked :
        It is known anew what is wrong.
    learnt :
        The plug-ins, a model's layers or the plan are known anew.
    said : str, str
        A message for the user, and its kind: ``note`` or ``wrong``.
    """

    changed = Signal(tuple)
    replaced = Signal()
    checked = Signal()
    learnt = Signal()
    said = Signal(str, str)

    def __init__(self, document: Document | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.catalogue = Catalogue()
        self.problems: list[Problem] = []
        self.plan: dict[str, Any] | None = None
        """What a run would do, where the config is right."""
        self.forecast: dict[str, Any] | None = None
        """What ``esegeta plan`` has measured last."""
        self.models: dict[str, dict[str, Any]] = {}
        """What was found in checked models, by `model_key`."""
        self.lost: str = ""
        """Why there are no plug-ins."""
        self.folder = Path(tempfile.mkdtemp(prefix="esegeta-"))
        self.server = Server(self)
        self.server.ready.connect(self._ready)
        self.server.checked.connect(self._checked)
        self.server.failed.connect(self._failed)
        self.document = document or Document()
        self.document.listeners.append(self._changed)
        self._served: list[Path] | None = None

    def start(self) -> None:
        """Find the plug-ins, anew where they were found before; then check."""
        self._served = self._plugins()
        self.lost = ""
        self.server.start(self._served, self.document.base)
        self.check()

    def close(self) -> None:
        """End what was started, and take away what it has written."""
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def replace(self, document: Document) -> None:
        """Show another document."""
        self.document.listeners.clear()
        self.document = document
        document.listeners.append(self._changed)
        self.problems, self.plan, self.forecast, self.models = [], None, None, {}
        self.replaced.emit()
        self._look()

    def _plugins(self) -> list[Path]:
        """Give the folders of plug-ins: beside the config, and those it names."""
        base = self.document.base
        named = [found(p, base) for p in self.document.entries("plugins") if isinstance(p, str)]
        folders = [base / "plugins", *named]
        return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]

    def _changed(self, place: Place) -> None:
        self.changed.emit(place)
        if not place or place[0] == "plugins":
            self._look()
        else:
            self.check()

    def _look(self) -> None:
        """Find the plug-ins anew where their folders are others; check in any case."""
        if self._served is not None and self._plugins() != self._served:
            self.start()
        else:
            self.check()

    def check(self) -> None:
        """Let the config be checked soon."""
        self.server.check(self.document.named, self.document.base)

    def _ready(self, answer: dict[str, Any]) -> None:
        self.catalogue = catalogue_from(answer)
        self.learnt.emit()

    def _checked(self, answer: dict[str, Any]) -> None:
        self.problems = problems_from(answer["problems"])
        self.plan = answer["plan"]
        self.checked.emit()

    def _failed(self, reason: str) -> None:
        self.lost = reason
        self.said.emit(tr("The plug-ins cannot be read: %s") % reason, "wrong")
        self.learnt.emit()

    def model_key(self, index: int) -> str:
        """Give what a check of a model depends on: the model, and the images it runs on."""
        document = self.document
        model = dict(document.part("models", index))
        for key in ("target", "classes", "task"):
            model.pop(key, None)
        rest = [document.get(key) for key in ("images", "preprocess")]
        return text_of([model, rest, str(document.base)])

    def layers(self, index: int) -> list[dict[str, Any]]:
        """Give the layers that a check of a model has found; none where it was not checked."""
        found_model = self.models.get(self.model_key(index))
        return found_model["layers"] if found_model else []

    def scratch(self, name: str) -> Path:
        """Give an empty folder for what a helper process writes."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder
