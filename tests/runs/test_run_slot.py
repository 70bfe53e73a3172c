import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from esegeta.runs.slot import Crash, Slot


def started() -> None:
    pass


def pid() -> int:
    return os.getpid()


def leave(code: int) -> None:
    os._exit(code)


def signalled(number: int) -> None:
    os.kill(os.getpid(), number)


def sleeper(alone: bool) -> int:
    return subprocess.Popen(["sleep", "600"], start_new_session=alone).pid


def nap() -> None:
    time.sleep(600)


@pytest.fixture
def slot():
    made = Slot(started)
    yield made
    made.kill()


def gone(process: int) -> bool:
    for _ in range(50):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_tasks_share_one_process(slot: Slot) -> None:
    assert slot.run(pid) == slot.run(pid) != os.getpid()


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_exits_is_told_and_replaced(slot: Slot, code: int) -> None:
    first = slot.run(pid)
    with pytest.raises(Crash, match=f"exit code {code}"):
        slot.run(leave, code)
    assert slot.run(pid) != first


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_process_that_is_killed_is_told_by_its_signal(slot: Slot, number: signal.Signals) -> None:
    with pytest.raises(Crash, match=number.name):
        slot.run(signalled, number)


def test_an_idle_process_that_dies_is_replaced(slot: Slot) -> None:
    first = slot.run(pid)
    os.kill(first, signal.SIGKILL)
    time.sleep(0.5)
    assert slot.run(pid) != first


def test_what_the_beat_raises_ends_the_worker(slot: Slot) -> None:
    worker = slot.run(pid)

    def stop() -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        slot.run(nap, beat=stop)
    assert time.monotonic() - began < 5
    assert gone(worker)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("alone", [False, True])
def test_what_a_worker_started_ends_with_it(slot: Slot, alone: bool) -> None:
    child = slot.run(sleeper, alone)
    assert not gone_now(child)
    slot.kill()
    assert gone(child)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_guardian_outlives_its_slot(slot: Slot) -> None:
    from esegeta.runs.guardian import descendants

    slot.run(pid)
    slot.kill()
    slot.run(pid)
    watching = [p for p in descendants(os.getpid()) if "guardian" in command(p)]
    assert len(watching) == 1
    slot.kill()
    assert gone(watching[0])


def command(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text()


def gone_now(process: int) -> bool:
    return not Path(f"/proc/{process}").exists()


def test_the_callers_script_is_not_imported_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from esegeta.runs.slot import Slot\n"
        "import os\n"
        "print('script')\n"
        "slot = Slot(os.getpid)\n"
        "print(slot.run(os.getpid) != os.getpid())\n"
        "slot.kill()\n"
    )
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["script", "True"], ran.stderr
