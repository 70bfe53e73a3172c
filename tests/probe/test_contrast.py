"""A class held against the others: by its equations, through every kind of method."""

from typing import get_args

import pytest
import torch
from torch import nn

import esegeta
from esegeta.config import fields
from esegeta.engine import make_probe
from esegeta.errors import TargetError
from esegeta.models.zoo import OneForAll
from esegeta.plugin import plugin_of
from esegeta.probe import Patches
from esegeta.probe.contrast import CONTRASTS, Contrast, contrasted
from tests.nets import REGISTRY, Segmenter, net, probe_of, run
from tests.nets_attention import ViT

HELD = [contrast for contrast in CONTRASTS if contrast != "none"]
CLASSES = 3
TARGET = 1


def image(*spatial, dtype=torch.float64, seed=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, *(spatial or (9, 8)), generator=generator, dtype=dtype)


def weights(logits, contrast, t=TARGET):
    """The seed over the logits (C,), written down anew."""
    others = [s for s in range(len(logits)) if s != t]
    seed = torch.zeros_like(logits)
    seed[t] = 1
    if contrast == "mean":
        seed[others] = -1 / len(others)
    elif contrast == "max":
        seed[others[int(logits[others].argmax())]] = -1
    elif contrast != "none":
        seed[others] = -logits[others].softmax(0)
    if contrast == "probability":
        p = logits.softmax(0)[t]
        seed = p * (1 - p) * seed
    return seed


def value(logits, contrast, t=TARGET):
    others = torch.cat([logits[:t], logits[t + 1 :]])
    if contrast == "mean":
        return logits[t] - others.mean(0)
    if contrast == "max":
        return logits[t] - others.max(0).values
    if contrast == "weighted":
        return logits[t] - others.exp().sum(0).log()
    return logits.softmax(0)[t] if contrast == "probability" else logits[t]


def test_the_names_are_the_same_everywhere():
    assert get_args(Contrast) == get_args(fields.ContrastName) == fields.CONTRASTS


@pytest.mark.parametrize("shape", [(2, 4), (2, 4, 1, 1), (2, 4, 3, 5)])
@pytest.mark.parametrize("contrast", CONTRASTS)
def test_values_by_their_equations(contrast, shape):
    logits = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for t in range(4):
        found = contrasted(logits, t, contrast)
        for one, own in zip(found, logits, strict=True):
            torch.testing.assert_close(one[t], value(own, contrast, t))
        others = [s for s in range(4) if s != t]
        assert torch.equal(found[:, others], logits[:, others])


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_gradients_are_the_seeds(contrast):
    logits = torch.tensor([[0.3, -1.0, 2.0, 0.1]], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(contrasted(logits, TARGET, contrast)[0, TARGET], logits)
    torch.testing.assert_close(found[0], weights(logits[0].detach(), contrast))


def seed_of(gap, contrast, dtype):
    logits = torch.tensor([[gap, 0.0, 1.0, 2.0]], dtype=dtype, requires_grad=True)
    (found,) = torch.autograd.grad(contrasted(logits, 0, contrast)[0, 0], logits)
    return found[0].double()


@pytest.mark.parametrize("contrast", ["weighted", "probability"])
@pytest.mark.parametrize("gap", [-40.0, 40.0])
def test_the_seed_is_right_where_the_softmax_saturates(contrast, gap):
    exact = seed_of(gap, contrast, torch.float64)
    torch.testing.assert_close(seed_of(gap, contrast, torch.float32), exact, rtol=1e-5, atol=0)
    assert exact[0] > 0 > exact[1:].max()


def test_a_softmax_of_its_own_would_lose_the_class():
    """What the arithmetic is for: the trap is there in this PyTorch."""
    logits = torch.tensor([[40.0, 0.0, 1.0, 2.0]], requires_grad=True)
    (found,) = torch.autograd.grad(logits.softmax(1)[0, 0], logits)
    assert found[0, 0] == 0 > found[0, 1:].max()


def test_half_precision_is_left_behind():
    logits = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.bfloat16)
    assert contrasted(logits, 0, "weighted").dtype == torch.float32


