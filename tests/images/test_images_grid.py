"""A voxel of the map lies where the voxel of the image lies."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform, binary_erosion

from esegeta.images import Image, prepare
from esegeta.images.grid import apart, carry, of_shape, of_spacing, spacing

PIPELINES = {
    "finer": [("Resample", {"target": 0.7})],
    "coarser": [("Resample", {"target": [2, 2.5, 2.2]})],
    "canonical": [("ToCanonical", {})],
    "oriented": [("ToOrientation", {"orientation": "SPL"})],
    "resized": [("Resize", {"target_shape": [17, 31, 24]})],
    "cropped": [("Crop", {"cropping": [1, 2, 3, 0, 2, 1]})],
    "padded": [("Pad", {"padding": [4, 1, 0, 3, 2, 2]})],
    "multiple": [("EnsureShapeMultiple", {"target_multiple": 8})],
    "all": [
        ("Resample", {"target": [1.2, 1.1, 1.4]}),
        ("ToCanonical", {}),
        ("CropOrPad", {"target_shape": [30, 18, 40]}),
        ("ZNormalization", {}),
        ("Resize", {"target_shape": [24, 20, 36]}),
        ("Pad", {"padding": [1, 0, 2, 0, 0, 3]}),
    ],
}
SHAPE = (26, 22, 20)


def positions(shape, affine):
    """World position of every voxel, (3, *spatial); a picture's world has two axes."""
    ndim = len(shape)
    index = np.indices(shape)
    turned = np.einsum("ab,b...->a...", affine[:ndim, :ndim], index)
    return turned + affine[:ndim, 3].reshape(-1, *[1] * ndim)


def inside(shape, affine, grid_shape, grid_affine, margin):
    """Which voxels lie `margin` voxels within the borders of another grid."""
    ndim = len(shape)
    world = positions(shape, affine)
    pull = np.linalg.inv(grid_affine)
    index = np.einsum("ab,b...->a...", pull[:ndim, :ndim], world)
    index += pull[:ndim, 3].reshape(-1, *[1] * ndim)
    size = np.array(grid_shape).reshape(-1, *[1] * ndim)
    return ((index >= margin) & (index <= size - 1 - margin)).all(axis=0)


@pytest.mark.parametrize("name", PIPELINES)
def test_every_step_keeps_content_where_it_lies(step, oblique, name):
    """An image of its own world coordinates must hold them on the model's grid, too."""
    ones = np.ones((1, *SHAPE))  # what is not 1 afterwards is padding
    world = np.concatenate([positions(SHAPE, oblique), ones]).astype(np.float32)
    steps = [step(use, **w) for use, w in PIPELINES[name] if use != "ZNormalization"]
    prepared = prepare(Image(torch.from_numpy(world), oblique, "a"), steps)
    *place, share = prepared.tensor.numpy()
    shape = share.shape
    seen = inside(shape, prepared.affine, SHAPE, oblique, 0)
    seen &= binary_erosion(share > 1 - 1e-6)  # outermost voxels hold the value half a step inward
    assert seen.mean() > 0.2
    error = np.abs(place - positions(shape, prepared.affine))[:, seen]
    assert error.max() < 1e-3  # mm


@pytest.mark.parametrize("name", PIPELINES)
def test_what_goes_to_the_model_comes_back_to_its_place(step, oblique, name):
    world = positions(SHAPE, oblique).astype(np.float32)
    steps = [step(use, **arguments) for use, arguments in PIPELINES[name]]
    image = Image(torch.from_numpy(world), oblique, "a")
    prepared = prepare(image, steps)
    model = positions(prepared.tensor.shape[1:], prepared.affine).astype(np.float32)
    back = prepared.to_source(torch.from_numpy(model)).numpy()
    assert back.dtype == np.float32
    assert back.shape == world.shape
    # Where the model's grid is finer, the blur before sampling reaches in from the borders.
    steps_on_model = np.linalg.solve(prepared.affine, oblique)[:3, :3]
    reach = 4 if np.linalg.norm(steps_on_model, axis=1).max() > 1 else 0
    seen = inside(SHAPE, oblique, model.shape[1:], prepared.affine, reach)
    assert seen.mean() > 0.15
    assert np.abs(back - world)[:, seen].max() < 1e-3  # mm


