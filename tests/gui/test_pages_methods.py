"""The pages of methods, parameters and the run."""

import json

from esegeta.gui.models.catalogue import Catalogue
from esegeta.gui.pages.layers import items
from paging import methods, page_of
from PySide6.QtCore import Qt

from esegeta.runs import inspection

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
