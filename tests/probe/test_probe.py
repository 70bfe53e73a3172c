"""The probe's memory, its counts, and its answers against closed forms."""

import itertools

import pytest
import torch
from torch import nn

from esegeta.errors import ImageError, MethodError, ModelError
from esegeta.probe.batches import Batches
from tests.nets import Linear, net, probe_of, run

IMAGE = torch.randn(2, 9, 8, generator=torch.Generator().manual_seed(2))


def counts(probe):
    return probe.passes.forward, probe.passes.backward


def test_a_group_of_methods_costs_one_forward_and_one_backward():
    layers = ["a", "b", "c", "r2"]
    probe = probe_of(net(), IMAGE, layers=layers)
    run(probe, "saliency")
    run(probe, "input_x_gradient")
    for layer in layers:
        run(probe, "grad_cam", layer, relu=False)
        run(probe, "layer_gradient_x_activation", layer)
        run(probe, "layer_activation", layer)
    assert counts(probe) == (1, 1)


def test_layers_alone_do_not_differentiate_before_the_first_of_them():
    model = net()
    seen = []
    model.a.register_full_backward_hook(lambda *_: seen.append("a"))
    probe = probe_of(model, IMAGE, layers=["b", "c"], image_gradient=False)
    run(probe, "grad_cam", "c", relu=False)
    run(probe, "grad_cam", "b", relu=False)
    assert counts(probe) == (1, 1)
    assert seen == []
    probe.gradient()  # asked after all: one more pass each way
    assert counts(probe) == (2, 2)


def test_batches_on_a_cpu_stay_within_the_caches():
    probe = probe_of(net(), IMAGE)
    _ = probe.value
    batches = Batches(probe.network)
    assert batches.size(backward=False) == batches.limit  # a small image's feature maps are small
    probe.network.feature_map_bytes = 3e6
    assert batches.size(backward=False) == batches.size(backward=True) == 3
    probe.network.feature_map_bytes = 1e9
    assert batches.size(backward=False) == 1


def test_two_volumes_pass_at_once_where_one_alone_is_slower():
    for ndim, back in ((2, 1), (3, 2)):
        image = torch.randn((2, 9, 8, 7)[: ndim + 1])
        probe = probe_of(net(ndim=ndim), image)
        _ = probe.value
        batches = Batches(probe.network)
        probe.network.feature_map_bytes = 12e6
        assert (batches.size(backward=False), batches.size(backward=True)) == (2, back)
        probe.network.feature_map_bytes = 30e6
        assert (batches.size(backward=False), batches.size(backward=True)) == (2, 1)


def test_layer_answers_equal_autograd():
    model = net()
    probe = probe_of(model, IMAGE, layers=["b"])
    x = IMAGE[None].clone().requires_grad_()
    b = model.b(model.r1(model.a(x)))
    score = model.head(model.r3(model.c(model.r2(b))).flatten(2).mean(2))[0, 1]
    expected = torch.autograd.grad(score, [x, b])
    probe = probe_of(model, IMAGE, layers=["b"], target=1)
    torch.testing.assert_close(probe.gradient(), expected[0])
    torch.testing.assert_close(probe.layer("b").gradient(), expected[1])
    torch.testing.assert_close(probe.layer("b").activation, b)
    assert probe.value == pytest.approx(float(score))


@pytest.mark.parametrize("style", ["inplace", "method inplace"])
def test_a_layer_before_an_in_place_activation_keeps_its_own_output(style):
    probe = probe_of(net(style), IMAGE, layers=["a"])
    assert (probe.layer("a").activation < 0).any()
    expected = probe_of(net("module"), IMAGE).layer("a").gradient()
    torch.testing.assert_close(probe.layer("a").gradient(), expected)


def test_a_reused_layer_is_addressed_by_its_call():
    probe = probe_of(net("reused"), IMAGE)
    with pytest.raises(ModelError, match="'r1#1' to 'r1#3'"):
        _ = probe.layer("r1").activation
    modules = probe_of(net("module"), IMAGE)
    for call in (1, 2, 3):
        torch.testing.assert_close(
            probe.layer(f"r1#{call}").gradient(), modules.layer(f"r{call}").gradient()
        )
    with pytest.raises(ModelError, match="ran 3 time"):
        _ = probe.layer("r1#4").activation


