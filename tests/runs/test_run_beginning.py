"""A worker is forked from a process that has imported what every worker needs."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from esegeta.runs.slot import Slot
from tests.runs.test_run_killed import gone_within

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are spawned")


def modules() -> set[str]:
    return set(sys.modules)


def variable(name: str) -> str | None:
    return os.environ.get(name)


def convolved(threads: int) -> float:
    import torch

    torch.set_num_threads(threads)
    image = torch.ones(1, 8, 256, 256, requires_grad=True)
    torch.nn.functional.conv2d(image, torch.ones(8, 8, 3, 3)).sum().backward()
    return float(image.grad[0, 0, 128, 128])


@pytest.fixture
def slot():
    made = Slot(os.getpid)
    yield made
    made.kill()


def test_a_worker_begins_with_what_every_job_imports(slot: Slot) -> None:
    there = slot.run(modules)
    assert {"torch", "esegeta.runs.bench", "esegeta.plugins.attribution.rise"} <= there
    assert {"matplotlib.figure", "torch.fx.experimental.symbolic_shapes"} <= there
    # What opens a GPU or starts threads on import must not have been there before the fork.
    assert not {"captum", "lightning", "lucent", "numba", "shap", "torchray"} & there


def test_a_worker_has_the_environment_of_when_it_begins(
    slot: Slot, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert slot.run(variable, "ESEGETA_TEST") is None
    monkeypatch.setenv("ESEGETA_TEST", "new")
    assert slot.run(variable, "ESEGETA_TEST") is None
    slot.kill()
    assert slot.run(variable, "ESEGETA_TEST") == "new"
    slot.kill()
    monkeypatch.delenv("ESEGETA_TEST")
    assert slot.run(variable, "ESEGETA_TEST") is None


def test_each_worker_computes_with_threads_of_its_own(slot: Slot) -> None:
    other = Slot(os.getpid)
    try:
        for threads in (2, 1, 2):
            assert slot.run(convolved, threads) == other.run(convolved, threads) == 72
    finally:
        other.kill()


def left_by(folder: Path, begins: str) -> list[int]:
    """Kill a driver that has begun in this way, and give what it had started."""
    script = folder / "script.py"
    script.write_text(
        "import os, time\n"
        "from esegeta.runs.beginning import prepare\n"
        "from esegeta.runs.guardian import descendants\n"
        "from esegeta.runs.slot import Slot\n"
        f"{begins}\n"
        "print(*descendants(os.getpid()), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        started = [int(word) for word in driver.stdout.readline().split()]
        driver.send_signal(signal.SIGKILL)
    return started


def test_nothing_outlives_a_killed_driver(tmp_path: Path) -> None:
    started = left_by(tmp_path, "slot = Slot(os.getpid)\nslot.run(os.getpid)")
    assert len(started) >= 3  # the server, the worker, and what tracks their resources
    assert all(gone_within(process, 5) for process in started)


def test_who_imports_ends_with_its_driver(tmp_path: Path) -> None:
    started = left_by(tmp_path, "prepare()")
    assert len(started) == 2  # the server, and what tracks its resources
    assert all(gone_within(process, 2) for process in started)
