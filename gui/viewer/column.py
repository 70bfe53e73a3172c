"""One map on the screen: its name, its planes, its colours, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QPlainTextEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from esegeta.report.canvas import number

from ..language import tr
from ..pages.page import labelled
from ..theme import colour
from .bar import ColourBar
from .colours import Pixels
from .geometry import View
from .plane import PlaneView
from .positions import Positions
from .scene import Scene
from .strip import Strip


def names() -> dict[str, str]:
    """Name the planes, in their order."""
    return {"axial": tr("axial"), "coronal": tr("coronal"), "sagittal": tr("sagittal")}


class Column(QFrame):
    """Shows one map of a scene.

    Signals
    -------
    picked : object, int, int
        The plane that was clicked (a `View`), and the row and column in it.
    scrolled : object, int
    zoomed : int, object
        The plane's number, and the part that is seen.
    leafed : object
        What of a strip is to be looked at: arguments of `Strip.choose` (dict).
    entered :
        It is the one that is worked on.
    """

    picked = Signal(object, int, int)
    scrolled = Signal(object, int)
    zoomed = Signal(int, object)
    leafed = Signal(object)
    entered = Signal()

    def __init__(self, key: str, title: str) -> None:
        super().__init__()
        self.key, self.title = key, title
        self.active = False
        self.plan: tuple[list[int], bool] = ([], False)
        """The planes to show, and whether it is the only map; views are made when it is drawn."""
        self.head = Elided(title)
        self.reading = QLabel()
        self.reading.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = ColourBar()
        self.why = labelled("", "wrong")
        self.why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.why.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.trace = QPlainTextEdit(readOnly=True)
        self.trace.setAccessibleName(tr("Details of the failure"))
        self.positions = Positions()
        self.positions.wanted.connect(self.leafed)
        self.lacks = labelled("")
        self.planes: list[PlaneView] = []
        self.views: tuple[View, ...] = ()
        # Columns share the width evenly, whatever their words ask for.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        self.area = QWidget()
        self.body = QGridLayout(self.area)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(2)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(3, 3, 3, 3)
        whole.setSpacing(2)
        whole.addWidget(self.head)
        whole.addWidget(self.area, 1)
        whole.addWidget(self.why, 1)
        whole.addWidget(self.trace, 2)
        whole.addWidget(self.bar)
        whole.addWidget(self.reading)
        whole.addWidget(self.positions)
        whole.addWidget(self.lacks)
        for part in (self.why, self.trace, self.positions, self.lacks):
            part.hide()

    def lay_out(self, planes: Sequence[int], alone: bool) -> None:
        """Show these planes (by number): one large and two small, or below each other."""
        there = {int(view.property("plane")): view for view in self.planes}
        for number_, view in there.items():
            self.body.removeWidget(view)
            if number_ not in planes:
                view.setParent(None)
                view.deleteLater()
        self.planes = [there.get(plane) or self._view(plane) for plane in planes]
        large = alone and len(planes) == 3
        for at, view in enumerate(self.planes):
            view.setAccessibleName(
                f"{self.title}, {list(names().values())[planes[at]]}"
                if len(planes) > 1
                else self.title
            )
            beside = (0, 0, 2, 1) if at == 0 else (at - 1, 1, 1, 1)
            self.body.addWidget(view, *(beside if large else (at, 0, 1, 1)))
        for row in range(3):
            self.body.setRowStretch(row, 1 if row < (2 if large else len(planes)) else 0)
        self.body.setColumnStretch(0, 3)
        self.body.setColumnStretch(1, 2 if large else 0)

    def _view(self, plane: int) -> PlaneView:
        view = PlaneView()
        view.setProperty("plane", plane)
        view.picked.connect(lambda row, column: self._picked(plane, row, column))
        view.scrolled.connect(lambda by: self.scrolled.emit(self.views[plane], by))
        view.zoomed.connect(lambda part: self.zoomed.emit(plane, part))
        view.entered.connect(self.entered)
        return view

    def _picked(self, plane: int, row: int, column: int) -> None:
        self.picked.emit(self.views[plane], row, column)

    def show_scene(self, scene: Scene, key: str | None, cross: bool) -> None:
        """Draw the planes at the scene's voxel."""
        self.views = scene.views
        for plane in self.planes:
            number_ = int(plane.property("plane"))
            view = self.views[number_]
            rows, columns = view.plane.across
            spacing = scene.geometry.spacing
            plane.letters = view.letters
            plane.caption = caption(scene, view)
            plane.cross(cross)
            plane.show_picture(
                scene.picture(view, key), (spacing[rows], spacing[columns]), scene.point(view)
            )
        value = None if key is None else scene.value(key)
        self.reading.setText("" if value is None else tr("here %s") % number(value))
        layer = scene.layers.get(key or "")
        drawn = layer is not None and not layer.own and scene.maps
        if drawn and layer is not None:
            self.bar.show_look(layer.look, layer.scale(layer.look.sign))
        self.bar.setVisible(drawn)
        if isinstance(layer, Strip):
            self.positions.show_strip(layer)
        self.positions.setVisible(isinstance(layer, Strip))

    def show_sheet(self, pixels: Pixels) -> None:
        """Show a picture that is on no image's grid."""
        for plane in self.planes:
            plane.letters, plane.caption = {}, tr("a sheet of its own")
            plane.cross(False)
            plane.show_picture(pixels, (1.0, 1.0), None)
        self.bar.hide()

    def look_at(self, plane: int, part: QRectF | None) -> None:
        """Show a part of one of the planes."""
        for view in self.planes:
            if view.property("plane") == plane:
                view.look_at(part)

    def say(self, reason: str, details: str = "", wrong: bool = True) -> None:
        """Say why there is no map, in place of it; nothing to show the map again."""
        _say(self.why, reason, wrong)
        self.trace.setPlainText(details)
        self.trace.setVisible(bool(details))
        self.area.setVisible(not reason)
        self.reading.setVisible(not reason)
        if reason:
            self.bar.hide()
            self.positions.hide()
            self.lack("")

    def lack(self, reason: str, wrong: bool = True) -> None:
        """Say why there is a map but none of its images; nothing where they are there."""
        _say(self.lacks, reason, wrong)

    def mark(self, active: bool) -> None:
        """Frame the one that is worked on."""
        self.active = active
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the frame."""
        super().paintEvent(event)
        if self.active:
            painter = QPainter(self)
            painter.setPen(colour("Highlight"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))


class Elided(QLabel):
    """A title of one line, whose middle gives way where there is no room."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.setProperty("role", "heading")
        self.setToolTip(title)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Write what there is room for."""
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(
            self.text(), Qt.TextElideMode.ElideMiddle, self.width()
        )
        painter.setPen(self.palette().windowText().color())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)


def _say(label: QLabel, text: str, wrong: bool) -> None:
    """Say something, or nothing, in the colour for it."""
    label.setText(text)
    label.setProperty("role", "wrong" if wrong else "quiet")
    label.style().polish(label)
    label.setVisible(bool(text))


def caption(scene: Scene, view: View) -> str:
    """Name a plane and its slice."""
    if scene.geometry.flat:
        return ""
    at, count = scene.slice_of(view)
    return f"{names().get(view.plane.name, view.plane.name)} {at}/{count}"
