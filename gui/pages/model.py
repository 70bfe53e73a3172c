"""The model page: file and class, arguments, weights, task, classes; and a check that loads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSplitter,
    QTreeWidget,
    QWidget,
)

from ..forms import Form
from ..helpers import Helper
from ..language import tr
from ..models.form import MISSING, Field
from ..models.network import HIDDEN, PATHS, NetworkModel, tree_of
from ..models.problems import below, exactly, sentence
from ..session import Session
from .layers import layer_item
from .page import Combo, Entries, Page, button, column, labelled, scrolled


class ModelPage(Page):
    """Edits the networks."""

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Model"),
            tr("Your network: a Python file and the class in it, or one saved whole."),
        )
        self.entries = Entries(tr("Models"), ("add", "remove"))
        self.entries.selected.connect(lambda _: self._show())
        self.entries.wanted.connect(self._wanted)
        self.form = Form()
        self.form.edited.connect(self._edited)
        self.form.reset.connect(lambda key: session.document.remove(self._place(key)))
        self.arguments = Form()
        self.arguments.edited.connect(
            lambda key, value, typed: session.document.set(
                self._place("arguments", key), value, typing=typed
            )
        )
        self.arguments.reset.connect(
            lambda key: session.document.remove(self._place("arguments", key))
        )
        self.arguments_title = labelled("", "heading")
        self.patches_title = labelled(tr("Patches, where its targets have none"), "heading")
        self.patches = Form()
        self.patches.edited.connect(
            lambda key, value, typed: session.document.set(
                self._place("patches", key), value, typing=typed
            )
        )
        self.patches.reset.connect(lambda key: session.document.remove(self._place("patches", key)))
        self.wrong = labelled("", "wrong")
        self.kept = labelled("", "quiet")
        self.sheet = column(
            self._source(),
            self.wrong,
            self.form,
            self.arguments_title,
            self.arguments,
            self.patches_title,
            self.patches,
            self.kept,
            stretch=True,
        )
        self.empty = labelled(
            tr("No model yet. Press + below the list, or drop a file here."), "quiet"
        )
        left = scrolled(column(self.empty, self.sheet, stretch=True))
        parts = QSplitter(Qt.Orientation.Horizontal)
        for widget, width in ((self.entries, 150), (left, 450), (self._checked(), 480)):
            parts.addWidget(widget)
            parts.setStretchFactor(parts.count() - 1, width)
        parts.setSizes([150, 470, 460])
        self.body.addWidget(parts, 1)
        self.helper = Helper(self)
        self.helper.busy.connect(self._busy)
        self.helper.answered.connect(self._answered)
        self.helper.failed.connect(self._failed)
        self._asked = ""

    def _source(self) -> QWidget:
        """Make the rows that name the network."""
        whole = QWidget()
        grid = QGridLayout(whole)
        grid.setContentsMargins(0, 0, 0, 0)
        self.file = QLineEdit()
        self.file.setPlaceholderText(tr("model.py, a package, or a saved network (.pt, .pt2)"))
        self.file.setAccessibleName(tr("File or package of the network"))
        self.file.textEdited.connect(self._named)
        pick = button("…", tr("Pick a file"))
        pick.setMaximumWidth(32)
        pick.setAccessibleName(tr("Pick a file"))
        pick.clicked.connect(self._pick)
        self.callee = Combo()
        self.callee.setAccessibleName(tr("Class or function"))
        self.callee.line.setPlaceholderText(tr("the class in it, or a function"))
        self.callee.line.textEdited.connect(self._named)
        self.callee.activated.connect(lambda _: self._named(typed=False))
        for row, (text, widget) in enumerate(
            ((tr("F&ile"), self.file), (tr("C&lass"), self.callee))
        ):
            label = QLabel(text)
            label.setBuddy(widget)
            grid.addWidget(label, row, 0)
            grid.addWidget(widget, row, 1)
        grid.addWidget(pick, 0, 2)
        grid.setColumnStretch(1, 1)
        return whole

    def _checked(self) -> QWidget:
        """Make the right side: what a check finds."""
        self.check = button(tr("&Check"), tr("Load the network in a process of its own"))
        self.check.clicked.connect(self.start_check)
        self.busy = QProgressBar(maximum=0, textVisible=False)
        self.busy.setMaximumWidth(110)
        self.busy.hide()
        self.stop = button(tr("Stop"))
        self.stop.hide()
        self.stop.clicked.connect(lambda: self.helper.stop())
        row = QHBoxLayout()
        for widget in (self.check, self.busy, self.stop):
            row.addWidget(widget)
        row.addStretch(1)
        self.found = labelled(tr("A check shows parameters, layers and shapes."), "quiet")
        self.found.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(tr("Layers"))
        self.tree.setUniformRowHeights(True)
        self.tree.setHeaderLabels([tr("Layer"), tr("Kind"), tr("Output"), tr("Parameters")])
        for index, width in enumerate((170, 100, 120, 70)):
            self.tree.setColumnWidth(index, width)
        return column(self.found, self.tree, head=row)

    def _model(self) -> NetworkModel:
        return NetworkModel(self.session.document)

    def _place(self, *keys: str) -> tuple[str | int, ...]:
        return ("models", self.entries.current, *keys)

    def refresh(self) -> None:
        """Show the networks there are, and the selected one."""
        titles = self._model().titles()
        wrong = [i for i in range(len(titles)) if below(self.session.problems, "models", i)]
        self.entries.show_entries(titles, wrong)
        self._show()

    def _fields(self) -> list[Field]:
        from dataclasses import replace

        fields = [f for f in self.session.catalogue.part("Model") if f.key not in HIDDEN]
        return [replace(f, kind="path") if f.key in PATHS else f for f in fields]

    def _show(self) -> None:
        index, model, problems = self.entries.current, self._model(), self.session.problems
        self.sheet.setVisible(index >= 0)
        self.empty.setVisible(index < 0)
        self.check.setEnabled(index >= 0)
        if index < 0:
            self._show_found(None)
            return
        given = self.session.document.part("models", index)
        self._show_source(index, given)
        here = exactly(problems, "models", index)
        here += [p for key in ("factory", "file") for p in below(problems, "models", index, key)]
        self.wrong.setText("\n".join(map(sentence, here)))
        self.wrong.setVisible(bool(here))
        self.form.set_fields(self._fields())
        self.form.refresh(given, lambda key: below(problems, "models", index, key))
        fields = model.arguments(index) if "file" not in given else []
        self.arguments.set_fields(fields)
        self.arguments.refresh(
            given.get("arguments"), lambda key: below(problems, "models", index, "arguments", key)
        )
        name = self.callee.currentText()
        self.arguments_title.setText(tr("Arguments of %s") % name)
        self.arguments_title.setVisible(bool(fields))
        self._show_patches(index, given)
        own = [key for key in ("preprocess", "target") if key in given]
        self.kept.setText(tr("Also set for this model, see the next pages: %s") % ", ".join(own))
        self.kept.setVisible(bool(own))
        self._show_found(self.session.models.get(self.session.model_key(index)))

    def _show_patches(self, index: int, given: dict[str, Any]) -> None:
        seen = given.get("task") == "segmentation" or "patches" in given
        for widget in (self.patches_title, self.patches):
            widget.setVisible(seen)
        if seen:
            problems = self.session.problems
            self.patches.set_fields(self.session.catalogue.part("Patches"))
            self.patches.refresh(
                given.get("patches"), lambda key: below(problems, "models", index, "patches", key)
            )

    def _show_source(self, index: int, given: dict[str, Any]) -> None:
        model = self._model()
        place, name = model.place_of_file(index)
        whole = given.get("file")
        if isinstance(whole, str):
            place, name = whole, ""
        callees = model.callees(index)
        if self.file.text() != place:
            self.file.setText(place)
        self.callee.setEnabled(not isinstance(whole, str))
        names, tips = [c.name for c in callees], [c.summary for c in callees]
        self.callee.offer(names, name, tips)

    def _named(self, _: object = None, *, typed: bool = True) -> None:
        """Take what the two rows say; a file that is no source code is a saved network."""
        index, place = self.entries.current, self.file.text().strip()
        if place.endswith((".pt", ".pt2", ".ts")):
            entry = dict(self.session.document.part("models", index))
            entry.pop("factory", None)
            self.session.document.set(("models", index), {**entry, "file": place}, typing=typed)
        else:
            name = self.callee.currentText().strip()
            self._model().set_factory(index, place, name, typing=typed)

    def _edited(self, key: str, value: Any, typed: bool) -> None:
        self.session.document.set(self._place(key), value, typing=typed)

    def _pick(self) -> None:
        start = str(self.session.document.base)
        path, _ = QFileDialog.getOpenFileName(
            self,
            tr("Pick a network"),
            start,
            tr("Networks (*.py *.pt *.pt2 *.ts);;All (*)"),
        )
        if path:
            self.take(Path(path))

    def take(self, path: Path) -> None:
        """Take a file that was picked or dropped, for the selected network or a new one."""
        if self.entries.current < 0:
            self._model().add()
            self.refresh()
        self._model().pick(max(self.entries.current, 0), path)

    def _wanted(self, what: str, index: int) -> None:
        if what == "add":
            self.entries.select(self._model().add())
        else:
            self.session.document.remove(("models", index))

    def start_check(self) -> None:
        """Load the selected network in a helper process."""
        index = self.entries.current
        if index < 0:
            return
        self._asked = self.session.model_key(index)
        self.found.setText(tr("Loading the network…"))
        self.helper.start(["inspect", "model"], self._model().request(index))

    def _busy(self, busy: bool) -> None:
        self.busy.setVisible(busy)
        self.stop.setVisible(busy)
        self.check.setEnabled(not busy)
        if not busy:
            self.found.setText("")

    def _answered(self, answer: dict[str, Any]) -> None:
        self.session.models[self._asked] = answer
        self.session.learnt.emit()

    def _failed(self, reason: str) -> None:
        self._show_found({"failed": reason})

    def _show_found(self, found: dict[str, Any] | None) -> None:
        if self.helper.running:
            return
        if found is None:
            if self.found.property("role") != "wrong":
                self.found.setText(tr("A check shows parameters, layers and shapes."))
                self.tree.clear()
                self._drawn = None
            return
        failed = found.get("failed") or found.get("error")
        self.found.setProperty("role", "wrong" if failed else "good")
        self.found.style().unpolish(self.found)
        self.found.style().polish(self.found)
        self.found.setText(found["failed"] if "failed" in found else _summary(self, found))
        if getattr(self, "_drawn", MISSING) is not found:
            self._drawn = found
            self.tree.clear()
            self.tree.addTopLevelItems(
                [layer_item(layer, parameters=True) for layer in tree_of(found.get("layers", []))]
            )
            self.tree.expandToDepth(0)


def _summary(page: ModelPage, found: dict[str, Any]) -> str:
    parts = [found["kind"], tr("%s parameters") % f"{found['parameters']:,}"]
    if found.get("ndim"):
        parts.append(f"{found['ndim']}D")
    if found.get("channels"):
        parts.append(tr("input channels: %d") % found["channels"])
    text = " · ".join(parts)
    if found.get("error"):
        return f"{text}\n{found['error']}"
    if not found["ran"]:
        text += "\n" + tr("Shapes need an image: add one on the next page, then check again.")
    return text
