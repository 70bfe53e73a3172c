"""Metrics in the wizard: ticked, and nothing of an entry lost."""

import pytest
from esegeta.gui.document import Document
from esegeta.gui.models.metrics import MetricsModel
from PySide6.QtCore import Qt


def model(plugins, **keys):
    return MetricsModel(Document({"version": 1, **keys}), plugins)


def test_metrics_are_no_methods(plugins):
    assert "road" in plugins.metrics
    assert "road" not in plugins.methods
    assert "saliency" not in plugins.metrics


def test_a_ticked_metric_is_used_and_what_is_written_stays(plugins):
    own = {"use": "infidelity", "with": {"samples": 9}, "methods": ["saliency"]}
    chosen = model(plugins, evaluate=[own])
    chosen.choose("road", True)
    chosen.choose("infidelity", True)
    assert chosen.document.data["evaluate"] == [own, "road"]
    assert chosen.uses == ["infidelity", "road"]
    chosen.choose("infidelity", False)
    assert chosen.document.data["evaluate"] == ["road"]
    chosen.choose("road", False)
    assert "evaluate" not in chosen.document.data
    chosen.choose("road", False)
    assert not chosen.uses


def test_undo_gives_a_metric_back(plugins):
    chosen = model(plugins, evaluate=["road"])
    chosen.choose("road", False)
    chosen.document.undo()
    assert chosen.uses == ["road"]


@pytest.mark.parametrize(
    ("name", "said"), [("road", "More is better."), ("deletion", "Less is better.")]
)
def test_it_says_what_is_good(plugins, name, said):
    chosen = model(plugins)
    assert said in chosen.told(plugins.metrics[name])


def test_what_is_no_list_is_left_alone(plugins):
    assert model(plugins, evaluate="road").uses == []


def test_ticking_on_the_run_page_changes_the_config(qtbot, window):
    page = window.pages["run"]
    window.go("run")
    window.session.document.set(("evaluate",), ["infidelity"])
    page.tabs.setCurrentWidget(page.metrics)
    items = {
        page.metrics.list.item(row).data(Qt.ItemDataRole.UserRole): page.metrics.list.item(row)
        for row in range(page.metrics.list.count())
    }
    assert set(items) == set(window.session.catalogue.metrics)
    assert items["infidelity"].checkState() == Qt.CheckState.Checked
    items["road"].setCheckState(Qt.CheckState.Checked)
    assert window.session.document.get("evaluate") == ["infidelity", "road"]
    items["infidelity"].setCheckState(Qt.CheckState.Unchecked)
    assert window.session.document.get("evaluate") == ["road"]


def test_parameters_of_a_metric_are_set_and_reset(plugins):
    chosen = model(plugins, evaluate=["road", {"use": "infidelity", "name": "own"}])
    assert {"samples", "noise"} <= {field.key for field in chosen.fields(1)}
    assert {field.key for field in chosen.more(1)} == {"name", "methods", "timeout"}
    assert chosen.places("infidelity") == {1: "own (infidelity)"}
    chosen.set(0, ("with", "removed"), [0.5])
    assert chosen.document.get("evaluate", 0) == {"use": "road", "with": {"removed": [0.5]}}
    chosen.document.undo()
    assert chosen.document.get("evaluate", 0) == "road"
    chosen.set(1, ("with", "samples"), 9)
    chosen.reset(1, ("with", "samples"))
    assert "samples" not in chosen.document.part("evaluate", 1, "with")


@pytest.fixture
def shown(window):
    """The list of metrics, seen."""
    window.go("run")
    page = window.pages["run"]
    page.tabs.setCurrentWidget(page.metrics)
    return page.metrics


def typed(qtbot, editor, text):
    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, text)


def item(shown, name):
    (found,) = (
        shown.list.item(row)
        for row in range(shown.list.count())
        if shown.list.item(row).data(Qt.ItemDataRole.UserRole) == name
    )
    return found


def test_a_ticked_metric_opens_its_form(qtbot, window, shown):
    document = window.session.document
    shown.select("deletion")
    assert shown.use.isHidden(), "what is not used has nothing to set"
    item(shown, "deletion").setCheckState(Qt.CheckState.Checked)
    assert (shown.name, shown.title.text()) == ("deletion", "deletion")
    assert not shown.use.isHidden()
    assert shown.which.isHidden()
    typed(qtbot, shown.form.editor("steps"), "12")
    assert document.get("evaluate") == [{"use": "deletion", "with": {"steps": 12}}]
    typed(qtbot, shown.more.editor("methods"), "saliency")
    assert document.get("evaluate", 0, "methods") == ["saliency"]
    item(shown, "deletion").setCheckState(Qt.CheckState.Unchecked)
    assert document.get("evaluate") is None
    assert shown.use.isHidden()


def test_each_use_of_a_metric_has_its_own_form(window, shown):
    uses = [{"use": "road"}, {"use": "deletion", "with": {"steps": 3}},
            {"use": "road", "name": "coarse", "with": {"removed": [0.5]}}]  # fmt: skip
    window.session.document.set(("evaluate",), uses)
    shown.select("road")
    assert not shown.which.isHidden()
    assert [shown.which.itemText(row) for row in range(2)] == ["road", "coarse (road)"]
    shown.which.setCurrentIndex(1)
    assert shown.index == 2
    assert shown.form.editor("removed").text() == "0.5"
    shown._set(("timeout",), "2m", False)
    assert window.session.document.get("evaluate", 2, "timeout") == "2m"
    assert shown.index == 2, "an edit leaves the use that is shown"
    shown.select("deletion")
    assert shown.index == 1


def test_a_problem_is_shown_at_its_parameter(window, shown):
    window.session.document.set(
        ("evaluate",), ["road", {"use": "infidelity", "with": {"samples": 0, "sample": 2}}]
    )
    window.session.check()
    window.go("images")
    window.reveal("evaluate[1].with.samples")
    assert window.pages["run"].tabs.currentWidget() is shown
    assert shown.name == "infidelity"
    assert item(shown, "infidelity").text().startswith("⚠")
    assert not item(shown, "road").text().startswith("⚠")
    assert "2" in shown.form.problem("samples")
    assert "samples" in shown.form.problem("sample")
