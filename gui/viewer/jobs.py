"""The left side: which image, model and class, and which methods side by side."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from esegeta.report.reading import Job

from ..language import tr
from ..theme import colour
from .choice import MOST, key_of, title, why
from .stage import Stage

SIGNS = {"done": "", "failed": "✗ ", "timed out": "✗ ", "pending": "… "}
ROLE = Qt.ItemDataRole.UserRole


class Jobs(QWidget):
    """Chooses what is on the stage.

    Signals
    -------
    said : str, str
        A message, and its kind.
    """

    said = Signal(str, str)

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.name = QLabel()
        self.name.setProperty("role", "heading")
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.parts: dict[str, QComboBox] = {}
        form = QFormLayout()
        form.setSpacing(4)
        names = {
            "image": tr("&Image"),
            "model": tr("M&odel"),
            "target": tr("Cl&ass"),
            "layer": tr("La&yer"),
        }
        for part, text in names.items():
            combo = QComboBox()
            combo.setAccessibleName(text.replace("&", ""))
            combo.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            combo.textActivated.connect(lambda value, p=part: self._turned(p, value))
            form.addRow(text, combo)
            self.parts[part] = combo
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Methods"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setToolTip(
            tr("Click or Enter: this one alone. Tick or Space: side by side, up to %d.") % MOST
        )
        self.list.itemChanged.connect(self._ticked)
        self.list.itemClicked.connect(self._clicked)
        self.list.itemActivated.connect(self._alone)
        note = QLabel(tr("⚑ flagged by a check\n✗ failed   … not run yet"))
        note.setProperty("role", "quiet")
        note.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(5)
        column.addWidget(self.name)
        column.addLayout(form)
        column.addWidget(self.list, 1)
        column.addWidget(note)
        self._ticking = False

    def sizeHint(self) -> QSize:  # noqa: N802
        """Ask for room for a method's name and its layer."""
        return QSize(215, 400)

    def renew(self, active: str) -> None:
        """Show what there is to choose, and what is chosen; layers are those of the active job."""
        choice = self.stage.choice
        if choice is None:
            return
        self.name.setText(choice.run.name)
        self.name.setToolTip(str(choice.folder))
        for part in ("image", "model", "target"):
            current = str(getattr(choice.group, part)) if choice.group else ""
            _offer(self.parts[part], choice.values(part), current)
        self.parts["layer"].setProperty("job", active)
        job = self.job(active)
        layers = choice.layers(job) if job else []
        _offer(self.parts["layer"], layers, (job.layer or "") if job else "")
        self._list(choice.jobs, set(choice.keys))

    def _list(self, jobs: list[Job], keys: set[tuple[str, str | None]]) -> None:
        with QSignalBlocker(self.list):
            names = [self.list.item(row).data(ROLE) for row in range(self.list.count())]
            if names != [job.id for job in jobs]:
                self.list.clear()
                for job in jobs:
                    item = QListWidgetItem()
                    item.setData(ROLE, job.id)
                    self.list.addItem(item)
            for row, job in enumerate(jobs):
                item = self.list.item(row)
                sign = "⚑ " if job.flagged else SIGNS[job.state]
                item.setText(sign + title(job))
                item.setToolTip(
                    str(job.result.get("summary") or "") if job.state == "done" else why(job)
                )
                failed = job.state in ("failed", "timed out")
                item.setForeground(
                    colour("wrong" if failed else "quiet" if job.state == "pending" else "Text")
                )
                ticked = key_of(job) in keys
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def job(self, job_id: str) -> Job | None:
        """Find a job of the group by its id."""
        jobs = self.stage.choice.jobs if self.stage.choice else []
        return next((job for job in jobs if job.id == job_id), None)

    def _turned(self, part: str, value: str) -> None:
        choice = self.stage.choice
        assert choice is not None
        if part == "layer":
            job = self.job(str(self.parts["layer"].property("job")))
            if job is not None:
                choice.at_layer(job, value)
        else:
            choice.turn_to(part, value)
        self.stage.show()

    def _ticked(self, item: QListWidgetItem) -> None:
        job, choice = self.job(item.data(ROLE)), self.stage.choice
        self._ticking = True
        # A click on the box is told as a click as well, at once; what comes later is another.
        QTimer.singleShot(0, self._ticked_all)
        if job is not None and choice is not None:
            if not choice.toggle(job):
                self.said.emit(tr("Six maps stand side by side; untick one first."), "note")
            self.stage.show()

    def _clicked(self, item: QListWidgetItem) -> None:
        if not self._ticking:
            self._alone(item)

    def _ticked_all(self) -> None:
        self._ticking = False

    def _alone(self, item: QListWidgetItem) -> None:
        job, choice = self.job(item.data(ROLE)), self.stage.choice
        if job is not None and choice is not None:
            choice.only(job)
            self.stage.show()


def _offer(combo: QComboBox, texts: list[str], current: str) -> None:
    with QSignalBlocker(combo):
        if [combo.itemText(i) for i in range(combo.count())] != texts:
            combo.clear()
            combo.addItems(texts)
        combo.setCurrentText(current)
        combo.setToolTip(current)
        combo.setEnabled(len(texts) > 1)
