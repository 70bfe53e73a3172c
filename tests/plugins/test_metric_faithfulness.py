"""Deletion, insertion, average drop and increase, of a model whose answers are known."""

import math

import pytest
import torch

from esegeta.errors import MethodError
from tests.evaluation.judged import Lit, case_of, judge

SLOPE = 8.0
SHAPES = [(16, 12), (8, 6, 8)]


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


HIGH, LOW = sigmoid(SLOPE / 2), sigmoid(-SLOPE / 2)


def quarter(shape):
    """(*spatial) bool, the quarter of the voxels that counts."""
    where = torch.zeros(shape, dtype=torch.bool)
    where[: shape[0] // 2, : shape[1] // 2] = True
    return where


def lit(shape, values, image=None, **options):
    model = Lit(quarter(shape), SLOPE)
    return case_of(model, torch.ones(1, *shape) if image is None else image, values, **options)


@pytest.mark.parametrize("shape", SHAPES)
def test_areas_are_those_of_the_logistic_curve(shape):
    """The curve is σ(s(1/2 − 4f)) up to a quarter, and constant after that."""
    values = quarter(shape).float()[None]
    found = judge(lit(shape, values), "deletion", steps=64, imputation="zero")
    assert found.value == pytest.approx(1 / 8 + 0.75 * LOW, abs=2e-3)
    assert found.curves["map"][0] == (0, pytest.approx(HIGH))
    assert found.curves["map"][-1] == (1, pytest.approx(LOW))
    found = judge(lit(shape, values), "insertion", steps=64, imputation="zero")
    assert found.value == pytest.approx(1 / 8 + 0.75 * HIGH, abs=2e-3)
    assert found.curves["map"][0] == (0, pytest.approx(LOW))


def test_the_step_comes_where_the_map_puts_the_voxel_that_counts():
    """One voxel counts and is the k-th in the map's order: all of the confidence goes with it."""
    where = torch.zeros(8, 8)
    where[2, 3] = 1
    values = torch.rand((1, 8, 8), generator=torch.Generator().manual_seed(0))
    place = int((values > values[0, 2, 3]).sum())
    case = case_of(Lit(where, SLOPE), torch.ones(1, 8, 8), values)
    found = [y for _, y in judge(case, "deletion", steps=64).curves["map"]]
    expected = [HIGH] * (place + 1) + [LOW] * (64 - place)
    assert found == pytest.approx(expected)


def test_random_orders_lie_between_a_good_map_and_its_inverse():
    for name, sign in (("deletion", 1), ("insertion", -1)):
        good, bad = (
            judge(lit((16, 12), way * quarter((16, 12)).float()[None]), name, imputation="zero",
                  random_orders=8)
            for way in (sign, -sign)
        )  # fmt: skip
        assert good.value < good.more["random order"] < bad.value
        assert good.more["random order"] == pytest.approx(0.5, abs=0.05)


def test_ties_favour_no_place():
    """A constant map is a random order, not one from the first voxel on."""
    found = [
        judge(lit((16, 12), torch.ones(1, 16, 12), own_seed=seed), "deletion").value
        for seed in range(10)
    ]
    assert sum(found) / 10 == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_lost_that_does_not_count(shape):
    inside = quarter(shape).float()[None]
    found = judge(lit(shape, inside), "average_drop", kept=(1.0, 0.25, 0.125))
    left = sigmoid(0)  # of an eighth of the voxels, half of those that count are shown
    assert found.value == pytest.approx(0, abs=1e-6)
    assert found.more == {
        "100 %": found.value,
        "25 %": pytest.approx(0, abs=1e-6),
        "12.5 %": pytest.approx((HIGH - left) / HIGH, rel=1e-4),
    }
    outside = judge(lit(shape, 1 - inside), "average_drop")
    assert outside.value == pytest.approx((HIGH - LOW) / HIGH, rel=1e-4)


def test_a_soft_map_dims():
    """Half the relevance shows half the brightness."""
    inside = quarter((16, 12)).float()
    values = 0.5 * inside
    values[-1, -1] = 1
    found = judge(lit((16, 12), values[None]), "average_drop", kept=(1.0,))
    assert found.value == pytest.approx((HIGH - sigmoid(0)) / HIGH, rel=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_what_counts_against_the_class_is_hidden(sign):
    """Voxels that are dark make the model unsure: without them it is surer."""
    where = quarter((16, 12))
    dark = where & (torch.arange(12) < 2)
    image = torch.where(dark, -1.0, 1.0)[None]
    values = torch.where(dark, -sign, sign)[None] * where
    found = judge(lit((16, 12), values, image), "average_increase")
    assert found.value == (sign > 0)
    drop = judge(lit((16, 12), values, image), "average_drop")
    assert (drop.value == 0) == (sign > 0)


def test_a_constant_map_hides_nothing_and_a_negative_one_everything():
    everything = judge(lit((16, 12), torch.full((1, 16, 12), 0.3)), "average_drop", kept=(1.0,))
    assert everything.value == pytest.approx(0, abs=1e-6)
    nothing = judge(lit((16, 12), -torch.ones(1, 16, 12)), "average_drop", kept=(1.0,))
    assert nothing.value == pytest.approx((HIGH - LOW) / HIGH, rel=1e-4)


def test_no_parts_are_refused():
    with pytest.raises(MethodError, match="name at least one"):
        judge(lit((16, 12), torch.ones(1, 16, 12)), "average_drop", kept=())
