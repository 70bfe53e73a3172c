"""The target page: class, wrapper, mask, contrast and patches; and what a model predicts."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QLabel,
    QLineEdit,
    QSplitter,
    QWidget,
)

from ..document import Place
from ..forms import Form
from ..language import tr
from ..models.form import MISSING
from ..models.problems import below, sentence
from ..models.target import MASKS, PREDICTED, TargetModel
from ..session import Session
from .page import Combo, Page, column, labelled, scrolled
from .prediction import Prediction


class TargetPage(Page):
    """Edits what is explained."""

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Target"),
            tr("The class to explain, and how the model's output becomes one number."),
        )
        self.level = QComboBox()
        self._levels: list[Place] = [()]
        self.level.setAccessibleName(tr("What this target is for"))
        self.level.activated.connect(lambda _: self.refresh())
        self.klass = Combo()
        self.klass.line.textEdited.connect(lambda text: self._model().set_class(text, typing=True))
        self.klass.textActivated.connect(lambda text: self._model().set_class(text))
        self.wrapper = QComboBox()
        self.wrapper.activated.connect(
            lambda index: self._model().set_wrapper(self.wrapper.itemData(index))
        )
        self.mask_ = QComboBox()
        self.mask_.addItems(MASKS)
        self.mask_.activated.connect(lambda _: self._masked(typed=False))
        self.numbers = QLineEdit()
        self.numbers.setAccessibleName(tr("Numbers of the mask"))
        self.numbers.textEdited.connect(lambda _: self._masked(typed=True))
        self.wrong: dict[str, QLabel] = {}
        self.parameters = Form()
        self.parameters.edited.connect(self._parameter)
        self.parameters.reset.connect(lambda key: session.document.remove(self._place("with", key)))
        self.rest = Form()
        self.rest.edited.connect(
            lambda key, value, typed: self._model().put(key, value, typing=typed)
        )
        self.rest.reset.connect(lambda key: self._model().reset(key))
        self.patches = Form()
        self.patches.edited.connect(
            lambda key, value, typed: session.document.set(
                self._place("patches", key), value, typing=typed
            )
        )
        self.patches.reset.connect(lambda key: session.document.remove(self._place("patches", key)))
        self.patches_title = labelled(tr("Patches, for images larger than the model takes"))
        self.patches_title.setProperty("role", "heading")
        self.others = labelled("", "quiet")
        left = column(
            self._rows(),
            self.others,
            self.parameters,
            self.rest,
            self.patches_title,
            self.patches,
            stretch=True,
        )
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(scrolled(left))
        self.prediction = Prediction(session)
        parts.addWidget(self.prediction)
        parts.setSizes([480, 600])
        parts.setStretchFactor(1, 1)
        self.body.addWidget(parts, 1)

    def _rows(self) -> QWidget:
        whole = QWidget()
        grid = QGridLayout(whole)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setColumnStretch(1, 1)
        rows = (
            ("", tr("F&or"), self.level),
            ("class", tr("&Class"), self.klass),
            ("wrapper", tr("&Wrapper"), self.wrapper),
            ("mask", tr("&Mask"), self.mask_),
        )
        for index, (key, text, widget) in enumerate(rows):
            label = QLabel(text)
            label.setBuddy(widget)
            widget.setAccessibleName(text.replace("&", ""))
            grid.addWidget(label, 3 * index, 0)
            grid.addWidget(widget, 3 * index, 1)
            if key:
                self.wrong[key] = labelled("", "wrong")
                grid.addWidget(self.wrong[key], 3 * index + 2, 1)
        grid.addWidget(self.numbers, 10, 1)
        return whole

    def _model(self) -> TargetModel:
        return TargetModel(self.session.document, self.session.catalogue, self._level)

    @property
    def _level(self) -> Place:
        """Where what the target is for stands."""
        return self._levels[max(self.level.currentIndex(), 0)]

    def show_level(self, level: Place) -> None:
        """Edit the target of a model or of a use of a method."""
        self.refresh()
        self.level.setCurrentIndex(self._levels.index(level))
        self.refresh()

    def _place(self, *keys: str) -> tuple[str | int, ...]:
        return (*self._model().place, *keys)

    def refresh(self) -> None:
        """Show the target as it is now."""
        levels = self._model().levels()
        wanted, self._levels = self._level, [place for _, place in levels]
        with QSignalBlocker(self.level):
            self.level.clear()
            self.level.addItems([text for text, _ in levels])
            self.level.setCurrentIndex(self._levels.index(wanted) if wanted in self._levels else 0)
        model, problems = self._model(), self.session.problems
        self.klass.offer([PREDICTED, *model.classes()], model.class_text())
        self._show_wrapper(model)
        kind, numbers = model.mask()
        with QSignalBlocker(self.mask_):
            if self.mask_.findText(kind) < 0:
                self.mask_.addItem(kind)
            self.mask_.setCurrentText(kind)
        segments = model.tasks() != {"classification"}
        self.mask_.setEnabled(segments or kind != PREDICTED)
        hints = {
            "label value": tr("a number of the label map: 4"),
            "component": tr("a voxel: 120, 88, 40"),
            "box": tr("a range per axis: 0 to 9, 4 to 20, 7 to 8"),
        }
        self.numbers.setVisible(kind in hints)
        self.numbers.setPlaceholderText(hints.get(kind, ""))
        if not self.numbers.hasFocus():
            self.numbers.setText(numbers)
        for key, label in self.wrong.items():
            here = below(problems, *model.place, key)
            label.setText("\n".join(map(sentence, here)))
            label.setVisible(bool(here))
        others = model.others()
        self.others.setText(
            tr("Set differently for some models, see “For”: %s") % ", ".join(others)
        )
        self.others.setVisible(bool(others))
        self._show_forms(model, segments)
        self.prediction.show_models(self._level)

    def _show_wrapper(self, model: TargetModel) -> None:
        named = model.get("wrapper")
        with QSignalBlocker(self.wrapper):
            self.wrapper.clear()
            above = model.inherited("wrapper")
            default = above if isinstance(above, str) and named is MISSING else None
            self.wrapper.addItem(tr("%s (default)") % (default or model.default_wrapper()), None)
            for entry in model.wrappers():
                self.wrapper.addItem(entry.name, entry.name)
                tip = Qt.ItemDataRole.ToolTipRole
                self.wrapper.setItemData(self.wrapper.count() - 1, entry.summary, tip)
            if isinstance(named, str) and self.wrapper.findData(named) < 0:
                self.wrapper.addItem(named, named)
            named = named if isinstance(named, str) else None
            self.wrapper.setCurrentIndex(self.wrapper.findData(named) if named else 0)

    def _show_forms(self, model: TargetModel, segments: bool) -> None:
        problems, place = self.session.problems, model.place
        self.parameters.set_fields(model.wrapper_fields())
        self.parameters.refresh(
            self.session.document.get(*place, "with"),
            lambda key: below(problems, *place, "with", key),
        )
        fields = [f for f in self.session.catalogue.part("Target") if f.key == "contrast"]
        self.rest.set_fields(fields)
        self.rest.refresh(
            self.session.document.get(*place), lambda key: below(problems, *place, key)
        )
        patches = self.session.document.get(*place, "patches")
        self.patches.set_fields(self.session.catalogue.part("Patches"))
        self.patches.refresh(patches, lambda key: below(problems, *place, "patches", key))
        for widget in (self.patches_title, self.patches):
            widget.setVisible(segments or patches is not None)

    def _parameter(self, key: str, value: Any, typed: bool) -> None:
        self.session.document.set(self._place("with", key), value, typing=typed)

    def _masked(self, *, typed: bool) -> None:
        self._model().set_mask(self.mask_.currentText(), self.numbers.text(), typing=typed)

    def replaced(self) -> None:
        """Forget the prediction of the other document."""
        self.prediction.clear()
        super().replaced()
