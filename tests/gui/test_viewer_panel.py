"""The viewer on the (offscreen) screen: with keys, mouse and damaged runs."""

import pytest
from esegeta.gui.viewer.panel import KEYS
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication
from viewing import RNG, drawn, maps, planes, show


def test_a_volume_opens_at_its_strongest_voxel(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made)
    scene = panel.stage.scene
    qtbot.waitUntil(lambda: scene.geometry.stored(scene.voxel) == (1, 2, 3), timeout=5000)
    qtbot.waitUntil(lambda: "here 40" in panel.columns.columns[0].reading.text(), timeout=5000)
    said = panel.where.text()
    assert "Voxel (1, 2, 3)" in said
    assert "radiological" in said
    assert "image 75" in said
    assert len(planes(panel)) == 3


def test_keys_and_mouse_move_one_crosshair_for_all_maps(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made, 2)
    scene = panel.stage.scene
    scene.voxel = (3, 3, 3)
    panel.stage.moved.emit()
    drawn(qtbot, panel, 2)
    plane, view = planes(panel, 1)[0], scene.views[0]
    plane.setFocus()
    before = scene.point(view)
    qtbot.keyClick(plane, Qt.Key.Key_Right)
    assert scene.point(view) == (before[0], before[1] + 1)
    drawn(qtbot, panel, 2)
    slice_ = scene.slice_of(view)[0]
    qtbot.keyClick(plane, Qt.Key.Key_PageUp)
    assert scene.slice_of(view)[0] == slice_ + 1
    wheel(plane, -120)
    assert scene.slice_of(view)[0] == slice_
    drawn(qtbot, panel, 2)
    crosses = {tuple(line.value() for line in planes(panel, n)[0].lines) for n in (0, 1)}
    assert len(crosses) == 1
    # A click goes to the voxel below it.
    row, column = 1, 2
    x, y = ((i + 0.5) * s for i, s in zip((column, row), reversed(plane._spacing), strict=True))
    place = plane.mapFromScene(plane.box.mapViewToScene(QPointF(x, y)))
    qtbot.mouseClick(plane.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert scene.point(view) == (row, column)


def wheel(plane, delta, modifiers=Qt.KeyboardModifier.NoModifier):
    middle = QPointF(plane.rect().center())
    event = QWheelEvent(
        middle,
        plane.mapToGlobal(middle),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(plane.viewport(), event)


def test_zoom_is_linked(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made, 2)
    qtbot.wait(200)  # until the columns have their sizes
    first, second = planes(panel, 0)[0], planes(panel, 1)[0]
    whole = second.box.viewRect()
    wheel(first, 120, Qt.KeyboardModifier.ControlModifier)
    assert second.box.viewRect().width() < whole.width()
    first.setFocus()
    qtbot.keyClick(first, Qt.Key.Key_0)
    assert second.whole
    assert second.box.viewRect().width() == pytest.approx(whole.width())


def test_letter_keys_change_the_look_of_all_maps(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made, 2)
    layers = list(panel.stage.scene.layers.values())
    plane = planes(panel)[0]
    plane.setFocus()
    qtbot.keyClick(plane, Qt.Key.Key_S)
    assert {layer.look.sign for layer in layers} == {"magnitude"}
    qtbot.keyClick(plane, Qt.Key.Key_C)
    assert {layer.look.colours for layer in layers} == {"viridis"}
    before = layers[1].look.opacity
    qtbot.keyClick(plane, Qt.Key.Key_O, Qt.KeyboardModifier.ShiftModifier)
    assert layers[1].look.opacity == pytest.approx(before - 0.1)
    qtbot.keyClick(plane, Qt.Key.Key_T)
    assert layers[0].look.threshold == pytest.approx(0.05)
    qtbot.keyClick(plane, Qt.Key.Key_L)
    assert panel.stage.scene.neurological
    assert "neurological" in panel.where.text()
    drawn(qtbot, panel, 2)
    assert plane.letters["left"] == "L"
    qtbot.keyClick(plane, Qt.Key.Key_M)
    assert not panel.stage.scene.maps


def test_a_range_is_typed_and_given_back(qtbot, panel, made):
    maps(made, 1)
    show(qtbot, panel, made)
    layer = next(iter(panel.stage.scene.layers.values()))
    own = (layer.look.low, layer.look.high)
    high = panel.controls.high
    high.setFocus()
    high.selectAll()
    qtbot.keyClicks(high, "1e2")
    qtbot.keyClick(high, Qt.Key.Key_Return)
    assert (layer.look.low, layer.look.high) == (own[0], 100)
    panel.controls.reset.click()
    assert (layer.look.low, layer.look.high) == own


def test_the_difference_of_two_maps(qtbot, panel, made):
    maps(made)
    show(qtbot, panel, made, 2)
    panel.subtract(True)
    drawn(qtbot, panel, 3)
    assert panel.columns.columns[-1].title == "m0 − m1"
    panel.subtract(False)
    assert len(panel.columns.columns) == 2


def test_one_plane_alone_and_the_list_by_keyboard(qtbot, panel, made):
    maps(made, 5)
    show(qtbot, panel, made, 1)
    listed = panel.jobs.list
    listed.setFocus()
    listed.setCurrentRow(2)
    qtbot.keyClick(listed, Qt.Key.Key_Space)
    drawn(qtbot, panel, 2)
    assert [column.title for column in panel.columns.columns] == ["m0", "m2"]
    qtbot.keyClick(listed, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [c.title for c in panel.columns.columns] == ["m2"])
    drawn(qtbot, panel)
    qtbot.keyClick(panel, Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    assert panel.columns.plane == 1
    assert [plane.property("plane") for plane in planes(panel)] == [1]


def test_pictures_images_and_sheets_are_shown_as_what_they_are(qtbot, panel, made):
    made.picture()
    made.job(RNG.normal(size=(5, 9)), "map", image="photo")
    made.job(RNG.random((3, 4, 6)), "sheet", image="photo", returns="sheet")
    made.job(RNG.random((5, 9)), "dream", image="photo", returns="image")
    show(qtbot, panel, made)
    for job in panel.stage.choice.jobs[1:]:
        panel.stage.choice.toggle(job)
    panel.stage.show()
    drawn(qtbot, panel, 2)
    qtbot.waitUntil(lambda: bool(panel.stage.sheets), timeout=5000)
    drawn(qtbot, panel, 2)
    columns = {column.title: column for column in panel.columns.columns}
    assert columns["sheet"].planes[0].picture.image.shape == (4, 6, 3)
    assert not columns["sheet"].planes[0].lines[0].isVisible()
    assert columns["map"].bar.isVisible()
    assert not columns["dream"].bar.isVisible(), "a picture is no map: it has no colour bar"
    assert columns["map"].planes[0].picture.image.shape == (5, 9, 3)


def test_the_view_and_the_map_are_written(qtbot, panel, made, tmp_path):
    maps(made, 1)
    show(qtbot, panel, made)
    png, svg, copy = (tmp_path / name for name in ("view.png", "view.svg", "map.nii.gz"))
    size = panel.columns.size()
    panel.writer.export_view(png)
    assert QImage(str(png)).size() == size
    panel.writer.export_view(svg)
    text = svg.read_text()
    assert "<svg" in text
    assert "<image" in text
    assert "axial" in text, "words stay words"
    panel.writer.export_map(copy)
    assert copy.read_bytes() == (made.folder / panel.active / "map.nii.gz").read_bytes()
    panel.writer.export_map(tmp_path / "nowhere" / "map.nii.gz")
    assert "cannot be written" in panel.banner.label.text()


def test_the_page_of_shortcuts_lists_every_key(qtbot, panel):
    qtbot.keyClick(panel, Qt.Key.Key_F1)
    assert panel.stack.currentIndex() == KEYS
    text = panel.keys.toPlainText()
    for shortcut in panel.shortcuts:
        assert shortcut.key().toString() in text
    qtbot.keyClick(panel.keys, Qt.Key.Key_F1)
    assert panel.stack.currentIndex() != KEYS


def test_metrics_of_a_result_are_listed(qtbot, panel, made):
    made.volume()
    job = made.job(RNG.normal(size=(6, 7, 8)))
    made.metric(job, "relevance_gain", value=0.25, standard_error=0.03, passed=True)
    made.metric(job, "odd", state="failed", error={"message": "no"})
    show(qtbot, panel, made)
    text = panel.facts.toPlainText()
    assert "relevance gain" in text
    assert "0.25 ± 0.03 ✓" in text
    assert "odd" in text
    assert panel.jobs.list.count() == 1, "what judges a map is no map"


def test_one_range_for_all_maps(qtbot, panel, made):
    made.volume()
    for at, size in enumerate((1, 100)):
        made.job(RNG.uniform(0, size, size=(6, 7, 8)), f"m{at}")
    show(qtbot, panel, made, 2)
    layers = list(panel.stage.scene.layers.values())
    assert layers[0].look.high < 2 < layers[1].look.high
    qtbot.mouseClick(panel.controls.same, Qt.MouseButton.LeftButton)
    assert layers[0].look.high == layers[1].look.high > 50
    panel.controls.reset.click()
    ends = sorted(layer.look.high for layer in layers)
    assert ends[0] < ends[1] or panel.active == layers[1].key


def test_another_theme_reaches_what_is_shown(qtbot, panel, made):
    from esegeta.gui import theme

    made.volume()
    made.job(None, state="failed", error={"message": "so it is"})
    panel.open_run(made.write())
    qtbot.waitUntil(lambda: "so it is" in panel.facts.toPlainText(), timeout=5000)
    app = QApplication.instance()
    try:
        for name in ("dark", "light"):
            theme.apply(app, name)
            panel.renew()
            assert theme.COLOURS[name]["wrong"] in panel.facts.toHtml()
            item = panel.jobs.list.item(0)
            assert item.foreground().color().name() == theme.COLOURS[name]["wrong"]
    finally:
        theme.apply(app, "light")
