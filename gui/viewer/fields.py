"""Small parts of the viewer's forms."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QValidator
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QWidget,
)

HUGE = 1e30


class Number(QDoubleSpinBox):
    """A number of any size; its steps are a hundredth of the range it belongs to."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setRange(-HUGE, HUGE)
        self.setKeyboardTracking(False)
        self.setDecimals(12)
        self.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        self.setMinimumWidth(60)

    def textFromValue(self, value: float) -> str:  # noqa: N802
        """Write it with four digits."""
        return f"{value:.4g}"

    def valueFromText(self, text: str) -> float:  # noqa: N802
        """Read it, also in the way that large and small numbers are written."""
        try:
            return float(text.replace(",", "."))
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        """Let everything be typed; what is no number changes nothing."""
        return QValidator.State.Acceptable, text, position


def form_in(box: QGroupBox) -> QFormLayout:
    """Lay out a group of rows."""
    form = QFormLayout(box)
    form.setContentsMargins(8, 6, 8, 6)
    form.setSpacing(4)
    return form


def named(text: str, buddy: QWidget) -> QLabel:
    """Name a row of widgets; its key goes to the first of them."""
    label = QLabel(text)
    label.setBuddy(buddy)
    return label


def choices(name: str, texts: list[str]) -> QComboBox:
    """Make a list of choices."""
    combo = QComboBox()
    combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    combo.setAccessibleName(name)
    combo.addItems(texts)
    return combo


def slider(name: str, most: int) -> QSlider:
    """Make a slider from 0."""
    made = QSlider(Qt.Orientation.Horizontal)
    made.setAccessibleName(name)
    made.setMaximum(most)
    made.setMinimumWidth(60)
    return made


def side_by_side(*widgets: QWidget) -> QHBoxLayout:
    """Put widgets side by side; labels take what they need."""
    row = QHBoxLayout()
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 0 if isinstance(widget, QLabel) else 1)
    return row


def choose(combo: QComboBox, at: int) -> None:
    """Show a choice without telling anybody."""
    with QSignalBlocker(combo):
        combo.setCurrentIndex(at)


def put(spin: Number, value: float, step: float) -> None:
    """Show a number without telling anybody."""
    with QSignalBlocker(spin):
        spin.setSingleStep(step or 0.01)
        spin.setValue(value)


def slide(one: QSlider, value: int) -> None:
    """Show a value without telling anybody."""
    with QSignalBlocker(one):
        one.setValue(value)


def tick(box: QCheckBox, on: bool) -> None:
    """Show a tick without telling anybody."""
    with QSignalBlocker(box):
        box.setChecked(on)
