"""Models that do what models should not: the answers are right, or refused with the reason."""

import threading
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import esegeta
from esegeta.checks import CheckFailed
from esegeta.errors import MethodError, ModelError
from esegeta.probe.normalise import normalised
from tests.nets import net, probe_of, run

IMAGE = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(2))
CHEAP = {
    "occlusion": {"window": 3}, "rise": {"masks": 40, "grid": 3}, "integrated_gradients": {"steps": 12},
    "smooth_grad": {"samples": 6}, "saliency": {},
}  # fmt: skip


class Around(nn.Module):
    """The module net with something around it."""

    def __init__(self, before=lambda x: x, after=lambda y: y):
        super().__init__()
        self.net, self.before, self.after = net(), before, after

    def forward(self, x):
        return self.after(self.net(self.before(x)))


@pytest.mark.parametrize("name", CHEAP)
def test_a_model_that_works_on_its_input_in_place(name):
    image = IMAGE.clone()
    found = run(probe_of(Around(lambda x: x.sub_(0.5)), image), name, **CHEAP[name])
    expected = run(probe_of(Around(lambda x: x - 0.5), IMAGE), name, **CHEAP[name])
    torch.testing.assert_close(found.map, expected.map)
    assert torch.equal(image, IMAGE)


@pytest.mark.parametrize("name", CHEAP)
def test_a_model_whose_images_influence_each_other_is_asked_one_by_one(name):
    mixing = Around(lambda x: (x - x.mean()) / x.std())
    found = run(probe_of(mixing, IMAGE), name, **CHEAP[name])
    expected = run(probe_of(mixing, IMAGE, memory=1), name, **CHEAP[name])
    torch.testing.assert_close(found.map, expected.map)
    assert ("batch" in found.notes) == (name != "saliency")


def test_a_model_that_takes_one_image_only():
    def alone(x):
        assert len(x) == 1, "one at a time, please"
        return x

    found = run(probe_of(Around(alone), IMAGE), "occlusion", window=3)
    expected = run(probe_of(net(), IMAGE), "occlusion", window=3)
    torch.testing.assert_close(found.map, expected.map)


