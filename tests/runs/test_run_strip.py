"""A method that returns a strip of images: what is written of it, and which strips are refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import esegeta
from esegeta.runs.folder import RunFolder
from tests.runs.project import Project

MOVED = '''
"""Images along ways, as it is told."""

from dataclasses import replace
from typing import Annotated

import torch

from esegeta import Param, Passes, Probe, Strip, Way, explainability


@explainability(paper="none", passes=Passes(1), returns="strip")
def moved(
    probe: Probe,
    *,
    how: Annotated[str, Param(help="What to return")] = "work",
    ways: Annotated[int, Param(ge=0, help="Ways")] = 2,
) -> Strip:
    """The image, made lighter by as much as a position says, once and twice as much."""
    image, places = probe.image[0].clone(), [-2.0, -1.0, 0.0, 4.0]
    names, chances = ["one", "two", "three"], torch.tensor([0.125, 0.25, 0.5, 0.75])
    found = [
        Way(
            names[number],
            torch.stack([image + (number + 1) * place for place in places]),
            chances / (number + 1),
            ["two", "two", "two", "one"],
            None if number else 4.0,
        )
        for number in range(ways)
    ]
    good = Strip(image - image.mean(), places, "steps", found, 0.25 * torch.ones_like(image))
    if how == "tensor":
        return good.map
    if how == "falling":
        return replace(good, positions=places[::-1])
    if how == "twice":
        return replace(good, positions=[-1.0, 0.0, 0.0, 4.0])
    if how == "no origin":
        return replace(good, positions=[-2.0, -1.0, 1.0, 4.0])
    if how == "too few":
        return replace(good, positions=[*places, 5.0])
    if how == "small":
        return replace(good, ways=[replace(found[0], images=found[0].images[..., 1:])])
    if how == "unsaid":
        return replace(good, ways=[replace(found[0], probabilities=chances[1:])])
    if how == "unpredicted":
        return replace(good, ways=[replace(found[0], predicted=["one"])])
    if how == "no such turn":
        return replace(good, ways=[replace(found[0], turn=3.0)])
    if how == "narrow floor":
        return replace(good, floor=good.floor[..., 1:])
    if how == "grey floor":
        return replace(good, floor=good.floor[:1])
    if how == "nan floor":
        good.floor[0, 0, 0] = float("nan")
    if how == "nan position":
        return replace(good, positions=[-1.0, 0.0, 4.0, float("nan")])
    if how == "nan chance":
        return replace(good, ways=[replace(found[0], probabilities=chances / 0 - chances / 0)])
    if how == "nan":
        found[1].images[3].view(-1)[0] = float("nan")
    if how == "zero":
        return replace(good, map=torch.zeros_like(image))
    if how == "tensors":
        many = [replace(way, turn=way.turn and torch.tensor(way.turn)) for way in found]
        return replace(good, positions=torch.tensor(places), ways=many)
    if how == "flat map":
        return replace(good, map=image[0])
    return good
'''

CROP = [{"use": "Crop", "with": {"cropping": 3}}]
WRONG = {
    "tensor": ("MethodError", "returned a Tensor, not a Strip"),
    "falling": ("MethodError", "they have to rise, with 0 among them"),
    "twice": ("MethodError", "they have to rise"),
    "no origin": ("MethodError", "with 0 among them"),
    "too few": ("MethodError", r"images of shape (4, 3, 10, 10); expected (5, 3, 10, 10)"),
    "small": ("MethodError", r"images of shape (4, 3, 10, 9); expected (4, 3, 10, 10)"),
    "unsaid": ("MethodError", "returned a strip"),
    "unpredicted": ("MethodError", "returned a strip"),
    "no such turn": ("MethodError", "returned a strip"),
    "narrow floor": ("MethodError", "returned a strip"),
    "grey floor": ("MethodError", "returned a strip"),
    "nan position": ("MethodError", "they have to rise"),
    "nan floor": ("CheckFailed", "NaN or infinity"),
    "nan chance": ("CheckFailed", "NaN or infinity"),
    "nan": ("CheckFailed", "NaN or infinity"),
    "zero": ("CheckFailed", "zero everywhere"),
    "flat map": ("MethodError", "returned shape (10, 10)"),
}


def moved(how, **more):
    return {"use": "moved", "name": how, "with": {"how": how, **more}}


@pytest.fixture(scope="module")
def flat(shared_project: Project):
    """A run on a picture that is cropped before the model sees it: what works, and what does not."""
    (shared_project.folder / "plugins" / "moved.py").write_text(MOVED)
    methods = [moved("work"), moved("tensors"), moved("no ways", ways=0), *map(moved, WRONG)]
    return esegeta.run(shared_project.config(methods, preprocess=CROP), quiet=True)


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A run on a volume that is turned and cropped before the model sees it; config and values too."""
    project = Project(tmp_path_factory.mktemp("deep"))
    (project.folder / "plugins" / "moved.py").write_text(MOVED)
    values = np.random.default_rng(0).normal(size=(9, 10, 12)).astype(np.float32)
    project.volume("v.nii.gz", values, np.diag([-1.0, -1.0, 2.0, 1.0]))
    crop = {"use": "Crop", "with": {"cropping": [1, 2, 0, 3, 0, 0]}}
    config = project.config(
        [moved("work", ways=1)],
        models=[{"name": "net", "factory": "nets.py:Segmenter", "task": "segmentation"}],
        images=[{"path": "v.nii.gz"}],
        target={"class": 1},
        preprocess=[{"use": "ToCanonical"}, crop],
    )
    return esegeta.run(config, quiet=True), config, values


