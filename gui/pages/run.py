"""The run page: devices and limits, the plan, the JSON as it will be saved; Save and Run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPlainTextEdit,
    QSplitter,
    QTabWidget,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from ..forms import Form
from ..helpers import Helper, detached, reason
from ..models.problems import below
from ..models.run import RunModel, rows, totals
from ..session import Session
from ..theme import colour
from .page import Page, button, column, labelled, scrolled

WATCH = 250
"""Milliseconds between two looks whether a run has begun."""


class RunPage(Page):
    """Edits the execution, and starts the run.

    Signals
    -------
    save_wanted :
        The config is to be saved; the window asks where.
    started : Path
        A run has begun in this folder.
    """

    save_wanted = Signal()
    started = Signal(Path)

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            self.tr("Run"),
            self.tr("Where and how it runs, what it takes, and the config."),
        )
        self.top, self.form = Form(), Form()
        self.top.edited.connect(
            lambda key, value, typed: session.document.set((key,), value, typing=typed)
        )
        self.top.reset.connect(lambda key: session.document.remove((key,)))
        self.form.edited.connect(
            lambda key, value, typed: session.document.set(("execution", key), value, typing=typed)
        )
        self.form.reset.connect(lambda key: session.document.remove(("execution", key)))
        self.folder = labelled("", "quiet")
        self.folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        left = scrolled(
            column(
                self.top,
                self.folder,
                labelled(self.tr("Execution"), "heading"),
                self.form,
                stretch=True,
            )
        )
        self.json = QPlainTextEdit(readOnly=True)
        self.json.setObjectName("json")
        self.json.setAccessibleName(self.tr("The config as JSON"))
        self.json.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.json, self.tr("JSON"))
        self.tabs.addTab(self._plan(), self.tr("Plan"))
        parts = QSplitter(Qt.Orientation.Horizontal)
        parts.addWidget(left)
        parts.addWidget(self.tabs)
        parts.setSizes([480, 600])
        parts.setStretchFactor(1, 1)
        self.body.addWidget(parts, 1)
        self.body.addLayout(self._bottom())
        self.helper = Helper(self)
        self.helper.answered.connect(self._planned)
        self.helper.failed.connect(self._not_planned)
        self.helper.busy.connect(self._busy)
        self._estimated: Any = None
        self._watch = QTimer(self, interval=WATCH)
        self._watch.timeout.connect(self._look)
        self._run: tuple[int, Path, Path, float] | None = None

    def _plan(self) -> QWidget:
        self.estimate = button(
            self.tr("&Estimate"), self.tr("Time one pass of each model on each image")
        )
        self.estimate.clicked.connect(self.start_plan)
        self.told = labelled("", "quiet")
        row = QHBoxLayout()
        row.addWidget(self.estimate)
        row.addWidget(self.told, 1)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(self.tr("Plan"))
        self.tree.setUniformRowHeights(True)
        self.tree.setHeaderLabels(
            [self.tr("Job"), self.tr("Passes"), self.tr("Time"), self.tr("Problem")]
        )
        self.tree.setColumnWidth(0, 260)
        return column(self.tree, head=row)

    def _bottom(self) -> QHBoxLayout:
        self.cost = labelled("", "quiet")
        self.resume = QCheckBox(self.tr("&Keep what is done there"))
        self.resume.setToolTip(self.tr("Makes only what is missing or has changed (--resume)"))
        self.resume.setChecked(True)
        self.save = button(self.tr("&Save"))
        self.save.clicked.connect(self.save_wanted)
        self.run = button(self.tr("&Run"), self.tr("Ctrl+R; it goes on when this window is closed"))
        self.run.clicked.connect(self.start_run)
        row = QHBoxLayout()
        row.addWidget(self.cost, 1)
        for widget in (self.resume, self.save, self.run):
            row.addWidget(widget)
        return row

    def _model(self) -> RunModel:
        return RunModel(self.session.document, self.session.catalogue)

    def refresh(self) -> None:
        """Show the config as it is now, and what it would do."""
        model, document, problems = self._model(), self.session.document, self.session.problems
        self.top.set_fields(model.top_fields())
        self.top.refresh(document.data, lambda key: below(problems, key))
        self.form.set_fields(model.fields())
        self.form.refresh(document.get("execution"), lambda key: below(problems, "execution", key))
        settled = document.file is not None or document.get("output")
        where = (
            model.folder()
            if settled
            else f"runs/{document.run_name}, {self.tr('beside the config')}"
        )
        self.folder.setText(self.tr("Results go to %s") % where)
        self.resume.setVisible(model.holds_run())
        self._show_json(str(document))
        ready = self.session.plan is not None and not problems
        self.run.setEnabled(ready and self._run is None)
        self.run.setText(self.tr("Save and &run") if document.dirty else self.tr("&Run"))
        self.save.setEnabled(document.dirty or document.file is None)
        self.estimate.setEnabled(ready and not self.helper.running)
        measured = self.session.forecast if self._estimated is document.data else None
        shown = measured["totals"] if measured else self.session.plan
        text = totals(shown)
        if not ready and self.session.catalogue.methods:
            text = self.tr("To be mended first: %d") % len(problems)
        self.cost.setText(text)
        if self.session.forecast and not measured:
            self.told.setText(self.tr("This estimate is of an older state."))

    def _show_json(self, text: str) -> None:
        if self.json.toPlainText() == text:
            return
        bar = self.json.verticalScrollBar()
        at = bar.value()
        self.json.setPlainText(text)
        bar.setValue(at)

    def start_plan(self) -> None:
        """Measure what the run would take, in a helper process."""
        data = self._model().self_contained()
        if data is None:
            return
        file = self.session.scratch("plan") / "config.json"
        file.write_text(json.dumps(data), encoding="utf-8")
        self._estimated = self.session.document.data
        self.helper.start(["plan", str(file), "--json"], codes=(0, 1))

    def _busy(self, busy: bool) -> None:
        self.estimate.setEnabled(not busy)
        if busy:
            self.told.setText(self.tr("Loading each model and timing a pass…"))

    def _planned(self, plan: dict[str, Any]) -> None:
        self.session.forecast = plan
        self.told.setText("")
        self.tree.clear()
        for title, jobs in rows(plan):
            item = QTreeWidgetItem([title])
            for job in jobs:
                row = QTreeWidgetItem(list(job))
                row.setForeground(3, colour("wrong"))
                row.setToolTip(3, job[3])
                item.addChild(row)
            self.tree.addTopLevelItem(item)
            item.setFirstColumnSpanned(True)
            item.setToolTip(0, title)
            item.setExpanded(True)
        self.session.learnt.emit()

    def _not_planned(self, reason: str) -> None:
        self._estimated = None
        self.told.setText(reason)

    def start_run(self) -> None:
        """Save where that is needed, and start the run in a process that survives the window."""
        if not self.run.isEnabled():
            return
        document = self.session.document
        if document.dirty or document.file is None:
            self.save_wanted.emit()
            if document.dirty or document.file is None:
                return
        model = self._model()
        folder, log = model.folder(), self.session.scratch("run") / "run.log"
        resume = model.holds_run() and self.resume.isChecked()
        before = _stamp(folder)
        pid = detached(model.arguments(resume=resume), document.base, log)
        if pid is None:
            self.session.said.emit(self.tr("The run could not be started."), "wrong")
            return
        self._run = (pid, folder, log, before)
        self.run.setEnabled(False)
        self.session.said.emit(self.tr("Starting the run…"), "note")
        self._watch.start()

    def _look(self) -> None:
        """See whether the run has begun, or has ended without."""
        assert self._run is not None
        pid, folder, log, before = self._run
        if _stamp(folder) > before:
            self._end_watch()
            self.session.said.emit(self.tr("The run has begun in %s") % folder, "note")
            self.started.emit(folder)
        elif not _alive(pid):
            self._end_watch()
            said = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
            self.session.said.emit(reason(said) or self.tr("The run ended at once."), "wrong")

    def _end_watch(self) -> None:
        self._watch.stop()
        self._run = None
        self.refresh()


def _stamp(folder: Path) -> float:
    """Tell when the plan of a run was written, which is when it begins; 0 where there is none."""
    try:
        return (folder / "plan.json").stat().st_mtime_ns
    except OSError:
        return 0


def _alive(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
