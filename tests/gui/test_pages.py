"""The pages, with keyboard and mouse; configs are checked by the framework itself."""

import json

import numpy as np
import pytest
from esegeta.gui.document import Document
from esegeta.gui.models.catalogue import Catalogue
from esegeta.gui.pages.layers import items
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent

from esegeta.runs import inspection


@pytest.fixture
def opened(window, small):
    window.files.load(small)
    return window


def page_of(window, name):
    window.go(name)
    return window.pages[name]


def methods(window):
    return window.session.document.data["methods"]


def answer(page, look, request):
    """Let a page have what its helper process would answer, made in this process."""
    page.helper.answered.emit(json.loads(json.dumps(look(request))))


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


# Methods


def test_methods_are_searched_and_ticked_by_keyboard(qtbot, opened):
    page = page_of(opened, "methods")
    qtbot.keyClicks(page.search, "grad cam")
    shown = {name for name, item in page._items.items() if not item.isHidden()}
    assert "grad_cam" in shown
    assert "rise" not in shown
    page.tree.setCurrentItem(page._items["grad_cam"])
    qtbot.keyClick(page.tree, Qt.Key.Key_Space)
    assert methods(opened)[-1] == {"use": "grad_cam", "layers": ["auto"]}
    assert page.chosen.text() == "3 chosen"
    assert "Selvaraju" in page.about.toPlainText()
    qtbot.keyClick(page.tree, Qt.Key.Key_Space)
    assert len(methods(opened)) == 2
    opened.undo()
    assert page._items["grad_cam"].checkState(0) == Qt.CheckState.Checked


def test_presets_and_none(qtbot, opened):
    page = page_of(opened, "methods")
    page._preset("quick")
    assert len(methods(opened)) > 3
    opened.session.document.set(("methods",), [])
    assert page.chosen.text() == "0 chosen"
    assert "⚠" in opened.steps.item(3).text()


def test_unavailable_methods_say_why_and_cannot_be_ticked(opened, served):
    told = json.loads(json.dumps(served[1]))
    told["catalogue"]["unavailable"] = [
        {
            "name": "odd",
            "family": "attribution",
            "source": "odd.py",
            "reason": "No module named 'x'",
            "remedy": "pip install x",
        }
    ]
    page = page_of(opened, "methods")
    opened.session._ready(told)
    item = page._items["odd"]
    assert not item.flags() & Qt.ItemFlag.ItemIsUserCheckable
    assert "pip install x" in item.toolTip(2)
    page.tree.setCurrentItem(item)
    assert "No module named 'x'" in page.about.toPlainText()


def test_times_are_told_once_a_plan_was_measured(opened):
    page = page_of(opened, "methods")
    assert page._items["rise"].text(4) == ""
    job = {"id": "a/b", "passes": {"forward": 2, "backward": 0}, "seconds": 4.0}
    group = {"model": "Net", "image": "a", "target": "t", "jobs": [job]}
    totals = {"groups": 1, "jobs": 1}
    opened.run_page.helper.answered.emit({"groups": [group], "totals": totals})
    assert page._items["rise"].text(4).startswith("2 h")


def test_without_plug_ins_the_pages_say_so(opened):
    opened.session.catalogue = Catalogue()
    opened.session._failed("it crashed")
    page = page_of(opened, "methods")
    assert page.about.toPlainText() == "it crashed"
    assert "it crashed" in opened.banner.label.text()


# Parameters


def test_a_parameter_is_typed_and_checked(qtbot, opened):
    page = page_of(opened, "parameters")
    page.entries.select(1)
    field = page.form.editor("masks")
    assert field.text() == "10"
    field.selectAll()
    qtbot.keyClicks(field, "0")
    assert methods(opened)[1]["with"] == {"masks": 0}
    assert "outside its bounds" in page.form.problem("masks")
    assert "at least" in page.form.problem("masks")
    assert opened.steps.item(4).text().endswith("⚠ 1")
    field.selectAll()
    qtbot.keyClicks(field, "many")
    assert "whole number" in page.form.problem("masks")
    opened.undo()
    assert methods(opened)[1]["with"] == {"masks": 10}
    assert opened.session.problems == []


def test_a_method_without_parameters_says_so(opened):
    opened.session.document.set(("methods",), ["input_x_gradient"])
    page = page_of(opened, "parameters")
    assert page.nothing.isVisible()
    assert page.nothing.text() == "This method has no parameters."


def test_layers_are_picked_from_the_tree(opened):
    opened.session.document.set(("methods",), [{"use": "grad_cam", "layers": ["auto"]}])
    page = page_of(opened, "parameters")
    assert page.layers.hint.isVisible()
    found = inspection.model(opened.pages["model"]._model().request(0))
    opened.session.models[opened.session.model_key(0)] = found
    opened.session.learnt.emit()
    conv = items(page.layers.tree)[0]
    conv.setCheckState(0, Qt.CheckState.Checked)
    assert methods(opened) == [{"use": "grad_cam", "layers": ["conv"]}]
    assert page.layers.line.text() == "conv"
    head = items(page.layers.tree)[1]
    assert not head.flags() & Qt.ItemFlag.ItemIsUserCheckable  # no grid, no map
    page.layers.line.setText("")
    page.layers.line.textEdited.emit("")
    assert "needs layers" in page.layers.wrong.text()


def test_uses_are_copied_moved_and_removed(qtbot, opened):
    page = page_of(opened, "parameters")
    page.entries.select(1)
    for name in ("duplicate", "up", "up", "remove"):
        qtbot.mouseClick(page.entries.buttons[name], Qt.MouseButton.LeftButton)
    assert [m if isinstance(m, str) else m["use"] for m in methods(opened)] == ["saliency", "rise"]


def test_no_methods_leave_the_page_empty(opened):
    opened.session.document.set(("methods",), [])
    page = page_of(opened, "parameters")
    assert not page.sheet.isVisible()


# Run


def test_the_json_is_live_and_problems_keep_the_run_back(opened):
    page = page_of(opened, "run")
    assert page.run.isEnabled()
    assert "2 jobs" in page.cost.text()
    page.form.editor("devices").edited.emit(["gpu"], True)
    assert '"gpu"' in page.json.toPlainText()
    assert json.loads(page.json.toPlainText()) == opened.session.document.data
    assert "no device" in page.form.problem("devices")
    assert not page.run.isEnabled()
    assert "first: 1" in page.cost.text()
    opened.undo()
    assert page.run.isEnabled()


def test_a_plan_is_shown_with_its_jobs(opened):
    page = page_of(opened, "run")
    page._estimated = opened.session.document.data
    job = {"id": "a/b/c/rise", "passes": {"forward": 2, "backward": 0}, "seconds": 4.0}
    group = {"model": "Net", "image": "a", "target": "t", "jobs": [job]}
    totals = {"groups": 1, "jobs": 1, "run_seconds": 4.0, "memory": 10**9}
    page.helper.answered.emit({"groups": [group], "totals": totals})
    assert page.cost.text() == "1 jobs in 1 groups · about 4.0 s · 1.0 GB of memory per worker"
    assert items(page.tree)[1].text(2) == "4.0 s"
    page.form.editor("seed").edited.emit(3, True)
    assert "older" in page.told.text()
