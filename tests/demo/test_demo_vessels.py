"""The vessel trees: seeded, connected, plausible, on a real grid."""

import time

import numpy as np
import pytest
from scipy import ndimage

from esegeta.demo import vessel_tree
from esegeta.demo.tree import THINNEST, grow_tree
from esegeta.demo.vessels import SPACING, grow

SEEDS = [0, 3, 7, 42]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_seed_gives_the_same_tree(seed):
    for first, second in zip(grow(seed, 48), grow(seed, 48), strict=True):
        np.testing.assert_array_equal(first, second)


def test_another_seed_gives_another_tree():
    (volume, label, _), (other_volume, other_label, _) = grow(0), grow(1)
    assert not np.array_equal(label, other_label)
    assert np.abs(volume - other_volume).mean() > 20


def test_growing_leaves_the_global_generator_alone():
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    grow(0, 32)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("seed", range(20))
def test_the_label_is_one_connected_tree_that_fills_a_plausible_share(seed):
    _, label, _ = grow(seed)
    assert set(np.unique(label)) == {0, 1}
    _, parts = ndimage.label(label, np.ones((3, 3, 3)))
    assert parts == 1
    assert 0.002 < label.mean() < 0.03
    assert label[:, :, 0].any(), "the trunk enters through the lower face"


@pytest.mark.parametrize("seed", SEEDS)
def test_blood_is_brighter_than_tissue_and_noise_is_positive(seed):
    volume, label, _ = grow(seed)
    assert np.isfinite(volume).all()
    assert volume.min() >= 0
    core = ndimage.binary_erosion(label)
    far = ~ndimage.binary_dilation(label, iterations=3)
    assert np.median(volume[core]) > 1.8 * np.median(volume[far])
    assert np.median(volume[far]) > 100, "tissue is not air"


def test_branches_get_thinner_and_stay_above_the_thinnest():
    extent = SPACING * 63
    tree = grow_tree(np.random.default_rng(0), extent)
    assert tree.radii[0] == tree.radii.max() == pytest.approx(0.05 * extent[0])
    assert tree.radii.min() > 0.8 * THINNEST
    assert tree.radii.min() < 0.5 * tree.radii.max()
    assert (tree.points >= 0).all()
    assert (tree.points <= extent).all()


def test_the_affine_is_that_of_a_tilted_anisotropic_scan():
    _, _, affine = grow(0, 32)
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), [0.6, 0.6, 0.8])
    gram = affine[:3, :3].T @ affine[:3, :3]
    np.testing.assert_allclose(gram, np.diag([0.36, 0.36, 0.64]), atol=1e-12)
    assert affine[0, 0] < 0
    assert affine[1, 1] < 0
    assert affine[2, 2] > 0
    assert affine[1, 2] != 0
    centre = affine @ [15.5, 15.5, 15.5, 1]
    np.testing.assert_allclose(centre, [0, 0, 0, 1], atol=1e-12)


@pytest.mark.parametrize("size", [16, 40])
def test_other_sizes_grow_too(size):
    volume, label, _ = grow(1, size)
    assert volume.shape == label.shape == (size,) * 3
    assert label.any()


def test_a_tiny_size_is_refused():
    with pytest.raises(ValueError, match="at least 16, not 8"):
        grow(0, 8)


def test_a_tree_takes_less_than_two_seconds():
    started = time.perf_counter()
    grow(11)
    assert time.perf_counter() - started < 2


def test_vessel_tree_is_an_image():
    import torch

    image = vessel_tree(seed=4, size=32)
    volume, label, affine = grow(4, 32)
    assert image.tensor.shape == (1, 32, 32, 32)
    assert image.tensor.dtype == torch.float32
    np.testing.assert_array_equal(image.tensor[0].numpy(), volume)
    np.testing.assert_array_equal(image.label.numpy(), label)
    np.testing.assert_array_equal(image.affine, affine)
    assert image.path is None
    assert image.name == "vessels 4"