# The target


@pytest.mark.parametrize("contrast", CONTRASTS)
def test_class_and_mask_are_chosen_without(contrast):
    model, x = Segmenter(channels=2).double().eval(), image()
    plain = probe_of(model, x, task="segmentation")
    asked = probe_of(model, x, task="segmentation", contrast=contrast)
    logits = model(x[None])[0].detach()
    t, mask = plain.index, logits.argmax(0) == plain.index
    assert asked.index == t
    assert torch.equal(asked.target.mask, plain.target.mask)
    assert asked.value == pytest.approx(float(value(logits, contrast, t)[mask].sum()))
    expected = {} if contrast == "none" else {"contrast": contrast}
    told = asked.target.describe()
    assert {key: told[key] for key in told if key == "contrast"} == expected
    leaf = x[None].clone().requires_grad_()
    score = value(model(leaf)[0], contrast, t)[mask].sum()
    torch.testing.assert_close(asked.gradient(), torch.autograd.grad(score, leaf)[0])


@pytest.mark.parametrize("wrapper", ["pixelwise", "otsu"])
def test_voxels_are_contrasted_before_they_are_summed(wrapper):
    model, x = Segmenter(channels=2).double().eval(), image()
    options = {"task": "segmentation", "wrapper": wrapper, "target": TARGET, "mask": "all"}
    asked = probe_of(model, x, contrast="weighted", **options)
    logits = model(x[None])[0].detach()
    assert asked.value == pytest.approx(float(value(logits, "weighted").sum()))
    summed = value(logits.flatten(1).sum(1), "weighted")
    assert asked.value != pytest.approx(float(summed), rel=0.01)


@pytest.mark.parametrize("contrast", HELD)
@pytest.mark.parametrize("index", [0, 1])
def test_a_single_logit_has_nothing_to_be_held_against(contrast, index):
    model, x = Segmenter(classes=1, channels=2).double().eval(), image()
    options = {"task": "segmentation", "target": index, "mask": "all"}
    plain, asked = (probe_of(model, x, contrast=c, **options) for c in ("none", contrast))
    signed = (2 * index - 1) * model(x[None]).detach()
    if contrast == "probability":
        assert asked.value == pytest.approx(float(signed.sigmoid().sum()))
    else:
        assert asked.value == pytest.approx(plain.value)
        torch.testing.assert_close(asked.gradient(), plain.gradient())


@esegeta.wrapper()
def first(output: torch.Tensor, region: esegeta.Region) -> torch.Tensor:
    """The first class alone."""
    return output[:, :1]


def test_without_other_classes_there_is_no_contrast():
    asked = make_probe(net().double(), image(), wrapper=plugin_of(first), contrast="mean")
    with pytest.raises(TargetError, match="this model has one class"):
        _ = asked.value

    @esegeta.wrapper()
    def halves(output: torch.Tensor, region: esegeta.Region) -> torch.Tensor:
        """Two classes of three."""
        return output[:, :2]

    asked = make_probe(net().double(), image(), wrapper=plugin_of(halves), contrast="mean")
    with pytest.raises(TargetError, match="it has 3, of which the wrapper makes 2"):
        _ = asked.value


# Linear methods

#: Every plug-in that says it is linear, with parameters where it is.
LINEAR = [
    ("saliency", {}),
    ("input_x_gradient", {}),
    ("lrp", {"rule": "epsilon"}),
    ("lrp", {"rule": "gamma"}),
    ("lrp", {"rule": "zplus"}),
    ("lrp", {"rule": "composite"}),
    ("layer_lrp", {"rule": "composite"}),
    ("grad_cam", {"relu": False}),
    ("x_grad_cam", {"relu": False}),
    ("linear_approximation", {}),
    ("layer_gradient_x_activation", {}),
    ("captum.saliency", {}),
    ("captum.input_x_gradient", {}),
    ("captum.layer_gradient_x_activation", {}),
    ("captum.layer_grad_cam", {"relu": False}),
]


