"""The run page: devices and limits, the plan, the JSON as it will be saved; Save and Run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
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
from ..helpers import Helper
from ..language import tr
from ..models.metrics import MetricsModel
from ..models.problems import below
from ..models.run import RunModel, rows, totals
from ..paths import short
from ..session import Session
from ..theme import colour
from .metrics import Metrics
from .page import Page, button, column, labelled, scrolled


class RunPage(Page):
    """Edits the execution, and says what run is to be started.

    Signals
    -------
    save_wanted :
        The config is to be saved; the window asks where.
    run_wanted : Path, list of str
        The run folder, and the command line that runs into it.
    """

    save_wanted = Signal()
    run_wanted = Signal(Path, list)

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Run"),
            tr("Where and how it runs, what it takes, and the config."),
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
                labelled(tr("Execution"), "heading"),
                self.form,
                stretch=True,
            )
        )
        self.json = QPlainTextEdit(readOnly=True)
        self.json.setObjectName("json")
        self.json.setAccessibleName(tr("The config as JSON"))
        self.json.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.tabs = QTabWidget()
        self.tabs.addTab(self.json, tr("JSON"))
        self.tabs.addTab(self._plan(), tr("Plan"))
        self.metrics = Metrics(session)
        self.tabs.addTab(self.metrics, tr("Metrics"))
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

    def _plan(self) -> QWidget:
        self.estimate = button(tr("&Estimate"), tr("Time one pass of each model on each image"))
        self.estimate.clicked.connect(self.start_plan)
        self.told = labelled("", "quiet")
        row = QHBoxLayout()
        row.addWidget(self.estimate)
        row.addWidget(self.told, 1)
        self.tree = QTreeWidget()
        self.tree.setAccessibleName(tr("Plan"))
        self.tree.setUniformRowHeights(True)
        self.tree.setHeaderLabels([tr("Job"), tr("Passes"), tr("Time"), tr("Problem")])
        self.tree.setColumnWidth(0, 260)
        return column(self.tree, head=row)

    def _bottom(self) -> QHBoxLayout:
        self.cost = labelled("", "quiet")
        self.resume = QCheckBox(tr("&Keep what is done there"))
        self.resume.setToolTip(tr("Makes only what is missing or has changed (--resume)"))
        self.resume.setChecked(True)
        self.save = button(tr("&Save"))
        self.save.clicked.connect(self.save_wanted)
        self.run = button(tr("&Run"), tr("Ctrl+R; it goes on when this window is closed"))
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
            short(model.folder())
            if settled
            else tr("runs/%s, beside the config") % document.run_name
        )
        self.folder.setText(tr("Results go to %s") % where)
        self.resume.setVisible(model.holds_run())
        self._show_json(str(document))
        self.metrics.refresh()
        ready = self.session.plan is not None and not problems
        self.run.setEnabled(ready)
        self.run.setText(tr("Save and &run") if document.dirty else tr("&Run"))
        self.save.setEnabled(document.dirty or document.file is None)
        self.estimate.setEnabled(ready and not self.helper.running)
        measured = self.session.forecast if self._estimated is document.data else None
        shown = measured["totals"] if measured else self.session.plan
        text = totals(shown)
        if not ready and self.session.catalogue.methods:
            text = tr("To be mended first: %d") % len(problems)
        self.cost.setText(text)
        if self.session.forecast and not measured:
            self.told.setText(tr("This estimate is of an older state."))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Look anew whether the folder holds a run: it may have begun since."""
        self._stale = True
        super().showEvent(event)

    def _show_json(self, text: str) -> None:
        if self.json.toPlainText() == text:
            return
        bar = self.json.verticalScrollBar()
        at = bar.value()
        self.json.setPlainText(text)
        bar.setValue(at)

    def reveal(self, path: str) -> None:
        """Show the metric that a problem is in."""
        key, _, rest = path.partition("[")
        number = rest.partition("]")[0]
        if key == MetricsModel.KEY and number.isdigit():
            self.tabs.setCurrentWidget(self.metrics)
            self.metrics.reveal(int(number))

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
            self.told.setText(tr("Loading each model and timing a pass…"))

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
        """Save where that is needed, and ask for the run to be started."""
        if not self.run.isEnabled():
            return
        document = self.session.document
        if document.dirty or document.file is None:
            self.save_wanted.emit()
            if document.dirty or document.file is None:
                return
        model = self._model()
        resume = model.holds_run() and self.resume.isChecked()
        self.run_wanted.emit(model.folder(), model.arguments(resume=resume))
