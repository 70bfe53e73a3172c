"""What every metric of removal and localisation keeps to, on networks of both tasks in 2D and 3D."""

import math

import pytest
import torch

from esegeta.evaluation import Case
from esegeta.passes import Passes
from esegeta.testing import CASES
from tests.evaluation.judged import judge
from tests.nets import REGISTRY, probe_of

#: Metrics, with settings that make them cheap, and whether their values may be negative.
METRICS = {
    "deletion": {"steps": 6, "random_orders": 1},
    "insertion": {"steps": 6},
    "average_drop": {},
    "average_increase": {},
    "road": {"removed": (0.2, 0.6)},
    "srg": {"groups": "grid", "count": 8, "steps": 4},
    "r_srg": {"groups": "grid", "count": 8, "steps": 4, "draws": 2},
    "pointing_game": {},
    "relevance_mass": {},
    "relevance_rank": {},
}
CENTRED = ("road", "srg", "r_srg")


def judged(example, name, model=None, **options):
    """A random map of the example's image, judged; with the probe."""
    spatial = example.spatial
    label = (torch.arange(math.prod(spatial)) % 3).reshape(spatial)
    probe = probe_of(
        model or example.model(),
        example.image(),
        task=example.task,
        patches=example.patches,
        **options,
    )
    values = torch.randn((2, *spatial), generator=torch.Generator().manual_seed(2))
    case = Case(probe, values, REGISTRY.get("saliency"), label=label, own_seed=5)
    return judge(case, name, **METRICS[name]), probe


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("example", CASES, ids=str)
class TestEverywhere:
    def test_a_number_within_its_bounds_at_the_cost_that_was_announced(self, example, name):
        found, probe = judged(example, name)
        assert (-1 if name in CENTRED else 0) <= found.value <= 1
        assert all(math.isfinite(y) for points in found.curves.values() for _, y in points)
        assert all(found.axes) == bool(found.curves), "every curve says what it runs over"
        plugin = REGISTRY.get(name, "metric")
        announced = plugin.judging(plugin.validate(METRICS[name]), Passes(1, 1)).forward
        taken = probe.passes
        assert taken.backward == 0
        assert taken.forward <= 1.1 * announced + 1  # one more proves that a batch does not mix
        assert example.patched or taken.forward >= 0.9 * announced - 1

    def test_by_chance_of_its_seed_alone_whatever_the_batch(self, example, name):
        first, _ = judged(example, name)
        torch.rand(3)
        again, _ = judged(example, name)
        assert (first.value, first.more, first.curves) == (again.value, again.more, again.curves)
        one, _ = judged(example, name, memory=1)
        assert one.value == pytest.approx(first.value, abs=1e-5)

    def test_in_double_precision(self, example, name):
        single, _ = judged(example, name)
        double, _ = judged(example, name, example.model().double())
        assert double.value == pytest.approx(single.value, abs=1e-4)
