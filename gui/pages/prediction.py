"""What a model predicts of an image: the class, its scores, and the target's mask over the image."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..document import Place
from ..helpers import Helper
from ..language import tr
from ..models.images import ImagesModel
from ..models.network import NetworkModel
from ..models.target import TargetModel
from ..session import Session
from .page import button, column, labelled
from .slices import Slices


class Prediction(QWidget):
    """Lets a model see an image, in a helper process, and shows what it says."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._level: Place = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._parts())
        self.helper = Helper(self)
        self.helper.answered.connect(self._predicted)
        self.helper.failed.connect(self._failed)
        self.helper.busy.connect(self._busy)

    def _parts(self) -> QWidget:
        self.model = QComboBox()
        self.model.setAccessibleName(tr("Model"))
        self.model.activated.connect(lambda _: self._list_images())
        self.image = QComboBox()
        self.image.setAccessibleName(tr("Image"))
        self.predict = button(tr("&Predict"), tr("Let the model see the image"))
        self.predict.clicked.connect(self.start_prediction)
        row = QHBoxLayout()
        for widget in (self.model, self.image):
            widget.setMinimumContentsLength(10)
            row.addWidget(widget, 1)
        row.addWidget(self.predict)
        self.told = labelled(
            tr("A prediction shows the class, its score, and the mask over the image."),
            "quiet",
        )
        self.told.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.best = QTreeWidget()
        self.best.setAccessibleName(tr("Scores"))
        self.best.setHeaderLabels([tr("Class"), tr("Score")])
        self.best.setRootIsDecorated(False)
        self.best.itemActivated.connect(lambda item: self._model().set_class(item.text(0)))
        self.best.setToolTip(tr("Enter or a double click takes a class as the target"))
        self.slices = Slices()
        return column(self.told, self.best, self.slices, head=row)

    def _model(self) -> TargetModel:
        return TargetModel(self.session.document, self.session.catalogue, self._level)

    def show_models(self, level: Place) -> None:
        """Offer the models and their images; `level` is what the target is for."""
        self._level = level
        titles = NetworkModel(self.session.document).titles()
        index = max(self.model.currentIndex(), 0)
        with QSignalBlocker(self.model):
            self.model.clear()
            self.model.addItems(titles)
            index = int(level[1]) if level[:1] == ("models",) else index
            self.model.setCurrentIndex(min(index, len(titles) - 1))
        self._list_images()

    def _list_images(self) -> None:
        titles = ImagesModel(self.session.document).titles()
        fitting = self._model().images_for(max(self.model.currentIndex(), 0))
        chosen = self.image.currentData()
        with QSignalBlocker(self.image):
            self.image.clear()
            for index in fitting:
                self.image.addItem(titles[index], index)
            self.image.setCurrentIndex(max(self.image.findData(chosen), 0) if fitting else -1)
        ready = self.model.currentIndex() >= 0 and self.image.currentIndex() >= 0
        self.predict.setEnabled(ready and not self.helper.running)

    def start_prediction(self) -> None:
        """Let the model see the image, in a helper process."""
        model, image = self.model.currentIndex(), self.image.currentData()
        if model >= 0 and image is not None:
            folder = self.session.scratch("prediction")
            self.helper.start(
                ["inspect", "prediction"], self._model().request(model, image, folder)
            )

    def _busy(self, busy: bool) -> None:
        self.predict.setEnabled(not busy)
        if busy:
            self._say(tr("Loading the model and the image…"), "quiet")

    def _say(self, text: str, role: str) -> None:
        self.told.setProperty("role", role)
        self.told.style().unpolish(self.told)
        self.told.style().polish(self.told)
        self.told.setText(text)

    def _predicted(self, answer: dict[str, Any]) -> None:
        text = tr("Explained: %s, score %s") % (answer["class"], f"{answer['score']:.5g}")
        if answer["voxels"] is not None:
            text += " · " + tr("mask of %s voxels") % f"{answer['voxels']:,}"
        more = answer["classes"] - len(answer["best"])
        text += " · " + tr("%d more classes") % more if more > 0 else ""
        self._say(text, "good")
        self.best.setMaximumHeight(32 + 20 * min(len(answer["best"]), 8))
        self.best.clear()
        for one in answer["best"]:
            item = QTreeWidgetItem([one["name"], f"{one['score']:.5g}"])
            font = item.font(0)
            font.setBold(one["index"] == answer["index"])
            item.setFont(0, font)
            self.best.addTopLevelItem(item)
        title = f"{answer['image']} · {answer['model']}"
        self.slices.show_image(answer["file"], title, answer["mask"])

    def _failed(self, reason: str) -> None:
        self.best.clear()
        self.slices.clear()
        self._say(reason, "wrong")

    def clear(self) -> None:
        """Forget what was predicted."""
        self.helper.stop()
        self.best.clear()
        self.slices.clear()
