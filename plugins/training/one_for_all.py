"""One For All: a classifier that says with its prediction what each patch had to do with it."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from esegeta import Course, Learner, MethodError, Param, training

from .._one_for_all import Sampler, Stop, Terms, losses_of


class OneForAllLearner(Learner):
    """The model itself, and its three losses."""

    def __init__(
        self, course: Course, rate: float, decay: float, fade: float, flip: list[int], **terms: Any
    ) -> None:
        super().__init__()
        self.kept = course.model
        self.settings: dict[str, Any] = {}
        self._rate, self._decay, self._terms, self._flip = rate, decay, terms, flip
        self._fade, self._steps = fade, max(1, course.steps)

    def optimiser(self, steps: int) -> tuple[Optimizer, LRScheduler]:
        """AdamW with a rate that rises and falls once."""
        found = AdamW(self.kept.parameters(), lr=self._rate, weight_decay=self._decay)
        return found, OneCycleLR(found, self._rate, total_steps=steps)

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """The three losses, and their sum."""
        assert labels is not None, "the training is refused without"
        for axis in self._flip:
            back = torch.rand(len(images), device=images.device) < 0.5
            back = back.reshape(-1, *[1] * (images.dim() - 1))
            images = torch.where(back, images.flip(axis + 2), images)
        even = self._fade * (1 - step / self._steps)
        return losses_of(self.kept, images, labels, even=even, **self._terms)[0]

    def measures(self, images: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
        """The losses; accuracy; how far from undecided the model is where it sees nothing.

        That is the standard deviation over classes of Σ φ⁻, by which the two read-outs differ.
        """
        assert labels is not None, "the training is refused without"
        found, whole = losses_of(self.kept, images, labels, even=0, **self._terms)
        model: Any = self.kept
        right = model.whole(whole).argmax(1) == labels
        found["accuracy"] = right.float().mean()
        found["intercept"] = whole[1].float().sum(1).std(1, correction=0).mean()
        return found


@training(
    paper="Naouar et al. (One For All), MICCAI 2025",
    makes="model",
    tasks=("classification",),
)
def one_for_all(
    course: Course,
    *,
    learning_rate: Annotated[
        float, Param(gt=0, help="The highest; the paper's is for weights that were trained before")
    ] = 1e-5,
    weight_decay: Annotated[float, Param(ge=0, help="AdamW's")] = 1e-5,
    masks: Annotated[
        int, Param(ge=1, help="Masked copies of each image in a step; the paper has 32")
    ] = 4,
    sampler: Annotated[
        Sampler,
        Param(
            help="Which patches they show: those that contribute most or least, with chance; sets of any "
            "size; or of the sizes under which Shapley values fit best"
        ),
    ] = "informed",
    uniform_share: Annotated[
        float,
        Param(ge=0, le=1, help="Of informed masks at first drawn without heeding φ; falls to 0"),
    ] = 0.5,
    stop_gradient: Annotated[
        Stop,
        Param(
            help="Which side of the consistency loss only sets the aim: none, as in the paper; what the "
            "masked images say; or what the whole images' φ foretell"
        ),
    ] = "none",
    losses: Annotated[
        Terms, Param(help="all; or l1 alone, which makes the paper's baseline Segm-B; or l1+l2")
    ] = "all",
    flip: Annotated[
        list[int],
        Param(ge=0, le=2, help="Spatial axes along which images are mirrored at random"),
    ] = [],  # noqa: B006
    at_once: Annotated[
        int,
        Param(
            ge=0,
            help="Most masked images that pass at a time; they then pass twice, in less memory. 0: all",
        ),
    ] = 0,
) -> Learner:
    """Train a self-explaining classifier: prediction, and φ of every patch and class, in one pass.

    Three losses of the same weight: l₁, cross-entropy of the whole image's prediction (equation 5); l₂,
    that of a masked image's, by Σ φ⁺ of the patches that are seen plus Σ φ⁻ of the others (equation 6), for
    one mask of any size; l₃, the divergence between what the whole image's φ foretell of masked images
    and what these say (equation 7). For `esegeta.models.zoo:OneForAll`, in 2D and 3D; data with labels.

    Begins with the weights of a vision transformer (names as in timm and DINOv2) where ``start`` gives
    some. φ has the form of Shapley values; under another law of masks than ``shapley`` it need not be
    these, where patches act together.
    """
    model: Any = course.model
    if not all(hasattr(model, name) for name in ("parts", "whole", "masked")):
        raise MethodError(
            "'one_for_all' trains a network that gives every patch its φ, "
            f"'esegeta.models.zoo:OneForAll'; the config's model is {type(model).__name__}."
        )
    if not course.labelled:
        raise MethodError("'one_for_all' trains a classifier; its data needs \"labels\".")
    wrong = [axis for axis in flip if axis >= course.ndim]
    if wrong:
        raise MethodError(f"flip: images of {course.ndim} axes have no axis {wrong[0]}.")
    if course.start:
        model.load_encoder(course.start)
    return OneForAllLearner(
        course, learning_rate, weight_decay, uniform_share, flip, terms=losses, masks=masks,
        sampler=sampler, stop=stop_gradient, at_once=at_once,
    )  # fmt: skip
