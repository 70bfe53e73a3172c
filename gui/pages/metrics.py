"""The metrics on the run page: what is ticked judges every map; a form for the selected one's uses."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ..forms import Form
from ..language import tr
from ..models.metrics import MetricsModel
from ..models.problems import below, exactly, sentence
from ..session import Session
from ..theme import colour
from .page import column, labelled, scrolled

ROLE = Qt.ItemDataRole.UserRole


class Metrics(QWidget):
    """Ticks metrics, and edits what those in use are given."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.list = QListWidget()
        self.list.setAccessibleName(tr("Metrics"))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemChanged.connect(self._ticked)
        self.list.currentItemChanged.connect(lambda item, _: self._show())
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.list)
        parts.addWidget(self._sheet())
        parts.setSizes([260, 260])
        box = QVBoxLayout(self)
        box.addWidget(
            labelled(tr("How far to trust the maps: what is ticked judges each of them."), "quiet")
        )
        box.addWidget(parts, 1)

    def _sheet(self) -> QScrollArea:
        """Make the lower half: title, which use, its parameters, and the other keys of it."""
        self.title = labelled("", "heading")
        self.about = labelled("", "quiet")
        self.which = QComboBox()
        self.which.setAccessibleName(tr("Which use of the metric"))
        self.which.currentIndexChanged.connect(lambda _: self._show_use())
        self.wrong = labelled("", "wrong")
        self.form, self.more = Form(), Form()
        self.form.edited.connect(lambda key, value, typed: self._set(("with", key), value, typed))
        self.form.reset.connect(lambda key: self._reset(("with", key)))
        self.more_title = labelled(tr("This use of it"), "heading")
        self.more.edited.connect(lambda key, value, typed: self._set((key,), value, typed))
        self.more.reset.connect(lambda key: self._reset((key,)))
        self.use = column(self.which, self.wrong, self.form, self.more_title, self.more)
        whole = column(self.title, self.about, self.use, stretch=True)
        area = scrolled(whole)
        for widget in (area.viewport(), whole):
            widget.setAutoFillBackground(False)  # the tab's own shows through
        return area

    @property
    def name(self) -> str:
        """The selected metric; empty where none is."""
        item = self.list.currentItem()
        return str(item.data(ROLE)) if item is not None else ""

    @property
    def index(self) -> int:
        """The entry of "evaluate" that the form edits; -1 where there is none."""
        index = self.which.currentData()
        return -1 if index is None else int(index)

    def refresh(self) -> None:
        """Show the metrics there are, which are used, and the form of the selected one."""
        model = self._model()
        with QSignalBlocker(self.list):
            names = [self.list.item(row).data(ROLE) for row in range(self.list.count())]
            if names != [*model.entries]:
                self._fill(model)
            for row in range(self.list.count()):
                self._show_item(self.list.item(row), model)
        self._show()

    def _fill(self, model: MetricsModel) -> None:
        name = self.name
        self.list.clear()
        for metric, entry in model.entries.items():
            item = QListWidgetItem()
            item.setData(ROLE, metric)
            item.setToolTip(model.told(entry))
            flags = item.flags() | Qt.ItemFlag.ItemIsUserCheckable
            if model.unfit(entry):
                flags &= ~Qt.ItemFlag.ItemIsEnabled
            item.setFlags(flags)
            self.list.addItem(item)
        self.select(name)

    def _show_item(self, item: QListWidgetItem, model: MetricsModel) -> None:
        name = item.data(ROLE)
        places = model.places(name)
        problems = self.session.problems
        wrong = any(below(problems, model.KEY, index) for index in places)
        text = f"{name}: {model.entries[name].summary}"
        item.setText(f"⚠ {text}" if wrong else text)
        item.setForeground(colour("wrong" if wrong else "Text"))
        item.setCheckState(Qt.CheckState.Checked if places else Qt.CheckState.Unchecked)

    def select(self, name: str) -> None:
        """Select a metric."""
        for row in range(self.list.count()):
            if self.list.item(row).data(ROLE) == name:
                self.list.setCurrentRow(row)

    def reveal(self, index: int) -> None:
        """Select an entry of "evaluate"."""
        for name in self._model().entries:
            if index in self._model().places(name):
                self.select(name)
                self.which.setCurrentIndex(self.which.findData(index))

    def _show(self) -> None:
        """Show the selected metric, and the uses it has."""
        model, name = self._model(), self.name
        entry, places = model.entries.get(name), model.places(name)
        self.title.setText(name)
        self.about.setText(model.told(entry) if entry else tr("Select a metric to read of it."))
        with QSignalBlocker(self.which):
            row = self.which.currentIndex()
            self.which.clear()
            for index, title in places.items():
                self.which.addItem(title, index)
            self.which.setCurrentIndex(max(0, min(row, len(places) - 1)) if places else -1)
        self.which.setVisible(len(places) > 1)
        self._show_use()

    def _show_use(self) -> None:
        index, model, problems = self.index, self._model(), self.session.problems
        self.use.setVisible(index >= 0)
        if index < 0:
            return
        key, given = model.KEY, self.session.document.part(model.KEY, index)
        here = exactly(problems, key, index) + exactly(problems, key, index, "use")
        self.wrong.setText("\n".join(map(sentence, here)))
        self.wrong.setVisible(bool(here))
        self.form.set_fields(model.fields(index))
        self.form.refresh(given.get("with"), lambda name: below(problems, key, index, "with", name))
        self.form.setVisible(bool(self.form.fields))
        self.more.set_fields(model.more(index))
        self.more.refresh(given, lambda name: below(problems, key, index, name))

    def _model(self) -> MetricsModel:
        return MetricsModel(self.session.document, self.session.catalogue)

    def _ticked(self, item: QListWidgetItem) -> None:
        self.list.setCurrentItem(item)
        self._model().choose(item.data(ROLE), item.checkState() == Qt.CheckState.Checked)

    def _set(self, keys: tuple[str, ...], value: object, typed: bool) -> None:
        self._model().set(self.index, keys, value, typing=typed)

    def _reset(self, keys: tuple[str, ...]) -> None:
        self._model().reset(self.index, keys)
