"""Perturbation methods against the bare forward passes they need, in equal batches."""

from __future__ import annotations

import torch

from benchmarks.timing import paired
from esegeta.engine import make_probe, run_method
from esegeta.models.zoo import UNet
from esegeta.registry import find

CASES = {"2D, 128²": (2, (128, 128)), "3D, 48³": (3, (48, 48, 48))}
METHODS = {
    "occlusion": {2: {"window": 16, "stride": 8}, 3: {"window": 16, "stride": 16}},
    "rise": {2: {"masks": 200}, 3: {"masks": 40}},
}


def main() -> None:
    """Print the ratio per method and case."""
    registry = find()
    wrapper = registry.get("pixelwise", "wrapper")
    print("Perturbation: time of the bare passes / time of the method (≥ 0.85 wanted)")
    for name, (ndim, spatial) in CASES.items():
        torch.manual_seed(0)
        model = UNet(ndim=ndim, channels=1, classes=2, width=12, depth=2).eval()
        image = torch.randn(1, *spatial)
        for method, settings in METHODS.items():
            plugin = registry.get(method)
            chosen = plugin.validate(settings[ndim])

            def ours(model=model, image=image, plugin=plugin, chosen=chosen):
                probe = make_probe(model, image, wrapper=wrapper, target=1)
                return run_method(probe, plugin, parameters=chosen), probe

            found, probe = ours()
            batch = probe._ask.batches.size(backward=False)
            passes = int(found.passes["forward"])

            def bare(model=model, image=image, batch=batch, passes=passes):
                with torch.inference_mode():
                    for start in range(0, passes, batch):
                        n = min(batch, passes - start)
                        model(image.expand(n, *image.shape).contiguous())

            ratio = paired(bare, ours, rounds=3)
            print(f"  {method:10s} {name:10s} {passes:4d} passes, batch {batch:2d}: {ratio:5.2f}")
