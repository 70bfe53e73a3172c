"""Below a column: a slider over the images that a method made, and what is said of each."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from ..language import tr
from ..pages.page import labelled
from .fields import choices, choose, slide, slider
from .strip import Strip


class Positions(QWidget):
    """Leafs through a strip.

    Signals
    -------
    wanted : object
        What is to be looked at: arguments of `Strip.choose` (dict).
    """

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.slider = slider("", 0)
        self.slider.setPageStep(1)
        self.slider.setTickInterval(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.valueChanged.connect(lambda at: self.wanted.emit({"at": at}))
        self.told = labelled("")
        # Always as high, so that the pictures above keep their size from image to image.
        self.told.setMinimumHeight(2 * self.told.fontMetrics().lineSpacing())
        self.told.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.way = choices(tr("Direction"), [])
        self.way.activated.connect(lambda at: self.wanted.emit({"way": at}))
        self.what = choices(tr("What is shown"), [tr("what changed"), tr("the image")])
        self.what.activated.connect(lambda at: self.wanted.emit({"changed": at == 0}))
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self.way, 1)
        row.addWidget(self.what, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addWidget(self.slider)
        whole.addWidget(self.told)
        whole.addLayout(row)

    def show_strip(self, strip: Strip) -> None:
        """Show where one is on a strip, without telling anybody."""
        names = [tr("towards %s") % way.name for way in strip.ways]
        if names != [self.way.itemText(at) for at in range(self.way.count())]:
            with QSignalBlocker(self.way):
                self.way.clear()
                self.way.addItems(names)
        self.way.setVisible(len(names) > 1)
        with QSignalBlocker(self.slider):
            self.slider.setMaximum(len(strip.positions) - 1)
        slide(self.slider, strip.way.at)
        choose(self.way, strip.chosen)
        choose(self.what, 0 if strip.changed else 1)
        for combo in (self.way, self.what):
            combo.setToolTip(combo.currentText())  # a narrow column cuts it short
        self.told.setText(strip.told())
        self.slider.setAccessibleName(strip.along)
        self.slider.setAccessibleDescription(strip.told())
        self.slider.setToolTip(strip.along)
