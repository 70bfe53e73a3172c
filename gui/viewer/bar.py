"""The colour bar below a map: its colours over a dark image, and the range in numbers."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from esegeta.report.canvas import number
from esegeta.report.scale import Scale

from ..language import tr
from ..theme import colour
from .colours import STEPS, Look, strip


class ColourBar(QWidget):
    """Shows the colours of a look; empty without one."""

    def __init__(self) -> None:
        super().__init__()
        self.look: Look | None = None
        self.ends = ("", "")
        self._strip = QImage()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for a line of text."""
        return QSize(90, self.fontMetrics().height() + 4)

    def show_look(self, look: Look | None, scale: Scale | None = None) -> None:
        """Show the colours of a look; arrows name values beyond their ends."""
        self.look = look
        if look is not None:
            low, high = number(look.low), number(look.high)
            beyond = scale is not None and (scale.least < look.low, scale.greatest > look.high)
            self.ends = (f"◂ {low}" if beyond and beyond[0] else low, high)
            self.ends = (self.ends[0], f"{high} ▸" if beyond and beyond[1] else high)
            self._strip = QImage(
                strip(look).tobytes(), STEPS, 1, 3 * STEPS, QImage.Format.Format_RGB888
            )
            self._strip = self._strip.copy()  # of its own: the bytes go away
            words = tr("Colours from %s to %s") % (low, high)
            if scale is not None:
                words += "\n" + tr("The map's own range: %s to %s") % (
                    number(scale.least),
                    number(scale.greatest),
                )
            self.setToolTip(words)
            self.setAccessibleName(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw numbers, and the strip between them."""
        if self.look is None:
            return
        painter = QPainter(self)
        painter.setPen(colour("WindowText"))
        metrics = self.fontMetrics()
        left, right = (metrics.horizontalAdvance(text) + 6 for text in self.ends)
        area = QRectF(self.rect())
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | middle, self.ends[0])
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | middle, self.ends[1])
        bar = area.adjusted(left, 4, -right, -4)
        if bar.width() > 4:
            painter.drawImage(bar, self._strip)
            painter.setPen(QPen(colour("Mid")))
            painter.drawRect(bar)
