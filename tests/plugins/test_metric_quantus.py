"""Metrics of Quantus, where it is installed, of maps whose answers are known."""

import importlib.util
import math

import pytest
import torch

from esegeta.testing import CASES
from tests.evaluation.judged import case_of, judge
from tests.nets import REGISTRY, Linear

METRICS = {
    "quantus.sparseness": {},
    "quantus.complexity": {},
    "quantus.faithfulness_correlation": {"samples": 12},
}
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("quantus") is None, reason="quantus is not installed"
)
IMAGE = torch.rand((1, 8, 6), generator=torch.Generator().manual_seed(0))


def test_how_widely_relevance_is_spread():
    single = torch.zeros(1, 8, 6)
    single[0, 2, 3] = 1
    values = {
        name: [judge(case_of(Linear((8, 6)), IMAGE, m), name).value for m in (single, single + 1e6)]
        for name in ("quantus.sparseness", "quantus.complexity")
    }
    assert values["quantus.sparseness"] == pytest.approx([1 - 1 / 48, 0], abs=1e-3)
    assert values["quantus.complexity"] == pytest.approx([0, math.log(48)], abs=1e-3)


@pytest.mark.parametrize("shape", [(8, 6), (4, 5, 6)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_parts_of_a_linear_model_explain_all_of_it(shape, sign):
    model = Linear(shape)
    image = torch.rand((1, *shape), generator=torch.Generator().manual_seed(0))
    values = sign * (model.weight[1] * image).detach()
    found = judge(case_of(model, image, values), "quantus.faithfulness_correlation", samples=20)
    assert found.value == pytest.approx(sign, abs=1e-4)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("example", CASES, ids=str)
def test_everywhere_at_the_cost_that_was_announced(example, name):
    values = torch.randn((2, *example.spatial), generator=torch.Generator().manual_seed(2))
    model = example.model().train()
    case = case_of(
        model,
        example.image(),
        values,
        task=example.task,
        patches=example.patches,
        target="predicted",
    )
    plugin = REGISTRY.get(name, "metric")
    training = model.training
    assert math.isfinite(judge(case, name, **METRICS[name]).value)
    assert model.training == training
    announced = plugin.judging(plugin.validate(METRICS[name]), None).forward
    assert case.probe.passes.forward <= 1.1 * announced + 1
    assert example.patched or case.probe.passes.forward >= 0.9 * announced - 1
