"""The viewer over images that a method made along ways: a slider leafs through them."""

import json

import numpy as np
import pytest
from esegeta.gui.viewer.strip import Strip
from PySide6.QtCore import Qt
from viewing import RNG, drawn, maps, planes, show

SHAPE = (6, 7, 8)
FLAT = (5, 9)


@pytest.fixture
def volumes(made):
    """A run of one map and one strip with two ways over a volume."""
    made.volume(shape=SHAPE)
    first, second = RNG.normal(size=(2, 3, 1, *SHAPE))
    second[1] = first[1]
    made.strip({"ill": first, "old": 5 * second}, turns=(-2, None))
    made.job(RNG.normal(size=SHAPE), "plain")
    return first, 5 * second


def opened(qtbot, panel, made):
    """Open a run, and wait until the images of its first strip are drawn."""
    panel.open_run(made.write())
    drawn(qtbot, panel)
    key = panel.stage.choice.chosen[0].id

    def is_strip():
        scene = panel.stage.scene
        assert scene is not None
        assert isinstance(scene.layers.get(key), Strip)
        assert panel.columns is not None
        assert panel.columns.column(key).positions.isVisible()
        assert not panel.columns._stale

    qtbot.waitUntil(is_strip, timeout=20000)
    return panel.stage.scene.layers[key], panel.columns.column(key)


def settled(qtbot, panel):
    qtbot.waitUntil(lambda: not panel.columns._stale, timeout=5000)


def seen(panel):
    return planes(panel)[0].picture.image.copy()


def pick(combo, at):
    combo.setCurrentIndex(at)
    combo.activated.emit(at)


