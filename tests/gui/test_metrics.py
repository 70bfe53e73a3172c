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
