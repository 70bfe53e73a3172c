"""ROAD and the symmetric relevance gain, of a model whose answers are known."""

import math

import pytest
import torch

from esegeta.errors import MethodError
from plugins.metrics.relevance_gain import drawn
from tests.evaluation.judged import Lit, case_of, judge
from tests.plugins.test_metric_faithfulness import HIGH, LOW, SHAPES, SLOPE, lit, quarter

IMPUTATIONS = ["linear", "mean", "zero", "blur"]


def blob(shape, seed=0, **options):
    """A bright blob on noise, of which the model knows; the ideal map."""
    generator = torch.Generator().manual_seed(seed)
    image = 0.3 * torch.rand((1, *shape), generator=generator)
    inside = quarter(shape)
    image[0][inside] += 1
    return Lit(inside, SLOPE, middle=0.7), image, inside.float()[None], options


def judged(name, blob, values, **parameters):
    model, image, _, options = blob
    return judge(case_of(model, image, values, **options), name, **parameters)


@pytest.mark.parametrize("shape", SHAPES)
def test_road_is_half_the_difference_of_two_known_curves(shape):
    values = quarter(shape).float()[None]
    options = {"removed": (0.7, 0.25, 0.5), "imputation": "zero"}
    found = judge(lit(shape, values), "road", **options)
    assert found.value == pytest.approx((HIGH - LOW) / 2, rel=1e-4)
    assert found.more == {"morf": pytest.approx(LOW), "lerf": pytest.approx(HIGH)}
    assert [x for x, _ in found.curves["least relevant first"]] == [0.25, 0.5, 0.7]
    assert judge(lit(shape, -values), "road", **options).value == pytest.approx(-found.value)


@pytest.mark.parametrize("imputation", IMPUTATIONS)
@pytest.mark.parametrize("name", ["road", "srg", "r_srg"])
@pytest.mark.parametrize("shape", [(16, 12), (8, 8, 8)])
def test_a_good_map_gains_and_its_inverse_loses(name, imputation, shape):
    one = blob(shape)
    good = judged(name, one, one[2], imputation=imputation).value
    bad = judged(name, one, -one[2], imputation=imputation).value
    least = 0.005 if imputation == "blur" else 0.05  # on so small an image it hardly blurs
    assert good > least
    assert bad < -least


@pytest.mark.parametrize(
    ("name", "imputation"),
    [("road", "linear"), ("srg", "linear"), ("srg", "zero"), ("r_srg", "zero")],
)
def test_random_maps_gain_nothing(name, imputation):
    one = blob((16, 12))
    cheap = {} if name == "road" else {"groups": "grid", "count": 12, "steps": 6}
    values = []
    for seed in range(40):
        drawn_map = torch.randn((1, 16, 12), generator=torch.Generator().manual_seed(seed))
        case = case_of(one[0], one[1], drawn_map, own_seed=seed)
        values.append(judge(case, name, imputation=imputation, **cheap).value)
    values = torch.tensor(values)
    error = float(values.std() / math.sqrt(len(values)))
    assert abs(float(values.mean())) < 3 * error
    ideal = judged(name, one, one[2], imputation=imputation, **cheap).value
    assert ideal > 3 * error


def test_road_of_one_part_is_told_too():
    values = quarter((16, 12)).float()[None]
    found = judge(lit((16, 12), values), "road", removed=(0.5,), imputation="zero")
    assert found.value == pytest.approx((HIGH - LOW) / 2, rel=1e-4)
    with pytest.raises(MethodError, match="name at least one"):
        judge(lit((16, 12), values), "road", removed=())


@pytest.mark.parametrize("shape", SHAPES)
def test_srg_is_the_integral_of_known_curves(shape):
    """Four cells, of which one counts: with it gone the model is as unsure as it will be."""
    options = {"groups": "grid", "count": 4, "imputation": "zero"}
    number = int(lit(shape, torch.ones(1, *shape)).probe.groups("grid", 4).max()) + 1
    cell = lit(shape, torch.ones(1, *shape)).probe.groups("grid", 4) == 0
    case = case_of(Lit(cell, SLOPE), torch.ones(1, *shape), cell.float()[None])
    found = judge(case, "srg", **options)
    assert found.value == pytest.approx((number - 1) / number * (HIGH - LOW), rel=1e-4)
    most = found.curves["most influential first"]
    assert most[0] == (0, pytest.approx(HIGH))
    assert [y for _, y in most[1:]] == pytest.approx([LOW] * number)
    assert found.value == pytest.approx(
        found.more["least influential first"] - found.more["most influential first"]
    )
    assert found.error is None


def test_srg_of_single_voxels_is_their_ranking():
    values = quarter((8, 8)).float()[None]
    found = judge(lit((8, 8), values), "srg", groups="voxels", imputation="zero", steps=60)
    # The curves are those of deletion: an eighth and three quarters of the lower (or upper) end.
    assert found.value == pytest.approx(0.75 * (HIGH - LOW), abs=0.02)


def test_r_srg_weighs_what_srg_only_ranks():
    """Equal ranks, but one map hardly prefers: it gains less by weight, and as much by rank."""
    one = blob((16, 12))
    cells = torch.arange(16 * 12).reshape(16, 12) / 192
    sure, unsure = one[2] + 0.01 * cells, 0.2 * one[2] + cells.flip(0, 1)
    options = {"groups": "grid", "count": 12, "imputation": "zero"}
    by_weight = [judged("r_srg", one, m, draws=40, **options) for m in (sure, unsure)]
    by_rank = [judged("srg", one, m, **options).value for m in (sure, unsure)]
    assert by_weight[0].value > by_weight[1].value + 2 * by_weight[1].error
    assert all(w.value < r for w, r in zip(by_weight, by_rank, strict=True))


def test_r_srg_knows_no_unit_and_no_offset():
    one = blob((16, 12))
    values = one[2] + torch.rand((16, 12), generator=torch.Generator().manual_seed(3))
    options = {"groups": "grid", "count": 12, "imputation": "zero"}
    found = judged("r_srg", one, values, **options).value
    assert judged("r_srg", one, 4 * values + 8, **options).value == pytest.approx(found, abs=1e-6)


def test_r_srg_of_a_constant_map_is_zero_within_its_error():
    one = blob((16, 12))
    options = {"groups": "grid", "count": 12, "imputation": "zero"}
    found = judged("r_srg", one, torch.ones(1, 16, 12), draws=60, **options)
    assert abs(found.value) < 3 * found.error
    few = judged("r_srg", one, torch.ones(1, 16, 12), draws=6, **options)
    assert 0 < found.error < few.error


def test_draws_are_by_weight():
    """The first of an order is drawn by its weight, the second by weight among the others."""
    weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
    generator = torch.Generator().manual_seed(0)
    orders = torch.stack([drawn(weights, generator) for _ in range(4000)])
    first = torch.bincount(orders[:, 0], minlength=4) / 4000
    torch.testing.assert_close(first, weights / 10, rtol=0, atol=0.03)
    after_last = orders[orders[:, 0] == 3][:, 1]
    second = torch.bincount(after_last, minlength=4)[:3] / len(after_last)
    torch.testing.assert_close(second, weights[:3] / 6, rtol=0, atol=0.05)


def test_one_group_is_refused(monkeypatch):
    case = lit((4, 4), torch.ones(1, 4, 4))
    monkeypatch.setattr(
        case.probe, "groups", lambda kind, count: torch.zeros(4, 4, dtype=torch.long)
    )
    with pytest.raises(MethodError, match="only one group of voxels \\(segments\\)"):
        judge(case, "srg")
