"""How alike two maps are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from esegeta.evaluation.similarity import similarity

KINDS = ["ssim", "spearman", "hog"]
SHAPES = [(64, 48), (24, 20, 28)]


def drawn(shape, seed, channels=1):
    return torch.randn((channels, *shape), generator=torch.Generator().manual_seed(seed))


shapes = st.lists(st.integers(1, 20), min_size=2, max_size=3).map(tuple)


@given(shapes, st.integers(1, 3), st.integers(0, 99), st.sampled_from(KINDS))
def test_of_any_maps_it_is_defined_symmetric_and_one_for_equal_ones(shape, channels, seed, kind):
    a, b = drawn(shape, seed, channels), drawn(shape, seed + 1, channels)
    found = similarity(a, b, kind)
    assert -1 <= found <= 1
    assert found == pytest.approx(similarity(b, a, kind), abs=1e-9)
    assert similarity(a, a, kind) == pytest.approx(1)


@given(shapes, st.integers(0, 99), st.sampled_from(KINDS), st.floats(0.1, 10), st.floats(-5, 5))
def test_scale_and_offset_do_not_count(shape, seed, kind, scale, offset):
    a, b = drawn(shape, seed).double(), drawn(shape, seed + 1).double()
    assert similarity(a, scale * b + offset, kind) == pytest.approx(
        similarity(a, b, kind), abs=1e-4
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_of_unrelated_maps_it_is_about_zero(kind, shape):
    found = [similarity(drawn(shape, 2 * s), drawn(shape, 2 * s + 1), kind) for s in range(10)]
    assert abs(sum(found) / 10) < 0.05


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_it_falls_as_noise_rises(kind, shape):
    a, noise = drawn(shape, 0), drawn(shape, 1)
    found = [similarity(a, a + level * noise, kind) for level in (0, 0.3, 1, 10)]
    assert found == sorted(found, reverse=True)
    assert found[1] > 0.5 > found[3]


@pytest.mark.parametrize("shape", [(8, 8), (6, 6, 6)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_map_is_like_another_constant_alone(shape, kind):
    constant = torch.full((1, *shape), 2.0)
    assert similarity(constant, constant + 1, kind) == 1
    assert similarity(constant, drawn(shape, 0), kind) == 0


def test_ranks_are_spearmans():
    from scipy.stats import spearmanr

    a = torch.randint(0, 4, (1, 9, 7), generator=torch.Generator().manual_seed(0)).float()
    b = torch.randint(0, 4, (1, 9, 7), generator=torch.Generator().manual_seed(1)).float() + a
    expected = spearmanr(a.flatten(), b.flatten()).statistic
    assert similarity(a, b, "spearman") == pytest.approx(expected)
    assert similarity(a, -a, "spearman") == pytest.approx(-1)
    assert similarity(a, a.exp(), "spearman") == pytest.approx(1)


def test_gradients_in_3d_tell_directions_and_places_apart():
    """Also those across slices, which no slice shows."""
    ways = torch.meshgrid(*[torch.arange(24.0)] * 3, indexing="ij")
    waves = [torch.sin(way / 2)[None] for way in ways]
    assert similarity(waves[0], waves[0] + 3, "hog") == pytest.approx(1)
    assert similarity(waves[0], -waves[0], "hog") == pytest.approx(1)  # a gradient has no sign
    assert all(similarity(waves[0], other, "hog") < 0.1 for other in waves[1:])
    near = torch.where(ways[1] < 12, waves[0], 0)
    far = torch.where(ways[1] >= 12, waves[0], 0)
    assert similarity(near, far, "hog") < 0.3


def test_gradients_in_2d_say_what_those_of_skimage_do():
    from scipy.ndimage import gaussian_filter
    from skimage.feature import hog

    for seed in range(5):
        a, b = (gaussian_filter(drawn((66, 82), 2 * seed + n)[0], 4) for n in (0, 1))
        b = b + seed / 4 * a
        theirs = [
            hog(values[1:-1, 1:-1], pixels_per_cell=(16, 16), cells_per_block=(3, 3))
            for values in (a, b)
        ]
        expected = np.corrcoef(theirs)[0, 1]
        found = similarity(torch.tensor(a)[None], torch.tensor(b)[None], "hog")
        assert found == pytest.approx(expected, abs=0.1)


def test_channels_are_summed():
    a, b = drawn((9, 9), 0, channels=3), drawn((9, 9), 1, channels=2)
    expected = similarity(a.sum(0, keepdim=True), b.sum(0, keepdim=True), "ssim")
    assert similarity(a, b, "ssim") == pytest.approx(expected, abs=1e-6)


def test_maps_of_other_grids_are_refused():
    with pytest.raises(ValueError, match=r"\(8, 8\) and \(8, 9\)"):
        similarity(drawn((8, 8), 0), drawn((8, 9), 0), "ssim")
