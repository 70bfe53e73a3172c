"""Volumes in patches: memory beside the volumes, time per patch, and what a changed block saves.

Memory is that of a process of its own per size. Time is the processor's, of one thread: what else runs
on the machine does not change it much.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from esegeta.engine import make_probe, run_method
from esegeta.isolation import peak_memory
from esegeta.models.zoo import UNet
from esegeta.probe import Patches, Probe
from esegeta.probe.masks import sliding_boxes
from esegeta.probe.network import Network
from esegeta.probe.patches import PatchedNetwork
from esegeta.registry import find

SIZES = (64, 128, 256)
PATCHES = Patches(64, 16, "hann", batch=1)
BLOCK = 32
CLASSES = 2

#: Volumes that are held while patches pass: the image as given and as the probe has it, and the
#: gradient at it; of each class the prediction that is remembered, the one that is asked, and the
#: score's gradient at that.
OF_IMAGE, OF_CLASS = 3, 3

#: Larger pieces of memory go back to the system as soon as they are free, so that what a process has
#: is what it holds.
GIVE_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536"}


def network() -> nn.Module:
    """A network whose activations at a patch are many times the patch."""
    torch.manual_seed(0)
    first, second = nn.Conv3d(1, 8, 3, padding=1), nn.Conv3d(8, 8, 3, padding=1)
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Conv3d(8, CLASSES, 1))


def probe_of(side: int, model: nn.Module) -> Probe:
    """A probe of a volume, all of which counts for the score."""
    wrapper = find().get("pixelwise", "wrapper")
    image = torch.randn((1, side, side, side))
    return make_probe(model, image, wrapper=wrapper, target=1, mask="all", patches=PATCHES)


def seconds(work: Callable[[], object]) -> float:
    """Give the processor's time that work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def explained(side: int) -> dict[str, Any]:
    """Explain a volume by its gradient, and say what it took."""
    torch.set_num_threads(1)
    saliency = find().get("saliency")
    device = torch.device("cpu")
    with peak_memory(device) as peak:
        bare = peak()
        probe = probe_of(side, network())
        spent = seconds(lambda: run_method(probe, saliency))
        highest = peak()
    assert isinstance(probe.network, PatchedNetwork)
    assert bare is not None, "the system does not tell the peak of a process"
    assert highest is not None
    # What is remembered of each patch is one prediction per patch.
    remembered = probe.network.parts * CLASSES * 4 * PATCHES.size**3  # type: ignore[operator]
    volumes = (OF_IMAGE + CLASSES * OF_CLASS) * 4 * side**3 + remembered
    parts = probe.network.parts
    return {"parts": parts, "seconds": spent, "peak": highest - bare, "volumes": volumes}


def memory_and_time() -> None:
    """Print how memory and time grow with the volume."""
    print("The gradient of a volume in patches of 64³, beside a process that has loaded torch")
    rows = []
    for side in SIZES:
        command = [sys.executable, "-m", "benchmarks.patches", str(side)]
        said = subprocess.run(
            command, check=True, capture_output=True, text=True, env=os.environ | GIVE_BACK
        ).stdout
        row = json.loads(said)
        rows.append(row)
        print(
            f"  {side}³: {row['parts']:4d} patches, peak {row['peak'] / 1e6:6.0f} MB, volumes "
            f"{row['volumes'] / 1e6:6.0f} MB, {row['seconds'] / row['parts'] * 1e3:5.0f} ms per patch"
        )
    beside = [row["peak"] - row["volumes"] for row in rows]
    rate = [row["seconds"] / row["parts"] for row in rows]
    print(f"  peak beside volumes, largest / smallest (1 is flat)  {beside[-1] / beside[0]:5.2f}")
    print(
        f"  time per patch, {SIZES[-1]}³ / {SIZES[1]}³ (1 is linear)      {rate[-1] / rate[1]:5.2f}"
    )


def blocks() -> None:
    """Print what is saved where only the patches pass that contain a changed block."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    probe = probe_of(128, UNet(ndim=3, channels=1, classes=CLASSES, width=8, depth=2).eval())
    assert isinstance(probe.network, PatchedNetwork)
    boxes = sliding_boxes(probe.spatial, (BLOCK,) * 3, (BLOCK,) * 3)[::7]
    value = probe.value
    patched = probe.network
    # One that remembers nothing lets every patch pass.
    every = PatchedNetwork(Network(patched.module), torch.zeros_like(probe.image), PATCHES)

    def all_patches() -> Tensor:
        image = probe.image.clone()
        image[(..., *boxes[0])] = 0
        with torch.no_grad():
            return every(image)[:, 1].sum()

    def few_patches() -> Tensor:
        return probe.boxed_scores(boxes)

    drop, whole = float(few_patches()[0]), float(all_patches())
    assert abs(drop - whole) <= 1e-4 * abs(value), (drop, whole)
    each = [(seconds(all_patches), seconds(few_patches) / len(boxes)) for _ in range(3)]
    ratio = sorted(one / other for one, other in each)[1]
    mean = patched.parts * sum(map(patched.tiling.share, boxes)) / len(boxes)
    wanted = 0.8 * patched.parts / mean
    print(
        f"Occlusion of 128³: {len(boxes)} blocks, {patched.parts} patches, {mean:.1f} of which contain one"
    )
    print(f"  time of all patches / of those that contain it (≥ {wanted:.1f} wanted)  {ratio:5.2f}")


def main() -> None:
    """Print both."""
    memory_and_time()
    blocks()


if __name__ == "__main__":
    print(json.dumps(explained(int(sys.argv[1]))))