def job(ended, how="work"):
    (found,) = (name for name in [*ended.done, *ended.failed] if name.endswith(f"/{how}"))
    return ended.folder / found, json.loads((ended.folder / found / "result.json").read_text())


def test_a_strip_of_pictures_lies_on_their_own_grid(flat, shared_project):
    folder, record = job(flat)
    assert record["state"] == "done"
    assert record["files"] == {
        "map": "map.npy", "overlay": "overlay.png", "model": "map.model.npy",
        "floor": "map.floor.npy", "way-0": "map.way-0.npy", "way-1": "map.way-1.npy",
        "frames": "frames.png",
    }  # fmt: skip
    assert set(record["sha256"]) == set(record["files"])
    there = {path.name for path in folder.iterdir()}
    assert there == {*record["files"].values(), "result.json", "job.log"}
    picture = Image.open(shared_project.folder / "a.png")
    pixels = np.asarray(picture, np.float32).transpose(2, 0, 1) / 255
    inside = np.zeros((16, 16), bool)
    inside[3:-3, 3:-3] = True
    for number in range(2):
        found = np.load(folder / f"map.way-{number}.npy").reshape(4, 3, 16, 16)
        for place, one in zip((-2, -1, 0, 4), found, strict=True):
            wanted = np.where(inside, pixels + (number + 1) * place, 0)
            np.testing.assert_allclose(one, wanted, atol=1e-6)
    floor = np.load(folder / "map.floor.npy")
    np.testing.assert_array_equal(floor, np.broadcast_to(np.where(inside, 0.25, 0), (3, 16, 16)))
    assert np.load(folder / "map.npy").shape == (3, 16, 16)
    assert np.load(folder / "map.model.npy").shape == (3, 10, 10)


def test_the_result_says_what_the_images_are(flat):
    _, record = job(flat)
    assert record["returns"] == "strip"
    way = {"class": "one", "probabilities": [0.125, 0.25, 0.5, 0.75], "turn": 4.0}
    other = {"class": "two", "probabilities": [0.0625, 0.125, 0.25, 0.375], "turn": None}
    predicted = {"predicted": ["two", "two", "two", "one"]}
    assert record["strip"] == {
        "along": "steps",
        "positions": [-2.0, -1.0, 0.0, 4.0],
        "ways": [way | predicted, other | predicted],
    }


def test_numbers_may_be_those_of_tensors(flat):
    _, record = job(flat, "tensors")
    assert record["state"] == "done"
    assert record["strip"] == job(flat)[1]["strip"]


def test_frames_hold_a_tile_per_way_and_position(flat, deep):
    # 16 pixels are drawn as 140, with two more between tiles; images lie over changes.
    assert Image.open(job(flat)[0] / "frames.png").size == (4 * 142, 2 * 2 * 140)
    # Three slices beside each other: 9 by 10, 9 by 24 and 10 by 24 mm.
    across = sum(round(side * 140 / 24) + 2 for side in (9, 9, 10))
    assert Image.open(job(deep[0])[0] / "frames.png").size == (4 * across, 2 * 140)


