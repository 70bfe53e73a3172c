"""From an empty wizard to a map by mouse and keyboard, on a real screen with real processes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HALT, ONCE = 0.1, 0.4
"""Seconds of its own that the event loop may be held; and twice, where a place is first made."""


@pytest.fixture(scope="module")
def screen():
    """The name of a screen that nobody sees."""
    server = shutil.which("Xvfb")
    if server is None:
        pytest.skip("there is no Xvfb: apt-get install xvfb libxcb-cursor0 libxkbcommon-x11-0")
    reading, writing = os.pipe()
    options = ["-displayfd", str(writing), "-screen", "0", "1366x768x24", "-nolisten", "tcp"]
    process = subprocess.Popen([server, *options], pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as told:
        number = told.readline().strip()
    assert number, "Xvfb did not start"
    yield f":{number}"
    process.terminate()
    process.wait(10)


def travel(name, folder, screen):
    """Go through a journey; give the longest halts of its event loop, the longest first."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "xcb", "DISPLAY": screen, "LANG": "C.UTF-8"}
    environment.pop("QT_SCALE_FACTOR", None)
    command = [sys.executable, "-m", "tests.gui.journeys", name, str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_demo_model_is_explained_from_an_empty_wizard(screen, tmp_path):
    halts = travel("demo", tmp_path, screen)
    assert halts[2] < HALT, halts
    assert halts[0] < ONCE, halts


@pytest.mark.slow
@pytest.mark.real
def test_a_brain_is_explained_from_an_empty_wizard(screen, tmp_path, shared):
    halts = travel("brain", tmp_path, screen)
    assert halts[2] < HALT, halts
    assert halts[0] < ONCE, halts
