"""The images of a strip: as tiles, and behind a slider in the report."""

import base64
import hashlib
import itertools
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from esegeta.report import slider
from esegeta.report.page import write
from esegeta.report.strip import Pictures
from esegeta.strip import Strip, Way
from tests.report.conftest import NASTY, group, job, put, result, write_plan
from tests.report.test_page import read

PLACES = [-1.0, 0.0, 2.0]
RAS = np.diag([1.0, 1.0, 3.0, 1.0])


# The page


def way(name="cat", **changes):
    told = {"probabilities": [0.25, 0.5, 0.875], "predicted": ["dog", "dog", "cat"], "turn": 2.0}
    return {"class": name, **told, **changes}


def strip_job(run, plan, ways, **changes):
    """Put a job that is done, and its tiles: 60 × 40 pixels."""
    strip = {"along": "steps", "positions": PLACES, "ways": ways}
    files = {"map": "map.npy", "overlay": "overlay.png", "frames": "frames.png"}
    record = {"returns": "strip", "strip": strip, "files": files, **changes}
    folder = put(run, plan, result(plan, **record))
    Image.new("RGB", (60, 40)).save(folder / "frames.png")
    return folder


@pytest.fixture
def strips(tmp_path):
    """Two jobs with a strip, of one way and of two, and one without."""
    plans = [job("a/net/cat", name) for name in ("one", "two", "saliency")]
    write_plan(tmp_path, [group("a", plans)])
    strip_job(tmp_path, plans[0], [way()])
    strip_job(tmp_path, plans[1], [way(), way("dog", probabilities=[0.75, 0.5, 0.125])])
    put(tmp_path, plans[2], result(plans[2]))
    return tmp_path


def cards(text):
    """The cards of a page by their method."""
    found = re.findall(r"<article .*?</article>", text, re.DOTALL)
    return {re.search(r'data-method="(.*?)"', card)[1]: card for card in found}


def test_every_job_with_a_strip_has_a_slider_that_begins_at_the_origin(strips):
    text, page = read(write(strips))
    assert ["strip" in card and 'type="range"' in card for card in cards(text).values()] == [
        True, True, False,
    ]  # fmt: skip
    for moved in page.all("input"):
        assert (moved["min"], moved["max"], moved["value"]) == ("0", "2", "1")
        assert moved["aria-label"] == "steps"
    assert len(page.all("input")) == 2


def test_the_slider_says_of_each_image_what_the_model_does(strips):
    _, page = read(write(strips))
    one, two = (json.loads(found["data-told"]) for found in page.all("figure"))
    assert one == [
        [
            "α = −1: cat 0.25, predicted dog",
            "α = 0: cat 0.5, predicted dog",
            "α = 2: cat 0.875, predicted cat",
        ]
    ]
    assert two[0] == one[0]
    assert two[1][2] == "α = 2: dog 0.125, predicted cat"


def test_a_way_is_chosen_only_where_there_are_several(strips):
    found = cards(read(write(strips))[0])
    assert "<select" not in found["one"]
    assert "<b>cat</b> less or more" in found["one"]
    assert re.search(r"<select.*?</select>", found["two"])[0].count("<option>") == 2
    assert "<option>cat</option><option>dog</option>" in found["two"]


def test_the_tiles_are_in_the_page_as_they_are(strips):
    _, page = read(write(strips))
    data = (strips / "a/net/cat/one/frames.png").read_bytes()
    shown = [found for found in page.all("img") if found["alt"].startswith("one: counterfactual")]
    assert [base64.b64decode(found["src"].partition(",")[2]) for found in shown] == [data]
    assert (shown[0]["width"], shown[0]["height"]) == ("60", "40")


def test_the_one_script_that_may_act_is_the_sliders_too(strips):
    text, page = read(write(strips))
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert slider.SCRIPT in script
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page.all("meta")[2]["content"]


def test_what_a_strip_says_stays_text(tmp_path):
    plan = job("a/net/cat", "one")
    write_plan(tmp_path, [group("a", [plan])])
    strip = {
        "along": NASTY,
        "positions": PLACES,
        "ways": [way(NASTY), way("cat", predicted=[NASTY] * 3)],
    }
    strip_job(tmp_path, plan, [], strip=strip)
    text, page = read(write(tmp_path))
    assert len(page.all("script")) == 1
    assert len(page.all("img")) == 2
    assert "<script>alert" not in text
    assert NASTY in json.loads(page.all("figure")[0]["data-told"])[0][0]
    assert page.all("input")[0]["aria-label"] == NASTY


