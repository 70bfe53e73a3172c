"""Methods that follow a path from a baseline to the image."""

import pytest
import torch
from captum import attr

from tests.nets import Linear, net, probe_of, run

IMAGE = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1))
LAYER = "b"


def completeness(found):
    return next(check.value for check in found.checks if check.name == "completeness")


def test_it_takes_no_more_points_than_completeness_needs():
    linear = run(probe_of(Linear((6, 5), 2), IMAGE), "integrated_gradients", steps=64)
    assert linear.notes["steps"] == 8
    assert linear.passes["backward"] == 8
    model = net()
    rough = run(probe_of(model, IMAGE), "integrated_gradients", steps=64, tolerance=0.05)
    fine = run(probe_of(model, IMAGE), "integrated_gradients", steps=512, tolerance=5e-4)
    assert completeness(rough) <= 0.05
    assert completeness(fine) <= 5e-4
    assert rough.notes["steps"] < fine.notes["steps"]


def test_gradient_shap_of_a_linear_model_without_noise_is_exact():
    model = Linear((6, 5), 2)
    found = run(probe_of(model, IMAGE, target=1), "gradient_shap", samples=3, noise=0, baseline=0.2)
    expected = model.weight[1] * (IMAGE - 0.2)
    torch.testing.assert_close(found.map, expected.detach(), rtol=1e-4, atol=1e-5)


def test_gradient_shap_comes_near_integrated_gradients():
    model = net()
    path = run(probe_of(model, IMAGE), "integrated_gradients", steps=256, tolerance=0).map
    found = run(probe_of(model, IMAGE), "gradient_shap", samples=2000, noise=0).map
    assert float((found - path).norm() / path.norm()) < 0.1


def test_layer_conductance_adds_up_and_is_captums():
    model = net()
    probe = probe_of(model, IMAGE, target=1)
    found = run(probe, "layer_conductance", LAYER, steps=400).map
    start = torch.zeros_like(IMAGE)[None]
    whole = probe.value - float(probe.score(start))
    assert float(found.sum()) == pytest.approx(whole, rel=5e-3)
    peer = attr.LayerConductance(model, model.get_submodule(LAYER))
    expected = peer.attribute(IMAGE[None], start, target=1, n_steps=400).sum(1).detach()
    assert float((found - expected).norm() / expected.norm()) < 0.02


def test_internal_influence_is_captums():
    model = net()
    found = run(probe_of(model, IMAGE, target=1), "internal_influence", LAYER, steps=300).map
    peer = attr.InternalInfluence(model, model.get_submodule(LAYER))
    expected = peer.attribute(IMAGE[None], target=1, n_steps=300, method="riemann_middle")
    expected = expected.sum(1).detach()
    assert float((found - expected).norm() / expected.norm()) < 0.02


def test_layer_gradient_shap_of_what_follows_linearly_is_gradient_times_difference():
    model = net()
    probe = probe_of(model, IMAGE, target=1)
    found = run(probe, "layer_gradient_shap", "c", samples=500, noise=0).map
    values, _ = probe.layer("c").at(torch.stack([IMAGE, torch.zeros_like(IMAGE)]))
    gradients = [probe.layer("c").at(a * IMAGE[None])[1] for a in torch.linspace(0.001, 1, 200)]
    expected = (torch.cat(gradients).mean(0) * (values[0] - values[1])).sum(0, keepdim=True)
    assert float((found - expected).norm() / expected.norm()) < 0.1
