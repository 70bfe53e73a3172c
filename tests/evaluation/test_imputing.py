"""What stands in for removed voxels: a dense solve, and what harmonic functions keep."""

import itertools

import pytest
import torch

from esegeta.evaluation.imputing import NOISE, Imputer, around, linear

SHAPES = [(9, 7), (1, 8), (6, 5, 4), (5, 1, 6)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def weight(offset):
    """By the published numbers in 2D; in 3D one over the squared distance."""
    distance = sum(step * step for step in offset)
    if len(offset) == 2:
        return {1: 1 / 6, 2: 1 / 12}[distance]
    return {1: 3 / 44, 2: 3 / 88, 3: 1 / 44}[distance]


def dense(image, removed):
    """The same by a dense matrix in double precision."""
    shape = removed.shape
    number = removed.numel()
    matrix = torch.eye(number, dtype=torch.float64)
    right = image[0].flatten(1).T.double().clone()
    numbers = torch.arange(number).reshape(shape)
    for place in itertools.product(*map(range, shape)):
        if not removed[place]:
            continue
        row = int(numbers[place])
        right[row], matrix[row, row] = 0, 0
        for offset in itertools.product((-1, 0, 1), repeat=len(shape)):
            other = tuple(a + b for a, b in zip(place, offset, strict=True))
            inside = all(0 <= a < size for a, size in zip(other, shape, strict=True))
            if any(offset) and inside:
                matrix[row, row] += weight(offset)
                matrix[row, int(numbers[other])] -= weight(offset)
    return torch.linalg.solve(matrix, right).T.reshape(image.shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("part", [0.2, 0.5, 0.95])
def test_equals_a_dense_solve(shape, part):
    image = 5 + torch.randn((1, 2, *shape), generator=generator())
    removed = torch.rand(shape, generator=generator(1)) < part
    removed.view(-1)[3] = False
    found = linear(image, removed)
    torch.testing.assert_close(found.double(), dense(image, removed), rtol=0, atol=1e-4)
    assert torch.equal(found[..., ~removed], image[..., ~removed])


@pytest.mark.parametrize("shape", SHAPES)
def test_of_a_constant_image_is_that_constant(shape):
    image = torch.full((1, 1, *shape), 3.7)
    removed = torch.rand(shape, generator=generator()) < 0.8
    assert torch.equal(linear(image, removed), image)


@pytest.mark.parametrize("shape", [(16, 13), (10, 9, 11)])
def test_goes_on_with_a_ramp_inside(shape):
    """Every voxel of a ramp is the mean of those around it, except at the rim."""
    ways = torch.meshgrid(
        *[torch.arange(size, dtype=torch.float32) for size in shape], indexing="ij"
    )
    image = sum(factor * way for factor, way in zip((1, -2, 0.5), ways, strict=False))[None, None]
    inside = torch.zeros(shape, dtype=torch.bool)
    inside[(slice(1, -1),) * len(shape)] = True
    found = linear(image, inside & (torch.rand(shape, generator=generator()) < 0.9))
    torch.testing.assert_close(found, image, rtol=0, atol=1e-3)
    assert (linear(image, torch.rand(shape) < 0.9) - image).abs().max() > 0.01


@pytest.mark.parametrize("shape", [(6, 5), (5, 4, 6)])
def test_weights_of_neighbours_add_up_to_one(shape):
    one = around(torch.ones(shape))
    middle = (slice(1, -1),) * len(shape)
    torch.testing.assert_close(one[middle], torch.ones_like(one[middle]))
    assert (one <= 1 + 1e-6).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_without_any_voxel_left_it_is_the_mean(shape):
    image = torch.randn((1, 2, *shape), generator=generator())
    found = linear(image, torch.ones(shape, dtype=torch.bool))
    expected = image.flatten(2).mean(2).reshape(1, 2, *[1] * len(shape)).expand_as(image)
    torch.testing.assert_close(found, expected)


def test_a_large_hole_is_solved_to_within_the_noise():
    shape = (40, 40, 40)
    image = torch.randn((1, 1, *shape), generator=generator()).cumsum(2)
    removed = torch.zeros(shape, dtype=torch.bool)
    removed[2:-2, 2:-2, 2:-2] = True
    exact = linear(image.double(), removed, tolerance=1e-12)
    difference = (linear(image, removed).double() - exact).abs().max()
    assert difference < 0.05 * NOISE * (image.max() - image.min())


def test_noise_is_of_the_removed_voxels_and_scaled_to_the_range():
    image = 20 * torch.rand((1, 3, 64, 64), generator=generator())
    removed = torch.rand((64, 64), generator=generator(1)) < 0.7
    imputer = Imputer(image)
    found = imputer(removed, seed=5)
    noise = (found - linear(image, removed))[..., removed]
    assert torch.equal(found[..., ~removed], image[..., ~removed])
    assert float(noise.std()) == pytest.approx(NOISE * 20, rel=0.05)
    assert torch.equal(found, imputer(removed, seed=5))
    assert not torch.equal(found, imputer(removed, seed=6))


def test_another_image_stands_in_as_it_is():
    image, empty = torch.randn(2, 1, 2, 8, 8, generator=generator())
    removed = torch.rand((8, 8), generator=generator(1)) < 0.5
    found = Imputer(image, empty)(removed, seed=0)
    assert torch.equal(found[..., removed], empty[..., removed])
    assert torch.equal(found[..., ~removed], image[..., ~removed])
