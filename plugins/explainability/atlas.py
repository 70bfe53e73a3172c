"""Sheets of many small pictures: what a layer sees in each place, or in a set of images."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta import Layer, MethodError, ModelError, Param, Passes, Probe, explainability, resample

from ._ascent import Adam, ascend, risen, shaken
from ._canvas import Canvas, sheet
from ._units import toward

Steps = Annotated[
    int, Param(ge=1, help="Steps of gradient ascent, which all pictures take at once")
]
Rate = Annotated[float, Param(gt=0, help="Length of a step (of Adam)")]
Robustness = Annotated[
    float, Param(ge=0, le=3, help="Strength of the random shifts, turns and zooms; 0: none")
]
Side = Annotated[
    int | None,
    Param(ge=4, help="Side of a picture, in voxels; not given: what the model takes at once"),
]

#: Places of its grid that the layer is read at, in each crop.
PLACES = 4
#: Crops that are held at once.
AT_ONCE = 16


@explainability(
    paper="Olah et al., Distill 2018",
    passes=lambda p: Passes(2 + (p.steps + 2) * p.cells**2, 1 + p.steps * p.cells**2),
    returns="sheet",
)
def activation_grid(
    probe: Probe,
    layer: Layer,
    *,
    cells: Annotated[
        int, Param(ge=2, help="Pictures per side, at most one per cell of the layer")
    ] = 6,
    steps: Steps = 64,
    rate: Rate = 0.05,
    robustness: Robustness = 1.0,
    side: Side = None,
) -> Tensor:
    """What the layer sees where in the image: a picture for each place of its grid.

    Each picture is a `feature_visualisation` of the direction in which the activation of that place
    points. Where the layer's grid is finer than the sheet, neighbouring places are averaged. A cell
    where the layer is silent, or whose activation the steps do not raise, stays grey. In 3D the sheet shows
    the plane through the middle of the first axis, and of each visualised cube the central slice.
    """
    activation = layer.activation
    if activation.dim() == 5:
        activation = activation[:, :, activation.shape[2] // 2]
    size = [min(cells, length) for length in activation.shape[2:]]
    pooled = F.adaptive_avg_pool2d(activation, size)[0].flatten(1).T
    return _visualised(probe, layer, pooled, size[1], steps, rate, robustness, side)


@explainability(
    paper="Carter et al., Distill 2019",
    passes=lambda p: Passes(2 + p.samples + (p.steps + 2) * p.cells**2, p.steps * p.cells**2),
    returns="sheet",
)
def activation_atlas(
    probe: Probe,
    layer: Layer,
    *,
    samples: Annotated[
        int, Param(ge=4, help="Crops of the images that the layer is read on")
    ] = 256,
    cells: Annotated[int, Param(ge=2, help="Pictures per side")] = 6,
    steps: Steps = 64,
    rate: Rate = 0.05,
    robustness: Robustness = 1.0,
    side: Side = None,
) -> Tensor:
    """A map of what the layer can see: its activations on many crops of images, laid out by likeness.

    The images are the given one and the references: the more, and the more different, the better.
    Activations at random places of random crops are projected on their two principal axes. The sheet's
    columns divide the first axis, and the rows of a column the second, so that all cells hold equally
    many; each shows a `feature_visualisation` of the mean of its activations. Neighbours are alike. In
    3D the central slice of each visualised cube is shown.
    """
    values = _sampled(probe, layer, samples)
    probe.notes |= {"images": 1 + len(probe.references), "activations": len(values)}
    if len(values) < cells**2:
        raise MethodError(f"{len(values)} activations do not fill {cells} × {cells} cells.")
    means = torch.stack([values[chosen].mean(0) for chosen in _cells(values, cells)])
    return _visualised(probe, layer, means, cells, steps, rate, robustness, side)


def _visualised(
    probe: Probe,
    layer: Layer,
    directions: Tensor,
    columns: int,
    steps: int,
    rate: float,
    robustness: float,
    side: int | None,
) -> Tensor:
    """A sheet with a picture of each direction (n, K), row by row."""
    spoken = directions.norm(dim=1) > 0
    if not spoken.any():
        raise MethodError(
            "The layer's activation is zero everywhere: there is nothing to visualise."
        )
    canvas = Canvas(probe, [side] * probe.ndim if side else probe.window, "fourier")
    unit = probe.reading(layer.name, toward(directions[spoken]))
    # All begin with the same noise: cells that are alike get pictures that are alike.
    start = canvas.start(1, probe.rng)
    start = start.expand(int(spoken.sum()), *start.shape[1:])
    try:
        end = ascend(
            unit,
            start,
            Adam(rate),
            steps=steps,
            make=canvas.images,
            move=shaken(probe.rng, robustness),
        )
    except ModelError as error:
        if canvas.spatial == probe.window:
            raise
        raise MethodError(
            f"The model does not take images of shape {canvas.spatial}; leave out the side. {error}"
        ) from error
    scores, shown = risen(unit, canvas.images(start), canvas.images(end))
    probe.notes |= {"pictures": int(shown.sum()), "activation": float(scores[shown].mean())}
    tiles = canvas.parts(end)
    every = torch.full((len(directions), *tiles.shape[1:]), 0.5).to(tiles)
    every[spoken.nonzero()[shown, 0]] = tiles[shown]
    return sheet(every, columns)


def _sampled(probe: Probe, layer: Layer, samples: int) -> Tensor:
    """(activations, K) what the layer holds at random places of random crops."""
    images = torch.cat([probe.image, probe.references])
    places = torch.rand((PLACES, probe.ndim), generator=probe.rng)

    def read(values: Tensor, chosen: slice) -> Tensor:
        grid = values.shape[2:]
        if not grid:
            raise MethodError(
                f"The layer '{layer.name}' has no grid; choose one before it is lost."
            )
        index = (places * torch.tensor(grid)).long().to(values.device)
        return torch.stack(
            [values[(slice(None), slice(None), *place)] for place in index], 1
        ).flatten(1)

    reading = probe.reading(layer.name, read)
    found = []
    for start in range(0, samples, AT_ONCE):
        numbers = range(start, min(samples, start + AT_ONCE))
        crops = torch.cat([_crop(images[n % len(images)], probe) for n in numbers])
        found.append(reading.scores(crops).reshape(len(crops) * PLACES, -1))
    return torch.cat(found)


def _crop(image: Tensor, probe: Probe) -> Tensor:
    """A random crop (1, C, *window), of half to all of the window's sides, enlarged to the window."""
    part = 0.5 + 0.5 * float(torch.rand(1, generator=probe.rng))
    for axis, (window, length) in enumerate(
        zip(probe.window, image.shape[1:], strict=True), start=1
    ):
        side = max(1, min(length, round(part * window)))
        start = int(torch.randint(length - side + 1, (1,), generator=probe.rng))
        image = image.narrow(axis, start, side)
    return resample(image[None], probe.window)


def _cells(values: Tensor, cells: int) -> list[Tensor]:
    """Which of the values (n, K) each cell of the sheet holds, row by row."""
    centred = values.double().cpu() - values.double().cpu().mean(0)
    _, axes = torch.linalg.eigh(centred.T @ centred)
    axes = axes[:, [-1, -2]] if axes.shape[1] > 1 else axes.expand(-1, 2)
    # An axis has no sign of its own: let its largest part be positive.
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    across, down = (centred @ (axes * largest.sign())).T
    columns = [
        column[down[column].argsort()].tensor_split(cells)
        for column in across.argsort().tensor_split(cells)
    ]
    return [columns[x][y] for y in range(cells) for x in range(cells)]
