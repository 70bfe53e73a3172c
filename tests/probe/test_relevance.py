"""Relevance: closed forms, conservation, and the same for every way to write a network."""

import pytest
import torch
import torch.nn.functional as F
from captum.attr import LRP
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import nn

from esegeta.checks import CheckFailed
from esegeta.errors import MethodError
from esegeta.models.zoo import UNet
from esegeta.probe import Patches
from tests.nets import STYLES, Linear, Net, probe_of, run

RULES = ("epsilon", "gamma", "zplus", "composite")
SPATIAL = {2: (8, 12), 3: (8, 4, 12)}


def image(ndim=2, channels=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(channels, *SPATIAL[ndim], generator=generator, dtype=dtype)


def without_biases(model):
    for module in model.modules():
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    return model.double().eval()


def unbiased(style="module", ndim=2):
    torch.manual_seed(3)
    return without_biases(Net(style, ndim))


def best(model, x):
    """The class with the largest score: it has shares of its own sign."""
    with torch.no_grad():
        scores = model(x[None])
        return int(scores[0].reshape(scores.shape[1], -1).sum(-1).argmax())


def probe(model, x, **options):
    return probe_of(model, x, target=options.pop("target", best(model, x)), **options)


def check(found):
    return next(c for c in found.checks if c.name == "conservation")


# Closed forms


def test_of_a_linear_model_it_is_the_image_times_the_weights():
    model = Linear((8, 12), 2).double()
    x = image()
    found = run(probe_of(model, x, target=1), "lrp", rule="epsilon", epsilon=0)
    value = float(model(x[None])[0, 1])
    torch.testing.assert_close(found.map, (model.weight[1] * x).float().detach())
    assert found.notes["relevance absorbed"] == f"{float(model.bias[1]) / value:.1%}"


def by_hand(rule, x, first, b, second, gamma=0.5):
    """Two dense layers, unit by unit: relevance of the input, of the first output."""
    z = [
        sum(w * v for w, v in zip(row, x, strict=True)) + c for row, c in zip(first, b, strict=True)
    ]
    h = [max(value, 0) for value in z]
    out = sum(w * v for w, v in zip(second, h, strict=True))

    def shares(values, weights, bias, total):
        parts = [w * v for w, v in zip(weights, values, strict=True)] + [bias]
        favoured = [p if p * total > 0 else 0 for p in parts]
        if rule == "excitation":
            return [max(w, 0) * max(v, 0) for w, v in zip(weights, values, strict=True)]
        if rule == "zplus":
            return favoured
        return [
            p + (gamma if rule == "gamma" else 0) * f for p, f in zip(parts, favoured, strict=True)
        ]

    top = shares(h, second, 0, out)
    start = 1.0 if rule == "excitation" else out
    hidden = [share / sum(top) * start for share in top[: len(h)]]
    found = [0.0] * len(x)
    for row, c, value, relevance in zip(first, b, z, hidden, strict=True):
        own = shares(x, row, c, value)
        for place in range(len(x)):
            if relevance:
                found[place] += own[place] / sum(own) * relevance
    return found


@pytest.mark.parametrize("rule", ["epsilon", "gamma", "zplus", "excitation"])
@pytest.mark.parametrize("sign", [1, -1])
def test_two_layers_by_hand(rule, sign):
    generator = torch.Generator().manual_seed(1)
    first, second = nn.Linear(6, 5).double(), nn.Linear(5, 2, bias=False).double()
    with torch.no_grad():
        first.weight.copy_(torch.randn(5, 6, generator=generator))
        first.bias.copy_(torch.randn(5, generator=generator))
        second.weight.copy_(sign * torch.randn(2, 5, generator=generator))
    model = nn.Sequential(nn.Flatten(), first, nn.ReLU(), second)
    x = torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
    found = probe_of(model, x, target=1).relevance(rule, gamma=0.5)
    expected = by_hand(
        rule,
        x.flatten().tolist(),
        first.weight.tolist(),
        first.bias.tolist(),
        second.weight[1].tolist(),
    )
    torch.testing.assert_close(found.flatten(), torch.tensor(expected, dtype=torch.float64))


def test_epsilon_of_zero_is_input_times_gradient_of_a_rectifying_net():
    model, x = unbiased(), image()
    found = run(probe(model, x), "lrp", rule="epsilon", epsilon=0)
    torch.testing.assert_close(found.map, run(probe(model, x), "input_x_gradient").map)


def test_epsilon_is_captums_where_that_is_right():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv2d(2, 5, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Dropout(), nn.ReLU(),
    ).double().eval()  # fmt: skip

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.features, self.head = model, nn.Linear(6, 3).double()

        def forward(self, x):
            return self.head(self.features(x).flatten(1))

    whole, x = Whole().eval(), image()
    for module in whole.modules():
        if not list(module.children()):
            module.rule = EpsilonRule(epsilon=1e-12)
    expected = LRP(whole).attribute(x[None], target=1)[0].detach()
    found = run(probe_of(whole, x, target=1), "lrp", rule="epsilon", epsilon=0)
    torch.testing.assert_close(found.map, expected.float(), rtol=1e-4, atol=1e-6)


def test_epsilon_by_hand_of_a_convolution():
    model, x = (
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()).double(),
        image(),
    )
    with torch.no_grad():
        z = model[0](x[None])
    relevance = torch.zeros_like(z)
    relevance[:, 1] = z[:, 1] / z[0, 1].numel()
    epsilon = 0.1 * z.square().mean().sqrt()
    share = relevance / (z + epsilon * z.sign())
    expected = x * F.conv_transpose2d(share, model[0].weight)[0]
    found = run(probe_of(model, x, target=1), "lrp", rule="epsilon", epsilon=0.1)
    torch.testing.assert_close(found.map, expected.float().detach(), rtol=1e-4, atol=1e-6)


