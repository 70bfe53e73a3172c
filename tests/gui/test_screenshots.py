"""Pictures of each page, of the monitor and of the viewer, for the docs.

``make screenshots`` writes them; look at each before committing it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from esegeta.gui import theme
from esegeta.gui.window import STEPS
from PySide6.QtWidgets import QApplication

from esegeta.runs import inspection

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
LONG = 60_000
CONFIG = {
    "version": 1,
    "name": "vessels",
    "models": [
        {
            "name": "vessels",
            "factory": "esegeta.demo:vessel_network",
            "task": "segmentation",
            "classes": ["background", "vessel"],
        }
    ],
    "images": [{"name": "tree 6", "factory": "esegeta.demo:vessel_tree", "arguments": {"seed": 6}}],
    "preprocess": [{"use": "ZNormalization"}],
    "target": {"class": "vessel"},
    "methods": [
        "saliency",
        "input_x_gradient",
        "guided_backprop",
        {"use": "grad_cam", "layers": ["enc.0", "dec.0"]},
    ],
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of the demo's network, and the config it was made of."""
    config = tmp_path_factory.mktemp("home", numbered=False) / "vessels" / "vessels.json"
    config.parent.mkdir()
    config.write_text(json.dumps(CONFIG))
    output = config.parent / "runs" / "vessels"
    command = [sys.executable, "-m", "esegeta.cli", "run", str(config), "--output", str(output)]
    subprocess.run([*command, "--plain"], check=True, capture_output=True, cwd=ROOT)
    return config


@pytest.fixture(params=["light", "dark"])
def wizard(request, window, served, finished, monkeypatch):
    """The wizard with all that helper processes tell, told in this process."""
    monkeypatch.setattr(window.session, "scratch", lambda name: _folder(finished.parent / name))
    monkeypatch.setenv("HOME", str(finished.parents[1]))  # no picture tells where it was taken
    told = json.loads(json.dumps(served[1]).replace(f"{_plugins()}/", "plugins/"))
    window.session._ready(told)
    window.session.server._told = True
    window.set_theme(request.param)
    window.files.load(finished)
    yield window
    theme.apply(QApplication.instance(), "light")


def _plugins():
    import esegeta.plugins

    return next(iter(esegeta.plugins.__path__))


def _folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def tell(window):
    """Check the model, preview the first image and predict it."""
    model, images, target = (window.pages[name] for name in ("model", "images", "target"))
    window.go("model")
    model._asked = window.session.model_key(0)
    model.helper.answered.emit(inspection.model(model._model().request(0)))
    window.go("images")
    request = images._model().request(0, window.session.scratch("preview"))
    images.helper.answered.emit(inspection.image(request))
    window.go("target")
    request = target._model().request(0, 0, window.session.scratch("prediction"))
    target.prediction.helper.answered.emit(inspection.prediction(request))
    window.go("methods")
    methods = window.pages["methods"]
    methods.tree.setCurrentItem(methods._items["integrated_gradients"])
    window.go("parameters")
    window.pages["parameters"].entries.select(3)


def keep(window, name):
    """Grab the window as it is; keep the picture where it was asked for."""
    QApplication.processEvents()
    picture = window.grab()
    assert picture.width() >= 1300
    colours = {picture.toImage().pixel(x, y) for x in range(0, 1300, 7) for y in range(0, 700, 7)}
    assert len(colours) > 10, "an empty page"
    dark = theme.is_dark(window.settings.theme)
    if dark and name != "viewer":
        return
    file = f"wizard-{name}{'-dark' if dark else ''}.png"
    if "SCREENSHOTS" in os.environ:
        assert picture.save(str(Path(os.environ["SCREENSHOTS"]) / file))
    assert (IMAGES / file).is_file(), "run `make screenshots`"
    assert f"images/{file}" in (ROOT / "docs" / "wizard.md").read_text()


def test_each_page_is_pictured(qtbot, wizard):
    tell(wizard)
    for name in STEPS:
        wizard.go(name)
        qtbot.wait(50)
        keep(wizard, name)


def test_monitor_and_viewer_are_pictured(qtbot, wizard, finished):
    run = finished.parent / "runs" / "vessels"
    wizard.watch(run)
    (view,) = wizard.places["monitor"].make().runs()
    qtbot.waitUntil(lambda: view.head.state.text() == "ended", timeout=LONG)
    view.choose("tree 6/vessels/vessel/guided_backprop")
    qtbot.waitUntil(lambda: "guided" in view.details.title.text(), timeout=LONG)
    view.details.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "passes" in view.details.facts.toPlainText().lower(), timeout=LONG)
    keep(wizard, "monitor")
    wizard.view(run, "tree 6/vessels/vessel/guided_backprop")
    viewer = wizard.places["viewer"].make()
    qtbot.waitUntil(lambda: drawn(viewer) == 1, timeout=LONG)
    viewer.stage.choice.toggle(
        next(job for job in viewer.stage.choice.jobs if job.layer == "dec.0")
    )
    viewer.stage.show()
    qtbot.waitUntil(lambda: drawn(viewer) == 2, timeout=LONG)
    qtbot.waitUntil(lambda: viewer.stage.scene.image is not None, timeout=LONG)
    qtbot.waitUntil(lambda: not viewer.columns._stale and viewer.banner.isHidden(), timeout=LONG)
    keep(wizard, "viewer")


def drawn(viewer):
    """How many maps are on the screen."""
    columns = viewer.columns.columns if viewer.columns is not None else []
    return sum(bool(one.planes) and one.planes[0].picture.image is not None for one in columns)