def test_wrong_layers_are_named():
    probe = probe_of(net(), IMAGE)
    with pytest.raises(ModelError, match="did you mean 'head'"):
        _ = probe.layer("heat").activation
    with pytest.raises(ModelError, match="not used in the forward pass"):
        _ = probe_of(net("functional"), IMAGE).layer("r1").activation
    with pytest.raises(MethodError, match="no grid"):
        _ = probe.layer("head").activation


def test_a_failed_question_leaves_no_hook_and_no_flag():
    model = net().train()

    def broken(module, inputs, output):
        raise RuntimeError("broken on purpose")

    handle = model.c.register_forward_hook(broken)
    from esegeta.engine import make_probe
    from tests.nets import REGISTRY

    probe = make_probe(model, IMAGE, wrapper=REGISTRY.get("classification"), layers=["a"])
    with pytest.raises(ModelError, match="broken on purpose"):
        probe.gradient()
    handle.remove()
    assert model.training
    assert all(not m._forward_hooks for m in model.modules())
    assert all(p.requires_grad for p in model.parameters())
    assert probe.gradient().shape == (1, 2, 9, 8)


@pytest.mark.parametrize("spatial", [(6, 5), (4, 5, 3)])
def test_on_a_linear_model_every_method_is_the_closed_form(spatial):
    model = Linear(spatial)
    image = torch.randn(1, *spatial, generator=torch.Generator().manual_seed(6))
    probe = probe_of(model, image, target=1)
    weight = model.weight[1].detach()
    torch.testing.assert_close(run(probe, "saliency").map, weight)
    torch.testing.assert_close(run(probe, "input_x_gradient").map, weight * image)
    torch.testing.assert_close(run(probe, "smooth_grad", samples=3).map, weight)
    for baseline in ("zero", "mean", 0.7):
        start = probe.baseline(baseline)[0]
        found = run(probe, "integrated_gradients", steps=3, baseline=baseline)
        torch.testing.assert_close(found.map, weight * (image - start), rtol=1e-4, atol=1e-5)
        ablated = run(probe, "occlusion", window=1, stride=1, baseline=baseline).map
        torch.testing.assert_close(ablated, weight * (image - start), rtol=1e-3, atol=1e-4)
    deep = run(probe, "captum.deep_lift", baseline=0.7).map
    torch.testing.assert_close(deep, weight * (image - 0.7), rtol=1e-4, atol=1e-5)


def test_rise_of_a_linear_model_is_the_covariance_with_its_masks():
    model = Linear((6, 4))
    image = torch.randn(1, 6, 4)
    found = run(probe_of(model, image, target=0), "rise", masks=50, grid=2, keep=0.3)
    probe = probe_of(model, image, target=0)
    masks = torch.cat(list(probe.random_masks(50, 2, 0.3)))[:, 0]
    scores = masks.flatten(1) @ (model.weight[0] * image).detach().flatten()
    expected = torch.einsum("n,nij->ij", scores - scores.mean(), masks) / (50 * 0.3)
    torch.testing.assert_close(found.map[0], expected, rtol=1e-4, atol=1e-5)
    plain = run(probe_of(model, image, target=0), "rise", masks=50, grid=2, keep=0.3, centred=False)
    expected = torch.einsum("n,nij->ij", scores + model.bias[0].detach(), masks) / (50 * 0.3)
    torch.testing.assert_close(plain.map[0], expected, rtol=1e-4, atol=1e-4)


def test_completeness_is_near_zero_for_many_steps_and_flagged_for_a_wrong_map():
    probe = probe_of(net(), IMAGE)
    found = run(probe, "integrated_gradients", steps=64)
    (check,) = [c for c in found.checks if c.name == "completeness"]
    assert check.passed
    assert check.value < 0.01
    wrong = probe.check_completeness(2 * found.map, probe.baseline("zero"))
    assert not wrong.passed
    assert wrong.value == pytest.approx(1, abs=0.05)


