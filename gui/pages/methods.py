"""The methods page: a searchable tree by family, presets, and what each method needs and costs."""

from __future__ import annotations

import html

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSplitter,
    QTextBrowser,
    QTreeWidgetItem,
)

from esegeta.units import duration

from ..language import tr
from ..models.catalogue import Entry
from ..models.methods import MethodsModel, Pace, pace_of
from ..session import Session
from ..theme import colour
from .layers import Ticks, children, tops
from .page import Page, button, labelled

NAME = Qt.ItemDataRole.UserRole


class MethodsPage(Page):
    """Chooses methods.

    Signals
    -------
    estimate_wanted :
        The time of a pass is to be measured.
    """

    estimate_wanted = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(
            session,
            tr("Methods"),
            tr("Tick what is to be made. Each method's parameters come on the next page."),
        )
        self.search = QLineEdit(clearButtonEnabled=True)
        self.search.setPlaceholderText(tr("Search: a name, a library, a paper, “layer”…"))
        self.search.setAccessibleName(tr("Search methods"))
        self.search.textChanged.connect(self._search)
        quick = button(tr("&Quick look"), tr("Four methods that share a pass"))
        quick.clicked.connect(lambda: self._preset("quick"))
        thorough = button(tr("&Thorough"), tr("Also paths, occlusion and random masks"))
        thorough.clicked.connect(lambda: self._preset("thorough"))
        none = button(tr("N&one"), tr("Take all methods away"))
        none.clicked.connect(lambda: session.document.set(("methods",), []))
        self.chosen = labelled("", "quiet")
        self.chosen.setWordWrap(False)
        self.time = button(
            tr("T&ime"), tr("Time a pass of each model, and tell how long methods take")
        )
        self.time.clicked.connect(self.estimate_wanted)
        row = QHBoxLayout()
        row.addWidget(self.search, 1)
        for widget in (quick, thorough, none, self.time, self.chosen):
            row.addWidget(widget)
        self.body.addLayout(row)
        self.tree = Ticks()
        self.tree.setAccessibleName(tr("Methods"))
        self.tree.setHeaderLabels(
            [
                tr("Method"),
                tr("What it shows"),
                tr("Needs"),
                tr("Passes"),
                tr("Time"),
            ]
        )
        self.tree.headerItem().setToolTip(
            3, tr("Images passed forward (F) and backward (B), with default parameters")
        )
        self.tree.setUniformRowHeights(True)
        self.tree.setAlternatingRowColors(True)
        header = self.tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for index, width in ((0, 285), (2, 130), (3, 120), (4, 80)):
            self.tree.setColumnWidth(index, width)
        self.tree.itemChanged.connect(self._ticked)
        self.tree.currentItemChanged.connect(lambda item, _: self._describe(item))
        self.about = QTextBrowser(openExternalLinks=True)
        self.about.setAccessibleName(tr("About the method"))
        parts = QSplitter(Qt.Orientation.Vertical)
        parts.addWidget(self.tree)
        parts.addWidget(self.about)
        parts.setSizes([420, 130])
        parts.setStretchFactor(0, 1)
        self.body.addWidget(parts, 1)
        self._items: dict[str, QTreeWidgetItem] = {}
        self._shown: object = None

    def _model(self) -> MethodsModel:
        return MethodsModel(self.session.document, self.session.catalogue)

    def refresh(self) -> None:
        """Show the methods there are, and which are chosen."""
        if self._shown is not self.session.catalogue:
            self._fill()
        model, pace = self._model(), pace_of(self.session.forecast or {})
        uses = model.uses
        ready = self.session.plan is not None and not self.session.problems
        self.time.setEnabled(ready)
        with QSignalBlocker(self.tree):
            for name, item in self._items.items():
                self._show(item, model, self.session.catalogue.methods[name], uses, pace)
        lost = [name for name in uses if name not in self._items]
        text = tr("%d chosen") % len(set(uses))
        unknown = tr("%s; unknown: %s") % (text, ", ".join(lost))
        self.chosen.setText(unknown if lost else text)

    def _fill(self) -> None:
        self._shown = self.session.catalogue
        self._items = {}
        current = self.tree.currentItem()
        name = current.data(0, NAME) if current else None
        with QSignalBlocker(self.tree):
            self.tree.clear()
            for title, entries in self._model().groups().items():
                family = QTreeWidgetItem([f"{title} ({len(entries)})"])
                font = family.font(0)
                font.setBold(True)
                family.setFont(0, font)
                family.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.tree.addTopLevelItem(family)
                family.setFirstColumnSpanned(True)
                family.setExpanded(True)
                for entry in entries:
                    item = QTreeWidgetItem([entry.name, entry.summary])
                    item.setData(0, NAME, entry.name)
                    item.setToolTip(1, entry.summary)
                    family.addChild(item)
                    self._items[entry.name] = item
        if name in self._items:
            self.tree.setCurrentItem(self._items[name])
        if not self._items:
            waits = tr("Reading the plug-ins…")
            self.about.setPlainText(self.session.lost or waits)
        else:
            self._describe(self.tree.currentItem())
        self._search(self.search.text())

    def _show(
        self,
        item: QTreeWidgetItem,
        model: MethodsModel,
        entry: Entry,
        uses: list[str],
        pace: Pace | None,
    ) -> None:
        unfit = model.unfit(entry, self._ndim())
        seconds = pace.seconds(entry) if pace else None
        used = entry.name in uses
        flags = Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEnabled
        if used or not unfit:
            item.setFlags(flags | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(0, Qt.CheckState.Checked if used else Qt.CheckState.Unchecked)
        else:  # without a box to tick; it can still be read about
            item.setFlags(flags)
            item.setData(0, Qt.ItemDataRole.CheckStateRole, None)
        item.setForeground(0, colour("PlaceholderText" if unfit else "Text"))
        item.setText(2, unfit.partition(" → ")[0] if unfit else ", ".join(entry.needs))
        item.setToolTip(2, unfit or ", ".join(entry.needs))
        item.setForeground(2, colour("wrong" if unfit else "Text"))
        item.setText(3, "" if entry.lost else entry.cost)
        item.setText(4, "" if seconds is None else duration(seconds))

    def _ndim(self) -> int | None:
        """Give 2 or 3 where every checked model takes the same."""
        number = len(self.session.document.entries("models"))
        checked = [self.session.models.get(self.session.model_key(i)) for i in range(number)]
        found = {facts.get("ndim") if facts else None for facts in checked}
        return found.pop() if len(found) == 1 else None

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        name = item.data(0, NAME)
        if name is not None and column == 0:
            self._model().choose(name, item.checkState(0) == Qt.CheckState.Checked)

    def _preset(self, name: str) -> None:
        self._model().preset(name)

    def _search(self, text: str) -> None:
        found = self._model().groups(text)
        names = {entry.name for entries in found.values() for entry in entries}
        for name, item in self._items.items():
            item.setHidden(name not in names)
        for family in tops(self.tree):
            hidden = [child.isHidden() for child in children(family)]
            family.setHidden(bool(text) and all(hidden))

    def _describe(self, item: QTreeWidgetItem | None) -> None:
        name = item.data(0, NAME) if item is not None else None
        entry = self.session.catalogue.methods.get(name or "")
        if entry is None:
            self.about.setPlainText(tr("Select a method to read what it does."))
            return
        unfit = self._model().unfit(entry, self._ndim())
        parts = [f"<b>{html.escape(entry.name)}</b> — {html.escape(entry.paper or entry.origin)}"]
        parts += [
            f"<span style='color:{colour('wrong').name()}'>{html.escape(unfit)}</span>"
        ] * bool(unfit)
        parts += [html.escape(p).replace("\n", " ") for p in entry.doc.split("\n\n") if p]
        parts.append(f"<i>{html.escape(entry.source)}</i>")
        self.about.setHtml("".join(f"<p style='margin:4px 0'>{part}</p>" for part in parts))
