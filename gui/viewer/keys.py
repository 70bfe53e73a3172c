"""The viewer's keys: one table that makes them work, and lists them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..language import tr
from .choice import MOST
from .colours import COLOURS, SIGNS
from .shortcuts import Key
from .strip import Strip

if TYPE_CHECKING:
    from .panel import ViewerPanel

STEP = 10
"""Per cent that a key changes opacity or threshold by."""


def keys(panel: ViewerPanel) -> list[tuple[str, list[Key]]]:
    """Give the keys by what they are about."""
    return [
        (tr("In a plane"), _plane(panel)),
        (tr("How it is drawn"), _look(panel)),
        (tr("What is looked at"), _choice(panel)),
        (tr("Files"), _files(panel)),
    ]


def _plane(panel: ViewerPanel) -> list[Key]:
    return [
        Key("← → ↑ ↓", tr("Move the crosshair; with Shift by ten. Or click, or drag")),
        Key("PgUp PgDown", tr("Next or previous slice; with Shift ten further. Or the wheel")),
        Key("+ −", tr("Closer or further away. Or Ctrl and the wheel")),
        Key("0", tr("All of the picture. Or a double click")),
        Key(tr("Right button"), tr("Move the picture")),
        Key(
            "Home",
            tr("The strongest voxel of the map"),
            lambda: panel.stage.strongest(panel.active),
        ),
        Key("X", tr("Crosshair on or off"), panel.controls.lines.toggle),
    ]


def _look(panel: ViewerPanel) -> list[Key]:
    controls = panel.controls

    def slide(name: str, by: int) -> Callable[[], object]:
        slider = getattr(controls, name)
        return lambda: slider.setValue(slider.value() + by)

    def sign() -> None:
        if controls.layer is not None:
            at = SIGNS.index(controls.layer.look.sign)
            panel.stage.looks.sign(panel.active, SIGNS[(at + 1) % len(SIGNS)], controls.shared)

    def colours() -> None:
        if controls.layer is not None:
            at = COLOURS.index(controls.layer.look.colours)
            panel.stage.looks.dress(
                panel.active, controls.shared, colours=COLOURS[(at + 1) % len(COLOURS)]
            )

    def side() -> None:
        if panel.stage.scene is not None and panel.stage.scene.geometry.known:
            panel.stage.looks.side(not panel.stage.scene.neurological)

    return [
        Key("M", tr("Maps on or off"), controls.maps.toggle),
        Key("O", tr("More opaque"), slide("opacity", STEP)),
        Key("Shift+O", tr("Less opaque"), slide("opacity", -STEP)),
        Key("T", tr("Higher threshold"), slide("threshold", STEP // 2)),
        Key("Shift+T", tr("Lower threshold"), slide("threshold", -STEP // 2)),
        Key("S", tr("Signed, magnitude, only positive, only negative"), sign),
        Key("C", tr("Next colours"), colours),
        Key("R", tr("The map's own range"), controls.reset.click),
        Key("Shift+R", tr("One range for all maps"), controls.same.click),
        Key("W", tr("The image's own window"), controls.own.click),
        Key("L", tr("Radiological or neurological side"), side),
    ]


def _choice(panel: ViewerPanel) -> list[Key]:
    def step(by: int) -> None:
        if panel.stage.choice is not None:
            panel.stage.choice.step(by)
            panel.stage.show()

    def layer(by: int) -> None:
        job = panel.job
        if panel.stage.choice is not None and job is not None:
            panel.stage.choice.step_layer(job, by)
            panel.stage.show()

    def plane(at: int) -> Callable[[], object]:
        def turn() -> None:
            if panel.controls.one.isEnabled():
                panel.controls.one.setCurrentIndex(at)
                panel.controls.one.activated.emit(at)

        return turn

    def focus(at: int) -> Callable[[], object]:
        def go() -> None:
            if panel.columns is not None:
                panel.columns.focus(at)

        return go

    def leaf(by: int) -> None:
        layer = panel.controls.layer
        if isinstance(layer, Strip):
            panel.stage.leaf(panel.active, at=layer.way.at + by)

    planes = [tr("All three planes"), tr("Axial"), tr("Coronal"), tr("Sagittal")]
    return [
        Key(
            "Ctrl+L",
            tr("To the list of methods: Enter one alone, Space side by side"),
            panel.jobs.list.setFocus,
        ),
        Key("]", tr("Next layer of the method"), lambda: layer(1)),
        Key("[", tr("Previous layer"), lambda: layer(-1)),
        Key("A", tr("Next of the images that the method made"), lambda: leaf(1)),
        Key("Shift+A", tr("Previous of these images"), lambda: leaf(-1)),
        Key("Ctrl+PgDown", tr("Next image, model or class"), lambda: step(1)),
        Key("Ctrl+PgUp", tr("Previous image, model or class"), lambda: step(-1)),
        *(Key(str(n + 1), tr("To map %d") % (n + 1), focus(n)) for n in range(MOST)),
        Key(
            "D",
            tr("Difference of the first two maps"),
            lambda: panel.subtract(not panel.stage.subtracted),
        ),
        *(Key(f"Alt+{at}", name, plane(at)) for at, name in enumerate(planes)),
    ]


def _files(panel: ViewerPanel) -> list[Key]:
    return [
        Key("Ctrl+E", tr("Export the view as PNG or SVG"), panel.writer.ask_view),
        Key("Ctrl+M", tr("Save the map's file"), panel.writer.ask_map),
        Key("F5", tr("Read the run anew"), panel.reload),
        Key("F1", tr("This page, and back"), panel.toggle_keys),
    ]
