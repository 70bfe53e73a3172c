"""A form: a row per field, with its label, its editor, a reset, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QToolButton, QWidget

from esegeta.errors import Problem

from .editors import editor_for, line_of
from .language import tr
from .models.form import MISSING, Field
from .models.problems import sentence

Problems = Callable[[str], Sequence[Problem]]
"""Gives the problems of a field, by its key."""


@dataclass(frozen=True)
class _Row:
    field: Field
    label: QLabel
    editor: Any
    reset: QToolButton
    wrong: QLabel


class Form(QWidget):
    """Fields as rows; edits are told, and what they do to the config is shown by `refresh`.

    Signals
    -------
    edited : str, object, bool
        Key, new value, and whether it was typed.
    reset : str
        Key of a value that is to be taken away.
    """

    edited = Signal(str, object, bool)
    reset = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._rows: dict[str, _Row] = {}
        self._fields: list[Field] = []

    @property
    def fields(self) -> list[Field]:
        """The fields there are rows for."""
        return self._fields

    def editor(self, key: str) -> Any:
        """Give the widget that edits a field."""
        return self._rows[key].editor

    def problem(self, key: str) -> str:
        """Give what the form says is wrong with a field."""
        row = self._rows[key]
        return row.wrong.text() if not row.wrong.isHidden() else ""

    def set_fields(self, fields: Sequence[Field]) -> None:
        """Make the rows; where they are the same as before, nothing is touched."""
        if list(fields) == self._fields:
            return
        self._clear()
        self._fields = list(fields)
        for index, field in enumerate(fields):
            self._add(field, 2 * index)

    def _clear(self) -> None:
        for row in self._rows.values():
            for widget in (row.label, row.editor, row.reset, row.wrong):
                self._grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        self._rows = {}

    def _add(self, field: Field, line: int) -> None:
        editor = editor_for(field, self)
        label = QLabel(field.label, self)
        label.setBuddy(editor)
        reset = QToolButton(self, autoRaise=True)
        reset.setText("↺")
        reset.setAccessibleName(tr("Reset %s") % field.label)
        reset.setToolTip(tr("Back to the default"))
        wrong = QLabel(self, wordWrap=True)
        wrong.setProperty("role", "wrong")
        wrong.hide()
        for widget in (label, editor):
            widget.setToolTip(field.tip)
        editor.setAccessibleName(field.label)
        editor.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        editor.edited.connect(lambda value, typed: self._edited(field.key, value, typed))
        reset.clicked.connect(lambda: self.reset.emit(field.key))
        self._grid.addWidget(label, line, 0, Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(editor, line, 1)
        self._grid.addWidget(reset, line, 2)
        self._grid.addWidget(wrong, line + 1, 1, 1, 2)
        self._rows[field.key] = _Row(field, label, editor, reset, wrong)

    def _edited(self, key: str, value: Any, typed: bool) -> None:
        if value is MISSING:
            self.reset.emit(key)
        else:
            self.edited.emit(key, value, typed)

    def refresh(self, values: Any, problems: Problems | None = None) -> None:
        """Show values and what is wrong with them."""
        given: Mapping[str, Any] = values if isinstance(values, dict) else {}
        for key, row in self._rows.items():
            value = given.get(key, MISSING)
            row.editor.show_value(value)
            row.reset.setEnabled(value is not MISSING)
            _mark(row.label, "set", value is not MISSING)
            self._tell(row, problems(key) if problems else ())

    def _tell(self, row: _Row, problems: Sequence[Problem]) -> None:
        text = "\n".join(sentence(problem) for problem in problems)
        row.wrong.setText(text)
        row.wrong.setVisible(bool(text))
        row.editor.setAccessibleDescription(text or row.field.help)
        _mark(line_of(row.editor), "wrong", bool(text))


def _mark(widget: QWidget, name: str, value: bool) -> None:
    """Set a property that the style sheet knows; drawing anew costs, so only where it changes."""
    if bool(widget.property(name)) != value:
        widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
