"""Images that are asked the same pass together, and get the answers that each would get alone."""

import pytest
import torch
from torch import nn

from esegeta.probe.tiling import Patches
from tests.nets import Net, Segmenter, net, probe_of, run

ASKED = [
    ("saliency", None), ("guided_backprop", None), ("grad_cam", "c"), ("layer_activation", "b"),
    ("guided_grad_cam", "c"), ("integrated_gradients", None), ("excitation_backprop", "b"),
]  # fmt: skip


def images(ndim, channels=2, count=5):
    generator = torch.Generator().manual_seed(3)
    return torch.randn((count, channels, 9, 8, 7)[: ndim + 2], generator=generator)


def counted(model):
    """How many images each call of a model takes."""
    calls = []
    model.register_forward_pre_hook(lambda _, given: calls.append(len(given[0])))
    return calls


def others(probe, given, layer=None):
    return probe.others(given, layers=[] if layer is None else [layer])


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize(("name", "layer"), ASKED)
def test_each_gets_the_map_that_it_would_get_alone(name, layer, ndim):
    first, *rest = images(ndim)
    probe = probe_of(net(ndim=ndim), first, target=1)
    for image, other in zip(rest, others(probe, torch.stack(rest), layer), strict=True):
        alone = probe.again(image=image[None], layers=[] if layer is None else [layer])
        found, expected = run(other, name, layer), run(alone, name, layer)
        torch.testing.assert_close(found.map, expected.map, rtol=1e-4, atol=1e-6)
        assert found.target["score"] == pytest.approx(expected.target["score"], rel=1e-5)


def test_a_segmentation_keeps_the_mask_of_the_first():
    first, *rest = images(2, channels=1)
    probe = probe_of(Segmenter(), first, task="segmentation", target=1)
    for image, other in zip(rest, others(probe, torch.stack(rest)), strict=True):
        torch.testing.assert_close(other.gradient(), probe.gradient(image[None]))


def test_one_call_of_the_model_answers_them_all():
    model = net()
    calls, given = counted(model), images(2, count=6)
    probe = probe_of(model, given[0], target=1)
    probe.gradient()
    calls.clear()
    before = probe.passes
    for other in others(probe, given[1:]):
        run(other, "saliency")
        run(other, "input_x_gradient")
    assert calls == [5, 1]  # together, and the first alone: that they do not influence each other
    assert (probe.passes.forward - before.forward, probe.passes.backward - before.backward) == (
        6,
        5,
    )
    calls.clear()
    others(probe, given[1:])[3].gradient()
    assert calls == [5]  # what was found out is remembered


class Mixed(nn.Module):
    """Every image of a batch is held against all of them."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return self.net((x - x.mean()) / x.std())


class SequenceFirst(Net):
    """Its second layer returns the rows of all images one after another."""

    def forward(self, x):
        rows = self.a(x).relu().permute(0, 2, 1, 3).flatten(0, 1)
        self.seen = self.r1(rows)
        x = self.seen.unflatten(0, (len(x), -1)).permute(0, 2, 1, 3)
        return self.head(self.b(x).flatten(2).mean(2))


def test_images_that_influence_each_other_pass_alone():
    model, given = Mixed(), images(2)
    probe = probe_of(model, given[0], target=1)
    for image, other in zip(given[1:], others(probe, given[1:]), strict=True):
        torch.testing.assert_close(other.gradient(), probe.again(image=image[None]).gradient())
    assert probe.one_by_one


def test_a_layer_without_a_value_per_image_is_asked_alone():
    torch.manual_seed(11)
    model, given = SequenceFirst(), images(2)
    calls = counted(model)
    probe = probe_of(model, given[0], target=1)
    for image, other in zip(given[1:], others(probe, given[1:], "r1"), strict=True):
        alone = probe.again(image=image[None], layers=["r1"])
        # The layer's values have no grid; that they could not be told apart does not harm the image's.
        torch.testing.assert_close(other.gradient(), alone.gradient())
    assert calls.count(4) == 1
    assert calls.count(1) > 8


def test_images_in_patches_are_asked_by_themselves():
    first, *rest = images(2, channels=1)
    patches = Patches(size=(6, 6), overlap=(2, 2))
    model = Segmenter()
    probe = probe_of(model, first, task="segmentation", target=1, mask="all", patches=patches)
    for image, other in zip(rest, others(probe, torch.stack(rest)), strict=True):
        torch.testing.assert_close(other.gradient(), probe.again(image=image[None]).gradient())
