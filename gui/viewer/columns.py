"""The maps side by side: columns that share the crosshair and the zoom."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from esegeta.report.reading import Job

from ..language import tr
from .choice import details, title, why
from .column import Column
from .stage import DIFFERENCE, Stage
from .strip import Strip

ABREAST = 3
"""Columns side by side before there is a second row, where each has one plane."""


AT_A_TIME = 0.03
"""Seconds of drawing before the event loop goes on."""


class Columns(QWidget):
    """Shows what is on the stage.

    Signals
    -------
    entered : str
        The map that is worked on now.
    """

    entered = Signal(str)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.columns: list[Column] = []
        self.active = ""
        self.plane: int | None = None
        """The only plane that is shown; None for all."""
        self.cross = True
        self._made: tuple[Any, ...] = ()
        self._stale: list[Column] = []
        self._soon = QTimer(self, singleShot=True, interval=0)
        self._soon.timeout.connect(self._draw_some)
        self.grid = QGridLayout(self)
        self.grid.setContentsMargins(0, 0, 0, 0)
        self.grid.setSpacing(3)

    def renew(self) -> None:
        """Make the columns of what is chosen, where they are others; then draw."""
        stage = self.stage
        jobs = stage.choice.chosen if stage.choice else []
        keys = [job.id for job in jobs]
        titles = [("⚑ " if job.flagged else "") + title(job) for job in jobs]
        if stage.scene is not None and DIFFERENCE in stage.scene.layers:
            keys.append(DIFFERENCE)
            titles.append(stage.scene.layers[DIFFERENCE].title)
        flat = stage.scene is not None and stage.scene.geometry.flat
        wanted = (tuple(zip(keys, titles, strict=True)), self.plane, flat)
        if wanted != self._made:
            self._made = wanted
            self._make(list(wanted[0]), flat)
        if self.active not in keys:
            self.activate(keys[0] if keys else "")
        for job in jobs:
            self._tell(job)
        self.draw()

    def _make(self, named: list[tuple[str, str]], flat: bool) -> None:
        there = {(column.key, column.title): column for column in self.columns}
        for known, old in there.items():
            self.grid.removeWidget(old)
            if known not in named:
                old.setParent(None)
                old.deleteLater()
        for row in range(self.grid.rowCount()):
            self.grid.setRowStretch(row, 0)
        for across in range(self.grid.columnCount()):
            self.grid.setColumnStretch(across, 0)
        self.columns = []
        planes = [0] if flat else [0, 1, 2] if self.plane is None else [self.plane]
        alone = len(named) == 1
        for at, (key, name) in enumerate(named):
            column = there.get((key, name)) or self._column(key, name)
            if column.planes:
                column.lay_out(planes, alone)
            column.plan = (planes, alone)
            abreast = ABREAST if len(planes) == 1 and len(named) > ABREAST + 1 else len(named)
            self.grid.addWidget(column, at // abreast, at % abreast)
            self.grid.setRowStretch(at // abreast, 1)
            self.grid.setColumnStretch(at % abreast, 1)
            self.columns.append(column)
        self._mark()

    def _column(self, key: str, name: str) -> Column:
        column = Column(key, name)
        column.picked.connect(self._picked)
        column.scrolled.connect(self._scrolled)
        column.zoomed.connect(self._zoomed)
        column.leafed.connect(lambda changes: self._leafed(key, changes))
        column.entered.connect(lambda: self.activate(key))
        return column

    def _tell(self, job: Job) -> None:
        """Say why a column shows no map, where it does not."""
        column = self.column(job.id)
        if column is None:
            return
        stage = self.stage
        if job.state != "done":
            column.say(why(job), details(job), wrong=job.state != "pending")
        elif job.id in stage.failed:
            column.say(stage.failed[job.id])
        elif job.id in stage.sheets or (stage.scene and job.id in stage.scene.layers):
            column.say("")
            self._tell_images(column, job)
        else:
            column.say(tr("Reading…"), wrong=False)

    def _tell_images(self, column: Column, job: Job) -> None:
        """Say why a column shows none of the images that its job made, where it does not."""
        stage = self.stage
        there = stage.scene is not None and isinstance(stage.scene.layers.get(job.id), Strip)
        if there or job.result.get("returns") != "strip":
            column.lack("")
        elif job.id in stage.lacking:
            column.lack(stage.lacking[job.id])
        else:
            column.lack(tr("Reading its images…"), wrong=False)

    def column(self, key: str) -> Column | None:
        """Find the column of a map."""
        return next((column for column in self.columns if column.key == key), None)

    def draw(self) -> None:
        """Draw all of it at the scene's voxel, soon: the map that is worked on first."""
        self._stale += [column for column in self.columns if column not in self._stale]
        if not self._soon.isActive():
            self._soon.start()

    def _draw_some(self) -> None:
        """Draw for as long as nobody notices; the rest after what came in meanwhile."""
        end = perf_counter() + AT_A_TIME
        self._stale = [column for column in self._stale if column in self.columns]
        # The queue keeps its order, so that while one scrolls no column waits for ever.
        while self._stale and perf_counter() < end:
            self._draw_one(self._stale.pop(0))
        if self._stale:
            self._soon.start()

    def _draw_one(self, column: Column) -> None:
        stage = self.stage
        scene = stage.scene
        sheet = stage.sheets.get(column.key)
        if sheet is None and (scene is None or column.key not in scene.layers):
            return
        if not column.planes:
            column.lay_out(*column.plan)
        if sheet is not None:
            column.show_sheet(sheet)
        elif scene is not None:
            column.show_scene(scene, column.key, self.cross)

    # What is done with it

    def activate(self, key: str) -> None:
        """Work on another map."""
        if key != self.active:
            self.active = key
            self._mark()
            self.entered.emit(key)

    def _mark(self) -> None:
        for column in self.columns:
            column.mark(column.key == self.active and len(self.columns) > 1)

    def step(self, by: int) -> None:
        """Go to the next column, and give it the keyboard."""
        keys = [column.key for column in self.columns]
        if keys:
            at = keys.index(self.active) if self.active in keys else 0
            self.focus((at + by) % len(keys))

    def focus(self, at: int) -> None:
        """Give the keyboard to a column, by its number."""
        if at < len(self.columns):
            column = self.columns[at]
            self.activate(column.key)
            if column.planes:
                column.planes[0].setFocus(Qt.FocusReason.ShortcutFocusReason)

    def show_plane(self, plane: int | None) -> None:
        """Show one plane alone, or all."""
        self.plane = plane
        self.renew()

    def show_cross(self, seen: bool) -> None:
        """Show the crosshair or not."""
        self.cross = seen
        self.draw()

    def _picked(self, view: Any, row: int, column: int) -> None:
        if self.stage.scene is not None:
            self.stage.scene.go(view, row, column)
            self.stage.moved.emit()

    def _scrolled(self, view: Any, by: int) -> None:
        if self.stage.scene is not None:
            self.stage.scene.scroll(view, by)
            self.stage.moved.emit()

    def _leafed(self, key: str, changes: dict[str, Any]) -> None:
        self.activate(key)
        self.stage.leaf(key, **changes)

    def _zoomed(self, plane: int, part: Any) -> None:
        """Show the same part in every column."""
        for column in self.columns:
            if column.key not in self.stage.sheets and column is not self.sender():
                column.look_at(plane, part)
