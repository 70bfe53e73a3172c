"""From a model's output to the one number that is explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from esegeta.errors import TargetError, counted, listed, nearest, unknown
from esegeta.probe.contrast import CONTRASTS, Contrast, contrasted
from esegeta.probe.region import Region

Wrapper = Callable[[Tensor, Region], Tensor]


class Target:
    """Which number of a model's output is explained: the score of one class.

    A wrapper turns an output into class scores (N, classes). What it needs to know of the unperturbed
    image (the predicted class, a segmentation's mask) is frozen when that image's output is first
    seen: a mask recomputed on every perturbed image would break completeness.

    Parameters
    ----------
    wrapper : callable
        ``wrapper(output, region)`` gives class scores (N, classes).
    choice : str or int
        A class by name or index, or ``"predicted"``.
    classes : sequence of str
        The classes' names, in the order of the model's output; may be empty.
    region : Region
        The voxels a segmentation wrapper sums over.
    contrast : {"none", "mean", "max", "weighted", "probability"}
        What of the other classes the class is held against; see `contrasted`. Class and mask are
        chosen without.

    Attributes
    ----------
    count : int
        How many classes there are; 0 until that is known.
    """

    def __init__(
        self,
        wrapper: Wrapper,
        choice: str | int = "predicted",
        *,
        classes: Sequence[str] = (),
        region: Region | None = None,
        contrast: Contrast = "none",
    ) -> None:
        if contrast not in CONTRASTS:
            raise TargetError(f"{unknown('contrast', contrast, CONTRASTS)}.")
        self.wrapper = wrapper
        self.choice = choice
        self.classes = tuple(classes)
        self.region = region or Region()
        self.contrast: Contrast = contrast
        self.count = 0
        self._index: int | None = None

    @property
    def frozen(self) -> bool:
        """Whether the unperturbed image's output has been seen."""
        return self._index is not None

    @property
    def index(self) -> int:
        """Index of the class that is explained; known once frozen."""
        if self._index is None:
            raise RuntimeError("The target's class is known only after the first forward pass.")
        return self._index

    @property
    def name(self) -> str:
        """Name of the class that is explained."""
        return self.name_of(self.index)

    def name_of(self, index: int) -> str:
        """Name of a class: the user's where given, else ``class 7``."""
        return self.classes[index] if index < len(self.classes) else f"class {index}"

    def scores(self, output: Tensor) -> Tensor:
        """Class scores (N, classes) of a model's output; once frozen, that of the class contrasted."""
        if self._index is not None:
            output = contrasted(output, self._index, self.contrast)
        return self.wrapper(output, self.region)

    def freeze(self, output: Tensor) -> None:
        """Fix the class and the mask on the unperturbed image's output.

        Raises
        ------
        TargetError
            If the class is unknown or absent from the image.
        """
        with torch.inference_mode(False), torch.no_grad():  # the mask takes part in gradients later
            scores = self.wrapper(output.detach().clone(), self.region)
        if scores.dim() != 2:
            raise TargetError(
                f"The wrapper must give class scores of shape (N, classes); it gave "
                f"{tuple(scores.shape)} for an output of shape {tuple(output.shape)}."
            )
        if len(self.classes) == 1 and output.shape[1] == 1 and scores.shape[1] == 2:  # one logit
            self.classes = (f"not {self.classes[0]}", *self.classes)
        if self.classes and len(self.classes) != scores.shape[1]:
            given = len(self.classes)
            raise TargetError(
                f"The model gives {scores.shape[1]} classes, but {counted(given, 'class name')} "
                f"{'is' if given == 1 else 'are'} listed: {listed(self.classes)}."
            )
        self._require_contrast(output.shape[1], scores.shape[1])
        index = self._find(scores)
        self.region.require(index, self.name_of)
        self._index, self.count = index, scores.shape[1]

    def _require_contrast(self, channels: int, classes: int) -> None:
        """Refuse a contrast where there is no other class, or where none has a channel of its own."""
        if self.contrast == "none":
            return
        if classes == 1:
            raise TargetError(
                f"The contrast '{self.contrast}' holds a class against others; this model has one class."
            )
        if classes != channels and (channels, classes) != (1, 2):
            raise TargetError(
                f"A contrast is taken between the channels of the model's output; it has {channels}, of "
                f"which the wrapper makes {classes} classes."
            )

    def _find(self, scores: Tensor) -> int:
        if self.choice == "predicted":
            found = self.region.most_common()
            return int(scores[0].argmax()) if found is None else found
        if isinstance(self.choice, int):
            if not 0 <= self.choice < scores.shape[1]:
                raise TargetError(
                    f"There is no class {self.choice}: the model gives {scores.shape[1]} classes, "
                    f"0 to {scores.shape[1] - 1}."
                )
            return self.choice
        if self.choice not in self.classes:
            close = nearest(self.choice, self.classes)
            known = ", ".join(self.classes[:12]) or "none are named; use the index"
            raise TargetError(
                f"There is no class '{self.choice}'{f'; did you mean {close!r}?' if close else '.'} "
                f"Classes: {known}."
            )
        return self.classes.index(self.choice)

    @property
    def mask(self) -> Tensor | None:
        """(1, 1, *spatial) the voxels of the output that the explained class's score depends on.

        None where nothing says so.
        """
        if not self.frozen or self.region.frozen is None:
            return None
        mask = self.region.frozen
        column = self.index if mask.shape[1] > 1 else 0
        return mask[:, column : column + 1]

    def describe(self) -> Mapping[str, Any]:
        """What is explained, for the result: class, index, contrast and mask where there are such."""
        contrast = {"contrast": self.contrast} if self.contrast != "none" else {}
        mask = {"mask": self.region.given} if self.region.used else {}
        return {"class": self.name, "index": self.index, **contrast, **mask}
