"""Randomisation: what is drawn again, and which methods care."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import esegeta
from esegeta.demo import digit_network
from esegeta.demo.digits import normalise
from esegeta.errors import MethodError
from esegeta.evaluation import Case
from esegeta.evaluation.randomise import randomised, weighted
from esegeta.testing import CASES
from tests.cases import Transformer
from tests.evaluation.judged import judge
from tests.nets import REGISTRY, Segmenter, probe_of, run


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layers_come_in_the_order_in_which_they_run(case):
    image = case.image()[None]
    assert weighted(case.model(), image) == ["first", "norm", "middle", "head"]


def test_what_is_never_called_comes_first():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(torch.randn(3))
            self.first, self.last = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.last(self.first(x.flatten(2).mean(2)[:, :1] + self.token))

    assert weighted(Tokens(), torch.rand(1, 1, 4, 4)) == ["", "first", "last"]


@pytest.mark.parametrize("case", [CASES[0], CASES[3]], ids=str)
def test_only_the_chosen_weights_are_drawn_and_the_model_stays(case):
    model, image = case.model(), case.image()[None]
    before = state(model)
    changed = randomised(model, ["middle", "norm"], image, generator())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    for name, value in changed.state_dict().items():
        assert torch.equal(value, before[name]) or name.startswith(("middle", "norm")), name
    assert not torch.equal(changed.middle.weight, model.middle.weight)
    assert not torch.equal(changed.norm.running_mean, model.norm.running_mean)
    assert changed.norm.momentum == model.norm.momentum
    assert not changed.training


def test_drawn_norms_take_their_statistics_from_the_image():
    """So the signal neither dies nor explodes, however deep a network is."""
    torch.manual_seed(0)
    parts = [
        part
        for _ in range(20)
        for part in (nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    ]
    model = nn.Sequential(nn.Conv2d(1, 8, 1), *parts).eval()
    image = torch.rand(1, 1, 16, 16)
    out = randomised(model, weighted(model, image), image, generator())(image)
    assert 0.1 < float(out.detach().std()) < 10


def test_the_same_draw_is_the_same_and_another_another():
    case = CASES[0]
    model, image = case.model(), case.image()[None]
    names = weighted(model, image)
    one, same, other = (state(randomised(model, names, image, generator(s))) for s in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["first.weight"], other["first.weight"])


def test_the_global_chance_stays():
    case = CASES[0]
    before = torch.get_rng_state()
    randomised(case.model(), ["first"], case.image()[None], generator())
    assert torch.equal(before, torch.get_rng_state())


def test_a_model_without_weights_is_refused():
    class Bare(nn.Module):
        def forward(self, x):
            return x.flatten(1)[:, :2]

    with pytest.raises(MethodError, match="no weights"):
        weighted(Bare(), torch.rand(1, 1, 4, 4))


def test_a_transformers_tokens_are_drawn_too():
    case = Transformer(2, "classification")
    net, image = case.model(), case.image()[None]
    before = state(net)
    changed = state(randomised(net, weighted(net, image), image, generator()))
    kept = {name for name, _ in net.named_parameters() if torch.equal(before[name], changed[name])}
    # Biases and norms may be drawn as they were: as zeros and ones.
    assert all(before[name].unique().numel() == 1 for name in kept), kept


@pytest.fixture(scope="module")
def digit():
    """A digit of the demo as its network sees it."""
    with Image.open(Path(esegeta.__file__).parents[1] / "configs/data/digit_3_1438.png") as file:
        pixels = np.asarray(file, dtype=np.float32)
    return normalise(torch.from_numpy(pixels / 255)[None])


@pytest.fixture(scope="module")
def measured(digit):
    """What randomisation says of some methods on the demo's trained network."""
    network, found = digit_network(), {}
    for name in ("saliency", "input_x_gradient", "guided_backprop"):
        probe = probe_of(network, digit)
        map = run(probe, name).map
        case = Case(probe_of(network, digit), map, REGISTRY.get(name), own_seed=3)
        found[name] = judge(case, "randomisation", depths=4, seeds=2)
    return found


@pytest.mark.parametrize("name", ["saliency", "input_x_gradient"])
def test_gradients_pass(measured, name):
    found = measured[name]
    assert found.passed
    assert found.value < 0.4