def test_the_overlay_shows_every_image(flat, deep):
    sizes = [Image.open(job(run)[0] / "overlay.png").size for run in (flat, deep[0])]
    assert sizes[0][0] == sizes[1][0], "both have five columns"
    assert sizes[0][1] > sizes[1][1], "and two ways take more rows than one"


def test_a_strip_of_volumes_lies_on_their_own_grid(deep):
    import nibabel

    ended, _, values = deep
    folder, record = job(ended)
    assert record["files"]["way-0"] == "map.way-0.nii.gz"
    file = nibabel.load(folder / "map.way-0.nii.gz")
    np.testing.assert_array_equal(file.affine, np.diag([-1.0, -1.0, 2.0, 1.0]))
    # What is cropped of the turned volume's beginning lies at the file's end, and the other way round.
    inside = np.zeros(values.shape, bool)
    inside[2:-1, 3:] = True
    found = np.asarray(file.dataobj)
    assert found.shape == (9, 10, 12, 4)
    for at, place in enumerate((-2, -1, 0, 4)):
        wanted = np.where(inside, values + place, 0)
        np.testing.assert_allclose(found[..., at], wanted, atol=1e-6)
    floor = np.asarray(nibabel.load(folder / "map.floor.nii.gz").dataobj)
    np.testing.assert_array_equal(floor, np.where(inside, np.float32(0.25), 0))
    assert len(record["strip"]["ways"]) == 1


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_strip_fails_with_a_reason(flat, how):
    folder, record = job(flat, how)
    kind, message = WRONG[how]
    assert record["state"] == "failed"
    assert record["error"]["kind"] == kind
    assert message in record["error"]["message"]
    assert {path.name for path in folder.iterdir()} == {"result.json", "job.log"}


def test_a_strip_along_no_way_fails(flat):
    _, record = job(flat, "no ways")
    assert record["state"] == "failed"
    assert "along one way at least" in record["error"]["message"]


def test_resume_keeps_a_strip_whose_files_are_whole(deep):
    ended, config, _ = deep
    folder, record = job(ended)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    again = esegeta.run(config, resume=True, quiet=True)
    assert again.done == ended.done
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    for name in ("frames.png", "map.way-0.nii.gz", "map.floor.nii.gz"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-1])
        assert RunFolder(ended.folder).state(ended.done[0], record["fingerprint"]) == "pending"
        (folder / name).write_bytes(whole)
    assert RunFolder(ended.folder).state(ended.done[0], record["fingerprint"]) == "done"


def test_from_python_a_strip_is_at_hand_and_can_be_drawn(tmp_path, monkeypatch):
    from esegeta import engine
    from esegeta.registry import find

    (tmp_path / "moved.py").write_text(MOVED)
    registry = find([tmp_path])
    monkeypatch.setattr(engine, "_registry", lambda: registry)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
    image = torch.rand(1, 6, 8)
    found = esegeta.explain(net, image, "moved", classes=["cat", "dog"])
    assert isinstance(found.strip, esegeta.Strip)
    assert found.strip.origin == 2
    assert torch.equal(found.strip.ways[1].images[3], image + 8)
    assert torch.equal(found.map, image - image.mean())
    assert found.record()["strip"] == found.strip.record()
    figure = found.plot()
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == 2 * 2 * 5, (
        "two ways, images over changes, the image itself and four positions"
    )
    words = [text.get_text() for text in figure.texts]
    assert any(text.startswith("moved: ") for text in words)
    assert {"image", "error of 0", "one 0.75", "two 0.06"} <= set(words)
    curves = figure.axes[-1]
    assert [line.get_label() for line in curves.lines] == ["one", "two"]
    assert curves.lines[0].get_xydata().tolist() == [[-2, 0.125], [-1, 0.25], [0, 0.5], [4, 0.75]]


def test_another_method_has_no_strip(tmp_path):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 2))
    found = esegeta.explain(net, torch.rand(1, 6, 8), "saliency")
    assert found.strip is None
    assert "strip" not in found.record()
