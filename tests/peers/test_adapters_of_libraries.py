"""Where a library is known wrong on a model, its adapter refuses the job; and agrees where it is right."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from esegeta.errors import MethodError
from tests.nets import Linear, Segmenter, net, probe_of, run


def image(ndim=2, channels=2):
    spatial = (10, 8) if ndim == 2 else (8, 6, 7)
    return torch.randn(channels, *spatial, generator=torch.Generator().manual_seed(5))


class Untraceable(nn.Module):
    """Functional rectifiers in a model that cannot be rewritten."""

    def __init__(self, style="functional"):
        super().__init__()
        self.inner = net(style)

    def forward(self, x):
        if float(x.abs().max()) < 0:
            return self.inner(-x)
        return self.inner(x)


class Squashed(nn.Module):
    """A function that no library has a rule for."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.a, self.b = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 3, 3)

    def forward(self, x):
        return self.b(torch.exp(-(self.a(x) ** 2))).flatten(2).mean(2)


@pytest.mark.parametrize("method", ["captum.guided_backprop", "captum.deconvolution"])
def test_rectifiers_that_captum_misses(method):
    # Of `x.relu_()` what is returned is not used, and so the rewritten model is another.
    for model in (Untraceable(), net("method inplace")):
        with pytest.raises(MethodError, match="misses rectifiers"):
            run(probe_of(model, image()), method)
    assert run(probe_of(net("functional"), image()), method).notes["model rewritten for hooks"]


@pytest.mark.parametrize("style", ["module", "inplace", "reused", "functional", "method"])
def test_guided_backprop_agrees_however_rectifiers_are_written(style):
    found = run(probe_of(net(style), image()), "captum.guided_backprop").map
    torch.testing.assert_close(found, run(probe_of(net(style), image()), "guided_backprop").map)


@pytest.mark.parametrize(
    ("method", "layer"),
    [("captum.deep_lift", None), ("captum.layer_deep_lift", "a"), ("captum.deep_lift_shap", None)],
)
def test_a_function_without_a_rule(method, layer):
    options = {"samples": 3, "baseline": "zero"} if "shap" in method else {}
    with pytest.raises(MethodError, match="wrong on this model"):
        run(probe_of(Squashed(), image()), method, layer, **options)


def test_shap_refuses_a_function_without_a_rule():
    with pytest.raises(MethodError, match=r"wrong on this model|does not work on this model"):
        run(probe_of(Squashed(), image()), "shap.deep", samples=2, baseline="zero")
    with pytest.raises(MethodError, match="cannot be rewritten"):
        run(probe_of(Untraceable(), image()), "shap.deep", samples=2, baseline="zero")


@pytest.mark.parametrize("contrast", ["weighted", "probability"])
@pytest.mark.parametrize(
    ("method", "layer"),
    [
        ("captum.deep_lift", None),
        ("captum.layer_deep_lift", "a"),
        ("captum.deep_lift_shap", None),
        ("captum.layer_deep_lift_shap", "a"),
        ("shap.deep", None),
    ],
)
def test_a_contrast_without_a_rule_is_named_as_the_reason(method, layer, contrast):
    """The model is right for a class alone, and so is not what the message blames."""
    options = {"baseline": "zero", **({"samples": 3} if "deep_lift" not in method[-9:] else {})}
    model = net("module")
    model.head.weight.data *= 50  # a log-odds is all but linear where it changes little
    run(probe_of(model, image()), method, layer, **options)
    with pytest.raises(MethodError, match=f"with the contrast '{contrast}'") as caught:
        run(probe_of(model, image(), contrast=contrast), method, layer, **options)
    assert "on this model" not in str(caught.value)


def test_a_model_without_a_rule_is_the_reason_under_a_contrast_too():
    probe = probe_of(Squashed(), image(), contrast="weighted")
    with pytest.raises(MethodError, match="wrong on this model"):
        run(probe, "captum.deep_lift")


