import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from esegeta.errors import TargetError
from esegeta.images import Image, Prepared
from esegeta.probe import Placed, Region, Target
from esegeta.registry import find
from esegeta.runs.places import on_model_grid


def prepared(scale, offset, spatial=(40, 30, 20)):
    """An image whose model grid has voxels `scale` times as large, moved by `offset` voxels."""
    source = Image(torch.zeros(1, *spatial), np.diag([2.0, 3.0, 4.0, 1.0]), "it")
    step = np.eye(4)
    step[:3, :3] *= scale
    step[:3, 3] = offset
    small = [int(n // scale) for n in spatial]
    return Prepared(source, torch.zeros(1, *small), source.affine @ step, None)


def test_other_masks_stay():
    for mask in ("predicted", "border", {"label": 4}):
        assert on_model_grid(mask, prepared(2, 0.5)) == mask


def test_without_preprocessing_places_stay():
    same = prepared(1, 0)
    for mask in ({"box": [[3, 7], [0, 30], [19, 20]]}, {"component": [39, 0, 4]}):
        assert on_model_grid(mask, same) == Placed(mask, mask)


@given(data=st.data(), scale=st.sampled_from([1, 2, 4]))
def test_a_box_on_the_model_grid_holds_every_voxel_of_the_files(data, scale):
    image = prepared(scale, (scale - 1) / 2)
    start = [data.draw(st.integers(0, n - 1)) for n in (40, 30, 20)]
    stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, (40, 30, 20), strict=True)]
    sizes = image.tensor.shape[1:]
    if any(a // scale >= n for a, n in zip(start, sizes, strict=True)):
        return  # it lies in the rest that the coarser grid leaves out
    mask = {"box": [list(p) for p in zip(start, stop, strict=True)]}
    placed = on_model_grid(mask, image)
    assert placed.given == mask
    box = placed.mask["box"]
    for (a, b), (low, high), size in zip(zip(start, stop, strict=True), box, sizes, strict=True):
        assert low == a // scale
        assert high == min(size, -(-b // scale))


def test_a_point_keeps_its_place_through_cropping():
    given = {"component": [12, 9, 7]}
    assert on_model_grid(given, prepared(1, 5)) == Placed({"component": [7, 4, 2]}, given)


def component(given):
    """The target that is connected to a point of the file, and logits in which (12, 9, 7) is alone."""
    logits = torch.stack([torch.full((35, 25, 15), 1.0), torch.zeros(35, 25, 15)])[None]
    logits[0, 1, 7, 4, 2] = 2.0
    region = Region(on_model_grid(given, prepared(1, 5)))
    wrapper = find().get("pixelwise").function
    return Target(wrapper, "one", classes=["zero", "one"], region=region), logits


def test_a_result_tells_voxels_of_the_file():
    target, logits = component({"component": [12, 9, 7]})
    target.freeze(logits)
    assert float(target.scores(logits)[0, 1]) == 2.0
    assert target.describe()["mask"] == {"component": [12, 9, 7]}


def test_an_empty_mask_is_told_in_voxels_of_the_file():
    target, logits = component({"component": [13, 9, 7]})
    with pytest.raises(TargetError, match=r"the mask 'component \[13, 9, 7\]' holds no voxel"):
        target.freeze(logits)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ({"box": [[0, 3], [0, 3]]}, "2 entries"),
        ({"component": [1, 2]}, "3 axes"),
        ({"component": [2, 9, 9]}, "outside it"),
        ({"box": [[0, 2], [6, 9], [6, 9]]}, "outside it"),
    ],
)
def test_places_outside_are_told(mask, message):
    with pytest.raises(TargetError, match=message):
        on_model_grid(mask, prepared(1, 5))
