"""The pages, with keyboard and mouse; configs are checked by the framework itself."""

import numpy as np
import pytest
from esegeta.gui.document import Document
from esegeta.gui.pages.layers import items
from paging import answer, page_of
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from esegeta.runs import inspection

# Model


def test_a_network_is_typed_in_from_nothing(qtbot, window, small):
    window.session.document.base = small.parent
    page = page_of(window, "model")
    assert page.empty.isVisible()
    qtbot.mouseClick(page.entries.buttons["add"], Qt.MouseButton.LeftButton)
    qtbot.keyClicks(page.file, "net.py")
    assert [page.callee.itemText(i) for i in range(page.callee.count())] == [
        "Block",
        "Net",
        "helper",
    ]
    qtbot.keyClicks(page.callee.line, "Net")
    assert [f.key for f in page.arguments.fields] == ["width", "scale", "name", "sizes"]
    qtbot.keyClicks(page.arguments.editor("width"), "6")
    assert window.session.document.data["models"] == [
        {"task": "classification", "factory": "net.py:Net", "arguments": {"width": 6}}
    ]


def test_a_missing_file_is_told_at_once(opened):
    page = page_of(opened, "model")
    page.form.editor("weights").edited.emit("gone.safetensors", True)
    assert "no such file" in page.form.problem("weights")
    opened.undo()
    assert page.form.problem("weights") == ""


def test_a_check_shows_layers_shapes_and_parameters(opened):
    page = page_of(opened, "model")
    page._asked = opened.session.model_key(0)
    answer(page, inspection.model, page._model().request(0))
    assert page.found.text() == "Net · 42 parameters · 2D · input channels: 1"
    assert [i.text(0) for i in items(page.tree)] == ["conv  (auto)", "head"]
    assert items(page.tree)[0].text(2) == "1 × 3 × 8 × 8"
    # Another width is another network: what was found is of no more use.
    page.arguments.editor("width").edited.emit(5, False)
    assert items(page.tree) == []
    opened.undo()
    assert len(items(page.tree)) == 2


def test_a_check_that_fails_says_why(opened):
    page = page_of(opened, "model")
    page.helper.failed.emit("Model 'Net': it exploded")
    assert page.found.text() == "Model 'Net': it exploded"
    assert page.found.property("role") == "wrong"


def test_a_network_that_does_not_take_the_image_shows_layers_and_the_reason(opened, small):
    np.save(small.parent / "square.npy", np.zeros((4, 4, 4), dtype="float32"))
    page = page_of(opened, "model")
    page._asked = opened.session.model_key(0)
    answer(page, inspection.model, page._model().request(0))
    assert "is 2D" in page.found.text()
    assert len(items(page.tree)) == 2


def test_500_layers_are_shown(opened):
    page = page_of(opened, "model")
    layers = [
        {"name": f"a.{i}", "kind": "Conv2d", "shape": [1, 2], "parameters": 1} for i in range(500)
    ]
    found = {
        "kind": "N",
        "parameters": 1,
        "ndim": None,
        "channels": None,
        "error": None,
        "ran": True,
    }
    page._asked = opened.session.model_key(0)
    page.helper.answered.emit({**found, "layers": layers})
    assert len(items(page.tree)) == 501


def test_a_model_is_removed_with_the_delete_key(qtbot, opened):
    page = page_of(opened, "model")
    qtbot.keyClick(page.entries, Qt.Key.Key_Delete)
    assert opened.session.document.data["models"] == []
    assert page.empty.isVisible()


# Images


def test_images_are_dropped_and_previewed(opened, small, monkeypatch):
    page, asked = page_of(opened, "images"), []
    monkeypatch.setattr(page.helper, "start", lambda *a, **k: asked.append(a))
    np.save(small.parent / "other.npy", np.zeros((8, 8), dtype="float32"))
    drop(opened, small.parent / "other.npy")
    assert opened.session.document.data["images"] == [{"path": "square.npy"}, {"path": "other.npy"}]
    assert page.entries.current == 1
    (arguments, request) = asked[-1]
    assert arguments == ["inspect", "image"]
    answer(page, inspection.image, request)
    assert page.before.values.shape == (1, 8, 8)
    assert page.before.title.text() == "As in the file · 8 × 8 · 0 … 0"


def drop(widget, *paths):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    widget.dropEvent(event)


def test_an_empty_folder_is_told_of(opened, tmp_path):
    (tmp_path / "nothing").mkdir()
    page_of(opened, "images")
    drop(opened, tmp_path / "nothing")
    assert "holds no image" in opened.banner.label.text()
    assert opened.banner.isVisible()
    assert len(opened.session.document.data["images"]) == 1


def test_preprocessing_is_edited_and_seen_before_and_after(opened, small):
    page = page_of(opened, "images")
    page.details.setCurrentIndex(1)
    page.steps.add("RescaleIntensity")
    page.steps.form.editor("out_min_max").edited.emit([0, 5], True)
    assert opened.session.document.data["preprocess"] == [
        {"use": "RescaleIntensity", "with": {"out_min_max": [0, 5]}}
    ]
    assert opened.session.problems == []
    answer(page, inspection.image, page._model().request(0, opened.session.scratch("preview")))
    assert float(page.after.values.max()) == 5
    assert float(page.before.values.max()) == 1
    page.steps.form.editor("out_min_max").edited.emit("wide", True)
    assert "does not fit" in page.steps.form.problem("out_min_max")


