"""One plane on the screen: pixels, crosshair, anatomical letters; mouse and keys."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)

from .colours import Pixels

PAPER, INK, FAINT, CROSS = "#0d1014", "#f2f4f7", "#a9b2bd", (255, 255, 255, 90)
"""Images are read on dark ground, in the light theme as well."""
ZOOM = 1.25
ARROWS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
PAGES = {Qt.Key.Key_PageUp: 1, Qt.Key.Key_PageDown: -1}


class PlaneView(pg.GraphicsView):  # type: ignore[misc]
    """Shows a picture with a crosshair.

    Signals
    -------
    picked : int, int
        The row and column to go to.
    scrolled : int
        By how many slices to go on.
    zoomed : object
        The part of the picture that is seen now (QRectF, in mm), None for all of it.
    entered :
        It was clicked, or reached by keyboard.
    """

    picked = Signal(int, int)
    scrolled = Signal(int)
    zoomed = Signal(object)
    entered = Signal()

    # pyqtgraph resizes a view while it is being made.
    whole = True
    """Whether all of the picture is seen."""
    _size = (0, 0)

    def __init__(self) -> None:
        super().__init__(background=PAPER)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(60, 60)
        self.box = pg.ViewBox(lockAspect=True, invertY=True, enableMenu=False, enableMouse=False)
        self.setCentralItem(self.box)
        self.picture = pg.ImageItem(axisOrder="row-major")
        self.box.addItem(self.picture)
        pen = pg.mkPen(CROSS, width=1)
        self.lines = [pg.InfiniteLine(angle=angle, pen=pen) for angle in (0, 90)]
        for line in self.lines:
            self.box.addItem(line)
        self.letters: dict[str, str] = {}
        self.caption = ""
        self._spacing = (1.0, 1.0)
        self._at = (0, 0)
        self._drag: QPointF | None = None

    def show_picture(
        self, pixels: Pixels, spacing: tuple[float, float], at: tuple[int, int] | None
    ) -> None:
        """Show a picture (rows, columns, 3), its pixels as large as `spacing`, a cross `at` one."""
        size = pixels.shape[:2]
        changed = (size, spacing) != (self._size, self._spacing)
        self._size, self._spacing = size, spacing
        self.picture.setImage(np.ascontiguousarray(pixels), autoLevels=False, levels=(0, 255))
        self.picture.setRect(self.extent)
        for line, place in zip(self.lines, at or (0, 0), strict=True):
            line.setPos((place + 0.5) * spacing[self.lines.index(line)])
        self._at = at or (0, 0)
        if changed:
            self.fit()
        self.viewport().update()

    def cross(self, seen: bool) -> None:
        """Show the crosshair or not."""
        for line in self.lines:
            line.setVisible(seen)

    @property
    def extent(self) -> QRectF:
        """The whole picture, mm."""
        rows, columns = self._size
        return QRectF(0, 0, columns * self._spacing[1], rows * self._spacing[0])

    def fit(self) -> None:
        """Show all of the picture."""
        self.whole = True
        self.box.setRange(self.extent, padding=0.02)

    def look_at(self, part: QRectF | None) -> None:
        """Show a part of the picture."""
        if part is None:
            self.fit()
        else:
            self.whole = False
            self.box.setRange(part, padding=0)

    def zoom(self, factor: float) -> None:
        """Come closer to the crosshair, or go away from it."""
        row, column = self._at
        centre = QPointF((column + 0.5) * self._spacing[1], (row + 0.5) * self._spacing[0])
        self.box.scaleBy((1 / factor, 1 / factor), center=centre)
        self._moved()

    def _moved(self) -> None:
        self.whole = False
        self.zoomed.emit(self.box.viewRect())

    def _pick(self, place: QPointF) -> None:
        point = self.box.mapSceneToView(self.mapToScene(place.toPoint()))
        self.picked.emit(int(point.y() // self._spacing[0]), int(point.x() // self._spacing[1]))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Left: go there. Right or middle: move the picture."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.entered.emit()
        if event.button() == Qt.MouseButton.LeftButton:
            self._pick(event.position())
        else:
            self._drag = event.position()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Go along with the mouse."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._pick(event.position())
        elif self._drag is not None:
            here = self.box.mapSceneToView(self.mapToScene(event.position().toPoint()))
            there = self.box.mapSceneToView(self.mapToScene(self._drag.toPoint()))
            self.box.translateBy((there.x() - here.x(), there.y() - here.y()))
            self._drag = event.position()
            self._moved()
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End moving the picture."""
        self._drag = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Show all of the picture."""
        self.fit()
        self.zoomed.emit(None)
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Turn the slices; with Ctrl come closer."""
        up = event.angleDelta().y() > 0
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(ZOOM if up else 1 / ZOOM)
        else:
            self.scrolled.emit(1 if up else -1)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Move the crosshair, turn the slices, zoom."""
        key = Qt.Key(event.key())
        far = 10 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1
        if key in ARROWS:
            down, across = ARROWS[key]
            self.picked.emit(self._at[0] + far * down, self._at[1] + far * across)
        elif key in PAGES:
            self.scrolled.emit(far * PAGES[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(ZOOM)
        elif key == Qt.Key.Key_Minus:
            self.zoom(1 / ZOOM)
        elif key == Qt.Key.Key_0:
            self.fit()
            self.zoomed.emit(None)
        else:
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Say that it was reached."""
        super().focusInEvent(event)
        self.entered.emit()
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """Take the frame away."""
        super().focusOutEvent(event)
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep all of the picture in view."""
        super().resizeEvent(event)
        if self.whole and self._size[0]:
            self.fit()

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:  # noqa: N802
        """Write the letters and the caption, and frame what has the focus."""
        super().drawForeground(painter, rect)
        area = QRectF(self.rect()).adjusted(5, 3, -5, -3)
        painter.setFont(QFont(self.font().family(), 9, QFont.Weight.Bold))
        sides = {
            "top": Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter,
            "bottom": Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignHCenter,
            "left": Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter,
            "right": Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
        }
        for side, letter in self.letters.items():
            _write(painter, area, sides[side], letter, INK)
        painter.setFont(QFont(self.font().family(), 8))
        words = QFontMetricsF(painter.font()).elidedText(
            self.caption, Qt.TextElideMode.ElideRight, area.width() * (0.42 if self.letters else 1)
        )
        corner = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        _write(painter, area, corner, words, FAINT)
        if self.hasFocus():
            painter.setPen(QColor("#3b7ddd"))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -1.5, -1.5))


def _write(
    painter: QPainter, area: QRectF, where: Qt.AlignmentFlag, words: str, colour: str
) -> None:
    """Write words that are readable on light and dark pixels: over their own shadow."""
    painter.setPen(QColor(0, 0, 0, 220))
    painter.drawText(area.translated(1, 1), where, words)
    painter.setPen(QColor(colour))
    painter.drawText(area, where, words)