# However it is written


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("rule", [*RULES, "excitation"])
def test_every_style_has_the_same_relevance(rule, ndim):
    x = image(ndim)
    expected = probe(unbiased("module", ndim), x).relevance(rule, gamma=0.25, epsilon=0.01)
    assert expected.abs().max() > 0
    for style in STYLES:
        found = probe(unbiased(style, ndim), x).relevance(rule, gamma=0.25, epsilon=0.01)
        torch.testing.assert_close(found, expected)


class Folding(nn.Module):
    """A batch norm that may be folded into its convolution, and may be written by hand."""

    def __init__(self, style):
        super().__init__()
        torch.manual_seed(0)
        self.style = style
        self.conv, self.norm, self.head = nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.Linear(6, 3)
        with torch.no_grad():
            self.norm.weight.copy_(torch.randn(6))
            self.norm.bias.copy_(torch.randn(6))
            self.norm.running_mean.copy_(torch.randn(6))
            self.norm.running_var.copy_(torch.rand(6) + 0.5)

    def forward(self, x):
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        shift = self.norm.bias - self.norm.running_mean * scale
        if self.style == "norm":
            x = self.norm(self.conv(x))
        elif self.style == "by hand":
            x = self.conv(x) * scale.view(-1, 1, 1) + shift.view(-1, 1, 1)
        elif self.style == "in place":
            x = self.conv(x)
            x *= scale.view(-1, 1, 1)
            x += shift.view(-1, 1, 1)
        else:
            weight = self.conv.weight * scale.view(-1, 1, 1, 1)
            x = F.conv2d(x, weight, self.conv.bias * scale + shift)
        return self.head(F.relu(x).mean((2, 3)))


@pytest.mark.parametrize("rule", [*RULES, "excitation"])
@pytest.mark.parametrize("style", ["norm", "by hand", "in place"])
def test_a_batch_norm_is_one_with_its_convolution(rule, style):
    x = image()
    found, expected = (
        probe_of(Folding(s).double(), x, target=1).relevance(rule, gamma=0.3)
        for s in (style, "folded")
    )
    torch.testing.assert_close(found, expected)


