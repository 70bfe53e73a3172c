"""The widgets that edit one value each: a small table from kinds of values to widgets."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QWidget,
)

from .document import text_of
from .language import tr
from .models.form import MISSING, Field, shown, text_in, value_of


class Editor(Protocol):
    """A widget over one field; it tells edits, never what the program has set."""

    edited: Any
    """Signal of the new value and whether it was typed; `MISSING` takes the value away."""

    def show_value(self, value: Any) -> None:
        """Show a value, or the default where it is `MISSING`."""


class Line(QLineEdit):
    """A text; what is typed is read as the kind of the field wants it."""

    edited = Signal(object, bool)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        if field.default not in (MISSING, None, [], {}):
            self.setPlaceholderText(text_in(field.default, field))
        elif field.required:
            self.setPlaceholderText(tr("needed"))
        self.textEdited.connect(self._typed)

    def show_value(self, value: Any) -> None:
        """Show a value; a text that already means it, as one that is being typed, stays."""
        text = "" if value is MISSING else text_in(value, self.field)
        same = bool(self.text()) and value is not MISSING
        same = same and text_of(value_of(self.text(), self.field)) == text_of(value)
        if self.text() != text and not same:
            self.setText(text)
            self.setCursorPosition(0)

    def _typed(self, text: str) -> None:
        self.edited.emit(value_of(text, self.field) if text else MISSING, True)


class Number(Line):
    """A number; arrow keys up and down change it."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Step with the arrow keys."""
        way = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()))
        if way is None:
            super().keyPressEvent(event)
            return
        now = value_of(self.text(), self.field) if self.text() else self.field.default
        if isinstance(now, int | float) and not isinstance(now, bool):
            new = stepped(now, way, self.field)
            self.setText(shown(new))
            self.edited.emit(new, True)


def stepped(value: float, way: int, field: Field) -> float:
    """Change a number by a step, within its bounds: by 1, or by one of its leading digit."""
    whole = field.kind == "whole"
    size = abs(value)
    # From 0.1 downwards the digit changes: 0.09, not 0.
    digit = math.floor(math.log10(size) + 1e-9) if size > 0 else -1
    if not whole and way * value < 0 and math.isclose(size, 10.0**digit):
        digit -= 1
    step = 1.0 if whole else 10.0**digit
    new = value + way * step
    low, high = field.bounds
    if (low is not None and new < low) or (high is not None and new > high):
        return value
    return int(new) if whole else round(new, 12)


class Path_(QWidget):  # noqa: N801  (the standard library has the name)
    """A path, typed, dropped or picked in a dialog."""

    edited = Signal(object, bool)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = Line(field)
        self.line.edited.connect(self.edited)
        self.line.setDragEnabled(False)
        pick = QToolButton()
        pick.setText("…")
        pick.setToolTip(tr("Pick a file"))
        pick.setAccessibleName(tr("Pick a file"))
        pick.clicked.connect(self._pick)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.line)
        row.addWidget(pick)
        self.setFocusProxy(self.line)

    def show_value(self, value: Any) -> None:
        """Show a path."""
        self.line.show_value(value)

    def _pick(self) -> None:
        start = str(Path(self.line.text()).parent) if self.line.text() else ""
        path, _ = QFileDialog.getOpenFileName(self, tr("Pick a file"), start)
        if path:
            self.edited.emit(path, False)


class Flag(QCheckBox):
    """True or false."""

    edited = Signal(object, bool)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.clicked.connect(lambda checked: self.edited.emit(bool(checked), False))

    def show_value(self, value: Any) -> None:
        """Show a value; what is neither true nor false is shown beside the box."""
        value = self.field.default if value is MISSING else value
        self.setText("" if isinstance(value, bool) or value is MISSING else shown(value))
        self.setChecked(value is True)


class Choice(QComboBox):
    """One of several values; the wheel scrolls the page, not the choice."""

    edited = Signal(object, bool)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumContentsLength(8)
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.setSizeAdjustPolicy(policy)
        self._fill()
        self.activated.connect(lambda index: self.edited.emit(self.itemData(index), False))

    def _fill(self) -> None:
        default = self.field.default
        for value in self.field.choices:
            same = default is not MISSING and shown(value) == shown(default)
            self.addItem(tr("%s (default)") % shown(value) if same else shown(value), value)

    def show_value(self, value: Any) -> None:
        """Show a value; one that is none of the choices is added to them, to be seen."""
        value = self.field.default if value is MISSING else value
        index = -1 if value is MISSING else self._index(value)
        if index < 0 and value is not MISSING and value is not None:
            self.addItem(shown(value), value)
            index = self.count() - 1
        self.setCurrentIndex(index)

    def _index(self, value: Any) -> int:
        texts = [shown(self.itemData(i)) for i in range(self.count())]
        return texts.index(shown(value)) if shown(value) in texts else -1

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave it to the page."""
        event.ignore()


class Mixed(QComboBox):
    """Choices, or anything typed that the field takes: a number, a list."""

    edited = Signal(object, bool)

    def __init__(self, field: Field, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.field = field
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setMinimumContentsLength(8)
        line = Line(field)
        self.setLineEdit(line)
        completer = self.completer()
        if completer is not None:
            completer.setCaseSensitivity(Qt.CaseSensitivity.CaseSensitive)
        for value in field.choices:
            self.addItem(shown(value))
        self.setCurrentIndex(-1)
        line.edited.connect(self.edited)
        self.textActivated.connect(lambda text: self.edited.emit(value_of(text, field), False))

    def show_value(self, value: Any) -> None:
        """Show a value."""
        line = self.lineEdit()
        assert isinstance(line, Line)
        line.show_value(value)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Leave it to the page."""
        event.ignore()


EDITORS: dict[str, Any] = {
    "flag": Flag,
    "choice": Choice,
    "whole": Number,
    "number": Number,
    "text": Line,
    "path": Path_,
    "list": Line,
    "mixed": Mixed,
    "json": Line,
}
"""Which widget edits which kind of value."""


def editor_for(field: Field, parent: QWidget | None = None) -> Any:
    """Make the widget of a field; without choices, mixed values are a line of text."""
    kind = Line if field.kind == "mixed" and not field.choices else EDITORS[field.kind]
    return kind(field, parent)


def line_of(editor: QObject) -> QWidget:
    """Give the widget of an editor that a mark for a wrong value belongs to."""
    found: QWidget = editor.line if isinstance(editor, Path_) else editor  # type: ignore[assignment]
    return found
