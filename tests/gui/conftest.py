"""What the wizard's tests share."""

from __future__ import annotations

import json
import os

# Without a platform Qt ends the interpreter.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pyqtgraph  # noqa: F401  # as the wizard does before its window is there
import pytest


@pytest.fixture(scope="session")
def served():
    """What ``esegeta inspect serve`` tells first, told in this process."""
    from esegeta import catalogue, config
    from esegeta.registry import find

    registry = find()
    told = {"catalogue": catalogue.record(registry), "schema": config.schema(registry)}
    return registry, json.loads(json.dumps(told))


@pytest.fixture
def plugins(served):
    """The plug-ins, as the wizard knows them."""
    from esegeta.gui.models.catalogue import catalogue_from

    return catalogue_from(served[1])


@pytest.fixture
def settings(tmp_path):
    """Settings of nobody."""
    from esegeta.gui.recent import Settings
    from PySide6.QtCore import QSettings

    store = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    return Settings(store)


@pytest.fixture
def window(qtbot, served, settings, monkeypatch):
    """The wizard, shown; configs are checked in this process, at once, by what its helper runs."""
    from esegeta.gui.window import Window
    from PySide6.QtCore import QCoreApplication, QEvent

    from esegeta.runs.inspection import checked

    registry, told = served
    window = Window(settings)

    def check(data, base):
        window.session._checked(checked({"config": data, "base": str(base)}, registry))

    monkeypatch.setattr(window.session.server, "check", check)
    monkeypatch.setattr(window.files, "ask", lambda: True)
    window.session._ready(told)
    window.session.check()
    window.resize(1366, 768)
    window.show()
    yield window
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


@pytest.fixture
def opened(window, small):
    """The wizard with the small config."""
    window.files.load(small)
    return window


@pytest.fixture
def panel(qtbot):
    """An empty viewer, shown."""
    from esegeta.gui.viewer.panel import ViewerPanel

    made = ViewerPanel()
    qtbot.addWidget(made)
    made.resize(1180, 700)
    made.show()
    return made


@pytest.fixture
def made(tmp_path):
    """A run folder to be built job by job."""
    from viewer_runs import Made

    return Made(tmp_path / "run")


@pytest.fixture
def small(tmp_path):
    """A config of a small network that is a file beside it, and an image."""
    import numpy as np

    (tmp_path / "net.py").write_text(NETWORK)
    np.save(tmp_path / "square.npy", np.eye(8, dtype="float32"))
    data = {
        "version": 1,
        "models": [
            {
                "factory": "net.py:Net",
                "arguments": {"width": 3},
                "task": "classification",
                "classes": ["cat", "dog", "7"],
            }
        ],
        "images": [{"path": "square.npy"}],
        "methods": ["saliency", {"use": "rise", "with": {"masks": 10}}],
    }
    path = tmp_path / "small.json"
    path.write_text(json.dumps(data))
    return path


NETWORK = '''
import torch
from torch import nn


def helper(width, *, depth=2):
    """Make a network."""
    return Net(width)


class Block(nn.Module):
    """A part of it."""


class Net(nn.Module):
    """A small network."""

    def __init__(self, width: int = 4, scale=0.5, name: str = "net", sizes=(1, 2)):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.head = nn.Linear(width, 3)

    def forward(self, image):
        return self.head(torch.relu(self.conv(image)).mean((2, 3)))
'''
