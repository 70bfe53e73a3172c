"""The steps of preprocessing, for all models or for one, and the form of each step."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QMenu, QVBoxLayout, QWidget

from ..document import Place
from ..forms import Form
from ..language import tr
from ..models.problems import below, exactly, sentence
from ..models.steps import StepsModel
from ..session import Session
from .page import Entries, column, labelled, scrolled


class Steps(QWidget):
    """Edits steps; the page it is on lets it be drawn anew."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._levels: list[Place] = [()]
        self.level = QComboBox()
        self.level.setAccessibleName(tr("What these steps are for"))
        self.level.activated.connect(lambda _: self.refresh())
        self.own = QCheckBox(tr("Steps of its own"))
        self.own.setToolTip(tr("In place of the steps for all models"))
        self.own.clicked.connect(lambda on: self._model().take_own(on))
        self.entries = Entries(tr("Preprocessing"), ("add", "remove", "up", "down"))
        self.entries.buttons["add"].setText(tr("+ Step"))
        self.entries.selected.connect(lambda _: self._show())
        self.entries.wanted.connect(self._wanted)
        self.entries.list.setMaximumHeight(110)
        self.form = Form()
        self.form.edited.connect(self._edited)
        self.form.reset.connect(lambda key: session.document.remove(self._place("with", key)))
        self.wrong, self.others = labelled("", "wrong"), labelled("", "quiet")
        label = QLabel(tr("F&or"))
        label.setBuddy(self.level)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.level, 1)
        row.addWidget(self.own)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 6, 0)
        whole.addLayout(row)
        whole.addWidget(self.entries)
        whole.addWidget(scrolled(column(self.others, self.wrong, self.form, stretch=True)), 1)

    def _model(self) -> StepsModel:
        level = self._levels[max(self.level.currentIndex(), 0)]
        return StepsModel(self.session.document, self.session.catalogue, level)

    def _place(self, *keys: str) -> Place:
        return (*self._model().place, self.entries.current, *keys)

    def refresh(self) -> None:
        """Show the steps as they are now."""
        levels, level = self._model().levels(), self._model().level
        self._levels = [place for _, place in levels]
        with QSignalBlocker(self.level):
            self.level.clear()
            self.level.addItems([text for text, _ in levels])
            self.level.setCurrentIndex(self._levels.index(level) if level in self._levels else 0)
        model, problems = self._model(), self.session.problems
        titles = model.titles()
        wrong = [i for i in range(len(titles)) if below(problems, *model.place, i)]
        self.entries.show_entries(titles, wrong)
        self.entries.setEnabled(model.own)
        self.own.setVisible(bool(model.level))
        self.own.setChecked(model.own)
        others = model.others()
        told = tr("These models have preprocessing of their own instead: %s") % ", ".join(others)
        self.others.setText(told if model.own else tr("It has the steps for all models."))
        self.others.setVisible(bool(others) or not model.own)
        self._show()

    def _show(self) -> None:
        index, problems, model = self.entries.current, self.session.problems, self._model()
        self.form.setVisible(index >= 0)
        here = []
        if index >= 0:
            for keys in ((), ("use",), ("with",)):
                here += exactly(problems, *model.place, index, *keys)
        self.wrong.setText("\n".join(map(sentence, here)))
        self.wrong.setVisible(bool(here))
        if index >= 0:
            self.form.set_fields(model.fields(index))
            self.form.refresh(
                self.session.document.get(*self._place("with")),
                lambda key: below(problems, *model.place, index, "with", key),
            )

    def _edited(self, key: str, value: Any, typed: bool) -> None:
        self.session.document.set(self._place("with", key), value, typing=typed)

    def _wanted(self, what: str, index: int) -> None:
        place = self._model().place
        if what == "add":
            menu = QMenu(self)
            for name in self.session.catalogue.steps:
                menu.addAction(name, partial(self.add, name))
            button = self.entries.buttons["add"]
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(button.mapToGlobal(button.rect().bottomLeft()))
        elif what == "remove":
            self.session.document.remove((*place, index))
        else:
            to = index + (1 if what == "down" else -1)
            self.session.document.move((*place, index), to)
            self.entries.select(to)

    def add(self, name: str) -> None:
        """Add a step."""
        index = self._model().add(name)
        self.refresh()
        self.entries.select(index)

    @property
    def model(self) -> int | None:
        """The model whose steps are shown; None where they are those for all."""
        level = self._model().level
        return int(level[1]) if level else None