def test_a_volume_starts_where_the_decision_turns(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    first, _ = volumes
    positions = column.positions
    assert positions.slider.value() == 0
    assert positions.slider.maximum() == 2
    assert positions.told.text() == "α = −2: ill 0.25, predicted well"
    scene = panel.stage.scene
    at = scene.geometry.stored(scene.voxel)
    change = (first[0] - first[1])[0]
    assert scene.value(strip.key) == pytest.approx(change[at], abs=1e-5)
    assert column.bar.isVisible()
    assert len(planes(panel)) == 3


def test_the_slider_changes_picture_label_and_value_but_no_colours(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    first, _ = volumes
    look, before = strip.look, seen(panel)
    assert look.low == -look.high
    assert look.high == pytest.approx(abs(first - first[1]).max(), rel=1e-5)
    column.positions.slider.setValue(2)
    settled(qtbot, panel)
    assert column.positions.told.text() == "α = 3: ill 0.45, predicted ill"
    assert (seen(panel) != before).any()
    assert strip.look == look
    scene = panel.stage.scene
    at = scene.geometry.stored(scene.voxel)
    assert scene.value(strip.key) == pytest.approx((first[2] - first[1])[0][at], abs=1e-5)


def test_keys_leaf_through_it(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    slider = column.positions.slider
    assert slider.accessibleName() == "α, latents"
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert strip.way.at == 1
    settled(qtbot, panel)
    assert "α = 0" in slider.accessibleDescription()
    plane = planes(panel)[0]
    plane.setFocus()
    for _ in range(3):
        qtbot.keyClick(plane, Qt.Key.Key_A)
    assert strip.way.at == 2, "there is no further one"
    qtbot.keyClick(plane, Qt.Key.Key_A, Qt.KeyboardModifier.ShiftModifier)
    assert strip.way.at == 1
    settled(qtbot, panel)
    assert slider.value() == 1


def test_at_the_origin_the_image_is_seen_without_colours(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    column.positions.slider.setValue(1)
    settled(qtbot, panel)
    pixels = seen(panel).astype(int)
    assert np.ptp(pixels, axis=2).max() == 0, "grey"
    assert pixels.max() > 0
    assert column.reading.text() == "here 0"
    assert strip.trouble == ""


def test_another_way_has_its_own_place_and_range(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    positions, narrow = column.positions, strip.look.high
    assert positions.way.isVisible()
    assert [positions.way.itemText(at) for at in (0, 1)] == ["towards ill", "towards old"]
    pick(positions.way, 1)
    settled(qtbot, panel)
    assert positions.told.text() == "α = −2: old 0.25, predicted well", "away from it"
    assert strip.look.high > 2 * narrow
    pick(positions.way, 0)
    settled(qtbot, panel)
    assert positions.slider.value() == 0, "where one was"
    assert strip.look.high == narrow


def test_the_image_itself_in_greys_of_its_own(qtbot, panel, made, volumes):
    strip, column = opened(qtbot, panel, made)
    first, _ = volumes
    pick(column.positions.what, 1)
    settled(qtbot, panel)
    scene = panel.stage.scene
    at = scene.geometry.stored(scene.voxel)
    assert scene.value(strip.key) == pytest.approx(first[0][0][at], abs=1e-5)
    assert not column.bar.isVisible()
    assert not panel.controls.map_box.isEnabled()
    window = strip.window
    column.positions.slider.setValue(2)
    assert strip.window == window
    # What is meant for all maps is meant for it, too.
    panel.stage.looks.dress(strip.key, True, opacity=0.5)
    pick(column.positions.what, 0)
    settled(qtbot, panel)
    assert column.bar.isVisible()
    assert strip.look.opacity == 0.5


def test_pictures_in_colour(qtbot, panel, made):
    made.picture(shape=FLAT)
    images = RNG.random((3, 3, *FLAT))
    made.strip({"ill": images}, image="photo", turns=(3,))
    strip, column = opened(qtbot, panel, made)
    positions = column.positions
    assert not positions.way.isVisible(), "there is but one"
    assert positions.slider.value() == 2
    at = panel.stage.scene.voxel[:2]
    change = (images[2] - images[1]).sum(0)
    assert panel.stage.scene.value(strip.key) == pytest.approx(change[at], abs=1e-5)
    pick(positions.what, 1)
    settled(qtbot, panel)
    drawn_ = np.moveaxis(images[2], 0, -1) * 255
    assert seen(panel) == pytest.approx(drawn_, abs=1)


def test_other_jobs_have_no_slider_and_strips_are_let_go(qtbot, panel, made, volumes):
    _, column = opened(qtbot, panel, made)
    plain = next(job for job in panel.stage.choice.jobs if job.method == "plain")
    panel.stage.choice.toggle(plain)
    panel.stage.show()
    drawn(qtbot, panel, 2)
    assert not panel.columns.column(plain.id).positions.isVisible()
    assert column.positions.isVisible()
    strip = column.key
    panel.stage.choice.only(plain)
    panel.stage.show()
    assert set(panel.stage.scene.layers) == {plain.id}
    assert strip not in {*panel.stage._raw, *panel.stage._asked, *panel.stage.lacking}


def test_the_strongest_change_and_the_difference_follow_the_slider(qtbot, panel, made):
    made.volume(shape=SHAPE)
    images = np.zeros((3, 1, *SHAPE))
    images[0, 0, 1, 2, 3], images[2, 0, 4, 5, 6] = 2, -3
    made.strip({"ill": images})
    made.job(np.zeros(SHAPE) + 0.5, "plain")
    strip, column = opened(qtbot, panel, made)
    scene = panel.stage.scene
    stored = lambda: scene.geometry.stored(scene.voxel)  # noqa: E731
    panel.stage.strongest(strip.key)
    qtbot.waitUntil(lambda: stored() == (4, 5, 6), timeout=5000)
    column.positions.slider.setValue(0)
    panel.stage.strongest(strip.key)
    qtbot.waitUntil(lambda: stored() == (1, 2, 3), timeout=5000)
    for job in panel.stage.choice.jobs[1:]:
        panel.stage.choice.toggle(job)
    panel.stage.show()
    drawn(qtbot, panel, 2)
    panel.stage.relative = False
    panel.subtract(True)
    drawn(qtbot, panel, 3)
    assert abs(scene.value("difference")) == pytest.approx(1.5)
    column.positions.slider.setValue(2)
    assert abs(scene.value("difference")) == pytest.approx(0.5)


@pytest.mark.parametrize("harm", ["missing", "broken", "short", "grid", "record", "unnamed"])
def test_what_is_damaged_leaves_the_map(qtbot, panel, made, volumes, harm):
    made.write()
    folder = made.folder / "head/net/brain/diff"
    way = folder / "map.way-1.nii.gz"
    result = json.loads((folder / "result.json").read_text())
    if harm == "missing":
        way.unlink()
    elif harm == "broken":
        way.write_bytes(b"junk")
    elif harm == "short":
        way.write_bytes((folder / "map.nii.gz").read_bytes())
    elif harm == "grid":
        small = made.strip({"ill": np.ones((3, 1, 2, 2, 2))}, method="small")
        for name in ("map.way-0.nii.gz", "map.way-1.nii.gz"):
            (folder / name).write_bytes((made.folder / small / "map.way-0.nii.gz").read_bytes())
    elif harm == "record":
        result["strip"]["positions"] = [1, 2]
    else:
        del result["files"]["way-1"]
    (folder / "result.json").write_text(json.dumps(result))
    panel.open_run(made.folder)
    drawn(qtbot, panel)
    key = "head/net/brain/diff"
    qtbot.waitUntil(lambda: key in panel.stage.lacking, timeout=10000)
    settled(qtbot, panel)
    column = panel.columns.column(key)
    said = {
        "missing": "map.way-1.nii.gz is missing; run the job again",
        "broken": "run the job again",
        "short": "way-1 does not hold an image for each position",
        "grid": "2 × 2 × 2",
        "record": "what its result says of them cannot be read",
        "unnamed": "its result names no way-1",
    }
    assert said[harm] in column.lacks.text()
    assert column.lacks.isVisible()
    assert not column.positions.isVisible()
    assert column.area.isVisible(), "the map is there"
    assert column.bar.isVisible()


def test_maps_of_other_runs_are_as_they_were(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made, 3)
    assert not any(column.positions.isVisible() for column in panel.columns.columns)
    assert not any(column.lacks.isVisible() for column in panel.columns.columns)
