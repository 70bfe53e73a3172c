"""Agreement with Captum, for every method it also has and where it is right."""

import pytest
import torch
from captum import attr

from tests.nets import Segmenter, net, probe_of, run


class Case:
    def __init__(self, ndim, task):
        spatial = (10, 8) if ndim == 2 else (8, 6, 7)
        generator = torch.Generator().manual_seed(8)
        channels = 2 if task == "classification" else 1
        self.task, self.ndim = task, ndim
        self.model = net(ndim=ndim) if task == "classification" else Segmenter(ndim).eval()
        self.layer = "b" if task == "classification" else "mid"
        self.image = torch.randn(channels, *spatial, generator=generator)
        self.target = 1
        output = self.model(self.image[None]).detach()
        self.mask = None
        if task == "segmentation":
            self.target = int(output.argmax(1).flatten().mode().values)
            self.mask = output.argmax(1, keepdim=True) == self.target

    def probe(self):
        return probe_of(self.model, self.image, task=self.task, target=self.target)

    def forward(self, x):
        output = self.model(x)
        return output if self.mask is None else (output * self.mask).flatten(2).sum(2)


@pytest.fixture(
    params=[(n, t) for n in (2, 3) for t in ("classification", "segmentation")], ids=str
)
def case(request):
    torch.manual_seed(2)
    return Case(*request.param)


def close(found, expected, rtol=1e-4):
    scale = float(expected.abs().max())
    torch.testing.assert_close(found.map, expected.detach()[0], rtol=rtol, atol=1e-5 * scale)


def test_saliency(case):
    x = case.image[None].requires_grad_()
    peer = attr.Saliency(case.forward).attribute
    close(run(case.probe(), "saliency"), peer(x, case.target, abs=False))
    close(run(case.probe(), "saliency", absolute=True), peer(x, case.target, abs=True))


def test_input_x_gradient(case):
    peer = attr.InputXGradient(case.forward)
    close(run(case.probe(), "input_x_gradient"), peer.attribute(case.image[None], case.target))


def test_integrated_gradients(case):
    peer = attr.IntegratedGradients(case.forward)
    expected = peer.attribute(
        case.image[None], 0.3 * torch.ones_like(case.image[None]), case.target, n_steps=20,
        method="gausslegendre",
    )  # fmt: skip
    close(run(case.probe(), "integrated_gradients", steps=20, tolerance=0, baseline=0.3), expected)


def test_occlusion_where_the_windows_fit(case):
    sides = tuple(2 if size % 2 == 0 else 1 for size in case.image.shape[1:])
    steps = tuple(max(1, side // 2) for side in sides)
    peer = attr.Occlusion(case.forward)
    channels = len(case.image)
    expected = peer.attribute(
        case.image[None], (channels, *sides), (channels, *steps), target=case.target
    )[:, :1]
    found = run(case.probe(), "occlusion", window=sides, stride=steps)
    close(found, expected, rtol=1e-3)


@pytest.mark.parametrize("ndim", [2, 3])
def test_deep_lift(ndim):
    case = Case(ndim, "classification")  # Captum needs modules; the segmenter is functional
    expected = attr.DeepLift(case.model).attribute(case.image[None], target=case.target)
    close(run(case.probe(), "captum.deep_lift"), expected)


def enlarged(values, case):
    mode = "bilinear" if case.ndim == 2 else "trilinear"
    return torch.nn.functional.interpolate(values, case.image.shape[1:], mode=mode)


def test_layer_activation(case):
    peer = attr.LayerActivation(case.forward, case.model.get_submodule(case.layer))
    expected = peer.attribute(case.image[None])
    close(run(case.probe(), "layer_activation", case.layer, channels=[1, 3]),
          enlarged(expected[:, 1:4].mean(1, keepdim=True), case))  # fmt: skip


def test_grad_cam(case):
    peer = attr.LayerGradCam(case.forward, case.model.get_submodule(case.layer))
    expected = peer.attribute(case.image[None], case.target)
    close(run(case.probe(), "grad_cam", case.layer, relu=False), enlarged(expected, case))


def test_layer_gradient_x_activation(case):
    peer = attr.LayerGradientXActivation(case.forward, case.model.get_submodule(case.layer))
    expected = peer.attribute(case.image[None], case.target).sum(1, keepdim=True)
    found = run(case.probe(), "layer_gradient_x_activation", case.layer)
    close(found, enlarged(expected, case))
