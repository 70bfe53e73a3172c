"""The list of metrics on the run page; what is ticked judges every map."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ..language import tr
from ..models.metrics import MetricsModel
from ..session import Session
from .page import labelled

ROLE = Qt.ItemDataRole.UserRole


class Metrics(QWidget):
    """Ticks metrics."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Metrics"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemChanged.connect(self._ticked)
        box = QVBoxLayout(self)
        box.addWidget(
            labelled(tr("How far to trust the maps: what is ticked judges each of them."), "quiet")
        )
        box.addWidget(self.list, 1)

    def refresh(self) -> None:
        """Show the metrics there are, and which are used."""
        model = self._model()
        with QSignalBlocker(self.list):
            names = [self.list.item(row).data(ROLE) for row in range(self.list.count())]
            if names != [*model.entries]:
                self._fill(model)
            for row in range(self.list.count()):
                item = self.list.item(row)
                used = item.data(ROLE) in model.uses
                item.setCheckState(Qt.CheckState.Checked if used else Qt.CheckState.Unchecked)

    def _fill(self, model: MetricsModel) -> None:
        self.list.clear()
        for name, entry in model.entries.items():
            item = QListWidgetItem(f"{name}: {entry.summary}")
            item.setData(ROLE, name)
            item.setToolTip(model.told(entry))
            flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
            if model.unfit(entry):
                flags &= ~Qt.ItemFlag.ItemIsEnabled
            item.setFlags(flags)
            self.list.addItem(item)

    def _model(self) -> MetricsModel:
        return MetricsModel(self.session.document, self.session.catalogue)

    def _ticked(self, item: QListWidgetItem) -> None:
        self._model().choose(item.data(ROLE), item.checkState() == Qt.CheckState.Checked)
