"""Where patches lie and how they are joined: as torchio has it, and its exact adjoint."""

import numpy as np
import pytest
import torch
import torchio
from hypothesis import given, settings
from hypothesis import strategies as st

from esegeta.errors import ImageError
from esegeta.probe import Patches
from esegeta.probe.tiling import Tiling

BLENDS = ["hann", "average", "crop"]


@st.composite
def tilings(draw, padded=True):
    """Of 2D and 3D volumes, of odd and even sizes; ``padded``: also of such that are smaller."""
    ndim = draw(st.integers(2, 3))
    sizes = [draw(st.integers(1, 6 if ndim == 3 else 9)) for _ in range(ndim)]
    least = [1 if padded else size for size in sizes]
    spatial = [draw(st.integers(low, size + 9)) for low, size in zip(least, sizes, strict=True)]
    overlap = [2 * draw(st.integers(0, (size - 1) // 2)) for size in sizes]
    return Tiling(spatial, Patches(sizes, overlap, draw(st.sampled_from(BLENDS))))


@st.composite
def grids(draw):
    """With the cells of a layer: fewer or more than voxels, dividing the size or not."""
    tiling = draw(tilings())
    return tiling, tiling.grid([draw(st.integers(1, size + 2)) for size in tiling.size])


def random(*shape):
    return torch.randn(shape, dtype=torch.float64)


def volume(values):
    """A torchio image of (C, *spatial), a plane as a volume one voxel deep."""
    return torchio.ScalarImage(tensor=values if values.dim() == 4 else values[:, None])


@settings(max_examples=40)
@given(tiling=tilings(padded=False))
def test_patches_lie_and_are_joined_as_torchio_has_it(tiling):
    flat = len(tiling.spatial) == 2
    values = random(1, *tiling.spatial).float()
    size, overlap = ((1,) * flat + tiling.size), ((0,) * flat + tiling.overlap)
    sampler = torchio.GridSampler(torchio.Subject(image=volume(values)), size, overlap)
    starts = [
        [axis.starts[n] for axis, n in zip(tiling.axes, place, strict=True)]
        for place in tiling.places
    ]
    assert np.array(sampler.locations)[:, flat:3].tolist() == starts

    aggregator = torchio.GridAggregator(sampler, overlap_mode=tiling.blend)
    whole = torch.zeros(2, *tiling.spatial)
    for number, location in enumerate(sampler.locations):
        part = torch.randn(2, *tiling.size)
        deep = part[:, None] if flat else part
        aggregator.add_batch(deep[None], torch.as_tensor(location)[None])
        tiling.grid(tiling.size).add(whole, part, number, blend=True)
    expected = aggregator.get_output_tensor()
    torch.testing.assert_close(whole, expected[:, 0] if flat else expected)


@settings(max_examples=50)
@given(tiling=tilings())
def test_the_patches_of_a_volume_blend_to_it(tiling):
    values = random(2, *tiling.spatial)
    whole = torch.zeros_like(values)
    for number in range(len(tiling)):
        part = tiling.cut(values[None], number)
        assert part.shape == (1, 2, *tiling.size)
        tiling.grid(tiling.size).add(whole, part[0], number, blend=True)
    torch.testing.assert_close(whole, values)


@settings(max_examples=50)
@given(case=grids())
def test_taking_is_the_adjoint_of_blending(case):
    tiling, grid = case
    seed = random(2, *grid.shape)
    parts = [random(2, *grid.cells) for _ in range(len(tiling))]
    whole = torch.zeros_like(seed)
    for number, part in enumerate(parts):
        grid.add(whole, part, number, blend=True)
    taken = sum((grid.take(seed, n) * part).sum() for n, part in enumerate(parts))
    torch.testing.assert_close(taken, (seed * whole).sum())


@settings(max_examples=50)
@given(case=grids(), value=st.sampled_from([1.0, -3.5]))
def test_a_constant_layer_blends_to_that_constant(case, value):
    tiling, grid = case
    whole = torch.zeros(1, *grid.shape, dtype=torch.float64)
    for number in range(len(tiling)):
        part = torch.full((1, *grid.cells), value, dtype=torch.float64)
        grid.add(whole, part, number, blend=True)
    torch.testing.assert_close(whole, torch.full_like(whole, value))


@settings(max_examples=50)
@given(case=grids())
def test_gradients_keep_their_sum_and_their_place(case):
    tiling, grid = case
    inside = torch.ones(1, 1, *tiling.spatial, dtype=torch.float64)
    whole, total = torch.zeros(1, *grid.shape, dtype=torch.float64), 0.0
    for number in range(len(tiling)):
        part = random(1, *grid.cells)
        # Cells that lie in the padding alone belong to no voxel.
        voxels = tiling.cut(inside, number)[0, 0]
        for axis, (cells, size) in enumerate(zip(grid.cells, tiling.size, strict=True)):
            line = voxels.amax([a for a in range(voxels.dim()) if a != axis])
            covered = torch.tensor(
                [
                    bool(line[c * size // cells : -(-(c + 1) * size // cells)].any())
                    for c in range(cells)
                ]
            )
            part = part * covered.double().view(-1, *[1] * (voxels.dim() - axis - 1))
        total += float(part.sum())
        grid.add(whole, part, number, blend=False)
    assert float(whole.sum()) == pytest.approx(total, abs=1e-9)


def test_a_layer_of_stride_two_lies_where_its_voxels_do():
    tiling = Tiling((20, 12), Patches(8, 4, "average"))
    grid = tiling.grid((4, 4))
    assert grid.shape == (10, 6)
    fine = random(1, 20, 12)
    coarse = torch.nn.functional.avg_pool2d(fine, 2)
    whole = torch.zeros_like(coarse)
    for number in range(len(tiling)):
        part = torch.nn.functional.avg_pool2d(tiling.cut(fine[None], number)[0], 2)
        grid.add(whole, part, number, blend=True)
    torch.testing.assert_close(whole, coarse)


def test_a_layer_whose_cells_do_not_meet_is_shared_among_neighbours():
    tiling = Tiling((15, 8), Patches(8, 2, "average"))  # starts 0, 6, 7: cells of 4 never meet
    grid = tiling.grid((2, 2))
    assert grid.shape == (4, 2)
    slope = torch.zeros(1, *grid.shape, dtype=torch.float64)
    for number in range(len(tiling)):
        start = tiling.axes[0].starts[tiling.places[number][0]]
        part = (start + torch.tensor([2.0, 6.0]).double())[:, None].expand(1, 2, 2)
        grid.add(slope, part, number, blend=True)
    assert (slope.diff(dim=1) > 2).all()
    torch.testing.assert_close(
        slope[0, :, 0], torch.arange(4).double() * 3.75 + 1.875, rtol=0, atol=1
    )


def test_a_logit_of_minus_infinity_that_is_cut_away_leaves_nothing():
    tiling = Tiling((12, 8), Patches(8, 4, "crop"))
    whole = torch.zeros(1, 12, 8)
    for number in range(len(tiling)):
        part = torch.ones(1, 8, 8)
        part[:, -2:] = -torch.inf if number == 0 else 1  # the second patch has these
        tiling.grid((8, 8)).add(whole, part, number, blend=True)
    assert (whole == 1).all()


@pytest.mark.parametrize(
    ("size", "asked", "overlap"),
    [
        (8, 3, 4),
        (8, 7, 6),
        (5, 3, 4),
        (4, 3, 2),
        (2, 1, 0),
        (8, None, 2),
        (64, None, 16),
        (3, None, 0),
    ],
)
def test_overlaps_are_even(size, asked, overlap):
    tiling = Tiling((70, 70), Patches(size, asked))
    assert tiling.overlap == (overlap, overlap)
    rounded = asked is not None and asked != overlap
    assert tiling.notes == ({"note": f"the overlap {[asked] * 2} was made even"} if rounded else {})


@pytest.mark.parametrize(
    ("patches", "message"),
    [
        (Patches([8, 8, 8]), "size of patches has 3 numbers; the image has 2 axes"),
        (Patches(8, [2, 2, 2]), "overlap of patches has 3 numbers"),
        (Patches(0), r"size of patches must be positive, not \[0, 0\]"),
        (Patches(8, [-2, -2]), r"overlap of patches must be positive, not \[-2, -2\]"),
        (Patches([8, 4], 4), "overlap of patches, 4, must be below their size, 4"),
        (Patches(8, 2, "linear"), "no blend 'linear'; there are hann, average, crop"),
    ],
)
def test_what_does_not_fit_is_refused(patches, message):
    with pytest.raises(ImageError, match=message):
        Tiling((20, 20), patches)
