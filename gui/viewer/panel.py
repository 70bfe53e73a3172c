"""The viewer: maps of a run over their image, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSplitter,
    QStackedWidget,
    QTabWidget,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from esegeta.report.reading import Job
from esegeta.runs.folder import EVENTS

from ..banner import Banner
from ..language import tr
from ..pages.page import button, labelled, scrolled
from ..theme import colour
from . import facts
from .controls import Controls
from .jobs import Jobs
from .keys import keys
from .readings import readings
from .shortcuts import bind, shown
from .stage import Stage
from .writer import Writer

EMPTY, MAPS, KEYS = range(3)
if TYPE_CHECKING:
    from .columns import Columns

PAUSE = 2000
"""Milliseconds between two looks at a run that may be at work."""


class ViewerPanel(QWidget):
    """Shows a run folder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stage = Stage(self)
        self.folder: Path | None = None
        self._seen = 0.0
        self.columns: Columns | None = None
        self.jobs = Jobs(self.stage)
        self.controls = Controls(self.stage)
        self.facts = QTextBrowser()
        self.facts.setAccessibleName(tr("Result"))
        self.banner = Banner()
        self.writer = Writer(self)
        self.where = QLabel()
        self.where.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.where.setWordWrap(True)
        self.where.setMinimumHeight(2 * self.where.fontMetrics().lineSpacing())
        self._build()
        stage = self.stage
        stage.opened.connect(self._opened)
        stage.renewed.connect(self.renew)
        stage.moved.connect(self._move)
        stage.said.connect(self.say)
        self.jobs.said.connect(self.say)
        self.controls.plane.connect(lambda plane: self.columns and self.columns.show_plane(plane))
        self.controls.cross.connect(lambda on: self.columns and self.columns.show_cross(on))
        self.controls.difference.connect(self.subtract)
        self.timer = QTimer(self, interval=PAUSE)
        self.timer.timeout.connect(self._look)
        self.timer.start()
        self.destroyed.connect(stage.close)

    def _build(self) -> None:
        self.stack = QStackedWidget()
        self.stack.addWidget(self._empty())
        self.stack.addWidget(self._maps())
        parts = keys(self)
        self.shortcuts = bind(self, [key for _, part in parts for key in part])
        self.keys = shown(parts, tr("Shortcuts"))
        self.stack.addWidget(self.keys)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 6, 8, 6)
        whole.setSpacing(4)
        whole.addWidget(self.banner)
        whole.addWidget(self.stack, 1)

    def _empty(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch(1)
        words = labelled(tr("Open the folder of a run to look at its maps."), "quiet")
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        pick = button(tr("&Open a run…"))
        pick.clicked.connect(self.ask_run)
        column.addWidget(words)
        column.addWidget(pick, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)
        return page

    def _maps(self) -> QWidget:
        self.side = QTabWidget()
        self.side.addTab(scrolled(self.controls), tr("&Look"))
        self.side.addTab(self.facts, tr("Res&ult"))
        self.room = QVBoxLayout()
        self.room.setSpacing(4)
        self.room.addLayout(self._tools())
        middle = QWidget()
        middle.setLayout(self.room)
        self.room.setContentsMargins(0, 0, 0, 0)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        for widget, stretch in ((self.jobs, 0), (middle, 1), (self.side, 0)):
            self.split.addWidget(widget)
            self.split.setStretchFactor(self.split.count() - 1, stretch)
            self.split.setCollapsible(self.split.count() - 1, widget is not middle)
        self.split.setSizes([215, 720, 262])
        return self.split

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(self.where, 1)
        tools = (
            (
                tr("Export view…"),
                tr("PNG or SVG of what is seen (Ctrl+E)"),
                self.writer.ask_view,
            ),
            (
                tr("Save map…"),
                tr("The map's file as it is (Ctrl+M)"),
                self.writer.ask_map,
            ),
            ("?", tr("Shortcuts (F1)"), self.toggle_keys),
        )
        self.tools: list[QToolButton] = []
        for text, tip, act in tools:
            tool = QToolButton()
            tool.setText(text)
            tool.setToolTip(tip)
            tool.setAccessibleName(tip)
            tool.clicked.connect(act)
            row.addWidget(tool, 0, Qt.AlignmentFlag.AlignTop)
            self.tools.append(tool)
        return row

    # A run

    def open_run(self, folder: Path, job: str | None = None) -> None:
        """Show a run folder, and a job of it where one is named."""
        self.banner.hide()
        self.folder = Path(folder).absolute()
        self._seen = self._stamp()
        self.stage.open(self.folder, job)

    def reload(self) -> None:
        """Read the folder anew; what is looked at stays."""
        if self.folder is not None:
            self._seen = self._stamp()
            self.stage.open(self.folder)

    def _stamp(self) -> float:
        try:
            return 0.0 if self.folder is None else (self.folder / EVENTS).stat().st_mtime
        except OSError:
            return 0.0

    def _look(self) -> None:
        """See whether a run has gone on."""
        if self.isVisible() and self.stage.choice is not None and self._stamp() != self._seen:
            self.reload()

    def _opened(self) -> None:
        self.stack.setCurrentIndex(MAPS)

    def say(self, text: str, kind: str = "note") -> None:
        """Show a message; an empty one takes the last away."""
        if text:
            self.banner.say(text, kind)
        else:
            self.banner.hide()

    # Drawing

    @property
    def active(self) -> str:
        """The map that is worked on."""
        return str(self.columns.active) if self.columns is not None else ""

    @property
    def job(self) -> Job | None:
        """Its job."""
        return self.jobs.job(self.active)

    def renew(self) -> None:
        """Draw what is chosen, by the theme of now."""
        if not self.stage.ready or self.stage.choice is None:
            return
        if self.columns is None:
            # Only now: a thread has imported what it is drawn with, which takes a second.
            from .columns import Columns

            self.columns = columns = Columns(self.stage)
            columns.entered.connect(self._entered)
            self.room.addWidget(columns, 1)
        self.columns.renew()
        self._entered(self.active)

    def _entered(self, active: str) -> None:
        self.jobs.renew(active)
        self.controls.renew(active)
        scene = self.stage.scene
        layer = scene.layers.get(active) if scene else None
        job = self.job
        if job is not None:
            trouble = layer.trouble if layer else self.stage.failed.get(job.id, "")
            measures = self.stage.choice.judging(job) if self.stage.choice else []
            self.facts.setHtml(facts.page(job, measures, trouble, colour("wrong").name()))
        else:
            self.facts.setHtml(f"<h3>{layer.title}</h3>" if layer else "")
        self.tools[1].setEnabled(job is not None and job.state == "done")
        self.where.setText(readings(self.stage))

    def _move(self) -> None:
        if self.columns is not None:
            self.columns.draw()
        self.controls.renew()
        self.where.setText(readings(self.stage))

    def subtract(self, on: bool) -> None:
        """Show the difference of the first two maps, or not."""
        scene = self.stage.scene
        jobs = self.stage.choice.chosen if self.stage.choice else []
        maps = [
            job.id
            for job in jobs
            if scene and job.id in scene.layers and scene.layers[job.id].kind == "map"
        ]
        if on and len(maps) < 2:
            self.say(tr("Tick two maps in the list to see their difference."))
        self.stage.subtract((maps[0], maps[1]) if on and len(maps) > 1 else None)
        self.renew()

    # Pages and files

    def toggle_keys(self) -> None:
        """Show the shortcuts, or the maps again."""
        home = EMPTY if self.stage.choice is None else MAPS
        self.stack.setCurrentIndex(home if self.stack.currentIndex() == KEYS else KEYS)
        if self.stack.currentIndex() == KEYS:
            self.keys.setFocus()
        elif self.columns is not None:
            self.columns.step(0)

    def ask_run(self) -> None:
        """Ask for a run folder."""
        picked = QFileDialog.getExistingDirectory(self, tr("Open a run"))
        if picked:
            self.open_run(Path(picked))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """End what is at work."""
        self.timer.stop()
        self.stage.close()
        super().closeEvent(event)