def test_values_that_are_overwritten_later_do_not_matter():
    class Overwriting(nn.Module):
        def __init__(self, inplace):
            super().__init__()
            torch.manual_seed(1)
            self.conv, self.head, self.inplace = nn.Conv2d(2, 4, 3), nn.Linear(4, 2), inplace

        def forward(self, x):
            y = self.conv(x)
            z = self.conv(x * 2)
            if self.inplace:
                y += z
                y.relu_()
                z[:, 0] = 0.5
            else:
                y = F.relu(y + z)
                z = torch.cat([torch.full_like(z[:, :1], 0.5), z[:, 1:]], 1)
            return self.head((y + z).mean((2, 3)))

    for rule in RULES:
        found, expected = (
            probe_of(Overwriting(i).double(), image(), target=1).relevance(rule, gamma=0.3)
            for i in (True, False)
        )
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("way", ["into zeros", "over it"])
def test_what_is_written_into_places_is_accounted_for(way):
    class Placing(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.conv, self.head = nn.Conv2d(2, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            y = self.conv(x)
            if way == "into zeros":
                z = torch.ones_like(y)
                z[:, 1:] = y[:, 1:]
            else:
                z = y.clone()
                z[:, :1] = 1.0
            return self.head(z.mean((2, 3)))

    class Joined(Placing):
        def forward(self, x):
            y = self.conv(x)
            return self.head(torch.cat([torch.ones_like(y[:, :1]), y[:, 1:]], 1).mean((2, 3)))

    for rule in RULES:
        asked = [probe_of(kind().double(), image(), target=1) for kind in (Placing, Joined)]
        found, expected = (one.relevance(rule, gamma=0.3) for one in asked)
        torch.testing.assert_close(found, expected)
        assert asked[0].checks[-1].value < 1e-9


# Conservation


class Residual(nn.Module):
    """Shortcuts, concatenation, pools, transposed convolution, interpolation, a gate; no bias."""

    def __init__(self, ndim=2, activation=F.relu):
        super().__init__()
        conv = nn.Conv2d if ndim == 2 else nn.Conv3d
        up = nn.ConvTranspose2d if ndim == 2 else nn.ConvTranspose3d
        self.pool = (F.max_pool2d, F.avg_pool2d) if ndim == 2 else (F.max_pool3d, F.avg_pool3d)
        self.first, self.second = (
            conv(2, 6, 3, padding=1, bias=False),
            conv(6, 6, 3, padding=1, bias=False),
        )
        self.deep, self.up = conv(6, 8, 3, padding=1, bias=False), up(8, 6, 2, 2, bias=False)
        self.squeeze, self.head = nn.Linear(12, 12, bias=False), conv(12, 3, 1, bias=False)
        self.act = activation

    def forward(self, x):
        x = self.act(self.first(x))
        x = self.act(self.second(x) + x)
        y = self.act(self.deep(self.pool[0](x, 2)))
        y = self.act(self.up(y)) - 0 * x
        z = F.interpolate(self.pool[1](x, 2), scale_factor=2, mode="nearest")
        x = torch.cat([y, z], 1)
        gate = self.squeeze(x.flatten(2).mean(2)).sigmoid()
        x = x * gate.view(*gate.shape, *[1] * (x.dim() - 2))
        return self.head(x)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("rule", RULES)
def test_without_biases_all_of_the_score_arrives(rule, ndim):
    torch.manual_seed(4)
    model = without_biases(Residual(ndim))
    found = run(probe(model, image(ndim), task="segmentation"), "lrp", rule=rule, epsilon=0)
    assert check(found).value < 1e-9
    assert found.notes["relevance absorbed"] in ("0.0%", "-0.0%")
    assert float(found.map.double().sum()) == pytest.approx(found.target["score"], rel=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("rule", RULES)
def test_a_unet_conserves(rule, norm, ndim):
    torch.manual_seed(5)
    model = UNet(ndim, 2, 3, width=4, depth=2, norm=norm)
    without_biases(model)
    x = image(ndim)
    found = run(probe(model, x, task="segmentation"), "lrp", rule=rule, epsilon=0)
    assert check(found).value < 1e-9
    share = float(found.map.double().sum()) / found.target["score"]
    if norm == "instance" and rule in ("zplus", "composite"):
        assert 0.9 < share <= 1  # a unit above its mean may have nothing that speaks for it
    else:
        assert share == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_chance_of_a_unet_adds_up_to_one(norm, ndim):
    torch.manual_seed(5)
    model = UNet(ndim, 2, 3, width=8, depth=1, norm=norm).double().eval()
    with torch.no_grad():
        model.head.weight[:, :4].abs_()  # so that each logit has something that excites it
    asked = probe(model, image(ndim), task="segmentation")
    for name in ("head", "dec.0.relu1", "dec.0.conv1"):
        found = asked.relevance("excitation", asked.layer(name))
        assert (found >= 0).all()
        # (A unit above its mean may have nothing that excites it.)
        assert 1 + 1e-9 >= float(found.sum()) >= (1 - 1e-9 if norm == "batch" else 0.9)
    asked.relevance("excitation")
    assert asked.checks[-1].value < 1e-9


@pytest.mark.parametrize("rule", [*RULES, "excitation"])
def test_biases_are_accounted_for(rule):
    torch.manual_seed(6)
    model = Net().double().eval()
    asked = probe(model, image())
    asked.relevance(rule, epsilon=0.1, gamma=0.2)
    assert asked.checks[-1].value < 1e-9


def test_a_function_without_a_rule_is_named():
    class Strange(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(2, 4, 3), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(torch.cos(self.conv(x)).mean((2, 3)))

    with pytest.raises(MethodError, match=r"cos \(1 call\)"):
        run(probe_of(Strange(), image(dtype=torch.float32), target=0), "lrp")


def test_a_function_of_its_own_backward_is_no_silent_loss():
    class Own(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.saved_tensors[0] ** 2

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(2 * 8 * 12, 2, bias=False)

        def forward(self, x):
            return self.head(Own.apply(x).flatten(1))

    with pytest.raises(MethodError, match="hidden"):
        run(probe_of(Model(), image(dtype=torch.float32), target=0), "lrp")


def test_where_nothing_is_relevant_the_map_is_refused():
    model = unbiased()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.fill_(1)
    with pytest.raises(CheckFailed, match="zero everywhere"):
        run(probe_of(model, image(), target=0), "lrp")


# Layers and patches


@pytest.mark.parametrize("rule", RULES)
def test_a_layer_through_which_all_goes_has_the_score(rule):
    model, x = unbiased(), image()
    asked = probe(model, x)
    for layer in ("a", "b", "r2", "c"):
        found = asked.relevance(rule, asked.layer(layer), gamma=0.25)
        assert float(found.sum()) == pytest.approx(asked.value)


def test_layers_cost_one_pass_each():
    asked = probe(unbiased(), image())
    found = run(asked, "layer_lrp", "b")
    assert found.passes == {"forward": 1, "backward": 1}
    assert run(asked, "excitation_backprop", "b").passes == {"forward": 1, "backward": 1}
    contrast = run(asked, "contrastive_excitation_backprop", "a", contrast="c")
    assert contrast.passes == {"forward": 1, "backward": 4}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("rule", [*RULES, "excitation"])
def test_one_patch_is_the_whole(rule, ndim):
    torch.manual_seed(4)
    model, x = without_biases(Residual(ndim)), image(ndim)
    options = {"task": "segmentation", "target": best(model, x)}
    whole = probe_of(model, x, **options)
    patched = probe_of(model, x, patches=Patches(SPATIAL[ndim], 0), **options)
    for name in (None, "deep", "up"):
        found, expected = (
            p.relevance(rule, None if name is None else p.layer(name), gamma=0.25)
            for p in (patched, whole)
        )
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("rule", [*RULES, "excitation"])
def test_patches_conserve(rule):
    torch.manual_seed(4)
    model, x = without_biases(Residual()), image()
    asked = probe_of(
        model, x, task="segmentation", target=best(model, x), patches=Patches(8, 4, "hann")
    )
    found = asked.relevance(rule, gamma=0.25)
    assert asked.checks[-1].value < 1e-9
    total = 1 if rule == "excitation" else asked.value
    assert float(found.sum()) == pytest.approx(total, rel=1e-6) or rule == "excitation"
    assert float(found.sum()) <= total * (1 + 1e-9)


class Kept(dict):
    """A checkpoint in memory."""

    used = False

    def tensors(self, name):
        return self.get(name)

    def keep(self, name, tensors, seconds):
        self[name] = dict(tensors)


@pytest.mark.parametrize("contrast", [None, "deep"])
def test_another_attempt_is_given_what_patches_had(contrast):
    torch.manual_seed(4)
    model, x = without_biases(Residual()), image()
    options = {"task": "segmentation", "target": best(model, x), "patches": Patches(8, 4, "hann")}
    kept, found = Kept(), []
    for _ in range(2):
        asked = probe_of(model, x, **options)
        asked.begin(0, kept)
        layer = asked.layer("first")
        values = asked.contrast(layer, contrast) if contrast else asked.relevance("gamma", layer)
        found.append((values, asked.checks[-1], asked.notes, asked.passes.backward))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1:3] == found[1][1:3]
    assert found[0][3] > found[1][3] == 0


def test_a_unit_has_relevance_too():
    model, x = unbiased(), image()
    unit = probe(model, x).unit("b", 2, (3, 4))
    found = unit.relevance("epsilon")
    torch.testing.assert_close(found, unit.image * unit.gradient())
    assert found.abs().max() > 0


# Excitation


def by_layers(model, x, target, dual=False):
    """Excitation of the chain conv–relu–conv–relu–mean–linear, by the paper's equation 4."""
    with torch.no_grad():
        a = F.relu(model.a(x[None]))
        b = F.relu(model.b(a))
        c = F.relu(model.c(b))
        weight = model.head.weight[target] * (-1 if dual else 1)
        p = c.mean((2, 3))[0] * weight.clamp(min=0)
        p = p / p.sum()
        at_c = p[None, :, None, None] * c / c.sum((2, 3), keepdim=True).clamp(min=1e-300)
        found = {"r3": at_c}
        for name, conv, below, inside in (("r2", model.c, b, at_c), ("r1", model.b, a, None)):
            inside = found["r3"] if name == "r2" else found["r2"]
            positive = conv.weight.clamp(min=0)
            total = F.conv2d(below, positive, padding=1)
            share = torch.where(total > 0, inside / total, 0)
            found[name] = below * F.conv_transpose2d(share, positive, padding=1)
    return found


def test_excitation_by_the_papers_equation():
    torch.manual_seed(6)
    model, x = Net().double().eval(), image()
    target = best(model, x)
    expected = by_layers(model, x, target)
    asked = probe(model, x)
    for name in ("r3", "r2", "r1"):
        found = asked.relevance("excitation", asked.layer(name))
        torch.testing.assert_close(found, expected[name])


def test_contrast_by_the_papers_equation():
    torch.manual_seed(6)
    model, x = Net().double().eval(), image()
    target = best(model, x)
    asked = probe(model, x)
    pro, contra = by_layers(model, x, target), by_layers(model, x, target, dual=True)
    found = asked.contrast(asked.layer("r3"), "r3")
    torch.testing.assert_close(
        found, pro["r3"] / pro["r3"].sum() - contra["r3"] / contra["r3"].sum()
    )
    found = asked.contrast(asked.layer("r1"), "r3")
    expected = pro["r1"] / pro["r3"].sum() - contra["r1"] / contra["r3"].sum()
    torch.testing.assert_close(found, expected)
    two = asked.contrast(asked.layer("r3"), "r3")
    assert float(two.sum()) == pytest.approx(0, abs=1e-9)


def test_the_other_class_of_a_single_logit_is_its_dual():
    class One(Net):
        def forward(self, x):
            return super().forward(x)[:, :1]

    torch.manual_seed(6)
    model, x = One().double().eval(), image()
    expected = by_layers(model, x, 0, dual=True)["r2"]
    asked = probe_of(model, x, target=0)
    torch.testing.assert_close(asked.relevance("excitation", asked.layer("r2")), expected)


def test_contrast_in_patches_is_normalised_over_the_volume():
    torch.manual_seed(4)
    model, x = without_biases(Residual()), image()
    asked = probe_of(
        model, x, task="segmentation", target=best(model, x), patches=Patches(8, 4, "hann")
    )
    found = asked.contrast(asked.layer("first"), "first")
    assert float(found.sum()) == pytest.approx(0, abs=1e-9)
    assert found.abs().sum() > 0.01