def made(plugin, probe, layer, **parameters):
    """A method's map in double precision; layer maps on the layer's grid."""
    arguments = (probe.layer(layer),) if plugin.takes_layer else ()
    return plugin.function(
        probe, *arguments, **plugin.arguments(plugin.validate(parameters))
    ).detach()


def test_the_list_is_whole():
    said = {plugin.name for plugin in REGISTRY.methods() if plugin.linear is not False}
    assert said == {name for name, _ in LINEAR} | {"one_for_all"}


@pytest.mark.parametrize("contrast", HELD)
def test_what_a_model_says_itself_is_the_contrast_of_what_it_says_of_the_classes(contrast):
    """Of a model of its own; it classifies, so it is not among the others."""
    torch.manual_seed(0)
    model = OneForAll((8, 8), 2, CLASSES, patch=2, width=8, depth=1, heads=2).double().eval()
    plugin, x = REGISTRY.get("one_for_all"), image(8, 8)
    logits = model(x[None])[0].detach()
    maps = [made(plugin, probe_of(model, x, target=t), None) for t in range(CLASSES)]
    expected = sum(w * m for w, m in zip(weights(logits, contrast), maps, strict=True))
    found = made(plugin, probe_of(model, x, target=TARGET, contrast=contrast), None)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    assert found.std() > 0


@pytest.mark.parametrize("contrast", HELD)
@pytest.mark.parametrize(("name", "parameters"), LINEAR)
def test_linear_maps_are_the_contrast_of_the_classes_maps(name, parameters, contrast):
    plugin, x = REGISTRY.get(name), image()
    assert plugin.is_linear(plugin.validate(parameters))
    models = [(net().double(), "b")]
    if not name.startswith("captum"):  # (which knows no tokens)
        models.append((ViT(cells=(4, 3)).double(), "blocks.0"))
    for model, layer in models:
        own = image(16, 12) if isinstance(model, ViT) else x
        logits = model.eval()(own[None])[0].detach()
        maps = [
            made(plugin, probe_of(model, own, target=t), layer, **parameters)
            for t in range(CLASSES)
        ]
        expected = sum(w * m for w, m in zip(weights(logits, contrast), maps, strict=True))
        asked = probe_of(model, own, target=TARGET, contrast=contrast)
        found = made(plugin, asked, layer, **parameters)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
        assert found.std() > 0


@pytest.mark.parametrize(("name", "parameters"), LINEAR)
def test_linear_maps_of_segmentations_in_patches(name, parameters):
    """The mean's seed is the same in every voxel, so that classes' maps can be told from outside."""
    plugin, model, x = REGISTRY.get(name), Segmenter(channels=2).double().eval(), image(16, 12)
    options = {"task": "segmentation", "mask": {"box": [[3, 14], [2, 9]]}}
    whole = Patches((8, 8), 4)
    for patches in (None, whole) if "layer" not in name and "cam" not in name else (None,):
        maps = [
            made(
                plugin,
                probe_of(model, x, target=t, patches=patches, **options),
                "mid",
                **parameters,
            )
            for t in range(CLASSES)
        ]
        asked = probe_of(model, x, target=TARGET, contrast="mean", patches=patches, **options)
        found = made(plugin, asked, "mid", **parameters)
        torch.testing.assert_close(found, maps[1] - (maps[0] + maps[2]) / 2, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "layer", "parameters", "noted"),
    [
        ("grad_cam", "b", {"relu": False}, False),
        ("grad_cam", "b", {}, True),
        ("saliency", None, {"absolute": True}, True),
        ("saliency", None, {}, False),
        ("guided_backprop", None, {}, True),
        ("occlusion", None, {"window": 3, "stride": 2}, True),
    ],
)
def test_what_is_not_linear_says_which_reading_it_gives(name, layer, parameters, noted):
    model, x = net().double(), image()
    held = run(probe_of(model, x, target=2, contrast="max"), name, layer, **parameters)
    assert ("contrast" in held.notes) == noted
    assert "contrast" not in run(probe_of(model, x, target=2), name, layer, **parameters).notes


