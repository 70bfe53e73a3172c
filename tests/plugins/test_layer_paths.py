"""Integrated gradients of a layer, and guided back-propagation from one."""

import pytest
import torch
from captum import attr

from esegeta.errors import MethodError
from esegeta.probe import Patches
from tests.nets import Segmenter, net, probe_of, run

IMAGE = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1))


def completeness(found):
    return next(check.value for check in found.checks if check.name == "completeness")


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("layer", ["a", "b", "c"])
def test_it_is_captums(layer, ndim):
    model = net(ndim=ndim).double()
    image = torch.randn(2, *(6, 5, 4)[:ndim], generator=torch.Generator().manual_seed(1)).double()
    start = torch.full_like(image, 0.3)[None]
    found = run(
        probe_of(model, image, target=1),
        "layer_integrated_gradients",
        layer,
        steps=20,
        baseline=0.3,
    )
    peer = attr.LayerIntegratedGradients(lambda x: model(x), model.get_submodule(layer))
    expected = peer.attribute(image[None], start, target=1, n_steps=20, method="gausslegendre")
    torch.testing.assert_close(found.map, expected.sum(1).float().detach(), rtol=1e-4, atol=1e-7)


def test_where_a_shortcut_goes_round_the_layer_it_is_captums_and_complete():
    torch.manual_seed(4)
    model = Segmenter(2, channels=2).double().eval()
    image = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(1)).double()
    mask = model(image[None]).argmax(1, keepdim=True) == 1
    found = run(
        probe_of(model, image, target=1, task="segmentation"),
        "layer_integrated_gradients", "mid", steps=30,
    )  # fmt: skip
    peer = attr.LayerIntegratedGradients(
        lambda x: (model(x) * mask).flatten(2).sum(2), model.get_submodule("mid")
    )
    expected = peer.attribute(
        image[None], torch.zeros_like(image)[None], target=1, n_steps=30, method="gausslegendre",
    )  # fmt: skip
    enlarged = torch.nn.functional.interpolate(
        expected.sum(1, keepdim=True), (6, 4), mode="bilinear"
    )
    torch.testing.assert_close(found.map, enlarged[0].float().detach(), rtol=1e-4, atol=1e-6)
    assert completeness(found) < 0.02


@pytest.mark.parametrize("style", ["inplace", "method inplace", "reused", "functional"])
def test_an_activation_in_place_behind_the_layer_changes_nothing(style):
    found, expected = (
        run(probe_of(net(s), IMAGE, target=1), "layer_integrated_gradients", "b", steps=8).map
        for s in (style, "module")
    )
    torch.testing.assert_close(found, expected)


def test_patches_are_complete_and_one_patch_is_the_whole():
    torch.manual_seed(4)
    model = Segmenter(2, channels=2).double().eval()
    image = torch.randn(2, 12, 8, generator=torch.Generator().manual_seed(1)).double()
    options = {"task": "segmentation", "target": 1}
    whole = run(probe_of(model, image, **options), "layer_integrated_gradients", "mid")
    one = probe_of(model, image, patches=Patches((12, 8), 0), **options)
    torch.testing.assert_close(run(one, "layer_integrated_gradients", "mid").map, whole.map)
    many = probe_of(model, image, patches=Patches(8, 4), **options)
    assert completeness(run(many, "layer_integrated_gradients", "mid")) < 0.02


@pytest.mark.parametrize("ndim", [2, 3])
def test_guided_from_a_unit_is_captums(ndim):
    model = net(ndim=ndim)
    image = torch.randn(2, *(6, 5, 4)[:ndim], generator=torch.Generator().manual_seed(1))
    place = [2, 3, 1][:ndim]
    found = run(probe_of(model, image), "layer_guided_backprop", "b", channel=2, position=place)
    peer = attr.NeuronGuidedBackprop(model, model.b)
    expected = peer.attribute(image[None].requires_grad_(), (2, *place))
    torch.testing.assert_close(found.map, expected[0])
    assert found.passes == {"forward": 1, "backward": 1}


def test_a_position_needs_its_channel():
    with pytest.raises(MethodError, match="needs a channel"):
        run(probe_of(net(), IMAGE), "layer_guided_backprop", "b", position=[1, 1])
