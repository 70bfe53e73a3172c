"""What a model or a use of a method has of its own: preprocessing, patches, target; and its package."""

import json

import pytest
from esegeta.gui.models.network import exported, source_of
from esegeta.gui.models.steps import StepsModel
from PySide6.QtCore import Qt


@pytest.fixture
def two(window, small):
    """Two models, the second of which has nothing of its own."""
    data = json.loads(small.read_text())
    data["preprocess"] = [{"use": "ZNormalization"}]
    data["models"] = [{**data["models"][0], "name": name} for name in ("one", "two")]
    small.write_text(json.dumps(data))
    window.files.load(small)
    return window


def data_of(window):
    return window.session.document.data


def test_a_model_is_given_steps_of_its_own_and_loses_them(qtbot, two):
    two.go("images")
    page = two.pages["images"]
    page.details.setCurrentIndex(1)
    steps = page.steps
    assert [steps.level.itemText(i) for i in range(3)] == ["All models", "one only", "two only"]
    steps.level.setCurrentIndex(2)
    steps.refresh()
    assert not steps.entries.isEnabled()
    assert steps.others.text() == "It has the steps for all models."
    qtbot.mouseClick(steps.own, Qt.MouseButton.LeftButton)
    assert data_of(two)["models"][1]["preprocess"] == [{"use": "ZNormalization"}]
    steps.add("RescaleIntensity")
    steps.form.editor("out_min_max").edited.emit([0, 9], True)
    own = [{"use": "ZNormalization"}, {"use": "RescaleIntensity", "with": {"out_min_max": [0, 9]}}]
    assert data_of(two)["models"][1]["preprocess"] == own
    assert data_of(two)["preprocess"] == [{"use": "ZNormalization"}]
    assert two.session.problems == []
    assert page._model().request(0, two.session.scratch("preview"), steps.model)["model"] == 1
    qtbot.mouseClick(steps.own, Qt.MouseButton.LeftButton)
    assert "preprocess" not in data_of(two)["models"][1]


def test_none_of_its_own_is_not_the_same_as_those_for_all(two, plugins):
    document = two.session.document
    model = StepsModel(document, plugins, ("models", 0))
    model.take_own(True)
    document.remove((*model.place, 0))
    assert document.data["models"][0]["preprocess"] == []
    assert model.own
    assert StepsModel(document, plugins).others() == ["one"]


def test_a_model_has_patches_of_its_own(two):
    document = two.session.document
    two.go("model")
    page = two.pages["model"]
    assert not page.patches.isVisible()
    document.set(("models", 0, "task"), "segmentation")
    assert page.patches.isVisible()
    page.patches.editor("size").edited.emit(4, True)
    assert data_of(two)["models"][0]["patches"] == {"size": 4}
    page.patches.editor("size").edited.emit(0, True)
    assert page.patches.problem("size")
    page.patches.reset.emit("size")
    assert "patches" not in data_of(two)["models"][0]


def test_a_use_of_a_method_is_given_its_own_target(qtbot, two):
    two.go("parameters")
    page = two.pages["parameters"]
    assert not page.no_target.isVisible()
    qtbot.mouseClick(page.target, Qt.MouseButton.LeftButton)
    target = two.pages["target"]
    assert two.stack.currentWidget() is target
    assert target.level.currentText() == "saliency only"
    target.klass.textActivated.emit("dog")
    assert data_of(two)["methods"][0] == {"use": "saliency", "target": {"class": "dog"}}
    assert "target" not in data_of(two)
    assert two.session.problems == []
    two.go("parameters")
    assert page.target.text() == "Edit its own &target…"
    qtbot.mouseClick(page.no_target, Qt.MouseButton.LeftButton)
    assert data_of(two)["methods"][0] == {"use": "saliency"}
    two.go("target")
    assert target.level.currentText() == "All models"


def test_a_target_of_one_use_stands_above_the_one_for_all(two):
    two.session.document.set(("target",), {"class": "dog", "contrast": "max"})
    two.session.document.set(("methods", 0), {"use": "saliency", "target": {"class": "cat"}})
    two.go("target")
    target = two.pages["target"]
    target.show_level(("methods", 0))
    assert target.klass.currentText() == "cat"
    assert target._model().inherited("contrast") == "max"


@pytest.mark.parametrize(
    ("package", "some"),
    [
        ("esegeta.demo", {"vessel_network", "digit_network"}),
        ("esegeta.models.zoo", {"UNet"}),
    ],
)
def test_a_package_tells_its_classes_without_being_imported(package, some):
    source = source_of(package)
    names = exported(source, package)
    assert some <= set(names)
    assert not [name for name in names if name.startswith("_")]


@pytest.mark.parametrize("name", ["", "nowhere.at.all", "esegeta.", "sys", "a b"])
def test_what_is_no_package_has_no_source(name):
    assert source_of(name) is None


def test_the_class_of_a_package_is_picked_and_its_arguments_are_asked(qtbot, two, small):
    (small.parent / "nets").mkdir()
    (small.parent / "nets" / "__init__.py").write_text("from .inner import Small, Other as Large\n")
    (small.parent / "nets" / "inner.py").write_text(
        "class Small:\n    def __init__(self, depth: int = 2): ...\n\n\nclass Other: ...\n"
    )
    assert set(exported(small.parent / "nets" / "__init__.py", "nets")) == {"Small"}
    two.go("model")
    page = two.pages["model"]
    page.file.selectAll()
    qtbot.keyClicks(page.file, "esegeta.models.zoo")
    names = [page.callee.itemText(i) for i in range(page.callee.count())]
    assert "UNet" in names
    page.callee.line.selectAll()
    qtbot.keyClicks(page.callee.line, "UNet")
    assert len(page.arguments.fields) > 1
