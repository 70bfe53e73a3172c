"""Writes a plug-in and its contract test, which pass as written: `esegeta new-plugin`."""

import keyword
from pathlib import Path

from esegeta.errors import PluginError, unknown
from esegeta.plugin import FAMILIES, Family
from esegeta.registry import find

ATTRIBUTION = '''"""{title}: an attribution method."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Param, Passes, Probe, attribution


@attribution(paper="yours to name", passes=lambda p: Passes(forward=1, backward=1))
def {name}(
    probe: Probe,
    *,
    power: Annotated[float, Param(gt=0, help="Above 1, strong values stand out more")] = 1.0,
) -> Tensor:
    """How strongly the score reacts to each pixel or voxel.

    The result has one channel or as many as the image, on the image's grid: (K, *spatial).
    """
    gradient = probe.gradient()[0]
    return gradient.sign() * gradient.abs() ** power
'''

LAYER_ATTRIBUTION = '''"""{title}: a method that looks at one layer."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, layer_attribution


@layer_attribution(paper="yours to name", passes=lambda p: Passes(forward=1, backward=1))
def {name}(
    probe: Probe,
    layer: Layer,
    *,
    absolute: Annotated[bool, Param(help="Whether opposite channels add up, not cancel")] = False,
) -> Tensor:
    """What each place of the layer adds to the score, summed over its channels.

    The result lies on the layer's grid, (1, *grid); the framework enlarges it to the image.
    """
    products = (layer.activation * layer.gradient())[0]
    return (products.abs() if absolute else products).sum(0, keepdim=True)
'''

EXPLAINABILITY = '''"""{title}: an explanation that is an image."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Param, Passes, Probe, explainability


@explainability(paper="yours to name", passes=lambda p: Passes(forward=p.steps, backward=p.steps))
def {name}(
    probe: Probe,
    *,
    steps: Annotated[int, Param(ge=1, help="Steps uphill; more changes the image more")] = 8,
    size: Annotated[float, Param(gt=0, help="Length of a step, in the image's own values")] = 0.05,
) -> Tensor:
    """The image, changed step by step towards a higher score.

    The result has the image's channels and grid: (C, *spatial).
    """
    image = probe.image
    for _ in range(steps):
        gradient = probe.gradient(image)
        image = image + size * gradient / gradient.abs().mean().clamp_min(1e-12)
    return image[0]
'''

WRAPPER = '''"""{title}: turns a segmentation network's output into class scores."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Param, Region, wrapper


@wrapper(tasks=("segmentation",))
def {name}(
    output: Tensor,
    region: Region,
    *,
    above: Annotated[float, Param(help="Least distance from a class's mean, in deviations")] = 0.0,
) -> Tensor:
    """Each class's logits, summed over the places where they are above the class's mean.

    The mask is chosen once, on the unperturbed image, and stays. The result is (N, classes).
    """

    def predict(logits: Tensor) -> Tensor:
        deviation, mean = (t.view(*t.shape, *[1] * (logits.dim() - 2)) for t in _moments(logits))
        return logits > mean + above * deviation

    return (output * region.mask(output, predict)).flatten(2).sum(2)


def _moments(logits: Tensor) -> tuple[Tensor, Tensor]:
    values = logits.flatten(2)
    return values.std(2), values.mean(2)
'''

METRIC = '''"""{title}: how far a map can be trusted."""

from __future__ import annotations

from typing import Annotated

from esegeta import Case, Measure, Param, Passes, metric


@metric(paper="yours to name", best="high", passes=Passes(forward=2))
def {name}(
    case: Case,
    *,
    part: Annotated[float, Param(gt=0, lt=1, help="Part of the voxels that is taken away")] = 0.2,
) -> Measure:
    """How much surer of the class the model stays without the least relevant voxels than without the most.

    ``case`` has the map, what it explains, and the means to ask the model again.
    """
    order = case.order()
    number = round(part * len(order))
    image = case.probe.image
    images = image.repeat(2, *[1] * (image.dim() - 1)).flatten(2)
    images[0, :, order[:number]] = 0
    images[1, :, order[-number:]] = 0
    without_most, without_least = case.confidence(images.view(2, *image.shape[1:]))
    return Measure(float(without_least - without_most))
'''