def test_a_model_that_keeps_what_it_computes_on_first_use():
    class Cached(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.position = net(), None

        def forward(self, x):
            if self.position is None:
                self.position = torch.linspace(0.5, 1.5, x.shape[-1])
            return self.net(x * self.position)

    model = Cached()
    probe = probe_of(model, IMAGE)
    run(probe, "rise", masks=5)
    assert probe.gradient().abs().max() > 0
    model(IMAGE[None].requires_grad_()).sum().backward()  # the user's own training goes on


def test_a_layer_that_returns_its_input_has_its_own_gradient():
    class Shortcut(nn.Module):
        def __init__(self):
            super().__init__()
            self.skip, self.branch = nn.Identity(), nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return (self.skip(x) + 3 * self.branch(x)).flatten(2).mean(2)

    gradient = probe_of(Shortcut(), IMAGE, target=1).layer("skip").gradient()
    torch.testing.assert_close(gradient[0, 1], torch.full((9, 8), 1 / 72))
    assert not gradient[0, 0].any()


def test_a_layers_record_outlives_later_changes_in_place():
    class Later(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.head = nn.Conv2d(2, 3, 1), nn.Linear(3, 2)

        def forward(self, x):
            y = self.a(x)
            z = y.view(y.shape)
            z.mul_(0)
            return self.head((y + 1).flatten(2).mean(2))

    model = Later()
    torch.testing.assert_close(
        probe_of(model, IMAGE).layer("a").activation, model.a(IMAGE[None]).detach()
    )


def scripted_relu():
    @torch.jit.script
    def relu(x):
        return torch.relu(x)

    return relu


@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_a_rectifier_that_escapes_the_rule_is_named_not_ignored(rule):
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)
            self.act = scripted_relu()

        def forward(self, x):
            return self.head(self.act(self.b(F.relu(self.a(x)))).flatten(2).mean(2))

    with pytest.raises(MethodError, match=r"cannot reach a rectifier.*ReluBackward0"):
        probe_of(Hidden(), IMAGE).gradient(rule=rule)


SPELLINGS = {
    "clip": lambda x: torch.clip(x, min=0),
    "Tensor.clip": lambda x: x.clip(0),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "maximum": lambda x: torch.maximum(x, torch.zeros(())),
    "packet": lambda x: torch.ops.aten.relu(x),
    "clamp_": lambda x: x.clamp_(min=0),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("rule", ["guided", "deconvnet"])
def test_more_spellings_of_a_relu(spelling, rule):
    class Spelt(nn.Module):
        def __init__(self, act):
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b, self.head = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)
            self.act = act

        def forward(self, x):
            return self.head(self.act(self.b(F.relu(self.a(x)))).flatten(2).mean(2))

    found = probe_of(Spelt(SPELLINGS[spelling]), IMAGE, target=1).gradient(rule=rule)
    expected = probe_of(Spelt(F.relu), IMAGE, target=1).gradient(rule=rule)
    torch.testing.assert_close(found, expected)


def test_clamps_between_zero_and_a_ceiling_are_relu6():
    class Capped(nn.Module):
        def __init__(self, act):
            super().__init__()
            self.net, self.act = net(), act

        def forward(self, x):
            return self.net(self.act(20 * x))

    found = probe_of(Capped(lambda x: x.clamp(0, 6)), IMAGE, target=1)
    expected = probe_of(Capped(F.relu6), IMAGE, target=1)
    torch.testing.assert_close(found.gradient(rule="guided"), expected.gradient(rule="guided"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_models_add_up_in_float32(dtype):
    class Bright(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)

        def forward(self, x):
            return F.relu(self.conv(x)) + 5

    torch.manual_seed(0)
    model = Bright()
    image = torch.rand(1, 160, 160)
    options = {"task": "segmentation", "target": 1, "mask": "all"}
    expected = probe_of(model, image, **options)
    value = expected.value
    assert value > 65504  # more than fp16 holds
    half = probe_of(Bright().to(dtype), image, **options)
    half.network.module.load_state_dict(model.state_dict())
    assert half.value == pytest.approx(value, rel=0.02)
    assert half.gradient().dtype == torch.float32
    assert half.baseline("blur").isfinite().all()
    found = run(half, "rise", masks=30, grid=3).map
    wanted = run(expected, "rise", masks=30, grid=3).map
    assert float(torch.corrcoef(torch.stack([found.flatten(), wanted.flatten()]))[0, 1]) > 0.97


def test_logits_of_minus_infinity_outside_the_mask_do_no_harm():
    class Gated(nn.Module):
        def forward(self, x):
            inside = x > 0
            return torch.cat(
                [(-x).masked_fill(inside, -torch.inf), x.masked_fill(~inside, -torch.inf)], 1
            )

    probe = probe_of(Gated(), IMAGE[:1], task="segmentation", target=1)
    assert probe.value == pytest.approx(float(IMAGE[0].clamp(min=0).sum()), rel=1e-5)
    assert probe.gradient().isfinite().all()


def test_a_score_that_is_not_finite_is_no_result():
    with pytest.raises(CheckFailed, match="score for this image is nan"):
        run(probe_of(Around(after=lambda y: y * torch.nan), IMAGE), "layer_activation", "net.a")


def test_an_activation_needs_no_gradient():
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        @torch.no_grad()
        def forward(self, x):
            return self.net(x)

    found = run(probe_of(Frozen(), IMAGE, layers=["net.b"]), "layer_activation", "net.b")
    expected = run(probe_of(net(), IMAGE), "layer_activation", "b")
    torch.testing.assert_close(found.map, expected.map)


def test_a_gradient_that_was_only_announced_fails_nobody():
    class Backbone(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.head = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

        def forward(self, x):
            with torch.no_grad():
                x = self.a(x)
            return self.head(self.b(x).flatten(2).mean(2))

    probe = probe_of(Backbone(), IMAGE, layers=["b"])
    assert run(probe, "layer_gradient_x_activation", "b").map.std() > 0
    with pytest.raises(MethodError, match="does not depend on the image"):
        run(probe, "saliency")


def test_checkpointing_is_served_or_explained():
    class Saving(nn.Module):
        def __init__(self, reentrant):
            super().__init__()
            self.net, self.reentrant = net(), reentrant

        def forward(self, x):
            return checkpoint(self.net, x, use_reentrant=self.reentrant)

    expected = probe_of(net(), IMAGE).gradient()
    torch.testing.assert_close(probe_of(Saving(False), IMAGE).gradient(), expected)
    with pytest.raises(MethodError, match="turn that off in the model"):
        probe_of(Saving(True), IMAGE).gradient()


def test_layers_that_return_mappings_of_their_own_kind():
    class Output(OrderedDict):
        def __getattr__(self, name):
            return self[name]

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 4, 3, padding=1)

        def forward(self, x):
            return Output(features=self.conv(x), other=None)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.head = Encoder(), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.encoder(x).features.flatten(2).mean(2))

    assert run(probe_of(Whole(), IMAGE), "grad_cam", "encoder", relu=False).map.std() > 0


def test_a_second_name_of_a_shared_module_is_a_name_too():
    model = net()
    model.alias = model.b
    torch.testing.assert_close(
        probe_of(model, IMAGE).layer("alias").gradient(),
        probe_of(net(), IMAGE).layer("b").gradient(),
    )


def test_the_rewriting_is_compared_on_the_outputs_own_scale():
    class Faint(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(2, 2, 1), nn.ReLU(inplace=True)

        def forward(self, x):
            y = self.conv(x)
            self.act(y)
            return 1e-7 * y

    class Locked(nn.Module):
        def __init__(self):
            super().__init__()
            self.lock = threading.Lock()

        def forward(self, x):
            return x

    assert normalised(Faint(), IMAGE[None], lambda y: y) is None
    assert normalised(Locked(), IMAGE[None], lambda y: y) is None


def test_results_share_no_memory_with_anything():
    image = IMAGE.clone()
    probe = probe_of(net(), image)
    first = run(probe, "saliency")
    expected = first.map.clone()
    first.map.zero_()
    first.image.zero_()
    assert torch.equal(image, IMAGE)
    assert torch.equal(run(probe, "saliency").map, expected)


def test_inside_inference_mode():
    model = net()
    with torch.inference_mode():
        found = esegeta.explain(model, IMAGE.clone(), "saliency")
    assert torch.equal(found.map, esegeta.explain(net(), IMAGE, "saliency").map)


def test_strides_that_leave_holes_are_refused():
    with pytest.raises(MethodError, match="leaves holes"):
        run(probe_of(net(), IMAGE), "occlusion", window=2, stride=5)


def test_a_unit_is_explained_through_its_module_too():
    probe = probe_of(net(), IMAGE).unit("b", 2)
    x = IMAGE[None].clone().requires_grad_()
    (expected,) = torch.autograd.grad(probe.module()(x)[0, 2], x)
    torch.testing.assert_close(probe.gradient(), expected)
    assert probe.index == 2


def test_the_memory_of_an_image_is_that_of_the_whole_model_at_full_size():
    probe = probe_of(net(), torch.randn(2, 32, 32))
    probe.unit("a", 0).gradient(torch.randn(1, 2, 8, 8))  # a small part of the model, a small image
    _ = probe.value
    whole = probe_of(net(), torch.randn(2, 32, 32))
    _ = whole.value
    assert probe.network.activation_bytes == whole.network.activation_bytes


def test_dreams_of_a_model_of_one_size_ask_for_one_octave():
    def sized(x):
        assert x.shape[-1] == 32
        return x

    image = torch.randn(2, 32, 32)
    with pytest.raises(MethodError, match="set octaves to 1"):
        run(probe_of(Around(sized), image), "deep_dream", "net.b")
    assert run(probe_of(Around(sized), image), "deep_dream", "net.b", octaves=1).map.std() > 0


def test_explain_reads_four_axes_as_the_model_does():
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(12, 3, 3)

        def forward(self, x):
            return self.conv(x).relu().flatten(2).mean(2)

    found = esegeta.explain(Wide(), torch.randn(1, 12, 16, 16), "saliency")
    assert found.map.shape == (12, 16, 16)
    both = Around(after=lambda y: {"a": -y, "b": y})
    found = esegeta.explain(both, IMAGE, "saliency", target=1, output="b")
    assert torch.equal(found.map, esegeta.explain(net(), IMAGE, "saliency", target=1).map)


def test_a_model_error_in_a_batch_is_the_models_own():
    def broken(x):
        if (x == 0).all():
            raise ValueError("only zeros")
        return x

    with pytest.raises(ModelError, match="only zeros"):
        run(probe_of(Around(broken), IMAGE), "integrated_gradients", steps=3)


def test_a_random_model_has_no_score_to_explain():
    probe = probe_of(Around(after=lambda y: y + torch.randn_like(y)), IMAGE)
    probe.gradient()
    with pytest.raises(MethodError, match="another score each time"):
        probe.gradient(rule="guided")