def test_guided_backprop_fails(measured):
    """It shows the digit's own strokes, whatever the network has learnt (Adebayo et al.)."""
    found = measured["guided_backprop"]
    assert not found.passed
    assert found.value > 0.6
    assert found.more["all randomised"] > 0.4


def test_there_is_a_map_and_a_point_of_each_curve_at_each_depth(measured):
    found = measured["saliency"]
    assert [*found.maps][:: len(found.maps) - 1] == ["as it is", "100%"]
    for name in ("spearman", "ssim", "hog"):
        assert found.curves[name][0] == (0, 1, 1, 1)
        assert found.curves[name][-1][0] == 100
    assert "randomised" in found.axes[0]
    assert len(found.maps) == len(found.curves["ssim"]) == 5
    assert found.error < 0.1


def test_curves_lie_between_their_draws(measured, digit):
    """The mean of two draws is the middle of the two; of one draw all three are the same."""
    for points in measured["saliency"].curves.values():
        for _, y, low, high in points:
            assert y == pytest.approx((low + high) / 2, abs=1e-6)
    assert any(low < high for _, _, low, high in measured["saliency"].curves["ssim"])
    probe = probe_of(digit_network(), digit)
    case = Case(probe, run(probe, "saliency").map, REGISTRY.get("saliency"), own_seed=3)
    once = judge(case, "randomisation", depths=1, seeds=1)
    assert all(y == low == high for points in once.curves.values() for _, y, low, high in points)


def test_one_part_at_a_time(digit):
    """Independent randomisation leaves the rest as it was learnt."""
    probe = probe_of(digit_network(), digit)
    case = Case(probe, run(probe, "saliency").map, REGISTRY.get("saliency"), own_seed=3)
    before = probe.passes
    found = judge(case, "randomisation", depths=2, seeds=1, order="independent")
    assert (probe.passes.backward - before.backward) == 2
    assert found.error is None
    assert "ends" in found.axes[0]
    assert list(found.maps)[1:] == [f"{x:.0f}%" for x, *_ in found.curves["ssim"][1:]]


def test_a_map_that_vanishes_with_the_weights_is_like_no_other():
    """A network whose drawn biases silence every unit gives no map; that is no failure."""

    class Silent(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor([1.0, 2.0]))

        def reset_parameters(self):
            nn.init.zeros_(self.scale)

        def forward(self, x):
            return x.flatten(2).square().mean(2) * self.scale

    net = nn.Sequential(Silent())
    image = torch.rand(2, 6, 6)
    probe = probe_of(net, image, target=1)
    case = Case(probe, run(probe, "saliency").map, REGISTRY.get("saliency"))
    found = judge(case, "randomisation", depths=1, seeds=1)
    assert found.value == 0
    assert found.passed
    assert list(found.maps) == ["as it is"]


def test_a_trained_explainers_map_is_refused(digit):
    """It was trained for the model as it is: of another it says nothing, and passing proves nothing."""
    network = digit_network()
    probe = probe_of(network, digit)
    map, plugin = run(probe, "saliency").map, REGISTRY.get("saliency")
    trained = replace(plugin, takes_artifact=True)
    with pytest.raises(MethodError, match="must be trained anew for each randomised model"):
        judge(Case(probe, map, trained), "randomisation", depths=1, seeds=1)
    assert judge(Case(probe_of(network, digit), map, trained), "deletion", steps=2).curves


def test_ranks_are_compared_in_the_mask_that_was_explained():
    """Maps of one mask all lie in it; that alone makes no two of them alike."""
    box = {"box": [[1, 6], [2, 8]]}
    probe = probe_of(Segmenter(2), torch.rand(1, 12, 12), task="segmentation", target=1, mask=box)
    _ = probe.value
    inside = torch.zeros(1, 12, 12)
    inside[:, 1:6, 2:8] = 1
    one, other, outside = (torch.randn(1, 12, 12).abs() for _ in range(3))
    case = Case(probe, inside * (1 + one) + 0.1 * outside, REGISTRY.get("saliency"))
    assert abs(case.alike(inside * (1 + other) + 0.1 * outside, "spearman")) < 0.4
    assert case.alike(inside * (1 + one) + outside.flip(1), "spearman") > 0.5
    assert case.alike(case.map, "spearman") == 1