@pytest.mark.parametrize("name", PIPELINES)
def test_a_blob_keeps_its_centre_of_mass(step, oblique, name):
    centre = positions(SHAPE, oblique)[:, 13, 11, 9]
    image = Image(torch.rand(1, *SHAPE), oblique, "a")
    steps = [step(use, **arguments) for use, arguments in PIPELINES[name]]
    prepared = prepare(image, steps)
    model = positions(prepared.tensor.shape[1:], prepared.affine)
    squares = ((model - centre.reshape(3, 1, 1, 1)) ** 2).sum(axis=0)
    blob = torch.from_numpy(np.exp(-squares / 2 / 2.0**2)).float()[None]
    back = prepared.to_source(blob)[0].double().numpy()
    found = (positions(SHAPE, oblique) * back).sum(axis=(1, 2, 3)) / back.sum()
    assert np.linalg.norm(found - centre) < 0.05  # mm; a voxel is 0.8 × 1.3 × 2.1


@pytest.mark.parametrize(
    "steps",
    [
        [("Resize", {"target_shape": [15, 12]})],
        [("Resize", {"target_shape": [60, 80]}), ("CropOrPad", {"target_shape": 50})],
        [("Resample", {"target": [2, 1.5]}), ("Pad", {"padding": [0, 3, 2, 0]})],
    ],
)
def test_pictures_go_there_and_back(step, steps):
    shape = (30, 40)
    world = positions(shape, np.eye(4)).astype(np.float32)
    image = Image(torch.from_numpy(world), np.eye(4), "a")
    prepared = prepare(image, [step(use, **arguments) for use, arguments in steps])
    on_model = positions(prepared.tensor.shape[1:], prepared.affine)
    seen = inside(on_model.shape[1:], prepared.affine, shape, np.eye(4), 4)
    assert np.abs(prepared.tensor.numpy() - on_model)[:, seen].max() < 0.02  # Pillow's filter, too
    back = prepared.to_source(torch.from_numpy(on_model)).numpy()
    margin = 4 if prepared.affine[0, 0] < 0.9 else 0
    seen = inside(shape, np.eye(4), on_model.shape[1:], prepared.affine, margin)
    assert seen.mean() > 0.3
    assert np.abs(back - world)[:, seen].max() < 1e-3


def test_equal_grids_give_the_same_bits(step, oblique):
    image = Image(torch.rand(1, 5, 6, 7), oblique, "a")
    map = torch.rand(3, 5, 6, 7)
    steps = [step("ZNormalization"), step("ToCanonical"), step("ToOrientation", orientation="ILP")]
    for steps_taken in ([], steps[:1]):
        assert torch.equal(prepare(image, steps_taken).to_source(map), map)
    prepared = prepare(image, steps)  # turned away, and back by carrying
    assert torch.allclose(prepared.to_source(prepared.tensor), image_normal(image), atol=1e-6)


def image_normal(image):
    return (image.tensor - image.tensor.mean()) / image.tensor.std()


def test_cropped_away_is_zero_and_borders_are_whole_voxels(step):
    image = Image(torch.rand(1, 8, 8, 8), np.eye(4), "a")
    prepared = prepare(image, [step("Crop", cropping=[2, 0, 0, 1, 0, 0])])
    back = prepared.to_source(torch.ones(1, 6, 7, 8))[0]
    assert back[:2].count_nonzero() == 0
    assert back[:, 7].count_nonzero() == 0
    assert (back[2:, :7] == 1).all()
    halved = prepare(image, [step("Resample", target=2)])
    assert (halved.to_source(torch.ones(1, 4, 4, 4)) == 1).all()  # up to the very edge


def test_a_spike_on_a_finer_grid_is_not_passed_over(step):
    """A 28² digit enlarged to 224²: sampling one pixel in 8² would lose most spikes."""
    image = Image(torch.rand(1, 28, 28), np.eye(4), "digit")
    prepared = prepare(image, [step("Resize", target_shape=224)])
    totals = []
    for at in range(96, 112):
        map = torch.zeros(1, 224, 224)
        map[0, at, at + 3] = 64
        totals.append(prepared.to_source(map).sum().item())
    assert min(totals) > 0.9
    assert max(totals) < 1.1


