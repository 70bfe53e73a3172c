"""A step of a training against the bare forward and backward passes that it needs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch

from esegeta.learning.course import Course
from esegeta.learning.data import Examples
from esegeta.learning.fit import fit, require_lightning
from esegeta.models.zoo import DigitNet, OneForAll
from esegeta.probe.network import Network
from esegeta.registry import find

IMAGES, BATCH, EPOCHS, ROUNDS = 512, 32, 2, 3
STEPS = IMAGES // BATCH * EPOCHS
SIDE, CLASSES, MASKS = 28, 4, 4
WANTED = 0.8


def main() -> None:
    """Print the ratios."""
    require_lightning()
    images = torch.rand(IMAGES, 1, SIDE, SIDE)
    data = Examples(images.numpy(), torch.arange(IMAGES) % CLASSES, "")
    print(f"Training, {SIDE}², batches of {BATCH}: bare passes / step (≥ {WANTED} wanted)")
    for name, prepare in (("p_tame", _p_tame), ("one_for_all", _one_for_all)):
        ratios = []
        for _ in range(ROUNDS):
            course, bare = prepare(data)
            began = time.perf_counter()
            for start in range(0, BATCH * STEPS, BATCH):
                bare(images[start % IMAGES : start % IMAGES + BATCH])
            middle = time.perf_counter()
            _trained(name, course, data)
            ratios.append((middle - began) / (time.perf_counter() - middle))
        print(f"  {name:12s} {sorted(ratios)[ROUNDS // 2]:5.2f}")


def _trained(name: str, course: Course, data: Examples) -> None:
    from esegeta.learning.loop import Schedule

    plugin = find().training(name)
    values = {"distillation": 0.01} if name == "p_tame" else {"masks": MASKS}
    learner = plugin.function(course, **plugin.arguments(plugin.validate(values)))
    schedule = Schedule(EPOCHS, BATCH, None, 0, course.device, "off")
    with tempfile.TemporaryDirectory() as folder:
        fit(learner, data, None, schedule, Path(folder))


def _course(model: torch.nn.Module, data: Examples) -> Course:
    wrapper = find().get("classification", "wrapper").function
    low, high = data.extremes()
    return Course(
        model, Network(model), wrapper, "predicted", (1, SIDE, SIDE), CLASSES, (), len(data), STEPS,
        True, low, high, 0, torch.device("cpu"),
    )  # fmt: skip


def _p_tame(data: Examples):
    """The model on the images and, back to its input, on what the map leaves of them; the features."""
    model = DigitNet(channels=1, classes=CLASSES, width=16).eval().requires_grad_(False)
    course = _course(model, data)
    plugin = find().training("p_tame")
    kept = plugin.function(course, **plugin.arguments(plugin.validate({}))).kept
    wanted = torch.arange(CLASSES)

    def bare(images: torch.Tensor) -> None:
        with torch.no_grad():
            model(images)
            features = kept.auxiliary.eval()(images)
        kept.attention(features, wanted).sum().backward()
        model(images.clone().requires_grad_()).sum().backward()

    return course, bare


def _one_for_all(data: Examples):
    """The model on the images and on their masked copies, there and back."""
    model = OneForAll((SIDE, SIDE), 1, CLASSES, patch=4, width=48, depth=3, heads=4)
    count = model.encoder.count
    masks = torch.rand(BATCH, 1 + MASKS, count) < 0.5

    def bare(images: torch.Tensor) -> None:
        whole, parts = model.parts(images), model.parts(images, masks)
        torch.stack([part.sum() for part in (*whole, *parts)]).sum().backward()
        model.zero_grad()

    return _course(model, data), bare


if __name__ == "__main__":
    main()
