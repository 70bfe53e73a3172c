"""LIME and SHAP over groups of voxels: closed forms, brute force, efficiency, passes."""

import itertools
import math

import pytest
import torch
from torch import nn

from esegeta.errors import MethodError
from tests.nets import Linear, net, probe_of, run
from tests.plugins.test_groups import brute_force

IMAGE = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(3))
VOLUME = torch.randn(2, 6, 8, 6, generator=torch.Generator().manual_seed(3))
GRID = {"groups": "grid", "count": 6}


def parts_of(model, image, labels, target=1):
    """What each group adds to a linear model's score, painted on its voxels."""
    part = (model.weight[target] * image).sum(0).detach()
    number = int(labels.max()) + 1
    return torch.zeros(number).scatter_add(0, labels.flatten(), part.flatten())[labels]


@pytest.mark.parametrize("image", [IMAGE, VOLUME], ids=["2d", "3d"])
def test_lime_of_a_linear_model_gives_the_groups_own_parts(image):
    model = Linear(tuple(image.shape[1:]), channels=2)
    probe = probe_of(model, image, target=1)
    found = run(probe, "lime", **GRID, samples=20000, width=5.0)
    expected = parts_of(model, image, probe.groups("grid", 6))
    # The ridge of 1 draws coefficients to zero by about one over a quarter of the samples.
    torch.testing.assert_close(found.map[0], expected, rtol=2e-3, atol=2e-3)
    assert found.notes["R²"] > 0.9999


def test_lime_is_the_weighted_ridge_regression_of_its_samples():
    from sklearn.linear_model import Ridge

    probe = probe_of(net(), IMAGE, target=1)
    labels = probe.groups("grid", 6)
    found = run(probe, "lime", **GRID, samples=60)
    kept = torch.randint(0, 2, (60, 6), generator=torch.Generator().manual_seed(0)).bool()
    kept[0] = True
    scores = probe.group_scores(labels, kept).double().numpy()
    rows = kept.double().numpy()
    distance = 1 - (rows.sum(1) / 6) ** 0.5
    weights = [math.exp(-(d**2) / 0.25**2) ** 0.5 for d in distance]
    fitted = Ridge(alpha=1).fit(rows, scores, sample_weight=weights)
    expected = torch.tensor(fitted.coef_)[labels].float()
    torch.testing.assert_close(found.map[0], expected, rtol=1e-4, atol=1e-7)
    assert found.notes["R²"] == pytest.approx(fitted.score(rows, scores, weights), abs=1e-6)


def test_lime_keeps_the_features_of_most_weight():
    model = Linear((8, 12), channels=2)
    probe = probe_of(model, IMAGE, target=1)
    labels = probe.groups("grid", 6)
    expected = parts_of(model, IMAGE, labels)
    found = run(probe, "lime", **GRID, samples=5000, width=5.0, features=2)
    shown = found.map[0].unique()
    assert len(shown) == 3  # two groups, and zero
    largest = expected.abs().unique()[-2:]
    assert torch.equal(found.map[0] != 0, torch.isin(expected.abs(), largest))


def test_lime_tells_that_a_product_is_not_linear():
    class Parity(nn.Module):
        def forward(self, x):
            signs = x.reshape(len(x), 4).round().prod(1, keepdim=True)
            return torch.cat([signs, -signs], 1)

    image = torch.full((1, 2, 2), 2.0)
    probe = probe_of(Parity(), image, target=0)
    found = run(probe, "lime", groups="grid", count=4, samples=400, baseline=-2.0, width=5.0)
    assert found.notes["R²"] < 0.2


def test_lime_refuses_a_score_that_nothing_changes():
    class Constant(nn.Module):
        def forward(self, x):
            return 0 * x.flatten(1)[:, :2] + 1

    with pytest.raises(MethodError, match="same whichever groups"):
        run(probe_of(Constant(), IMAGE), "lime", **GRID)


@pytest.mark.parametrize("image", [IMAGE, VOLUME], ids=["2d", "3d"])
def test_partition_values_of_additive_groups_are_shapley_values(image):
    model = Linear(tuple(image.shape[1:]), channels=2)
    probe = probe_of(model, image, target=1)
    found = run(probe, "shap", groups="grid", count=8)
    labels = probe.groups("grid", 8)
    expected = parts_of(model, image, labels)
    torch.testing.assert_close(found.map[0], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        found.map[0], brute_force(probe, labels)[labels], rtol=1e-4, atol=1e-4
    )


def owen(score, tree, context=frozenset()):
    """Owen values of a binary tree by their definition: over orders that keep parts together."""
    orders = []

    def arrange(node):
        if isinstance(node, int):
            return [[node]]
        left, right = (arrange(child) for child in node)
        return [a + b for a, b in itertools.product(left, right)] + [
            b + a for a, b in itertools.product(left, right)
        ]

    orders = arrange(tree)
    values = dict.fromkeys(orders[0], 0.0)
    for order in orders:
        for place, group in enumerate(order):
            values[group] += score(order[: place + 1]) - score(order[:place])
    return {group: value / len(orders) for group, value in values.items()}


@pytest.mark.parametrize("count", [4, 6])
def test_partition_values_are_the_means_over_the_orders_that_keep_parts_together(count):
    from esegeta.plugins.explainability.shap import _centres, _halved

    probe = probe_of(net(), IMAGE, target=1)
    labels = probe.groups("grid", count)
    number = int(labels.max()) + 1
    centres = _centres(labels, number)

    def grow(members):
        if len(members) == 1:
            return int(members[0])
        return tuple(grow(half) for half in _halved(members, centres))

    def score(members):
        kept = torch.tensor([[group in members for group in range(number)]])
        return float(probe.group_scores(labels, kept))

    expected = owen(score, grow(torch.arange(number)))
    expected = torch.tensor([expected[group] for group in range(number)])[labels]
    found = run(probe_of(net(), IMAGE, target=1), "shap", groups="grid", count=count)
    torch.testing.assert_close(found.map[0], expected, rtol=1e-3, atol=1e-6)


def test_partition_values_add_up_and_cost_what_is_said():
    from esegeta.plugins.explainability.shap import _questions

    found = run(probe_of(net(), IMAGE, target=1), "shap", groups="grid", count=24)
    assert found.notes["groups"] == 24
    (check,) = [c for c in found.checks if c.name == "completeness"]
    assert check.value < 1e-4
    assert [_questions(n) for n in (2, 3, 4, 8)] == [2, 6, 10, 42]
    assert found.passes["forward"] == 5 + _questions(24)


def test_the_other_estimators_are_the_methods_of_that_name():
    options = {"groups": "grid", "count": 8, "samples": 100}
    probe = probe_of(net(), IMAGE, target=1)
    kernel = run(probe, "shap", estimator="kernel", **options)
    assert torch.equal(kernel.map, run(probe, "kernel_shap", **options).map)
    gradient = run(probe, "shap", estimator="gradient", samples=10)
    assert torch.equal(gradient.map, run(probe, "gradient_shap", samples=10).map)


def test_segments_are_halved_across_their_longest_extent():
    from esegeta.plugins.explainability.shap import _centres, _halved

    labels = torch.arange(6).repeat_interleave(2)[None].repeat(4, 1)
    first, second = _halved(torch.arange(6), _centres(labels, 6))
    assert sorted(first.tolist()) == [0, 1, 2]
    assert sorted(second.tolist()) == [3, 4, 5]