TRAINING = '''"""{title}: a method that is learnt first, and its training."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

from esegeta import Artifact, Course, Learner, Param, Passes, Probe, attribution, training


class Slopes(nn.Module):
    """A weight for each class and value of an image."""

    def __init__(self, shape: list[int], classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(classes, *shape))


class Follow(Learner):
    """Learns to say what the model says, as a sum over the image."""

    def __init__(self, course: Course, rate: float) -> None:
        super().__init__()
        self.settings = {{"shape": list(course.shape), "classes": course.classes}}
        self.kept = self.slopes = Slopes(**self.settings)
        self.scores, self.rate = course.scores, rate

    def optimiser(self, steps: int) -> tuple[Adam, Any]:
        """Adam, without a schedule."""
        return Adam(self.parameters(), lr=self.rate), None

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """How far the sums are from the model's scores."""
        made = torch.einsum("n...,k...->nk", images, self.slopes.weight)
        return {{"loss": (made - self.scores(images).detach()).square().mean()}}


@training(paper="yours to name", method="{name}")
def train_{name}(
    course: Course, *, rate: Annotated[float, Param(gt=0, help="Learning rate")] = 0.01
) -> Learner:
    """Fit a linear model to the scores of the one that is explained."""
    return Follow(course, rate)


@attribution(paper="yours to name", passes=Passes(forward=1), gradients=False)
def {name}(
    probe: Probe,
    artifact: Artifact,
    *,
    power: Annotated[float, Param(gt=0, help="Above 1, strong values stand out more")] = 1.0,
) -> Tensor:
    """What each pixel or voxel adds to the linear model's score.

    ``artifact`` is what the training made; the framework refuses one that was made for another model.
    """
    weight = artifact.network(Slopes, probe.image.device).weight
    product = weight[probe.index] * probe.image[0]
    return product.sign() * product.abs() ** power
'''

TEMPLATES: dict[Family, str] = {
    "attribution": ATTRIBUTION,
    "layer_attribution": LAYER_ATTRIBUTION,
    "explainability": EXPLAINABILITY,
    "wrapper": WRAPPER,
    "metric": METRIC,
    "training": TRAINING,
}

CONTRACTS = {"wrapper": "WrapperContract", "metric": "MetricContract"}
"""The contracts of the families that are no methods."""

TEST = '''"""{title} keeps the contract of a plug-in."""

from pathlib import Path

from esegeta.testing import {contract}


class Test{camel}({contract}):
    plugin = "{name}"
    folders = (Path(__file__).parents[1],)
'''


def new_plugin(name: str, family: str, folder: Path) -> list[Path]:
    """Write ``folder/NAME.py``, a working example, and ``folder/tests/test_NAME.py``.

    Parameters
    ----------
    name : str
        The function's name, and so the method's.
    family : {"attribution", "layer_attribution", "explainability", "wrapper", "metric", "training"}
        A training comes with the method that reads what it makes.
    folder : Path
        Made where it does not exist; what lies in its sub-folders is no plug-in.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    PluginError
        Where the name is no Python name or is taken, the family unknown, or a file in the way.
    """
    if family not in FAMILIES:
        raise PluginError(unknown("family", family, FAMILIES))
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise PluginError(f"{name!r} is no name for a function; use letters, digits and _")
    files = [folder / f"{name}.py", folder / "tests" / f"test_{name}.py"]
    for file in files:
        if file.exists():
            raise PluginError(f"{file} exists already; take it away or choose another name")
    registry = find([folder] if folder.is_dir() else [])
    if name in registry.plugins:
        plugin = registry.plugins[name]
        raise PluginError(f"there is a plug-in {name!r} already, in {plugin.source}")
    words = name.replace("_", " ").strip()
    camel = "".join(word[:1].upper() + word[1:] for word in name.split("_"))
    texts = {
        "name": name,
        "title": words[:1].upper() + words[1:],
        "camel": camel,
        "contract": CONTRACTS.get(family, "MethodContract"),
    }
    for file, template in zip(files, (TEMPLATES[family], TEST), strict=True):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(template.format(**texts), encoding="utf-8")
        except OSError as error:
            raise PluginError(f"{file} cannot be written: {error.strerror or error}") from error
    return files