class Shortcut(nn.Module):
    """A residual block: a sum that LRP of Captum has no rule for."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(4)
        self.a, self.act, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Linear(2, 3)

    def forward(self, x):
        return self.b((x + self.act(self.a(x))).flatten(2).mean(2))


@pytest.mark.parametrize("method", ["captum.lrp", "captum.layer_lrp"])
def test_lrp_refuses_shortcuts(method):
    layer = "a" if "layer" in method else None
    with pytest.raises(MethodError, match="differs from the gradient times the image"):
        run(probe_of(Shortcut(), image()), method, layer)
    with pytest.raises(MethodError, match="cannot be rewritten"):
        run(probe_of(Untraceable(), image()), method, "inner.a" if layer else None)


def straight(ndim):
    conv = nn.Conv2d if ndim == 2 else nn.Conv3d
    pool = nn.AvgPool2d((10, 8)) if ndim == 2 else nn.AvgPool3d((8, 6, 7))
    torch.manual_seed(6)
    return nn.Sequential(
        conv(2, 5, 3, padding=1), nn.ReLU(), conv(5, 4, 3, padding=1), nn.ReLU(), pool,
        nn.Flatten(), nn.Linear(4, 3),
    )  # fmt: skip


@pytest.mark.parametrize("ndim", [2, 3])
def test_lrp_epsilon_is_gradient_times_image_and_gamma_is_not(ndim):
    probe = probe_of(straight(ndim), image(ndim))
    found = run(probe, "captum.lrp").map
    expected = run(probe, "input_x_gradient").map
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    gamma = run(probe, "captum.lrp", rule="gamma").map
    assert (gamma - expected).norm() > 0.05 * expected.norm()


def test_a_window_that_does_not_tile_is_refused():
    with pytest.raises(MethodError, match="cut its last window off"):
        run(probe_of(net(), image()), "captum.occlusion", window=4, stride=4)


def test_exact_shapley_refuses_many_groups():
    # (A mask of labels is for segmentation; here each row of them is a group.)
    label = torch.arange(8)[:, None].expand(8, 6) % 8
    model, volume = Segmenter(2).eval(), image(2, 1)[:, :8, :6]
    probe = probe_of(model, volume, task="segmentation", label=label, mask="all")
    with pytest.raises(MethodError, match="40,320 orders"):
        run(probe, "captum.shapley_values", groups="label")


def test_a_layer_seen_patch_by_patch_is_refused():
    from esegeta import Patches

    model, volume = Segmenter(2).eval(), image(2, 1)
    probe = probe_of(model, volume, task="segmentation", patches=Patches(6, 2))
    with pytest.raises(MethodError, match="patch by patch"):
        run(probe, "captum.layer_grad_cam", "mid")


def test_a_container_cannot_be_hooked_in_a_rewritten_model():
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU()), nn.Flatten(), nn.Linear(144, 2)
    )
    with pytest.raises(MethodError, match=r"There are: 0\.0, 0\.1, 1, 2"):
        run(probe_of(model, image()), "captum.layer_deep_lift", "0")


def test_torchray_refuses_where_its_sigmoid_is_flat():
    model = Linear((10, 8), channels=2)
    model.bias.data += 100
    with pytest.raises(MethodError, match="sigmoid is flat"):
        run(probe_of(model, image()), "torchray.rise", masks=10)


def test_torchray_refuses_what_it_has_no_rule_for():
    # A mean that is a function: excitation passes it evenly, where it should go to the excited.
    with pytest.raises(MethodError, match="TorchRay is wrong on this model"):
        run(probe_of(net("functional"), image()), "torchray.excitation_backprop", "b")


def functions():
    return dict(vars(F)), torch.relu, torch.relu_, torch.Tensor.relu


class Failing(nn.Module):
    """It raises when TorchRay is at work, and says whether torch's functions are its own then."""

    def __init__(self):
        super().__init__()
        self.inner = net("functional")
        self.functions, self.seen = functions(), []

    def forward(self, x):
        if functions() != self.functions:
            self.seen.append("changed")
            raise ValueError("on the way")
        return self.inner(x)


