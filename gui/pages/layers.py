"""The layer picker: layers of the checked models to tick, and a line for names and patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from ..language import tr
from ..models.network import Layer, size_of, tree_of
from .page import labelled

NAME = Qt.ItemDataRole.UserRole


class Ticks(QTreeWidget):
    """A tree whose first column has boxes; the space bar ticks wherever in a row one has clicked."""

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Go to the column with the box first."""
        item = self.currentItem()
        if event.key() == Qt.Key.Key_Space and item is not None:
            self.setCurrentItem(item, 0)
        super().keyPressEvent(event)


class LayerPicker(QWidget):
    """Picks layers; tells the whole list when it changes, and whether it was typed."""

    picked = Signal(list, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLineEdit()
        self.line.setPlaceholderText(tr("auto, a name, or a pattern such as decoder.*"))
        self.line.setAccessibleName(tr("Layers"))
        self.line.setToolTip(
            tr("Names or patterns, with commas between; “auto” is the last with a grid")
        )
        self.line.textEdited.connect(lambda text: self.picked.emit(_names(text), True))
        self.wrong = labelled("", "wrong")
        self.wrong.hide()
        self.tree = Ticks()
        self.tree.setAccessibleName(tr("Layers of the model"))
        self.tree.setHeaderLabels([tr("Layer"), tr("Kind"), tr("Output"), tr("Map's grid")])
        self.tree.setUniformRowHeights(True)
        self.tree.setMinimumHeight(190)
        for index, width in enumerate((230, 130, 150)):
            self.tree.setColumnWidth(index, width)
        self.tree.itemChanged.connect(self._ticked)
        self.hint = labelled(
            tr("Check the model on the first page to pick from its layers here."), "quiet"
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for widget in (self.line, self.wrong, self.hint, self.tree):
            column.addWidget(widget)
        self._chosen: list[str] = []
        self._layers: object = None

    def show_layers(
        self, layers: Sequence[dict[str, Any]], chosen: Sequence[str], wrong: str = ""
    ) -> None:
        """Show what there is to pick, what is picked, and what is wrong with it."""
        self._chosen = list(chosen)
        if _names(self.line.text()) != self._chosen:
            self.line.setText(", ".join(chosen))
        self.wrong.setText(wrong)
        self.wrong.setVisible(bool(wrong))
        self.tree.setVisible(bool(layers))
        self.hint.setVisible(not layers)
        with QSignalBlocker(self.tree):
            if self._layers is not layers:
                self._layers = layers
                self.tree.clear()
                self.tree.addTopLevelItems([layer_item(layer) for layer in tree_of(list(layers))])
                self.tree.expandToDepth(0)
            for item in items(self.tree):
                ticked = item.data(0, NAME) in self._chosen
                if item.flags() & Qt.ItemFlag.ItemIsUserCheckable:
                    item.setCheckState(
                        0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
                    )

    def _ticked(self, item: QTreeWidgetItem, column: int) -> None:
        name, ticked = item.data(0, NAME), item.checkState(0) == Qt.CheckState.Checked
        rest = [one for one in self._chosen if one not in (name, *(["auto"] if ticked else []))]
        self.picked.emit([*rest, name] if ticked else rest, False)


def items(tree: QTreeWidget) -> list[QTreeWidgetItem]:
    """Give every item of a tree."""
    found = tops(tree)
    for item in found:
        found += children(item)
    return found


def tops(tree: QTreeWidget) -> list[QTreeWidgetItem]:
    """Give the items of a tree that are in no other."""
    found = (tree.topLevelItem(index) for index in range(tree.topLevelItemCount()))
    return [item for item in found if item is not None]


def children(item: QTreeWidgetItem) -> list[QTreeWidgetItem]:
    """Give the items in an item."""
    found = (item.child(index) for index in range(item.childCount()))
    return [child for child in found if child is not None]


def layer_item(layer: Layer, *, parameters: bool = False) -> QTreeWidgetItem:
    """Make the item of a layer, to be ticked, or with its parameters."""
    facts = layer.facts
    shape, grid = size_of(facts.get("shape")), size_of(facts.get("grid"))
    label = f"{layer.name}  (auto)" if facts.get("auto") else layer.name
    last = f"{facts['parameters']:,}" if parameters and facts else grid
    item = QTreeWidgetItem([label, str(facts.get("kind", "")), shape, last])
    item.setToolTip(0, layer.name)
    calls = int(facts.get("calls") or 1)
    item.setData(0, NAME, layer.name if calls == 1 else f"{layer.name}#{calls}")
    # A layer without a grid makes no map over the image; its inner layers may.
    fits = facts and (facts.get("grid") or facts.get("shape") is None)
    if not fits or parameters:
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsUserCheckable)
    item.addChildren([layer_item(inner, parameters=parameters) for inner in layer.inner])
    return item


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
