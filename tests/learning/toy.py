"""A method that has to be trained, as a user's plug-in file, and a config that trains it."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

PLUGIN = '''
"""Learns the model's own slope: where the images' score comes from."""

from typing import Annotated

import torch
from torch import nn

from esegeta import Artifact, Course, Learner, Param, Passes, Probe, attribution, training


class Slope(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, *shape))


class Follow(Learner):
    def __init__(self, course, rate, noise):
        super().__init__()
        self.settings = {"shape": list(course.shape), "classes": course.classes}
        self.kept = Slope(**self.settings)
        self._scores, self._rate, self._noise = course.scores, rate, noise

    def optimiser(self, steps):
        found = torch.optim.Adam(self.kept.parameters(), lr=self._rate)
        return found, torch.optim.lr_scheduler.OneCycleLR(found, self._rate, total_steps=steps)

    def losses(self, images, labels, step):
        images = images + self._noise * torch.randn_like(images)
        with torch.no_grad():
            wanted = self._scores(images)
        made = torch.einsum("n...,k...->nk", images, self.kept.weight)
        return {"loss": (made - wanted).square().mean(), "noise": images.std()}


@training(paper="ours", method="learnt_slope")
def follow(
    course: Course,
    *,
    rate: Annotated[float, Param(gt=0, help="Learning rate")] = 0.05,
    noise: Annotated[float, Param(ge=0, help="Noise on the images")] = 1.0,
) -> Learner:
    """Fit a linear model to the scores of the one that is explained."""
    return Follow(course, rate, noise)


@attribution(paper="ours", passes=Passes(forward=1), gradients=False)
def learnt_slope(probe: Probe, artifact: Artifact) -> torch.Tensor:
    """The learnt linear model's weights times the image."""
    net = artifact.network(Slope, probe.image.device)
    return (net.weight[probe.index] * probe.image[0]).sum(0, keepdim=True)
'''

NETWORK = """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, side=6):
        super().__init__(nn.Flatten(), nn.Linear(side * side, 3, bias=False))
"""


def write(folder: Path, *, epochs: int = 4, **training) -> dict:
    """Write plug-in, network, weights and data; give the config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plugins").mkdir(exist_ok=True)
    (folder / "plugins" / "slope.py").write_text(PLUGIN)
    (folder / "net.py").write_text(NETWORK)
    draw = torch.Generator().manual_seed(0)
    weight = torch.randn(3, 36, generator=draw)
    save_file({"1.weight": weight}, folder / "net.safetensors")
    images = torch.rand(80, 6, 6, generator=draw)
    labels = (images.flatten(1) @ weight.T).argmax(1)
    np.savez(
        folder / "set.npz",
        images=images.numpy(), labels=labels.numpy()[:, None],
        more=images[:20].numpy(), more_labels=labels[:20].numpy(),
    )  # fmt: skip
    data = {"path": str(folder / "set.npz"), "axes": "HW"}
    entry = {
        "use": "learnt_slope",
        "data": {**data, "key": "images", "labels": "labels"},
        "epochs": epochs,
        "batch": 16,
        "output": str(folder / "made"),
        **training,
    }
    return {
        "version": 1,
        "name": "toy",
        "models": [
            {
                "name": "net",
                "factory": str(folder / "net.py:Net"),
                "weights": str(folder / "net.safetensors"),
                "task": "classification",
                "classes": ["a", "b", "c"],
            }
        ],
        "images": [{**data, "key": "images", "index": 3}],
        "train": [entry],
        "methods": ["learnt_slope", "input_x_gradient"],
        "plugins": [str(folder / "plugins")],
        "execution": {"devices": ["cpu"], "threads": 1},
        "output": str(folder / "run"),
    }


def linear(folder: Path) -> nn.Module:
    """The network, as a module."""
    import safetensors.torch

    net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3, bias=False))
    net.load_state_dict(safetensors.torch.load_file(folder / "net.safetensors"))
    return net.eval()
