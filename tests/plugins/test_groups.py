"""Groups of voxels: closed forms, brute force, and a nonlinear network."""

import itertools
import math

import pytest
import torch
from torch import nn

from esegeta.errors import MethodError
from tests.nets import Linear, net, probe_of, run

IMAGE = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(3))
GRID = {"groups": "grid", "count": 6}


def brute_force(probe, labels):
    """Shapley values by their definition."""
    number = int(labels.max()) + 1

    def score(members):
        kept = torch.tensor([[group in members for group in range(number)]])
        return float(probe.group_scores(labels, kept))

    values = []
    for group in range(number):
        others = [other for other in range(number) if other != group]
        value = 0.0
        for size in range(number):
            weight = (
                math.factorial(size) * math.factorial(number - size - 1) / math.factorial(number)
            )
            for members in itertools.combinations(others, size):
                value += weight * (score({*members, group}) - score(set(members)))
        values.append(value)
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shapley_sampling", {"permutations": 100}),
        ("kernel_shap", {"samples": 64}),
    ],
)
def test_where_every_set_is_tried_shapley_values_are_exact(name, options):
    probe = probe_of(net(), IMAGE, target=1)
    labels = probe.groups("grid", 6)
    found = run(probe, name, **GRID, **options).map[0]
    expected = brute_force(probe, labels)[labels]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("shapley_sampling", {"permutations": 2}),
        ("kernel_shap", {"samples": 40}),
        ("feature_ablation", {}),
    ],
)
def test_of_a_linear_model_they_are_the_groups_own_parts(name, options):
    model = Linear((8, 12), channels=2)
    probe = probe_of(model, IMAGE, target=1)
    labels = probe.groups("grid", 6)
    part = (model.weight[1] * IMAGE).sum(0).detach()
    expected = torch.zeros(6).scatter_add(0, labels.flatten(), part.flatten())[labels]
    found = run(probe, name, **GRID, **options).map[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "within"),
    [
        ("shapley_sampling", {"permutations": 60}, 0.25),
        ("kernel_shap", {"samples": 600}, 0.25),
    ],
)
def test_samples_come_near_the_exact_values(name, options, within):
    probe = probe_of(net(), IMAGE, target=1)
    labels = probe.groups("grid", 12)
    exact = run(probe, "kernel_shap", groups="grid", count=12, samples=2**12).map
    found = run(probe, name, groups="grid", count=12, **options)
    assert int(labels.max()) + 1 == 12
    assert float((found.map - exact).norm() / exact.norm()) < within
    (check,) = [c for c in found.checks if c.name == "completeness"]
    assert check.value < 1e-4


def test_permuted_voxels_have_the_images_mean():
    class Sum(nn.Module):
        def forward(self, x):
            return x.flatten(1).sum(1, keepdim=True) * torch.ones(1, 2)

    image = torch.ones(1, 6, 6)
    image[0, :3] = 3.0
    probe = probe_of(Sum(), image, target=0)
    found = run(probe, "feature_permutation", groups="grid", count=4, repeats=200)
    # A voxel of the bright half loses (3 − 2) on average, one of the dark half gains it.
    assert found.map[0, 0, 0] == pytest.approx(9.0, rel=0.15)
    assert found.map[0, 5, 5] == pytest.approx(-9.0, rel=0.15)


def test_groups_of_the_label_map_need_one():
    with pytest.raises(MethodError, match='give the image a "label" file'):
        run(probe_of(net(), IMAGE), "feature_ablation", groups="label")


def test_one_group_is_refused():
    with pytest.raises(MethodError, match="only one group"):
        run(probe_of(net(), IMAGE, label=torch.ones(8, 12)), "feature_ablation", groups="label")


def test_cells_of_a_grid_are_about_as_many_as_asked_and_nearly_cubic():
    from esegeta.probe.segments import grid_cells

    for spatial, count in [((8, 12), 6), ((32, 32, 32), 27), ((7, 50), 10), ((5, 5), 25)]:
        cells = grid_cells(spatial, count)
        numbers = cells.unique()
        assert torch.equal(numbers, torch.arange(len(numbers)))
        assert count / 2 <= len(numbers) <= 2 * count
