"""Metrics against Captum's at equal samples, and what ROAD's imputation of a volume takes."""

from __future__ import annotations

import torch
from captum.attr import Saliency
from captum.metrics import infidelity, sensitivity_max

from benchmarks.timing import paired
from esegeta import import_library
from esegeta.engine import make_probe, run_method
from esegeta.evaluation import Case
from esegeta.models.zoo import UNet
from esegeta.registry import find
from esegeta.testing import CASES

SAMPLES = 64
NEAR = 10
SIDE = 64


def main() -> None:
    """Print the ratios."""
    registry = find()
    for case in CASES[:3:2]:
        image = torch.rand(2, *[8 * side for side in case.spatial])
        _against_captum(registry, str(case), case.model(), image)
    zoo = import_library("torchvision.models")
    for name in ("resnet18", "mobilenet_v2"):
        torch.manual_seed(0)
        _against_captum(registry, name, getattr(zoo, name)().eval(), torch.rand(3, 224, 224))
    _road(registry)


def _against_captum(registry, network, model, image) -> None:
    plugin, wrapper = registry.get("saliency"), registry.get("classification", "wrapper")
    map = run_method(make_probe(model, image, wrapper=wrapper, target=1), plugin).map
    spread = float(image.max() - image.min())

    def ours(name, **parameters):
        metric = registry.get(name, "metric")
        judged = Case(make_probe(model, image, wrapper=wrapper, target=1), map, plugin)
        return metric.function(judged, **metric.arguments(metric.validate(parameters)))

    def forward(inputs):
        return model(inputs.clone())  # it works on its input in place

    def noise(inputs):
        change = 0.05 * spread * torch.randn_like(inputs)
        return change, inputs - change

    def infidel():
        return infidelity(
            forward, noise, image[None], map[None], target=1, n_perturb_samples=SAMPLES,
            max_examples_per_batch=16,
        )  # fmt: skip

    def sensitive():
        return sensitivity_max(
            Saliency(forward).attribute, image[None], n_perturb_samples=NEAR,
            perturb_radius=0.02 * spread, target=1, abs=False,
        )  # fmt: skip

    print(
        f"Metrics, {network}, {tuple(image.shape[1:])}: time of Captum's / time of ours (≥ 1 wanted)"
    )
    for name, theirs, samples in (
        ("infidelity", infidel, SAMPLES),
        ("sensitivity", sensitive, NEAR),
    ):
        ratio = paired(theirs, lambda name=name, samples=samples: ours(name, samples=samples))
        print(f"  {name:12s} {samples:3d} samples: {ratio:5.2f}")


def _road(registry) -> None:
    torch.manual_seed(0)
    model = UNet(ndim=3, channels=1, classes=2, width=12, depth=2).eval()
    image = torch.rand(1, SIDE, SIDE, SIDE)
    plugin, wrapper = registry.get("saliency"), registry.get("pixelwise", "wrapper")
    options = {"wrapper": wrapper, "target": 1, "mask": "all"}
    map = run_method(make_probe(model, image, **options), plugin).map
    metric = registry.get("road", "metric")
    parameters = metric.arguments(metric.validate({}))

    def road():
        return metric.function(Case(make_probe(model, image, **options), map, plugin), **parameters)

    def bare():
        with torch.inference_mode():
            for _ in range(14):
                model(image[None])

    ratio = paired(road, bare, rounds=1)
    print(
        f"ROAD, {SIDE}³, 14 images: {ratio:.1f} × the time of their bare passes through a small U-Net"
    )
