"""Backward rules: right for every way to write a rectifier."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import Deconvolution, GuidedBackprop
from torch import nn

from esegeta.errors import MethodError
from tests.nets import STYLES, net, probe_of


def image(ndim):
    return torch.randn(2, *(9, 8, 7)[:ndim], generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    ("rule", "peer"), [("guided", GuidedBackprop), ("deconvnet", Deconvolution)]
)
def test_equals_captum_on_the_module_net_however_the_relu_is_written(style, ndim, rule, peer):
    # Captum is right where each ReLU is a module of its own; the other styles have the same weights.
    reference = net("module", ndim)
    probe = probe_of(net(style, ndim), image(ndim))
    gradient = probe.gradient(rule=rule)
    expected = peer(reference).attribute(
        image(ndim)[None].requires_grad_(), target=probe.target.index
    )
    torch.testing.assert_close(gradient, expected)
    assert not torch.allclose(gradient, probe.gradient())


@pytest.mark.parametrize("style", STYLES)
def test_plain_rule_is_the_gradient(style):
    gradient = probe_of(net(style), image(2), target=1).gradient()
    x = image(2)[None].requires_grad_()
    (expected,) = torch.autograd.grad(net("module")(x)[0, 1], x)
    torch.testing.assert_close(gradient, expected)


ACTIVATIONS = {
    "relu6": (nn.ReLU6(), lambda z: z.clamp(0, 6)),
    "prelu": (nn.PReLU(init=0.3), lambda z: torch.where(z > 0, z, 0.3 * z)),
    "leaky": (nn.LeakyReLU(0.2, inplace=True), lambda z: torch.where(z > 0, z, 0.2 * z)),
    "elu": (nn.ELU(), F.elu),
    "celu": (nn.CELU(inplace=True), F.celu),
    "selu": (nn.SELU(), F.selu),
    "gelu": (nn.GELU(), F.gelu),
    "silu": (nn.SiLU(inplace=True), F.silu),
    "mish": (nn.Mish(), F.mish),
    "hardswish": (nn.Hardswish(), F.hardswish),
    "hardtanh": (nn.Hardtanh(0, 3), lambda z: z.clamp(0, 3)),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_other_rectifiers_follow_the_stated_rule(name):
    module, function = ACTIVATIONS[name]
    weight = torch.randn(4, generator=torch.Generator().manual_seed(0))

    class One(nn.Module):
        def __init__(self):
            super().__init__()
            self.act = module

        def forward(self, x):
            return (self.act(x * 1.0).flatten(2) * weight.repeat(16)).sum(2)

    x = 4 * torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(1))
    z = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(function(z).sum(), z)
    incoming = weight.repeat(16).view(1, 8, 8).clamp(min=0)
    probe = probe_of(One(), x, target=1)  # one logit stands for two classes: −z and z
    torch.testing.assert_close(probe.gradient(rule="guided")[0], incoming * slope * (x > 0))
    torch.testing.assert_close(probe.gradient(rule="deconvnet")[0], incoming)


def test_a_net_without_rectifier_is_refused():
    model = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Tanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(MethodError, match="no rectifying activation"):
        probe_of(model, image(2)).gradient(rule="guided")


def test_a_scripted_model_is_refused_for_rules_and_served_for_the_gradient():
    scripted = torch.jit.trace(net("functional"), image(2)[None])
    probe = probe_of(scripted, image(2))
    torch.testing.assert_close(probe.gradient(), probe_of(net(), image(2)).gradient())
    with pytest.raises(MethodError, match="scripted or compiled"):
        probe.gradient(rule="guided")


def test_an_exported_model_follows_the_rules():
    program = torch.export.export(net("functional"), (image(2)[None],))
    probe = probe_of(torch.export.unflatten(program), image(2))
    expected = probe_of(net(), image(2)).gradient(rule="guided")
    torch.testing.assert_close(probe.gradient(rule="guided"), expected)


def test_the_rule_does_not_reach_the_wrapper():
    from esegeta.probe import Probe, Target

    target = Target(lambda output, region: F.relu(output), 0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(128, 2))
    with torch.no_grad():
        linear[1].bias.fill_(100)
    with pytest.raises(MethodError, match="no rectifying activation"):
        Probe(linear, torch.randn(1, 2, 8, 8), target).gradient(rule="guided")


@pytest.mark.parametrize(
    "name", ["prelu", "relu6", "leaky", "elu", "celu", "gelu", "silu", "hardtanh"]
)
def test_an_exported_rectifier_follows_the_same_rule(name):
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3), ACTIVATIONS[name][0], nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    expected = probe_of(model, image(2), target=1)
    program = torch.export.export(model.eval(), (image(2)[None],))
    found = probe_of(torch.export.unflatten(program), image(2), target=1)
    for rule in ("guided", "deconvnet"):
        torch.testing.assert_close(found.gradient(rule=rule), expected.gradient(rule=rule))
