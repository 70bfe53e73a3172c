"""What the experiment on counterfactual images measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from esegeta import Probe
from esegeta.experiments import Subject

from .._diff_explainer import Codec, Explainer, sweep, with_origin


def explainers(subject: Subject, probe: Probe, steps: int) -> dict[str, Explainer]:
    """The config's methods, by name, that were trained to make counterfactuals for a model."""
    found = {}
    for use in subject.methods:
        if use.plugin.name == "diff_explainer" and use.artifact is not None:
            use.artifact.require("diff_explainer", probe)
            found[use.name] = Explainer.of(probe, use.artifact, steps)
    return found


@dataclass(frozen=True, eq=False)
class Coded:
    """Images with what they mean, and what is left of them.

    Parameters
    ----------
    images, latents, noise : Tensor
    restored : Tensor
        The images that both become.
    """

    images: Tensor
    latents: Tensor
    noise: Tensor
    restored: Tensor

    @classmethod
    def of(cls, codec: Codec, images: Tensor) -> Coded:
        """Encode and restore images."""
        latents = codec.latents(images)
        noise = codec.noise(images, latents)
        return cls(images, latents, noise, codec.decode(noise, latents))

    def along(self, codec: Codec, ways: Tensor, positions: Sequence[float]) -> Tensor:
        """(N, A, C, *spatial) the images moved along ways (N, latent), those at 0 as restored."""
        found = sweep(codec, self.noise, self.latents, ways[:, None], positions)
        return with_origin(*found, positions)[:, 0]


def chances(probe: Probe, images: Tensor) -> Tensor:
    """(…, classes) what a model says of images (…, C, *spatial), on the CPU."""
    leading = images.shape[: images.dim() - 1 - probe.ndim]
    return (
        probe.confidence().scores(images.flatten(0, len(leading) - 1)).cpu().unflatten(0, leading)
    )


def divergence(taught: Tensor, told: Tensor) -> Tensor:
    """(N,) the Kullback–Leibler divergence of probabilities (N, classes) from those that are taught."""
    return (taught * (taught.clamp(1e-9).log() - told.clamp(1e-9).log())).sum(1)


def turned(decided: Tensor, positions: Sequence[float], index: int, far: float) -> Tensor:
    """(N,) which decisions changed as intended: to the class at +far, away from it at −far.

    Parameters
    ----------
    decided : Tensor
        (N, A) what is predicted at each position.
    """
    places = list(positions)
    own = decided[:, places.index(0)] == index
    to, away = decided[:, places.index(far)] == index, decided[:, places.index(-far)] != index
    return torch.where(own, away, to)