WHOLE = {"along": "steps", "positions": PLACES, "ways": [way()]}
UNREADABLE = {
    "null": None,
    "text": "text",
    "list": [],
    "nothing": {},
    "no ways": WHOLE | {"ways": []},
    "null ways": WHOLE | {"ways": None},
    "texts as ways": WHOLE | {"ways": ["cat"]},
    "nothing of a way": WHOLE | {"ways": [{"class": "cat"}]},
    "one probability": WHOLE | {"ways": [way(probabilities=[0.5])]},
    "number for classes": WHOLE | {"ways": [way(predicted=3)]},
    "no positions": {"along": "steps", "ways": [way()]},
    "no origin": WHOLE | {"positions": [1, 2, 3]},
    "number for positions": WHOLE | {"positions": 3},
    "object for positions": WHOLE | {"positions": {"0": 1}},
}


@pytest.mark.parametrize("strip", UNREADABLE.values(), ids=UNREADABLE)
def test_a_strip_that_cannot_be_read_does_not_break_the_page(strips, strip):
    path = strips / "a/net/cat/one/result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "strip": strip}))
    text, page = read(write(strips))
    found = cards(text)
    assert "What is said of its images cannot be read." in found["one"]
    assert 'class="enlarge"' in found["one"], "the map is shown all the same"
    assert len(page.all("input")) == 1


