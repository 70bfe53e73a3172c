"""The right side: how the map, the image and the planes are drawn."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QGroupBox, QLabel, QPushButton, QVBoxLayout, QWidget

from ..language import tr
from .colours import COLOURS, SIGNS
from .fields import Number, choices, choose, form_in, named, put, side_by_side, slide, slider, tick
from .layers import Layer
from .stage import Stage


class Controls(QWidget):
    """Edits how what is on the stage is drawn.

    Signals
    -------
    plane : object
        The only plane to show, or None for all.
    cross : bool
        Whether the crosshair is shown.
    difference : bool
        Whether the difference of the first two maps is wanted.
    """

    plane = Signal(object)
    cross = Signal(bool)
    difference = Signal(bool)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.active = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(6)
        column.addWidget(self._map())
        column.addWidget(self._image())
        column.addWidget(self._planes())
        column.addStretch(1)

    def _map(self) -> QGroupBox:
        self.map_box = QGroupBox(tr("Map"))
        form = form_in(self.map_box)
        self.sign = choices(
            tr("Sign"),
            [
                tr("signed"),
                tr("magnitude"),
                tr("only positive"),
                tr("only negative"),
            ],
        )
        self.sign.activated.connect(
            lambda at: self.stage.looks.sign(self.active, SIGNS[at], self.shared)
        )
        self.colours = choices(tr("Colours"), [tr("as in the report"), *COLOURS[1:]])
        self.colours.activated.connect(lambda at: self._dress(colours=COLOURS[at]))
        self.low, self.high = Number(tr("Low end")), Number(tr("High end"))
        for spin in (self.low, self.high):
            spin.valueChanged.connect(self._ranged)
        self.reset = QPushButton(tr("Own range"))
        self.reset.setToolTip(tr("The range that the report gives this map"))
        self.reset.clicked.connect(self._reset)
        self.same = QPushButton(tr("One range"))
        self.same.setToolTip(
            tr("All maps in the widest of their ranges, so that a colour means the same")
        )
        self.same.clicked.connect(lambda: self.stage.looks.level())
        self.threshold = slider(tr("Threshold"), 100)
        self.threshold.valueChanged.connect(lambda v: self._dress(threshold=v / 100))
        self.opacity = slider(tr("Opacity"), 100)
        self.opacity.valueChanged.connect(lambda v: self._dress(opacity=v / 100))
        self.cut, self.seen = QLabel(), QLabel()
        for label in (self.cut, self.seen):
            label.setMinimumWidth(label.fontMetrics().horizontalAdvance("0.00e-00"))
        self.even = QCheckBox(tr("E&qual opacity everywhere"))
        self.even.setToolTip(
            tr("Else opacity grows with strength, so that weak values let the image through")
        )
        self.even.toggled.connect(lambda on: self._dress(even=on))
        self.all = QCheckBox(tr("Cha&nge all maps"))
        self.all.setChecked(True)
        self.all.setToolTip(tr("Ends of the range are always those of one map"))
        form.addRow(tr("&Sign"), self.sign)
        form.addRow(tr("C&olours"), self.colours)
        form.addRow(named(tr("&Range"), self.low), side_by_side(self.low, self.high))
        form.addRow("", side_by_side(self.reset, self.same))
        form.addRow(named(tr("&Threshold"), self.threshold), side_by_side(self.threshold, self.cut))
        form.addRow(named(tr("O&pacity"), self.opacity), side_by_side(self.opacity, self.seen))
        form.addRow(self.even)
        form.addRow(self.all)
        return self.map_box

    def _image(self) -> QGroupBox:
        self.image_box = QGroupBox(tr("Image"))
        form = form_in(self.image_box)
        self.black, self.white = Number(tr("Black")), Number(tr("White"))
        for spin in (self.black, self.white):
            spin.valueChanged.connect(self._windowed)
        self.own = QPushButton(tr("Own window"))
        self.own.clicked.connect(self._own)
        self.maps = QCheckBox(tr("Show &maps over it"))
        self.maps.setChecked(True)
        self.maps.toggled.connect(self._mapped)
        form.addRow(named(tr("&Window"), self.black), side_by_side(self.black, self.white))
        form.addRow("", self.own)
        form.addRow(self.maps)
        return self.image_box

    def _planes(self) -> QGroupBox:
        box = QGroupBox(tr("Planes"))
        form = form_in(box)
        self.one = choices(
            tr("Planes"),
            [tr("all three"), tr("axial"), tr("coronal"), tr("sagittal")],
        )
        self.one.activated.connect(lambda at: self.plane.emit(at - 1 if at else None))
        self.side = choices(
            tr("Convention"),
            [tr("radiological: R is left"), tr("neurological: L is left")],
        )
        self.side.activated.connect(lambda at: self.stage.looks.side(bool(at)))
        self.lines = QCheckBox(tr("Crossha&ir"))
        self.lines.setChecked(True)
        self.lines.toggled.connect(self.cross)
        self.minus = QCheckBox(tr("&Difference of the first two"))
        self.minus.toggled.connect(self.difference)
        self.relative = QCheckBox(tr("… as parts of their ranges"))
        self.relative.setChecked(True)
        self.relative.setToolTip(
            tr("Methods have units of their own: each map is divided by the end of its range")
        )
        self.relative.toggled.connect(self._related)
        form.addRow(tr("S&how"), self.one)
        form.addRow(tr("Sid&es"), self.side)
        form.addRow(self.lines)
        form.addRow(self.minus)
        form.addRow(self.relative)
        return box

    @property
    def shared(self) -> bool:
        """Whether a change is one of all maps."""
        return self.all.isChecked()

    @property
    def layer(self) -> Layer | None:
        """The map that is worked on."""
        scene = self.stage.scene
        return None if scene is None else scene.layers.get(self.active)

    def renew(self, active: str | None = None) -> None:
        """Show how things are drawn now."""
        self.active = self.active if active is None else active
        scene, layer = self.stage.scene, self.layer
        drawn = layer is not None and not layer.own
        self.map_box.setEnabled(drawn)
        if drawn and layer is not None:
            look, step = layer.look, abs(layer.look.high - layer.look.low) / 100
            choose(self.sign, SIGNS.index(look.sign))
            choose(self.colours, COLOURS.index(look.colours))
            put(self.low, look.low, step)
            put(self.high, look.high, step)
            slide(self.threshold, round(100 * look.threshold))
            slide(self.opacity, round(100 * look.opacity))
            tick(self.even, look.even)
            self.cut.setText(f"{look.least:.3g}")
            self.seen.setText(f"{look.opacity:.0%}")
        there = scene is not None and scene.image is not None
        self.image_box.setEnabled(there)
        if scene is not None:
            step = abs(scene.window[1] - scene.window[0]) / 100
            put(self.black, scene.window[0], step)
            put(self.white, scene.window[1], step)
            tick(self.maps, scene.maps)
            choose(self.side, int(scene.neurological))
            self.side.setEnabled(scene.geometry.known)
            self.one.setEnabled(not scene.geometry.flat)
            maps = [one for one in scene.layers.values() if one.kind == "map"]
            self.minus.setEnabled(len(maps) > 1)
            self.same.setEnabled(len(maps) > 1)
        tick(self.minus, self.stage.subtracted is not None)
        self.relative.setEnabled(self.stage.subtracted is not None)

    def _dress(self, **changes: object) -> None:
        self.stage.looks.dress(self.active, self.shared, **changes)

    def _ranged(self) -> None:
        if self.low.value() < self.high.value():
            self.stage.looks.dress(self.active, False, low=self.low.value(), high=self.high.value())
        else:
            self.renew()

    def _reset(self) -> None:
        if self.layer is not None:
            scale = self.layer.scale(self.layer.look.sign)
            self.stage.looks.dress(self.active, False, low=scale.low, high=scale.high)

    def _windowed(self) -> None:
        scene = self.stage.scene
        if scene is not None and self.black.value() < self.white.value():
            scene.window = (self.black.value(), self.white.value())
        self.stage.moved.emit()

    def _own(self) -> None:
        if self.stage.scene is not None:
            self.stage.scene.window = self.stage.scene.full
            self.stage.moved.emit()

    def _mapped(self, on: bool) -> None:
        if self.stage.scene is not None:
            self.stage.scene.maps = on
            self.stage.moved.emit()

    def _related(self, on: bool) -> None:
        self.stage.relative = on
        if self.stage.subtracted:
            self.stage.subtract(self.stage.subtracted)
