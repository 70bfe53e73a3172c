"""The voxels over which a segmentation model's score is summed, frozen on the unperturbed image."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.errors import TargetError, counted

#: ``"predicted"``, ``"label"``, ``"border"``, ``"all"``, ``{"label": value}``,
#: ``{"box": [[start, stop], …]}`` or ``{"component": [i, j, k]}``, in voxels of the model's input.
Choice = str | Mapping[str, Any]


@dataclass(frozen=True)
class Placed:
    """A mask whose place was carried to voxels of the model's input.

    Parameters
    ----------
    mask : str or mapping
        In voxels of the model's input.
    given : str or mapping
        As the user wrote it, in voxels of the image file: what errors and results tell.
    """

    mask: Choice
    given: Choice


class Region:
    """A mask per class, chosen once on the unperturbed image and the same ever after.

    Parameters
    ----------
    choice : str, mapping or Placed
        ``"predicted"``: the voxels the wrapper says belong to the class; ``"border"``: those of them
        that touch another class; ``{"component": point}``: those connected to the point;
        ``{"box": [[start, stop], …]}``: a box whatever is predicted there; ``"label"``: the voxels of
        the label map that hold the class's index; ``{"label": value}``: those that hold the value;
        ``"all"``: every voxel.
    label : Tensor, optional
        Label map on the image's grid (*spatial), for the two label choices.
    spatial : sequence of int, optional
        The image's shape, to which boxes and points refer; the output may be coarser.
    """

    def __init__(
        self,
        choice: Choice | Placed = "predicted",
        *,
        label: Tensor | None = None,
        spatial: Sequence[int] | None = None,
    ) -> None:
        placed = choice if isinstance(choice, Placed) else Placed(choice, choice)
        self.choice, self.given = placed.mask, placed.given
        self.label = label
        self.spatial = spatial
        self._mask: Tensor | None = None
        self._predicted: Tensor | None = None

    @property
    def used(self) -> bool:
        """Whether a wrapper has asked for the mask."""
        return self._mask is not None

    @property
    def frozen(self) -> Tensor | None:
        """The frozen mask (1, classes, *spatial), where a wrapper has asked for it."""
        return self._mask

    def mask(self, output: Tensor, predict: Callable[[Tensor], Tensor]) -> Tensor:
        """The frozen mask (1, classes, *spatial) for an output (N, classes, *spatial).

        Parameters
        ----------
        output : Tensor
            The model's output; the first that is seen must be the unperturbed image's.
        predict : callable
            Gives, for an output of one image, a boolean mask per class of the same shape.
        """
        if self._mask is None:
            if output.dim() < 4 or len(output) != 1:
                raise TargetError(
                    "A segmentation wrapper needs an output of shape (1, classes, *spatial) to choose "
                    f"its mask on; the model gave {tuple(output.shape)}."
                )
            self._predicted = predict(output.detach())
            self._mask = self._choose(self._predicted)
        return self._mask

    def most_common(self) -> int | None:
        """The class that takes most voxels; the first class only where there is no other.

        The first class is the background by the custom of the field. None without a mask.
        """
        if self._predicted is None:
            return None
        counts = self._predicted[0].flatten(1).sum(1)
        if len(counts) > 1 and counts[1:].any():
            return 1 + int(counts[1:].argmax())
        return 0

    def require(self, index: int, name: Callable[[int], str]) -> None:
        """Refuse a class whose mask is empty: its score would be constant and its map zero."""
        if self._mask is None or self._predicted is None:
            return
        if self._mask[0, index if self._mask.shape[1] > 1 else 0].any():
            return
        counts = self._predicted[0].flatten(1).sum(1).tolist()
        present = [
            f"{name(i)} ({counted(count, 'voxel')})" for i, count in enumerate(counts) if count
        ]
        raise TargetError(
            f"The class '{name(index)}' is absent: the mask '{self._describe()}' holds no voxel of it. "
            f"Present in the prediction: {', '.join(present[:12]) or 'no class'}."
        )

    def _describe(self) -> str:
        if isinstance(self.given, str):
            return self.given
        return ", ".join(f"{kind} {value}" for kind, value in self.given.items())

    def _choose(self, predicted: Tensor) -> Tensor:
        grid = predicted.shape[2:]
        named = {self.choice: None} if isinstance(self.choice, str) else self.choice
        kind, value = next(iter(named.items()))
        if kind == "predicted":
            return predicted
        if kind == "all":
            return torch.ones_like(predicted)
        if kind == "label":
            return self._from_label(predicted.shape[1], grid, value).to(predicted.device)
        if kind == "border":
            return predicted & ~_eroded(predicted)
        if kind == "box":
            return _box(predicted, self._scaled_box(value, grid))
        if kind == "component":
            return _component(
                predicted, [a for a, _ in self._scaled_box([[v, v + 1] for v in value], grid)]
            )
        raise TargetError(
            f"There is no mask '{kind}'; valid are predicted, label, border, all, box and component."
        )

    def _from_label(self, classes: int, grid: Sequence[int], value: int | None) -> Tensor:
        if self.label is None:
            raise TargetError(
                "The mask 'label' needs a label map; give the image a \"label\" file."
            )
        label = self.label
        if tuple(label.shape) != tuple(grid):
            label = F.interpolate(
                label[None, None].float(), size=tuple(grid), mode="nearest-exact"
            )[0, 0]
        if value is not None:
            return (label == value).expand(1, classes, *grid)
        if classes == 1:
            return (label > 0)[None, None]
        return torch.stack([label == index for index in range(classes)])[None]

    def _scaled_box(
        self, box: Sequence[Sequence[int]], grid: Sequence[int]
    ) -> list[tuple[int, int]]:
        """The box in voxels of the output's grid; refused where it leaves the image."""
        spatial = tuple(self.spatial or grid)
        if len(box) != len(spatial):
            raise TargetError(f"The mask {self._describe()} needs one entry per axis of {spatial}.")
        scaled = []
        for (start, stop), size, cells in zip(box, spatial, grid, strict=True):
            if not 0 <= start < stop <= size:
                raise TargetError(
                    f"The mask {self._describe()} leaves the image of shape {spatial}."
                )
            scaled.append(
                (start * cells // size, max(-(-stop * cells // size), start * cells // size + 1))
            )
        return scaled


def _eroded(mask: Tensor) -> Tensor:
    """The voxels all of whose neighbours along the axes belong to the mask too."""
    eroded = mask.clone()
    for axis in range(2, mask.dim()):
        for shift in (1, -1):
            neighbour = mask.roll(shift, axis)
            edge = 0 if shift == 1 else mask.shape[axis] - 1
            neighbour.select(axis, edge).copy_(
                mask.select(axis, edge)
            )  # the image's rim is no border
            eroded &= neighbour
    return eroded


def _box(like: Tensor, box: Sequence[tuple[int, int]]) -> Tensor:
    mask = torch.zeros_like(like)
    inside = mask
    for axis, (start, stop) in enumerate(box, start=2):
        inside = inside.narrow(axis, start, stop - start)
    inside.fill_(True)
    return mask


def _component(predicted: Tensor, point: Sequence[int]) -> Tensor:
    """Per class, the connected part of the prediction that holds the point."""
    from scipy import ndimage

    mask = torch.zeros_like(predicted)
    place = tuple(point)
    for index, predicted_as in enumerate(predicted[0].cpu().numpy()):
        if predicted_as[place]:
            parts, _ = ndimage.label(predicted_as)
            mask[0, index] = torch.from_numpy(parts == parts[place]).to(mask.device)
    return mask