def test_an_image_that_cannot_be_prepared_is_still_shown(opened):
    page = page_of(opened, "images")
    page.steps.add("ToOrientation")
    opened.session.document.set(
        ("preprocess",), [{"use": "CropOrPad", "with": {"target_shape": 0}}]
    )
    opened.session.document.set(
        ("preprocess",), [{"use": "Mask", "with": {"masking_method": "label"}}]
    )
    answer(page, inspection.image, page._model().request(0, opened.session.scratch("preview")))
    assert page.before.values is not None
    assert page.after.values is None
    assert "label" in page.after.title.text()


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((1, 1), dtype="float32"),
        np.zeros((1, 1, 1), dtype="float32"),
        np.full((4, 4, 4), np.nan, dtype="float32"),
    ],
)
def test_degenerate_images_are_previewed(qtbot, opened, small, values):
    np.save(small.parent / "square.npy", values)
    page = page_of(opened, "images")
    answer(page, inspection.image, page._model().request(0, opened.session.scratch("preview")))
    assert page.before.planes[0].isVisible()
    assert not page.before.planes[0].grab().isNull()
    if values.ndim == 3:
        for one in page.before.planes:
            qtbot.keyClick(one, Qt.Key.Key_Up)
            qtbot.mouseClick(one, Qt.MouseButton.LeftButton, pos=QPoint(3, 3))
    if np.isnan(values).any():
        assert "64 values are no numbers" in page.before.title.text()


def test_a_click_in_one_plane_turns_the_others(qtbot, opened, small):
    np.save(small.parent / "square.npy", np.zeros((6, 8, 10), dtype="float32"))
    page = page_of(opened, "images")
    answer(page, inspection.image, page._model().request(0, opened.session.scratch("preview")))
    page.before.go(0, 0.0, 0.0)
    assert page.before.at == [3, 0, 9]
    qtbot.keyClick(page.before.planes[1], Qt.Key.Key_PageDown)
    assert page.before.at == [3, 0, 9]
    qtbot.keyClick(page.before.planes[2], Qt.Key.Key_Down)
    assert page.before.at == [3, 0, 8]
    page.before.width_.setValue(10)
    assert page.before.window_.width < page.before._full.width


# Target


def test_a_class_is_picked_by_name(qtbot, opened):
    page = page_of(opened, "target")
    names = [page.klass.itemText(i) for i in range(page.klass.count())]
    assert names == ["predicted", "cat", "dog", "7"]
    page.klass.line.selectAll()
    qtbot.keyClicks(page.klass.line, "dgo")
    assert opened.session.document.data["target"] == {"class": "dgo"}
    assert "did you mean 'dog'" in page.wrong["class"].text()
    page.klass.setCurrentIndex(2)
    page.klass.textActivated.emit("dog")
    assert opened.session.document.data["target"] == {"class": "dog"}
    assert not page.wrong["class"].isVisible()


def test_1000_classes_are_offered(opened):
    page = page_of(opened, "target")
    names = [f"class {i}" for i in range(1000)]
    opened.session.document.set(("models", 0, "classes"), names)
    assert page.klass.count() == 1001


def test_wrapper_mask_and_patches_of_a_segmentation(opened):
    opened.session.document.set(("models", 0, "task"), "segmentation")
    page = page_of(opened, "target")
    page.wrapper.setCurrentIndex(page.wrapper.findData("otsu"))
    page.wrapper.activated.emit(page.wrapper.currentIndex())
    page.mask_.setCurrentText("box")
    page.mask_.activated.emit(0)
    page.numbers.setText("0 to 4, 0 to 4")
    page.numbers.textEdited.emit(page.numbers.text())
    page.patches.editor("size").edited.emit(4, True)
    assert opened.session.document.data["target"] == {
        "wrapper": "otsu",
        "mask": {"box": [[0, 4], [0, 4]]},
        "patches": {"size": 4},
    }
    assert page.wrong["mask"].text() == ""
    page.patches.reset.emit("size")
    assert "patches" not in opened.session.document.data["target"]


def test_a_prediction_names_class_and_score_and_a_class_can_be_taken(opened):
    page = page_of(opened, "target")
    request = page._model().request(0, 0, opened.session.scratch("prediction"))
    answer(page.prediction, inspection.prediction, request)
    assert page.prediction.told.text().startswith("Explained: ")
    assert page.prediction.best.topLevelItemCount() == 3
    assert page.prediction.slices.values is not None
    second = page.prediction.best.topLevelItem(1)
    page.prediction.best.itemActivated.emit(second, 0)
    assert opened.session.document.data["target"]["class"] == second.text(0)


def test_a_mask_is_drawn_over_a_volume(window, tmp_path):
    window.session.replace(Document.open("demo"))
    page = page_of(window, "target")
    request = page._model().request(0, 0, window.session.scratch("prediction"))
    answer(page.prediction, inspection.prediction, request)
    assert "mask of " in page.prediction.told.text()
    assert page.prediction.slices.over.sum() > 100
    assert all(one.isVisible() for one in page.prediction.slices.planes)
