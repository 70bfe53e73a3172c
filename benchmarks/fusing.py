"""Fourteen maps of one group, against the same fourteen as calls to Captum.

saliency, input_x_gradient, and {grad_cam, layer_gradient_x_activation, layer_activation} at four layers:
one forward and one backward pass here, one or two of each per call there. Both give equal maps.
"""

from __future__ import annotations

import torch
from captum import attr

from benchmarks.timing import paired
from esegeta.engine import make_probe, run_method
from esegeta.models.zoo import UNet
from esegeta.registry import find

LAYERS = ("enc.0", "enc.1", "bottom", "dec.0")
CASES = {"2D, 256²": (2, (256, 256)), "3D, 48³": (3, (48, 48, 48))}


def main() -> None:
    """Print the ratio per case."""
    registry = find()
    wrapper = registry.get("pixelwise", "wrapper")
    print("Fourteen maps: time of 14 Captum calls / time of one group (≥ 8 wanted)")
    for name, (ndim, spatial) in CASES.items():
        torch.manual_seed(0)
        model = UNet(ndim=ndim, channels=1, classes=2, width=12, depth=2).eval()
        image = torch.randn(1, *spatial)
        mask = model(image[None]).argmax(1, keepdim=True) == 1

        def score(x: torch.Tensor, model=model, mask=mask) -> torch.Tensor:
            return (model(x) * mask).flatten(2).sum(2)

        def ours(model=model, image=image) -> list[torch.Tensor]:
            probe = make_probe(model, image, wrapper=wrapper, target=1, layers=LAYERS)
            maps = [
                run_method(probe, registry.get(n)).map for n in ("saliency", "input_x_gradient")
            ]
            for layer in LAYERS:
                for method, options in (
                    ("grad_cam", {"relu": False}), ("layer_gradient_x_activation", {}),
                    ("layer_activation", {}),
                ):  # fmt: skip
                    plugin = registry.get(method)
                    chosen = plugin.validate(options)
                    maps.append(run_method(probe, plugin, layer=layer, parameters=chosen).map)
            return maps

        def theirs(model=model, image=image, score=score) -> list[torch.Tensor]:
            x = image[None]
            maps = [attr.Saliency(score).attribute(x.clone().requires_grad_(), 1, abs=False)]
            maps.append(attr.InputXGradient(score).attribute(x.clone().requires_grad_(), 1))
            for name in LAYERS:
                layer = model.get_submodule(name)
                maps.append(attr.LayerGradCam(score, layer).attribute(x, 1))
                product = attr.LayerGradientXActivation(score, layer).attribute(x, 1)
                maps.append(product.sum(1, keepdim=True))
                maps.append(attr.LayerActivation(score, layer).attribute(x).mean(1, keepdim=True))
            size = x.shape[2:]
            mode = "bilinear" if x.dim() == 4 else "trilinear"
            return [torch.nn.functional.interpolate(m, size, mode=mode)[0].detach() for m in maps]

        for a, b in zip(ours(), theirs(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4 * float(b.abs().max()))
        print(f"  {name:10s} {paired(theirs, ours):6.1f}")