@pytest.mark.parametrize(
    ("method", "layer"),
    [("guided_backprop", None), ("deconvnet", None), ("excitation_backprop", "inner.b")],
)
def test_torchray_leaves_torch_and_the_model_as_they_were(method, layer):
    before = functions()
    run(probe_of(straight(2), image()), f"torchray.{method}", layer and "2")
    assert functions() == before
    model = Failing().eval()
    with pytest.raises(Exception, match="on the way"):
        run(probe_of(model, image()), f"torchray.{method}", layer)
    assert model.seen == ["changed"]
    assert functions() == before
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(part.training for part in model.modules())


def test_lucent_wants_colours():
    with pytest.raises(MethodError, match="red, green and blue"):
        run(probe_of(net(), image()), "lucent.feature_visualisation", "b")


# Where the definitions are equal, so are the maps.


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    ("adapter", "native", "theirs", "ours"),
    [
        ("captum.saliency", "saliency", {}, {}),
        ("captum.input_x_gradient", "input_x_gradient", {}, {}),
        (
            "captum.integrated_gradients",
            "integrated_gradients",
            {"steps": 20},
            {"steps": 20, "tolerance": 0},
        ),
        ("captum.deconvolution", "deconvolution", {}, {}),
        ("captum.feature_ablation", "feature_ablation", {"groups": "grid"}, {"groups": "grid"}),
        (
            "captum.shapley_values",
            "shapley_sampling",
            {"count": 4},
            {"groups": "grid", "count": 4, "permutations": 50},
        ),
    ],
)
def test_adapters_of_images_agree(adapter, native, theirs, ours, ndim):
    probe = probe_of(net("functional", ndim), image(ndim))
    close(run(probe, adapter, **theirs), run(probe, native, **ours))


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(
    ("adapter", "native", "theirs"),
    [
        ("captum.layer_activation", "layer_activation", {}),
        ("captum.layer_gradient_x_activation", "layer_gradient_x_activation", {}),
        ("captum.layer_grad_cam", "grad_cam", {}),
        ("captum.layer_deep_lift", "layer_deep_lift", {}),
        ("captum.guided_grad_cam", "guided_grad_cam", {}),
    ],
)
def test_adapters_of_layers_agree(adapter, native, theirs, ndim):
    probe = probe_of(net("functional", ndim), image(ndim), layers=["b"])
    close(run(probe, adapter, "b", **theirs), run(probe, native, "b"), rtol=1e-3)


@pytest.mark.parametrize(
    ("adapter", "parameters"),
    [
        ("captum.integrated_gradients", {"steps": 8}),
        ("captum.gradient_shap", {"samples": 4, "noise": 0}),
        ("captum.deep_lift", {}),
        ("captum.lrp", {}),
        ("shap.gradient", {"samples": 4}),
        ("shap.deep", {"samples": 1, "noise": 0, "baseline": "zero"}),
    ],
)
def test_on_a_linear_model_all_are_weight_times_image(adapter, parameters):
    torch.manual_seed(9)
    model = nn.Sequential(nn.Flatten(), nn.Linear(160, 3))
    probe = probe_of(model, image(), target=1)
    expected = model[1].weight[1].detach().reshape(2, 10, 8) * image()
    found = run(probe, adapter, **parameters).map
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("adapter", ["shap.partition", "captum.kernel_shap", "lime.image"])
def test_on_an_additive_model_a_group_is_worth_what_it_holds(adapter):
    model = Linear((10, 8), channels=2)
    probe = probe_of(model, image(), target=1)
    labels = probe.groups("grid", 4)
    worth = (model.weight[1] * image()).sum(0).detach()
    expected = torch.stack([worth[labels == label].sum() for label in range(4)])[labels]
    samples = {"samples": 200}
    found = run(probe, adapter, groups="grid", count=4, **samples).map[0]
    # LIME's ridge shrinks its weights.
    torch.testing.assert_close(found, expected, rtol=0.1 if "lime" in adapter else 1e-2, atol=2e-1)


def close(found, expected, rtol=1e-4):
    scale = float(expected.map.abs().max())
    torch.testing.assert_close(found.map, expected.map, rtol=rtol, atol=1e-4 * scale)