def test_a_rectified_map_is_indeed_not_the_contrast():
    model, x, plugin = net().double(), image(), REGISTRY.get("guided_backprop")
    maps = [made(plugin, probe_of(model, x, target=t), None) for t in range(CLASSES)]
    found = made(plugin, probe_of(model, x, target=TARGET, contrast="mean"), None)
    assert not torch.allclose(found, maps[1] - (maps[0] + maps[2]) / 2, rtol=0.1)


# Other methods


@pytest.mark.parametrize("contrast", HELD)
@pytest.mark.parametrize(
    ("dtype", "limit"), [(torch.float32, 1e-4), (torch.float64, 1e-9)], ids=["single", "double"]
)
@pytest.mark.parametrize("kind", ["classes", "voxels", "one logit", "patches", "tokens"])
def test_the_rescale_rule_stays_complete(contrast, dtype, limit, kind):
    options = {"target": TARGET, "contrast": contrast}
    model, x = net(), 3 * image(dtype=dtype)
    if kind == "tokens":
        model, x = ViT(cells=(4, 3)), image(16, 12, dtype=dtype)
    elif kind != "classes":
        model = Segmenter(channels=2, classes=1 if kind == "one logit" else 3)
        options |= {"task": "segmentation", "mask": "all"}
    if kind == "patches":
        options["patches"] = Patches((8, 8), 4)
    asked = probe_of(model.to(dtype), x, **options)
    start = image(*x.shape[1:], dtype=dtype, seed=7)[None]
    total = asked.contributions(start).double().sum()
    difference = asked.value - float(asked.score(start))
    assert float(total) == pytest.approx(difference, rel=limit)
    assert "unknown functions" not in asked.notes


class Steep(nn.Module):
    """A linear model whose classes are far apart."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[40.0, 1, 0], [0, 2, 1], [1, 0, 3]]))

    def forward(self, x):
        return x.flatten(1) @ self.weight.T


def test_a_saturated_class_has_the_right_map():
    x = torch.tensor([1.0, 1, 1]).view(1, 1, 3)
    alpha = torch.tensor([3.0, 4]).softmax(0)
    expected = torch.tensor([40.0, 1, 0]) - alpha @ torch.tensor([[0.0, 2, 1], [1, 0, 3]])
    odds = probe_of(Steep(), x, target=0, contrast="weighted").gradient().flatten()
    torch.testing.assert_close(odds, expected)
    p = probe_of(Steep(), x, target=0, contrast="probability").gradient().flatten()
    torch.testing.assert_close(p / p.norm(), expected / expected.norm())


@pytest.mark.parametrize("contrast", HELD)
def test_contributions_of_a_path_add_up(contrast):
    asked = probe_of(net().double(), image(), target=TARGET, contrast=contrast)
    found = run(asked, "integrated_gradients", steps=128)
    assert [c.passed for c in found.checks if c.name == "completeness"] == [True]


@pytest.mark.parametrize("contrast", HELD)
def test_perturbed_images_are_contrasted_too(contrast):
    model, x = net().double(), image()
    others = torch.stack([x, 2 * x, -x])
    found = probe_of(model, x, target=TARGET, contrast=contrast).score(others)
    expected = torch.stack([value(logits, contrast) for logits in model(others).detach()])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["saliency", "lrp", "deep_lift", "smooth_grad", "rise"])
def test_a_contrast_costs_no_pass(name):
    parameters = {"rise": {"masks": 8}, "smooth_grad": {"samples": 4}}.get(name, {})
    plain, held = (
        run(probe_of(net(), image().float(), target=1, contrast=c), name, **parameters)
        for c in ("none", "weighted")
    )
    assert plain.passes == held.passes
