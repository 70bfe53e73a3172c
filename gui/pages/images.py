"""The images page: files, labels and preprocessing, with a preview before and after."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSplitter, QTabWidget, QWidget

from ..forms import Form
from ..helpers import Helper
from ..language import tr
from ..models.form import Field
from ..models.images import ImagesModel
from ..models.network import size_of
from ..models.problems import below, exactly, sentence
from ..session import Session
from .page import Entries, Page, button, column, labelled, scrolled
from .slices import Slices
from .steps import Steps

PATHS = ("path", "label")
LAST = ("factory", "arguments")


class ImagesPage(Page):
    """Edits images and preprocessing."""

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Images"),
            tr("Drop files or folders here: NIfTI, DICOM folders, pictures, npy, npz."),
        )
        self.entries = Entries(tr("Images"), ("add", "remove", "up", "down"))
        self.entries.selected.connect(lambda _: self._selected())
        self.entries.wanted.connect(self._wanted)
        folder = button(tr("Folder…"), tr("Add the images of a folder"))
        folder.clicked.connect(self._pick_folder)
        self.entries.row.addWidget(folder)
        self.form = Form()
        self.form.edited.connect(self._edited)
        self.form.reset.connect(lambda key: session.document.remove(self._place(key)))
        self.wrong = labelled("", "wrong")
        self.steps = Steps(session)
        details = QTabWidget()
        details.addTab(scrolled(column(self.wrong, self.form, stretch=True)), tr("Image"))
        details.addTab(self.steps, tr("Preprocessing"))
        self.details = details
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(self.entries)
        left.addWidget(details)
        left.setSizes([220, 320])
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(left)
        parts.addWidget(self._preview())
        parts.setSizes([430, 660])
        parts.setStretchFactor(1, 1)
        self.body.addWidget(parts, 1)
        self.helper = Helper(self)
        self.helper.answered.connect(self._previewed)
        self.helper.failed.connect(self._not_previewed)
        self.helper.busy.connect(self._busy)
        self._wants: tuple[object, ...] = ()
        self._shown: tuple[object, ...] = ()

    def _preview(self) -> QWidget:
        self.before, self.after = Slices(), Slices()
        self.told = labelled("", "quiet")
        self.preview = button(tr("&Preview"), tr("Read the image and draw it"))
        self.preview.clicked.connect(self.start_preview)
        row = QHBoxLayout()
        row.addWidget(self.preview)
        row.addWidget(self.told, 1)
        return column(self.before, self.after, head=row)

    def _model(self) -> ImagesModel:
        return ImagesModel(self.session.document, self.session.catalogue)

    def _place(self, *keys: str) -> tuple[str | int, ...]:
        return ("images", self.entries.current, *keys)

    def refresh(self) -> None:
        """Show images and steps as they are now."""
        model, problems = self._model(), self.session.problems
        titles = model.titles()
        wrong = [i for i in range(len(titles)) if below(problems, "images", i)]
        self.entries.show_entries(titles, wrong)
        self.steps.refresh()
        self._show()

    def _fields(self) -> list[Field]:
        fields = self.session.catalogue.part("Image")
        fields = [replace(f, kind="path") if f.key in PATHS else f for f in fields]
        return sorted(fields, key=lambda field: field.key in LAST)

    def _selected(self) -> None:
        self._show()
        if self._auto():
            self.start_preview()

    def _auto(self) -> bool:
        """Whether a preview was asked for before: then the next image is drawn without asking."""
        return bool(self._shown) or self.helper.running

    def _show(self) -> None:
        index, problems = self.entries.current, self.session.problems
        self.form.setVisible(index >= 0)
        self.preview.setEnabled(index >= 0)
        here = exactly(problems, "images", index) if index >= 0 else exactly(problems, "images")
        self.wrong.setText("\n".join(map(sentence, here)))
        self.wrong.setVisible(bool(here))
        if index < 0:
            return
        given = self.session.document.get("images", index)
        self.form.set_fields(self._fields())
        self.form.refresh(given, lambda key: below(problems, "images", index, key))
        if self._shown and self._shown != self._key():
            self.told.setText(tr("The preview is of an older state."))

    def _edited(self, key: str, value: Any, typed: bool) -> None:
        if key in PATHS and not typed:  # picked in a dialog
            self._model().set_path(self.entries.current, key, Path(str(value)))
        else:
            self.session.document.set(self._place(key), value, typing=typed)

    def take(self, paths: list[Path]) -> None:
        """Add files and folders that were picked or dropped, and show the first of them."""
        before = len(self.session.document.entries("images"))
        told = self._model().add(paths)
        if told:
            self.session.said.emit(told, "note")
        if len(self.session.document.entries("images")) > before:
            self.refresh()
            self.entries.select(before)
            self.start_preview()

    def _wanted(self, what: str, index: int) -> None:
        if what == "add":
            start = str(self.session.document.base)
            paths, _ = QFileDialog.getOpenFileNames(self, tr("Add images"), start)
            self.take([Path(path) for path in paths])
        elif what == "remove":
            self._model().remove(index)
        else:
            to = index + (1 if what == "down" else -1)
            self.session.document.move(("images", index), to)
            self.entries.select(to)

    def _pick_folder(self) -> None:
        start = str(self.session.document.base)
        path = QFileDialog.getExistingDirectory(self, tr("Add a folder"), start)
        if path:
            self.take([Path(path)])

    def _key(self) -> tuple[object, ...]:
        """Give what a preview depends on."""
        document = self.session.document
        models = [m.get("preprocess") for m in document.entries("models") if isinstance(m, dict)]
        index = self.entries.current
        return (
            str(document.get("images", index)),
            str(document.get("preprocess")),
            str(models),
            self.steps.model,
        )

    def start_preview(self) -> None:
        """Read the selected image in a helper process."""
        if self.entries.current < 0:
            return
        self._wants = self._key()
        folder = self.session.scratch("preview")
        request = self._model().request(self.entries.current, folder, self.steps.model)
        self.helper.start(["inspect", "image"], request)

    def _busy(self, busy: bool) -> None:
        if busy:
            self.told.setText(tr("Reading the image…"))

    def _previewed(self, answer: dict[str, Any]) -> None:
        self._shown = self._wants
        self.before.show_image(answer["file"], self._title(tr("As in the file"), answer["file"]))
        if answer["model"] is None:
            self.after.clear(tr("Preprocessing failed: %s") % answer["error"])
        else:
            title = self._title(tr("As a model sees it"), answer["model"])
            self.after.show_image(answer["model"], title)
        self.told.setText(answer["name"])

    def _title(self, title: str, facts: dict[str, Any]) -> str:
        parts = [title, size_of(facts["shape"][1:])]
        if facts["shape"][0] > 1:
            parts.append(tr("%d channels") % facts["shape"][0])
        if facts["low"] is not None:
            parts.append(f"{facts['low']:.4g} … {facts['high']:.4g}")
        if facts["not_finite"]:
            parts.append(tr("%d values are no numbers") % facts["not_finite"])
        return " · ".join(parts)

    def _not_previewed(self, reason: str) -> None:
        self.before.clear()
        self.after.clear()
        self.told.setText(reason)

    def replaced(self) -> None:
        """Forget the image of the other document."""
        self.helper.stop()
        self._shown = ()
        self.before.clear()
        self.after.clear()
        self.told.setText("")
        super().replaced()