def test_tiles_that_are_none_or_lie_elsewhere_are_not_shown(strips, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.png"
    Image.new("RGB", (60, 40)).save(secret)
    folder = strips / "a/net/cat/one"
    record = json.loads((folder / "result.json").read_text())
    for name, content in (("gone.png", None), ("none.png", b"<svg/>"), (str(secret), None)):
        if content:
            (folder / name).write_bytes(content)
        record["files"]["frames"] = name
        (folder / "result.json").write_text(json.dumps(record))
        assert len(read(write(strips))[1].all("input")) == 1


# The tiles


def a_strip(image, ways):
    """A strip along `PLACES` of images (C, *spatial) per way; the map is the last change."""
    found = [
        Way(str(number), torch.stack(images), torch.full((3,), 0.5), ["a"] * 3, None)
        for number, images in enumerate(ways)
    ]
    change = found[0].images[2] - found[0].images[1]
    return Strip(change, PLACES, "steps", found, torch.zeros_like(image))


def tiles(image, strip, folder, affine=None):
    """The tiles as written, (ways, positions, 2, height, width, 3): images, and what changed in them."""
    path = folder / "frames.png"
    Pictures(image, strip, affine).write_tiles(path)
    pixels = np.asarray(Image.open(path))
    ways, places = len(strip.ways), len(strip.positions)
    tall, wide = pixels.shape[0] // (2 * ways), pixels.shape[1] // places
    assert pixels.shape == (ways * 2 * tall, places * wide, 3)
    cut = pixels.reshape(ways, 2, tall, places, wide, 3)
    return cut.transpose(0, 3, 1, 2, 4, 5)


def grey(tile):
    return (tile == tile[..., :1]).all()


def quarters(*levels):
    """A picture (1, 4, 4) of four quarters: above left, above right, below left, below right."""
    return torch.tensor(levels).view(1, 2, 2).repeat_interleave(2, 1).repeat_interleave(2, 2)


def test_each_tile_holds_the_image_of_its_way_and_position(tmp_path):
    levels = torch.arange(24).view(2, 3, 4) / 24
    ways = [[quarters(*levels[way, at]) for at in range(3)] for way in range(2)]
    found = tiles(quarters(0.0, 1.0, 0.2, 0.4), a_strip(ways[0][0], ways), tmp_path)
    assert found.shape == (2, 3, 2, 140, 142, 3)
    for way in range(2):
        for at in range(3):
            shown = found[way, at, 0]
            corners = [shown[35, 35], shown[35, 105], shown[105, 35], shown[105, 105]]
            wanted = (levels[way, at] * 255).round().int().tolist()
            assert [corner.tolist() for corner in corners] == [[level] * 3 for level in wanted]
            assert not shown[:, 140:].any(), "a gap parts it from the next"
            assert grey(shown)


def test_a_change_is_drawn_where_and_as_it_is(tmp_path):
    plain, more, less = (
        quarters(0.5, 0.5, 0.5, 0.5),
        quarters(0.5, 0.9, 0.5, 0.5),
        quarters(0.5, 0.5, 0.1, 0.5),
    )
    found = tiles(quarters(0.0, 1.0, 0.2, 0.4), a_strip(plain, [[less, plain, more]]), tmp_path)
    below, origin, above = found[0, :, 1].astype(int)
    assert grey(origin)
    red, _, blue = above[35, 105]
    assert red > blue + 50, "what was added is orange"
    red, _, blue = below[105, 35]
    assert blue > red + 50, "what was taken away is blue"
    above[:70, 70:140], below[70:, :70] = 0, 0
    assert grey(above)
    assert grey(below)


def test_equal_images_have_changes_without_colour(tmp_path):
    image = quarters(0.0, 1.0, 0.2, 0.4)
    changing = [quarters(0.1, 1.0, 0.2, 0.4), image, quarters(0.3, 1.0, 0.2, 0.4)]
    found = tiles(image, a_strip(image, [changing, [image] * 3]), tmp_path)
    assert not grey(found[0, 2, 1])
    assert grey(found[1])
    # As light as an image under a map without values.
    assert (found[1, :, 1, 35, 105] == round(0.72 * 255)).all()


def test_colours_stay_colours(tmp_path):
    image = torch.tensor([0.2, 0.6, 1.0]).view(3, 1, 1).expand(3, 4, 4)
    found = tiles(image, a_strip(image, [[image, image, image * 0.5]]), tmp_path)
    assert found[0, 1, 0, 70, 70].tolist() == [51, 153, 255]
    assert found[0, 2, 0, 70, 70].tolist() in ([26, 76, 128], [25, 76, 127], [26, 77, 128])


def box(tile):
    """Rows and columns that the bright part of a tile takes."""
    bright = tile[..., 0] > 200
    return int(bright.any(1).sum()), int(bright.any(0).sum())


def test_a_picture_with_long_pixels_has_a_long_tile(tmp_path):
    image = torch.zeros(1, 4, 8)
    image[0, 1, 2] = 1
    strip = a_strip(image, [[image, image, image * 0.5]])
    found = tiles(image, strip, tmp_path, np.diag([3.0, 1.0, 1.0, 1.0]))
    assert found.shape[3:5] == (140, round(8 * 140 / 12) + 2)
    rows, columns = box(found[0, 1, 0])
    assert rows == 35
    assert columns in (11, 12)


def test_a_large_picture_loses_no_pixel(tmp_path):
    image = torch.rand(1, 150, 20)
    found = tiles(image, a_strip(image, [[image, image, image + 1]]), tmp_path)
    assert found.shape[3:5] == (150, 22)


def test_a_volume_shows_three_slices_in_millimetres_through_what_changes_most(tmp_path):
    image = torch.zeros(1, 4, 6, 8)
    image[0, 1, 2, 5] = 1
    found = tiles(image, a_strip(image, [[image, image, image * 0.5]]), tmp_path, RAS)
    # Axial 6 by 4 mm, coronal 24 by 4, sagittal 24 by 6; 24 mm take 140 pixels.
    widths = [round(n * 140 / 24) for n in (4, 4, 6)]
    assert found.shape[3:5] == (140, sum(widths) + 3 * 2)
    starts = np.cumsum([0, *(width + 2 for width in widths)])
    shown = [found[0, 1, 0][:, a:b] for a, b in itertools.pairwise(starts)]
    (rows, columns), *others = map(box, shown)
    assert {rows, columns} <= {5, 6}
    for rows, columns in others:
        assert rows in (17, 18)
        assert columns in (5, 6)
    # The patient's left is on the right, and what lies above is at the top: 5 of 8 from below.
    bright = np.argwhere(shown[1][..., 0] > 200)
    assert bright[:, 0].min() == pytest.approx(2 * 3 * 140 / 24, abs=1)
    assert bright[:, 1].min() == pytest.approx(2 * 140 / 24, abs=1)