def test_a_2d_image_equals_a_volume_of_depth_one():
    flat, deep = net("functional", 2), net("functional", 3)
    for name in "abc":
        weight = torch.zeros_like(getattr(deep, name).weight)
        weight[:, :, 1] = getattr(flat, name).weight  # only the middle slice of each kernel
        getattr(deep, name).weight = nn.Parameter(weight)
        getattr(deep, name).bias = getattr(flat, name).bias
    deep.head = flat.head
    two, three = probe_of(flat, IMAGE), probe_of(deep, IMAGE[:, None])
    for name, layer, parameters in [
        ("saliency", None, {}), ("guided_backprop", None, {}), ("deconvolution", None, {}),
        ("integrated_gradients", None, {"steps": 8}),
        ("occlusion", None, {"window": 3, "stride": 2}),
        ("grad_cam", "c", {"relu": False}), ("layer_gradient_x_activation", "b", {}),
    ]:  # fmt: skip
        expected = run(two, name, layer, **parameters).map
        found = run(three, name, layer, **parameters).map[:, 0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_unit_probes_explain_a_channel():
    model = net()
    probe = probe_of(model, IMAGE)
    x = IMAGE[None].clone().requires_grad_()
    b = model.b(model.r1(model.a(x)))
    (mean,) = torch.autograd.grad(b[0, 3].mean(), x, retain_graph=True)
    (place,) = torch.autograd.grad(b[0, 3, 2, 5], x)
    torch.testing.assert_close(probe.unit("b", 3).gradient(), mean)
    torch.testing.assert_close(probe.unit("b", 3, (2, 5)).gradient(), place)
    with pytest.raises(MethodError, match="has 6 channels"):
        probe.unit("b", 9).gradient()
    with pytest.raises(MethodError, match="outside the grid"):
        probe.unit("b", 3, (2, 50)).gradient()


def test_a_unit_probe_runs_the_model_up_to_its_layer_only():
    model = net()
    ran = []
    model.c.register_forward_hook(lambda *_: ran.append("c"))
    probe_of(model, IMAGE).unit("b", 1).gradient()
    assert ran == []


def test_outputs_in_mappings_and_tuples():
    class Wrapped(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.net, self.kind = net(), kind

        def forward(self, x):
            y = self.net(x)
            return {
                "out": {"out": y, "aux": -y}, "odd": {"a": -y, "b": y}, "tuple": (-y, y), "none": None
            }[self.kind]  # fmt: skip

    expected = probe_of(net(), IMAGE).value
    assert probe_of(Wrapped("out"), IMAGE).value == expected
    assert probe_of(Wrapped("odd"), IMAGE, output="b").value == expected
    assert probe_of(Wrapped("tuple"), IMAGE, output=1).value == expected
    for kind, message in [("odd", "keys a, b"), ("tuple", "tuple of 2"), ("none", "NoneType")]:
        with pytest.raises(ModelError, match=message):
            _ = probe_of(Wrapped(kind), IMAGE).value


def test_a_model_that_cannot_be_differentiated_is_refused_for_gradients_only():
    class NoGrad(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        @torch.no_grad()
        def forward(self, x):
            return self.net(x)

    probe = probe_of(NoGrad(), IMAGE)
    with pytest.raises(MethodError, match="can be differentiated"):
        probe.gradient()
    assert run(probe, "occlusion", window=4).map.std() > 0


def test_a_model_may_change_its_input_in_place():
    class Centred(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net()

        def forward(self, x):
            x -= 0.1
            return self.net(x)

    probe = probe_of(Centred(), IMAGE)
    torch.testing.assert_close(probe.gradient(), probe_of(net(), IMAGE - 0.1).gradient())
    torch.testing.assert_close(probe.image[0], IMAGE)


def test_out_of_memory_halves_the_batch_and_changes_no_answer():
    class Hungry(nn.Module):
        def __init__(self, limit):
            super().__init__()
            self.net, self.limit, self.largest = net(), limit, 0

        def forward(self, x):
            if len(x) > self.limit:
                raise torch.OutOfMemoryError("no more")
            self.largest = max(self.largest, len(x))
            return self.net(x)

    images = torch.randn(21, 2, 9, 8)
    expected = probe_of(net(), IMAGE).score(images)
    model = Hungry(3)
    probe = probe_of(model, IMAGE)
    torch.testing.assert_close(probe.score(images), expected)
    torch.testing.assert_close(probe.gradient(images), probe_of(net(), IMAGE).gradient(images))
    assert 1 < model.largest <= 3
    hopeless = probe_of(Hungry(1), IMAGE)
    _ = hopeless.value
    hopeless.network.module.limit = 0
    with pytest.raises(ModelError, match="single image"):
        hopeless.score(images)


def test_the_batch_grows_again_when_there_is_room_and_less_often_each_time_there_is_none():
    network = probe_of(net(), IMAGE).network
    network.activation_bytes = network.feature_map_bytes = 1.0
    batches = Batches(network)
    room, failed, sizes = 8, [], []

    def ask(start, stop):
        if stop - start > room:
            failed.append(len(sizes))
            raise torch.OutOfMemoryError("no more")
        sizes.append(stop - start)

    list(batches.run(3000, ask))
    assert max(sizes) == 8
    waits = [b - a for a, b in itertools.pairwise(failed[2:])]
    assert waits == [16 * 2**n for n in range(len(waits))]
    assert len(waits) >= 3
    room = 64
    list(batches.run(64_000, ask))
    assert max(sizes) == 64


def test_the_memory_budget_bounds_the_batch():
    probe = probe_of(net(), IMAGE)
    _ = probe.value
    image = probe.network.activation_bytes
    assert image >= 6 * 9 * 8 * 4 * 3
    assert Batches(probe.network, int(10 * image)).size(backward=False) == 10
    assert Batches(probe.network, int(10 * image)).size(backward=True) == 5
    assert Batches(probe.network, 1).size(backward=False) == 1


def test_progress_counts_every_pass():
    from esegeta.engine import run_method
    from tests.nets import REGISTRY

    seen = []
    plugin = REGISTRY.get("rise")
    run_method(
        probe_of(net(), IMAGE, memory=1),
        plugin,
        parameters=plugin.validate({"masks": 5}),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(n, 6) for n in range(1, 7)]


def test_images_of_a_wrong_shape_are_refused():
    with pytest.raises(ImageError, match="two or three spatial axes"):
        probe_of(net(), torch.zeros(9, 8))


def test_baselines():
    probe = probe_of(net(), IMAGE, references=[IMAGE + 1, IMAGE - 3])
    assert not probe.baseline("zero").any()
    torch.testing.assert_close(probe.baseline("mean")[0, :, 0, 0], IMAGE.mean((1, 2)))
    torch.testing.assert_close(probe.baseline("minimum")[0, :, 3, 3], IMAGE.amin((1, 2)))
    torch.testing.assert_close(probe.baseline("reference")[0], IMAGE - 1)
    assert (probe.baseline(0.25) == 0.25).all()
    blur = probe.baseline("blur")
    assert blur.std() < IMAGE.std()
    turned = probe_of(net(), IMAGE, references=[IMAGE.transpose(1, 2)])
    with pytest.raises(MethodError, match=r"shape \(2, 8, 9\) after preprocessing"):
        turned.baseline("reference")
    with pytest.raises(MethodError, match="needs reference images"):
        probe_of(net(), IMAGE).baseline("reference")


def test_an_announced_layer_without_influence_costs_only_those_who_ask_for_its_gradient():
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.aux = net(), nn.Conv2d(2, 3, 1)

        def forward(self, x):
            self.aux(x)
            return self.net(x)

    probe = probe_of(Branch(), IMAGE, layers=["aux", "net.b"])
    assert run(probe, "saliency").map.std() > 0
    assert run(probe, "layer_activation", "aux").map.std() > 0
    with pytest.raises(MethodError, match="does not depend on the layer 'aux'"):
        run(probe, "grad_cam", "aux")
    assert counts(probe) == (1, 1)
