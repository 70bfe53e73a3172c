"""The viewer over what failed, is missing, damaged, large or changes meanwhile."""

import json
import time

import numpy as np
import pytest
from esegeta.gui.viewer.panel import MAPS, ViewerPanel
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtWidgets import QApplication
from viewing import RNG, drawn, maps, planes, show


def test_failed_pending_and_damaged_jobs_say_why(qtbot, panel, made):
    maps(made, 1)
    made.job(None, "bad", state="failed", error={"message": "no memory", "traceback": "Traceback!"})
    made.job(None, "slow", state="timed out", error={"message": "after 3 s"})
    made.job(None, "later")
    cut = made.folder / made.job(np.ones((6, 7, 8)), "cut") / "map.nii.gz"
    cut.write_bytes(b"junk")
    made.job(np.ones((2, 2, 2)), "small")
    panel.open_run(made.write())
    drawn(qtbot, panel)
    for job in panel.stage.choice.jobs[1:]:
        panel.stage.choice.toggle(job)
    panel.stage.show()
    qtbot.waitUntil(lambda: len(panel.stage.failed) == 2, timeout=10000)
    said = {column.title: column.why.text() for column in panel.columns.columns}
    assert said["bad"] == "It failed: no memory"
    assert said["slow"] == "It took too long: after 3 s"
    assert "not run yet" in said["later"]
    assert "run the job again" in said["cut"]
    assert "2 × 2 × 2" in said["small"]
    bad = next(c for c in panel.columns.columns if c.title == "bad")
    assert bad.trace.toPlainText() == "Traceback!"
    assert bad.trace.isVisible()


def test_a_missing_image_leaves_the_maps(qtbot, panel, made):
    maps(made, 1)
    made.write()
    (made.folder.parent / "head.nii.gz").unlink()
    show(qtbot, panel, made)
    assert "head.nii.gz" in panel.banner.label.text()
    assert panel.stage.scene.image is None
    assert "mm RAS+" in panel.where.text(), "the map knows where it lies"


@pytest.mark.parametrize("content", [None, "{", '{"groups": 3}'])
def test_a_folder_that_holds_no_run_is_said(qtbot, panel, tmp_path, content):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with qtbot.waitSignal(panel.stage.said, timeout=10000):
        panel.open_run(tmp_path)
    assert "no run with a readable plan.json" in panel.banner.label.text()


def test_an_empty_run_shows_nothing_and_breaks_nothing(qtbot, panel, made):
    with qtbot.waitSignal(panel.stage.opened, timeout=10000):
        panel.open_run(made.write())
    for key in (
        Qt.Key.Key_S,
        Qt.Key.Key_C,
        Qt.Key.Key_D,
        Qt.Key.Key_Home,
        Qt.Key.Key_M,
        Qt.Key.Key_L,
    ):
        qtbot.keyClick(panel, key)
    assert panel.stack.currentIndex() == MAPS


def test_nan_and_one_voxel(qtbot, panel, made):
    made.picture(shape=(1, 1))
    made.job([[np.nan]], "nan", image="photo")
    show(qtbot, panel, made)
    assert tuple(planes(panel)[0].picture.image[0, 0]) == (255, 0, 255)
    assert "no value is a number" in panel.facts.toPlainText()


def test_a_run_that_goes_on_is_read_anew(qtbot, panel, made):
    maps(made, 1)
    made.job(None, "later")
    show(qtbot, panel, made)
    result = {"state": "done", "files": {"map": "map.nii.gz"}, "checks": []}
    folder = made.folder / "head/net/brain/later"
    (folder / "map.nii.gz").write_bytes((made.folder / "head/net/brain/m0/map.nii.gz").read_bytes())
    (folder / "result.json").write_text(json.dumps(result))
    (made.folder / "events.jsonl").write_text("{}\n")
    states = lambda: {j.method: j.state for j in panel.stage.choice.jobs}  # noqa: E731
    qtbot.waitUntil(lambda: states()["later"] == "done", timeout=8000)
    assert [column.title for column in panel.columns.columns] == ["m0"], "what is seen stays"


def test_a_map_that_was_made_anew_is_read_anew(qtbot, panel, made):
    maps(made, 1)
    show(qtbot, panel, made)
    old = panel.stage.scene.layers[panel.active]
    folder = made.folder / panel.active
    result = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps({**result, "seconds": 9}))
    panel.reload()
    qtbot.waitUntil(
        lambda: id(panel.stage.scene.layers.get(panel.active, old)) != id(old), timeout=8000
    )


def test_nothing_is_left_behind(qtbot, made):
    maps(made, 2)
    before = len(QApplication.allWidgets())
    for _ in range(3):
        panel = ViewerPanel()
        panel.show()
        show(qtbot, panel, made, 2)
        panel.close()
        panel.deleteLater()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
    assert len(QApplication.allWidgets()) <= before


@pytest.mark.slow
@pytest.mark.parametrize("noise", [False, True])
def test_a_large_volume_opens_and_scrolls_without_a_halt(qtbot, panel, made, noise):
    """256³: two seconds are meant; on a busy machine three times what its unpacking takes alone."""
    import nibabel

    shape = (256, 256, 256)
    values = RNG.normal(size=shape).astype(np.float32) if noise else smooth(shape)
    made.volume(shape=shape, values=values)
    job = made.job(values, "m")
    path = made.folder / job / "map.nii.gz"
    start = time.perf_counter()
    nibabel.load(path).get_fdata(dtype=np.float32)
    alone = time.perf_counter() - start
    gaps, last = [], [time.perf_counter()]

    def beat():
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now

    heart = QTimer(interval=5)
    qtbot.waitUntil(lambda: panel.stage.ready, timeout=20000)
    heart.timeout.connect(beat)
    start = last[0] = time.perf_counter()
    heart.start()
    panel.open_run(made.write())
    drawn(qtbot, panel)
    opened = time.perf_counter() - start
    heart.stop()
    scene, view = panel.stage.scene, panel.stage.scene.views[0]
    qtbot.wait(500)
    start = time.perf_counter()
    for _ in range(20):
        scene.scroll(view, 1)
        panel.stage.moved.emit()
        while panel.columns._stale:
            QApplication.processEvents()
    each = (time.perf_counter() - start) / 20
    print(f"opened in {opened:.2f} s (unpacking {alone:.2f} s), longest halt {max(gaps):.3f} s, "
          f"{each * 1e3:.0f} ms a slice")  # fmt: skip
    assert opened < max(2, 4 * alone)
    assert max(gaps) < max(0.1, alone / 2), "while two threads unpack on what may be two busy cores"
    assert each < 0.1


def smooth(shape):
    axes = np.ogrid[tuple(slice(-1, 1, size * 1j) for size in shape)]
    return np.exp(-4 * sum(axis**2 for axis in axes)).astype(np.float32)
