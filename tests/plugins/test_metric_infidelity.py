"""Infidelity and sensitivity against values that are known."""

import pytest
import torch
from torch import nn

from esegeta.errors import MethodError
from esegeta.passes import Passes
from tests.evaluation.judged import case_of, judge
from tests.nets import REGISTRY, Linear, Net, probe_of, run

IMAGE = torch.rand((2, 8, 6), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def linear():
    return Linear((8, 6), channels=2)


def weights(model, index=1):
    return model.weight.detach()[index]


@pytest.mark.parametrize("spatial", [(8, 6), (5, 4, 6)])
@pytest.mark.parametrize("scaled", [True, False])
def test_the_exact_attribution_of_a_linear_model_is_faithful(spatial, scaled):
    model = Linear(spatial, channels=2)
    image = torch.rand((2, *spatial))
    slopes = case_of(model, image, weights(model), method="saliency")
    shares = case_of(model, image, weights(model) * image, method="input_x_gradient")
    for case in (slopes, shares):
        found = judge(case, "infidelity", scaled=scaled)
        assert found.value < 1e-8
        assert found.more["scale"] == pytest.approx(1, abs=1e-3)


def test_a_map_on_another_scale_is_as_good_only_where_that_is_asked(linear):
    case = case_of(linear, IMAGE, 3 * weights(linear), method="saliency")
    assert judge(case, "infidelity").value < 1e-8
    assert judge(case, "infidelity").more["scale"] == pytest.approx(1 / 3, rel=1e-3)
    # ⟨I, 3w⟩ − ⟨I, w⟩ is twice the true change: four times its square.
    assert judge(case, "infidelity", scaled=False).value == pytest.approx(4, rel=1e-3)


def test_a_map_that_says_nothing_is_not_perfect(linear):
    nothing = case_of(linear, IMAGE, torch.zeros_like(IMAGE), method="saliency")
    for scaled in (True, False):
        assert judge(nothing, "infidelity", scaled=scaled).value == pytest.approx(1)
    noise = torch.randn(IMAGE.shape, generator=torch.Generator().manual_seed(2))
    orthogonal = (
        noise - weights(linear) * (noise * weights(linear)).sum() / weights(linear).square().sum()
    )
    unrelated = case_of(linear, IMAGE, orthogonal, method="saliency")
    assert judge(unrelated, "infidelity", samples=400).value > 0.9


def test_the_error_shrinks_with_the_samples(linear):
    rough = weights(linear) + torch.randn(IMAGE.shape, generator=torch.Generator().manual_seed(3))
    few, many = (
        judge(case_of(linear, IMAGE, rough, method="saliency"), "infidelity", samples=n)
        for n in (50, 800)
    )
    assert many.error < few.error / 2
    assert abs(few.value - many.value) < 4 * (few.error + many.error)


def test_infidelity_is_that_of_captum(linear):
    """The same perturbations, the paper's unscaled figure."""
    from captum.metrics import infidelity

    model = Net()
    probe = probe_of(model, IMAGE, target=1)
    map = run(probe, "saliency").map
    case = case_of(model, IMAGE, map, method="saliency", own_seed=5)
    ours = judge(case, "infidelity", samples=64)
    generator = torch.Generator().manual_seed(5)
    spread = 0.05 * float(IMAGE.max() - IMAGE.min())

    def perturb(inputs):
        drawn = [torch.randn((1, *IMAGE.shape), generator=generator) for _ in range(len(inputs))]
        change = spread * torch.cat(drawn)
        return change, inputs - change

    theirs = infidelity(
        model, perturb, IMAGE[None], map[None], target=1, n_perturb_samples=64,
        max_examples_per_batch=64,
    )  # fmt: skip
    assert ours.more["unscaled"] == pytest.approx(float(theirs), rel=1e-3)


def test_a_score_that_never_changes_cannot_be_tried():
    class Constant(nn.Module):
        def forward(self, x):
            return torch.zeros(len(x), 2) + 0 * x.flatten(1).sum(1, keepdim=True)

    case = case_of(Constant(), IMAGE, torch.ones_like(IMAGE), method="saliency")
    with pytest.raises(MethodError, match="No perturbation changed the score"):
        judge(case, "infidelity")


def test_a_linear_models_gradient_never_moves_and_its_shares_move_with_the_image(linear):
    slopes = case_of(linear, IMAGE, weights(linear), method="saliency")
    assert judge(slopes, "sensitivity").value == pytest.approx(0, abs=1e-6)
    shares = case_of(linear, IMAGE, weights(linear) * IMAGE, method="input_x_gradient")
    found = judge(shares, "sensitivity", samples=3, radius=0.1)
    bound = 0.1 * float(IMAGE.max() - IMAGE.min()) * weights(linear).norm()
    assert 0 < found.value < float(bound / (weights(linear) * IMAGE).norm())
    assert found.more["mean"] <= found.value


def test_they_say_what_they_cost():
    one = Passes(3, 2)
    infidelity, sensitivity = (
        REGISTRY.get(name, "metric") for name in ("infidelity", "sensitivity")
    )
    assert infidelity.judging(infidelity.validate({"samples": 7}), one) == Passes(7)
    assert sensitivity.judging(sensitivity.validate({"samples": 4}), one) == Passes(12, 8)
