"""From an image to what a model sees, and maps back again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from esegeta.errors import ImageError, counted
from esegeta.images import grid
from esegeta.images.image import Affine, Image
from esegeta.images.steps import Step, check_steps

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as a model sees it.

    Parameters
    ----------
    image : Image
        What it was made of.
    tensor : Tensor
        (C, *spatial), float32, on the model's grid.
    affine : array
        (4, 4), of the model's grid.
    label : Tensor or None
        (*spatial) whole numbers, on the model's grid.
    """

    image: Image
    tensor: Tensor
    affine: Affine
    label: Tensor | None

    def to_source(self, map: Tensor) -> Tensor:
        """Carry a map to the image's own grid: linear, 0 where the model saw nothing.

        Parameters
        ----------
        map : Tensor
            (K, *spatial) on the model's grid.

        Returns
        -------
        Tensor
            (K, *spatial of the image), float32, on the CPU; the same numbers where preprocessing
            left the grid as it was.
        """
        import torch

        if map.shape[1:] != self.tensor.shape[1:]:
            raise ValueError(
                f"a map of shape {tuple(map.shape)} is not on the model's grid, "
                f"{tuple(self.tensor.shape[1:])}"
            )
        values = map.detach().to("cpu", torch.float32).numpy()
        carried = grid.carry(values, self.affine, self.image.affine, self.image.spatial)
        return torch.from_numpy(carried)

    def to_model(self, point: Sequence[float]) -> tuple[float, ...]:
        """Carry a place in voxels of the image's own grid to voxels of the model's grid."""
        place = np.array([*point, *[0.0] * (3 - len(point)), 1.0])
        found = np.linalg.solve(self.affine, self.image.affine @ place)
        return tuple(float(x) for x in found[: len(point)])


def prepare(image: Image, steps: Sequence[Step]) -> Prepared:
    """Apply preprocessing steps; the label travels along, with the nearest value.

    A picture's third axis, which torchio wants, is added and taken away here.

    Raises
    ------
    ImageError
        Where a step is unknown, random, misused or fails, or voxels are not finite.
    """
    problems = check_steps(steps)
    if problems:
        raise ImageError("\n".join(map(str, problems)))
    _check_finite(image.tensor, f"{image.name} holds", "before preprocessing")
    if not steps:
        return Prepared(image, image.tensor, image.affine, image.label)
    subject = _applied(image, steps)
    tensor, affine = _unpacked(subject["image"].data.float(), image), subject["image"].affine
    _check_finite(tensor, f"preprocessing gives {image.name}", "after it, none before")
    label = None
    if image.label is not None:
        label = _unpacked(subject["label"].data, image)[0].to(image.label.dtype)
    return Prepared(image, tensor, np.asarray(affine, dtype=float), label)


def _applied(image: Image, steps: Sequence[Step]) -> Any:
    import torch

    from esegeta.images.transforms import apply

    subject = _packed(image)
    with torch.random.fork_rng(devices=[]):  # torchio draws a number even for a certain step
        for number, step in enumerate(steps):
            try:
                subject = apply(step, subject, image.ndim)
            except Exception as error:
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ImageError(
                    f"preprocess[{number}], {step.use}, fails on {image.name}: {reason}"
                ) from error
            shape = subject["image"].spatial_shape
            if image.ndim == 2 and shape[2] != 1:
                raise ImageError(
                    f"preprocess[{number}], {step.use}, makes {image.name}, a 2D image, a volume "
                    f"of {shape} voxels; its third axis must stay 1."
                )
            if min(shape) < 1:
                raise ImageError(
                    f"preprocess[{number}], {step.use}, leaves nothing of {image.name}: "
                    f"{shape[: image.ndim]}."
                )
    return subject


def _packed(image: Image) -> Any:
    import torchio

    flat = image.ndim == 2
    tensor = image.tensor[..., None] if flat else image.tensor
    images = {"image": torchio.ScalarImage(tensor=tensor, affine=image.affine)}
    if image.label is not None:
        label = image.label[None].int()  # reorienting refuses int64
        label = label[..., None] if flat else label
        images["label"] = torchio.LabelMap(tensor=label, affine=image.affine)
    return torchio.Subject(images)


def _unpacked(tensor: Tensor, image: Image) -> Tensor:
    return (tensor[..., 0] if image.ndim == 2 else tensor).contiguous()


def _check_finite(tensor: Tensor, holds: str, when: str) -> None:
    finite = tensor.isfinite()
    if finite.all():
        return
    count = int((~finite).sum())
    first = tuple((~finite).nonzero()[0].tolist())
    raise ImageError(
        f"{holds} {counted(count, 'value')} that {'is' if count == 1 else 'are'} NaN or infinite "
        f"({when}); the first is "
        f"{tensor[first].item()} at index {first[1:]} of channel {first[0]}."
    )
