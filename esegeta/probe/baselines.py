"""What stands in for a part of the image that is taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.signature import Param

Kind = Literal["zero", "mean", "minimum", "blur", "reference"]

#: The parameter of a method that compares the image with one that says nothing.
Baseline = Annotated[
    Kind | float,
    Param(help="What stands in for no information: an image made of this one, or a constant"),
]

#: A blur that leaves no detail: a sixteenth of the image, as standard deviation.
BLUR = 1 / 16


def baseline(image: Tensor, kind: Kind | float, references: Sequence[Tensor] = ()) -> Tensor:
    """An uninformative image of the same shape.

    Parameters
    ----------
    image : Tensor
        (1, C, *spatial), in the model's input space: zero is the mean after z-normalisation.
    kind : {"zero", "mean", "minimum", "blur", "reference"} or float
        Zero; each channel's mean or minimum; the image blurred; the mean of the reference images; or
        a constant.

    Raises
    ------
    MethodError
        If references are asked and there are none, or the kind is unknown.
    """
    axes = tuple(range(2, image.dim()))
    if isinstance(kind, (int, float)) and not isinstance(kind, bool):
        return torch.full_like(image, float(kind))
    if kind == "zero":
        return torch.zeros_like(image)
    if kind == "mean":
        return image.mean(axes, keepdim=True).expand_as(image)
    if kind == "minimum":
        return image.amin(axes, keepdim=True).expand_as(image)
    if kind == "blur":
        return _blurred(image)
    if kind == "reference":
        return like(image, references).mean(0, keepdim=True)
    raise MethodError(
        f"There is no baseline {kind!r}; valid are zero, mean, minimum, blur, reference and a number."
    )


def like(image: Tensor, references: Sequence[Tensor]) -> Tensor:
    """(n, C, *spatial) the reference images.

    Raises
    ------
    MethodError
        If there are none, or one is not of the image's shape.
    """
    if not references:
        raise MethodError(
            "The baseline 'reference' needs reference images; list some as \"references\"."
        )
    wrong = [tuple(r.shape) for r in references if r.shape != image.shape[1:]]
    if wrong:
        raise MethodError(
            f"A reference has shape {wrong[0]} after preprocessing, the image {tuple(image.shape[1:])}; "
            "both must be the same, for example through CropOrPad or Resize."
        )
    return torch.stack([r.to(image) for r in references])


def several(
    image: Tensor,
    kind: Kind | float,
    references: Sequence[Tensor],
    *,
    count: int,
    noise: float,
    generator: torch.Generator,
) -> Tensor:
    """(n, C, *spatial) a sample of uninformative images, at most ``count``.

    Parameters
    ----------
    kind
        For ``"reference"``: the reference images, or as many of them, drawn at random. For another
        kind: ``count`` copies of that one with noise.
    noise : float
        Standard deviation of Gaussian noise, as a fraction of the image's range.
    """
    if kind == "reference":
        given = like(image, references)
        return given[torch.randperm(len(given), generator=generator)[:count].to(given.device)]
    spread = noise * float(image.max() - image.min())
    drawn = torch.randn((count, *image.shape[1:]), generator=generator)
    return baseline(image, kind) + spread * drawn.to(image)


def _blurred(image: Tensor) -> Tensor:
    from scipy.ndimage import gaussian_filter

    sigma = [size * BLUR for size in image.shape[2:]]
    channels = [gaussian_filter(c.cpu().numpy(), sigma, mode="nearest") for c in image[0]]
    return torch.stack([torch.from_numpy(c) for c in channels])[None].to(image)
