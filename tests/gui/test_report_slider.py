"""The report's slider, with its script run by Qt's engine on a page that is made of plain objects."""

import json

import pytest
from PySide6.QtQml import QJSEngine

from esegeta.report.slider import SCRIPT

PAGE = """
var heard = {}, listen = name => (kind, work) => { heard[name] = work; };
var image = {style: {}, parentElement: {style: {}},
               getAttribute: side => ({width: '900', height: '300'})[side]};
var parts = {img: image, input: {value: '4', addEventListener: listen('slider')},
               select: {selectedIndex: 0, addEventListener: listen('way')}, output: {}};
var strip = {dataset: {told: TOLD}, querySelector: name => parts[name]};
var document = {querySelectorAll: () => [strip]};
var seen = () => JSON.stringify([image.style.transform, parts.output.textContent]);
"""
TOLD = [[f"{way} {at}" for at in range(9)] for way in ("ill", "well")]


@pytest.fixture
def page(qapp):
    engine = QJSEngine()

    def run(script: str) -> str:
        found = engine.evaluate(script)
        assert not found.isError(), found.toString()
        return found.toString()

    run(PAGE.replace("TOLD", json.dumps(json.dumps(TOLD))) + SCRIPT)
    return run


def shown(page) -> tuple[int, int, str]:
    """Which tile is in the frame, across and down, and what is said of it."""
    moved, told = json.loads(page("seen()"))
    across, down = (float(part.strip(" %")) for part in moved[len("translate(") : -1].split(","))
    return round(-across * 9 / 100), round(-down * 2 / 100), told


def test_the_frame_is_one_tile_large(page):
    assert page("image.style.width") == "900%"
    assert page("image.parentElement.style.aspectRatio") == "100 / 150"


def test_slider_and_choice_bring_their_tile_into_the_frame(page):
    assert shown(page) == (4, 0, "ill 4")
    page("parts.input.value = '8'; heard.slider();")
    assert shown(page) == (8, 0, "ill 8")
    page("parts.select.selectedIndex = 1; heard.way();")
    assert shown(page) == (8, 1, "well 8")
