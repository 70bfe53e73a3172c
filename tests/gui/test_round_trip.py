"""A config that is opened, looked at on every page and saved is unchanged."""

import json
from pathlib import Path

from esegeta.gui.document import EMPTY, text_of
from esegeta.gui.pages.page import Entries
from esegeta.gui.window import STEPS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.config.test_config_properties import anything, configs

QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


KEYS = [*EMPTY, "name", "preprocess", "target", "execution", "output", "plugins"]


def look(window):
    """See every page, and every entry of every list on it."""
    for name in STEPS:
        window.go(name)
        page = window.pages[name]
        assert page.isVisible()
        for entries in page.findChildren(Entries):
            for index in range(entries.list.count()):
                entries.select(index)
    target = window.pages["target"]
    for index in range(target.level.count()):
        target.level.setCurrentIndex(index)
        target.refresh()


def carried(window, folder, data):
    """What is saved of a config that was opened and looked at."""
    path, other = folder / "given.json", folder / "saved.json"
    path.write_text(json.dumps(data))
    window.files.load(path)
    look(window)
    assert not window.session.document.dirty
    assert not window.session.document.can_undo
    window.session.document.save(other)
    return json.loads(other.read_text())


@QUICK
@given(data=configs)
def test_any_valid_config_survives(window, tmp_path, data):
    assert text_of(carried(window, tmp_path, data)) == text_of(data)


@QUICK
@given(
    data=st.dictionaries(
        st.sampled_from(
            ["version", "name", "models", "images", "preprocess", "target", "methods", "execution"]
        ),
        anything,
    )
)
def test_so_does_what_is_no_valid_config(window, tmp_path, data):
    assert text_of(carried(window, tmp_path, data)) == text_of(data)


def test_keys_that_the_wizard_does_not_show_survive_edits(window, small):
    data = json.loads(small.read_text())
    data |= {"$schema": "./schema.json", "future": {"a": [1.0]}}
    data["models"][0]["future"] = 1
    data["methods"][1]["future"] = {"b": True}
    small.write_text(json.dumps(data))
    window.files.load(small)
    window.go("parameters")
    page = window.pages["parameters"]
    page.entries.select(1)
    page.form.editor("masks").edited.emit(20, False)
    window.files.save()
    data["methods"][1]["with"]["masks"] = 20
    assert json.loads(small.read_text()) == data


def test_the_demo_survives(window, tmp_path):
    from esegeta.config.reading import locate

    shipped = locate(Path("demo")).read_text()
    assert carried(window, tmp_path, json.loads(shipped)) == json.loads(shipped)
