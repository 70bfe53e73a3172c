"""Slices of an image: three planes of a volume or one picture, with window and level."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from ..language import tr
from ..models.images import Values, Window, grey, plane, tinted, window_of
from ..theme import colour

TINT = (255, 150, 30)
STEPS = 200


class Slices(QWidget):
    """Shows one image; the arrow keys, the wheel or a click choose the slices."""

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.planes = [Plane(self, axis) for axis in range(3)]
        self.title = QLabel(title)
        self.title.setProperty("role", "quiet")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.addWidget(self.title, 0, 0, 1, 3)
        for index, one in enumerate(self.planes):
            grid.addWidget(one, 1, index)
            grid.setColumnStretch(index, 1)
        self.level = QSlider(Qt.Orientation.Horizontal)
        self.width_ = QSlider(Qt.Orientation.Horizontal)
        self.level.setMaximum(STEPS)
        self.width_.setRange(1, STEPS)
        row = QHBoxLayout()
        for text, slider in ((tr("Level"), self.level), (tr("Window"), self.width_)):
            slider.setAccessibleName(text)
            slider.valueChanged.connect(self._windowed)
            row.addWidget(QLabel(text))
            row.addWidget(slider)
        grid.addLayout(row, 2, 0, 1, 3)
        grid.setRowStretch(1, 1)
        self.values: Values | None = None
        self.over: Values | None = None
        self.window_ = self._full = Window(0, 1)
        self.at = [0, 0, 0]
        self.spacing = [1.0, 1.0, 1.0]
        self.clear()

    def clear(self, text: str = "") -> None:
        """Show nothing, or why there is nothing."""
        self.values = self.over = None
        self.title.setText(text)
        for one in self.planes:
            one.hide()
        self._enable(False)

    def show_image(self, facts: dict[str, Any], title: str, over: str | None = None) -> None:
        """Show what a helper process wrote; `over` is a mask or label to lay over it."""
        self.values = np.load(Path(facts["file"]), mmap_mode="r")
        over = over or facts["label"]
        self.over = np.load(Path(over), mmap_mode="r") if over else None
        self.spacing = list(facts["spacing"])
        self.at = [size // 2 for size in self.values.shape[1:]]
        if self.over is not None and self.values.ndim == 4:
            self.at = _fullest(self.over)
        self.window_ = self._full = window_of(np.asarray(self.values))
        for axis, one in enumerate(self.planes):
            one.setVisible(self.values.ndim == 4 or axis == 0)
        self.title.setText(title)
        self.level.blockSignals(True)
        self.width_.blockSignals(True)
        self.level.setValue(STEPS // 2)
        self.width_.setValue(STEPS // 2)
        self.level.blockSignals(False)
        self.width_.blockSignals(False)
        self._enable(True)
        self.renew()

    def _enable(self, there: bool) -> None:
        for slider in (self.level, self.width_):
            slider.setEnabled(there)

    def _windowed(self) -> None:
        full = self._full
        level = full.low + full.width * self.level.value() / STEPS
        width = full.width * self.width_.value() / (STEPS / 2)
        self.window_ = Window(level - width / 2, level + width / 2)
        self.renew()

    def renew(self) -> None:
        """Draw the slices anew."""
        for one in self.planes:
            if self.values is not None and not one.isHidden():
                one.draw()

    def move(self, axis: int, by: int) -> None:  # type: ignore[override]
        """Go to another slice."""
        if self.values is not None and self.values.ndim == 4:
            size = self.values.shape[axis + 1]
            self.at[axis] = min(max(self.at[axis] + by, 0), size - 1)
            self.renew()

    def go(self, axis: int, across: float, down: float) -> None:
        """Go where a plane was clicked, in parts of its size from the top left."""
        if self.values is None or self.values.ndim != 4:
            return
        first, second = (a for a in range(3) if a != axis)
        for other, part in ((first, across), (second, 1 - down)):
            size = self.values.shape[other + 1]
            self.at[other] = min(max(int(part * size), 0), size - 1)
        self.renew()


class Plane(QWidget):
    """One slice, drawn as large as it fits, voxels as long as they are."""

    def __init__(self, slices: Slices, axis: int) -> None:
        super().__init__(slices)
        self.slices, self.axis = slices, axis
        self.image = QImage()
        self._shades: object = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Plane %d") % (axis + 1))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(90, 90)
        self.setToolTip(tr("Click to go there; the wheel or ↑ ↓ turn the slices"))

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a square."""
        return QSize(220, 220)

    def draw(self) -> None:
        """Cut the slice out of the values."""
        slices = self.slices
        assert slices.values is not None
        cut = plane(slices.values, self.axis, slices.at[self.axis])
        rgb = grey(cut, slices.window_)
        if slices.over is not None:
            rgb = tinted(rgb, plane(slices.over, self.axis, slices.at[self.axis]), TINT)
        height, width, _ = rgb.shape
        self._shades = rgb  # the image only borrows it
        self.image = QImage(rgb.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self.update()

    def _size(self) -> tuple[float, float]:
        """Give width and height in pixels of the window."""
        first, second = (a for a in range(3) if a != self.axis)
        volume = self.slices.values is not None and self.slices.values.ndim == 4
        spacing = self.slices.spacing
        across, down = (spacing[first], spacing[second]) if volume else (spacing[1], spacing[0])
        width, height = self.image.width() * across, self.image.height() * down
        scale = min(self.width() / width, self.height() / height)
        return width * scale, height * scale

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the slice, and lines where the other planes cut it."""
        if self.image.isNull():
            return
        painter = QPainter(self)
        width, height = self._size()
        left, top = (self.width() - width) / 2, (self.height() - height) / 2
        painter.translate(left, top)
        painter.scale(width / self.image.width(), height / self.image.height())
        painter.drawImage(0, 0, self.image)
        painter.resetTransform()
        values = self.slices.values
        if values is not None and values.ndim == 4:
            first, second = (a for a in range(3) if a != self.axis)
            x = left + width * (self.slices.at[first] + 0.5) / values.shape[first + 1]
            y = top + height * (1 - (self.slices.at[second] + 0.5) / values.shape[second + 1])
            painter.setPen(colour("Link"))
            painter.setOpacity(0.6)
            painter.drawLine(int(x), int(top), int(x), int(top + height))
            painter.drawLine(int(left), int(y), int(left + width), int(y))
        if self.hasFocus():
            painter.setOpacity(1)
            painter.setPen(colour("Highlight"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go where it was clicked."""
        if not self.image.isNull():
            width, height = self._size()
            place = event.position()
            across = (place.x() - (self.width() - width) / 2) / width
            down = (place.y() - (self.height() - height) / 2) / height
            self.slices.go(self.axis, across, down)
        super().mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn the slices."""
        self.slices.move(self.axis, 1 if event.angleDelta().y() > 0 else -1)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Turn the slices."""
        by = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }.get(Qt.Key(event.key()))
        if by is None:
            super().keyPressEvent(event)
        else:
            self.slices.move(self.axis, by)


def _fullest(over: Values) -> list[int]:
    """Find the slices that hold most of a mask, or the middle where it is empty."""
    inside = np.asarray(over[0]) > 0
    if not inside.any():
        return [size // 2 for size in inside.shape]
    axes = range(inside.ndim)
    return [int(inside.sum(tuple(a for a in axes if a != axis)).argmax()) for axis in axes]