def test_a_map_of_another_shape_is_refused():
    prepared = prepare(Image(torch.rand(1, 5, 6), np.eye(4), "a"), [])
    with pytest.raises(ValueError, match="not on the model's grid"):
        prepared.to_source(torch.zeros(1, 6, 5))


def test_a_map_with_a_graph_comes_back_without(step):
    prepared = prepare(Image(torch.rand(1, 5, 6), np.eye(4), "a"), [step("Pad", padding=1)])
    back = prepared.to_source(torch.ones(1, 7, 8, requires_grad=True) * 2)
    assert not back.requires_grad


def test_slabs_do_not_show():
    """Carried in slabs of 16 planes; the same as in one piece."""
    values = np.random.default_rng(0).random((1, 40, 9, 9)).astype(np.float32)
    target = np.diag([0.97, 0.9, 0.9, 1]) + np.eye(4, k=1) * 0.05
    target[3] = [0, 0, 0, 1]
    whole = affine_transform(values[0], target[:3, :3], target[:3, 3], order=1, mode="nearest")
    ours = carry(values, np.eye(4), target, values.shape[1:])[0]
    seen = inside((40, 9, 9), target, (40, 9, 9), np.eye(4), 0)
    assert seen[15:17].any()
    assert seen[31:33].any()
    assert np.allclose(ours[seen], whole[seen], atol=1e-6)


sizes = st.tuples(*[st.integers(1, 40)] * 3)
sides = st.tuples(*[st.floats(0.3, 5)] * 3)


@given(shape=sizes, old=sides, new=sides, wanted=sizes)
def test_new_grids_share_centre_and_stay_inside(shape, old, new, wanted):
    affine = np.diag([*old, 1.0])
    middle = (affine @ [*((np.array(shape) - 1) / 2), 1])[:3]
    found, moved = of_spacing(shape, affine, new)
    assert np.allclose((moved @ [*((np.array(found) - 1) / 2), 1])[:3], middle)
    assert np.allclose(spacing(moved), new)
    long = np.array(shape) > 1
    assert (np.array(found) * new <= np.array(shape) * old * (1 + 1e-3) + 1e-3 * np.array(new))[
        long
    ].all()
    assert ((np.array(found) + 1) * new > np.array(shape) * old)[long].all()
    found, moved = of_shape(shape, affine, wanted)
    assert found == wanted
    assert np.allclose(moved @ [-0.5, -0.5, -0.5, 1], affine @ [-0.5, -0.5, -0.5, 1])
    ends = [*(np.array(wanted) - 0.5), 1], [*(np.array(shape) - 0.5), 1]
    assert np.allclose(moved @ ends[0], affine @ ends[1])


@settings(max_examples=30, deadline=None)
@given(
    old=st.tuples(*[st.integers(2, 9)] * 3),
    new=st.tuples(*[st.integers(2, 9)] * 3),
    turn=st.floats(-3, 3),
    low=st.floats(-5, 5),
)
def test_carrying_neither_invents_nor_loses_range(old, new, turn, low):
    values = np.random.default_rng(0).uniform(low, low + 1, (1, *old)).astype(np.float32)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    out = carry(values, np.eye(4), affine, new)
    edge = 1e-5
    assert (((out >= low - edge) & (out <= low + 1 + edge)) | (out == 0)).all()
    assert np.isclose(out[0, 0, 0, 0], values[0, 0, 0, 0])  # the turn is about voxel 0


@given(shift=st.tuples(*[st.floats(-20, 20)] * 3))
def test_apart_is_in_voxels(shift):
    affine, other = np.diag([2.0, 4.0, 0.5, 1]), np.diag([2.0, 4.0, 0.5, 1])
    other[:3, 3] = shift
    expected = np.abs(np.array(shift) / [2, 4, 0.5]).max()
    assert np.isclose(apart((5, 6, 7), affine, other), expected)
