"""Methods of TorchRay (2D only), each compared with what it must equal where it is known to go wrong.

TorchRay is licensed CC-BY-NC 4.0, and so is no part of esegeta: whoever wants it installs the extra
"torchray".
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from esegeta import MethodError, Param, Passes, Probe, attribution

from .._torchray import agreeing, calling

#: Beyond it a sigmoid hardly changes any more.
SATURATED = 10.0


@attribution(
    paper="Simonyan, Vedaldi & Zisserman, ICLR workshop 2014",
    passes=Passes(2, 1),
    ndim=(2,),
    library="torchray",
    show="magnitude",
)
def gradient(probe: Probe) -> Tensor:
    """The largest magnitude of the gradient over the image's channels, from TorchRay."""
    module, index = probe.module(), probe.index
    with calling("gradient", module) as method:
        return method.gradient(module, probe.image.clone(), index)[0]


@attribution(
    paper="Springenberg et al., ICLR workshop 2015",
    passes=Passes(3, 2),
    precision="full",
    ndim=(2,),
    library="torchray",
    show="magnitude",
)
def guided_backprop(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it and the unit are positive; from TorchRay.

    Its largest magnitude over the image's channels. Where a rectifier was missed, the job is refused.
    """
    module, index = probe.module(for_hooks=True), probe.index
    with calling("guided_backprop", module) as method:
        found = method.guided_backprop(module, probe.image.clone(), index)
    return agreeing(found, probe.gradient(rule="guided").abs().amax(1, keepdim=True))[0]


@attribution(
    paper="Zeiler & Fergus, ECCV 2014",
    passes=Passes(3, 2),
    precision="full",
    ndim=(2,),
    library="torchray",
    show="magnitude",
)
def deconvnet(probe: Probe) -> Tensor:
    """The gradient, let through a rectifier only where it is positive; from TorchRay.

    Its largest magnitude over the image's channels. Where a rectifier was missed, the job is refused.
    """
    module, index = probe.module(for_hooks=True), probe.index
    with calling("deconvnet", module) as method:
        found = method.deconvnet(module, probe.image.clone(), index)
    return agreeing(found, probe.gradient(rule="deconvnet").abs().amax(1, keepdim=True))[0]


@attribution(
    paper="Petsiuk, Das & Saenko, BMVC 2018",
    passes=lambda p: Passes(2 + p.masks),
    ndim=(2,),
    tasks=("classification",),
    gradients=False,
    library="torchray",
)
def rise(
    probe: Probe,
    *,
    masks: Annotated[int, Param(ge=1, help="Random masks; more is smoother")] = 4000,
    grid: Annotated[int, Param(ge=2, help="Cells per side of a mask before it is enlarged")] = 7,
    hide: Annotated[float, Param(gt=0, lt=1, help="Chance that a cell is hidden")] = 0.5,
) -> Tensor:
    """The mean of random masks, each weighted by the score of what it leaves visible; from TorchRay.

    TorchRay puts scores through a sigmoid; where that is at its end the masks would all weigh the same,
    and the job is refused. Its `p`, here `hide`, is the chance that a cell is hidden.
    """
    module, index = probe.module(), probe.index
    if abs(probe.value) > SATURATED:
        raise MethodError(
            f"TorchRay puts the score through a sigmoid, and that of this image is {probe.value:g}, where "
            "the sigmoid is flat: every mask would weigh the same. Take 'rise'."
        )
    with calling("rise", module) as method:
        found = method.rise(
            _Single(module),
            probe.image.float(),
            seed=int(torch.randint(2**31, (1,), generator=probe.rng)),
            num_masks=masks,
            num_cells=grid,
            p=hide,
            batch_size=1,  # TorchRay draws a batch's masks at once, and so they depend on its size
        )
    return found[0, index][None]


@attribution(
    paper="Fong, Patrick & Vedaldi, ICCV 2019",
    passes=lambda p: Passes(1 + p.steps * len(p.areas), p.steps * len(p.areas)),
    precision="full",
    ndim=(2,),
    library="torchray",
)
def extremal_perturbation(
    probe: Probe,
    *,
    areas: Annotated[
        tuple[float, ...], Param(gt=0, lt=1, help="Parts of the image that masks may leave visible")
    ] = (0.1,),
    steps: Annotated[int, Param(ge=1, help="Steps of the search for the masks")] = 800,
    stride: Annotated[int, Param(ge=1, help="Pixels between two numbers of a mask")] = 7,
    sigma: Annotated[float, Param(gt=0, help="Smoothness of a mask, in pixels")] = 21,
) -> Tensor:
    """The smooth mask of a given area that keeps the score highest, the rest blurred; from TorchRay.

    Averaged over areas. TorchRay mirrors the image at random on the way; that is switched off, since the
    target's mask of a segmentation does not move along.
    """
    module, index = probe.module(), probe.index
    with calling("extremal_perturbation", module) as method:
        found, _ = method.extremal_perturbation(
            _Single(module),
            probe.image.float(),
            index,
            areas=list(areas),
            max_iter=steps,
            step=stride,
            sigma=sigma,
            jitter=False,
            resize=True,
        )
    return found.detach().mean(0)


class _Single(nn.Module):
    """The model in single precision, as TorchRay's masks are."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.module(images)
        return scores.float()
