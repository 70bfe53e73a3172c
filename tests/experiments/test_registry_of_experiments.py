"""Experiments are found by their files; a broken one is told, and breaks no other."""

import pytest
from typer.testing import CliRunner

from esegeta import experiments
from esegeta.cli import app
from esegeta.errors import PluginError
from esegeta.experiments import registry

GOOD = '''
from esegeta.experiments import Outcome, experiment

@experiment(paper="none")
def well_made(study) -> Outcome:
    """Nothing at all."""
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A package of experiments in the place of our own."""
    made = tmp_path / f"experiments_{tmp_path.name.replace('-', '_')}"
    made.mkdir()
    for name, text in {
        "__init__": "",
        "good": GOOD,
        "_helps": "1 / 0",
        "half_written": "def (",
        "needs_more": "import lightning_fast",
    }.items():
        (made / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry, "PACKAGE", made.name)
    return made


def test_a_broken_file_breaks_no_other(folder):
    found = experiments.find()
    assert list(found.experiments) == ["well-made"]
    assert [lost.name for lost in found.unavailable] == ["half-written", "needs-more"]
    assert "SyntaxError" in found.unavailable[0].reason
    assert experiments.get("well-made").summary == "Nothing at all."


def test_what_it_would_have_held_is_refused_with_the_reason(folder):
    with pytest.raises(
        PluginError, match=r"'half-written' is unavailable: .*line 1.* Remedy: mend "
    ):
        experiments.get("half-written")
    with pytest.raises(PluginError, match="else"):
        experiments.get("else")


def test_the_command_tells_both(folder):
    told = CliRunner().invoke(app, ["experiment"]).output
    assert "well-made" in told
    assert "unavailable: " in told
    assert "lightning_fast" in told
