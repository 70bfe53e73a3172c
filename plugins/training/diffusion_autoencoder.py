"""Trains the diffusion autoencoder that counterfactual images are made with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from torch.optim.swa_utils import AveragedModel

from esegeta import Course, Learner, MethodError, Param, training

from .._diffusion import TIMES, noised
from .._diffusion_net import DiffusionAutoencoder


class AutoencoderLearner(Learner):
    """The network in training, and the running average of its weights, which is kept."""

    def __init__(self, settings: dict[str, Any], rate: float, average: float, slices: str) -> None:
        super().__init__()
        self.settings = settings
        self.network = DiffusionAutoencoder(**settings)
        self.averaged = AveragedModel(self.network, multi_avg_fn=_averaging(average))
        self.kept = self.averaged.module
        self._rate, self._slices = rate, slices

    def optimiser(self, steps: int) -> tuple[Optimizer, LRScheduler]:
        """Adam, with a rate that rises and falls once."""
        found = Adam(self.network.parameters(), lr=self._rate)
        found.register_step_pre_hook(self._clip)
        found.register_step_post_hook(self._average)
        return found, OneCycleLR(found, self._rate, total_steps=steps, pct_start=0.1)

    def _clip(self, *_: Any) -> None:
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)

    def _average(self, *_: Any) -> None:
        self.averaged.update_parameters(self.network)

    def losses(self, images: Tensor, labels: Tensor | None, step: int) -> dict[str, Tensor]:
        """How far the noise that is told is from that which was added (L1)."""
        network = self.network if step >= 0 else self.kept
        x = network.scaled(self._one_slice(images))
        noise = torch.randn_like(x)
        times = torch.randint(TIMES, (len(x),), device=x.device)
        told = network.denoiser(noised(x, noise, times), times, network.encoder(x))
        return {"loss": (told - noise).abs().mean()}

    def _one_slice(self, images: Tensor) -> Tensor:
        """One slice of each case, drawn anew in each step."""
        if self._slices == "none":
            return images
        cases = images if self._slices == "channels" else images.transpose(1, 2)
        number = torch.arange(len(cases), device=cases.device)
        found = cases[number, torch.randint(cases.shape[1], number.shape, device=cases.device)]
        return found[:, None] if self._slices == "channels" else found


def _averaging(most: float) -> Callable[[list[Tensor], list[Tensor], Tensor], None]:
    """A running average over ever more steps, until the older ones keep the share ``most``."""

    @torch.no_grad()
    def average(kept: list[Tensor], now: list[Tensor], number: Tensor) -> None:
        done = int(number)
        torch._foreach_lerp_(kept, now, 1 - min(most, (1 + done) / (10 + done)))

    return average


@training(
    paper="Preechakul et al., CVPR 2022 (DiffAE); Fang et al., 2024 (DiffExplainer)", makes="base"
)
def diffusion_autoencoder(
    course: Course,
    *,
    latent: Annotated[
        int, Param(ge=2, help="Numbers in a latent; 512 in the papers, for larger images")
    ] = 64,
    widths: Annotated[
        list[int],
        Param(ge=4, help="Channels of each level of the U-Net; each next one has half the sides"),
    ] = [24, 48, 48],  # noqa: B006
    slices: Annotated[
        Literal["none", "channels", "depth"],
        Param(
            help="What one image is: all that is given; one of its channels; or one slice of a volume, "
            "along its first axis. Of a case one slice is drawn in each step"
        ),
    ] = "none",
    learning_rate: Annotated[float, Param(gt=0, help="The highest of the cycle, of Adam")] = 1e-3,
    average: Annotated[
        float,
        Param(ge=0, lt=1, help="What older steps keep in the running average of the weights"),
    ] = 0.999,
) -> Learner:
    """Learn to give images a meaning, and to make images of it: an encoder, and a diffusion decoder.

    No classifier has a part in it: one autoencoder serves all models of images like these. The encoder
    makes a latent of an image; the decoder, a U-Net without attention, is trained to tell the noise in a
    noisy image that it knows the latent of, by the mean absolute error. 1000 noise levels, betas rising
    linearly; of the weights a running average is kept. Along with the latent, that noise which the
    decoder turns into the image (deterministic DDIM, run backwards) restores it almost exactly.

    The least and largest value of each channel in the training data become −1 and 1, between which every
    image that is made lies.
    """
    channels, *spatial = course.shape
    if slices == "depth" and course.ndim == 2:
        raise MethodError("slices 'depth' cuts volumes; these are 2D images.")
    low, high = course.low.tolist(), course.high.tolist()
    if slices == "channels":
        channels, low, high = 1, [min(low)], [max(high)]
    elif slices == "depth":
        spatial = spatial[1:]
    if min(spatial) < 2 ** (len(widths) - 1):
        raise MethodError(
            f"{len(widths)} widths need sides of {2 ** (len(widths) - 1)} at least; these images "
            f"have {' × '.join(map(str, spatial))}."
        )
    settings = {
        "channels": channels, "spatial": spatial, "widths": widths, "latent": latent,
        "low": low, "high": high,
    }  # fmt: skip
    return AutoencoderLearner(settings, learning_rate, average, slices)
