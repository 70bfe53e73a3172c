"""What One For All minimises, and which patches it hides for that."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Sampler = Literal["informed", "uniform", "shapley"]
Stop = Literal["none", "masked", "full"]
Terms = Literal["all", "l1", "l1+l2"]

SHARPNESS = 2.0
"""How much an informed mask heeds a patch's contribution, in standard deviations, against chance."""


def sized(keys: Tensor, sizes: Tensor) -> Tensor:
    """(…, n) bool: of each row of keys (…, n) the largest, as many as sizes (…) says."""
    return keys.argsort(-1, descending=True).argsort(-1) < sizes[..., None]


def uniform(rows: int, masks: int, patches: int, device: torch.device) -> Tensor:
    """(rows, masks, patches) bool: every number of patches is as likely, then every set of so many."""
    sizes = torch.randint(0, patches + 1, (rows, masks), device=device)
    return sized(torch.rand(rows, masks, patches, device=device), sizes)


def shapley(rows: int, masks: int, patches: int, device: torch.device) -> Tensor:
    """The same, where s patches are drawn with a weight of 1 / (s (n − s)), never none and never all.

    It is the law under which a least-squares fit gives Shapley values (FastSHAP).
    """
    s = torch.arange(1, patches, device=device, dtype=torch.float32)
    sizes = 1 + torch.multinomial(1 / (s * (patches - s)), rows * masks, replacement=True)
    keys = torch.rand(rows, masks, patches, device=device)
    return sized(keys, sizes.reshape(rows, masks))


def informed(share: Tensor, masks: int) -> Tensor:
    """(N, masks, n) bool: half of them tend to show what contributes (N, n) most, half to hide it.

    Every number of patches is as likely. Which they are is drawn one after another without putting back
    (Plackett–Luce), with weights exp(± 2 φ / σ); noise of Gumbel's law does that at once.
    """
    (rows, patches), device = share.shape, share.device
    spread = share.std(1, keepdim=True)
    level = SHARPNESS * (share - share.mean(1, keepdim=True)) / spread.where(spread > 0, 1)
    sign = torch.randint(0, 2, (rows, masks, 1), device=device) * 2 - 1
    sizes = torch.randint(0, patches + 1, (rows, masks), device=device)
    noise = -torch.rand(rows, masks, patches, device=device).clamp_min(1e-9).log().neg().log()
    return sized(sign * level[:, None] + noise, sizes)


def drawn(share: Tensor, masks: int, sampler: Sampler, even: float) -> Tensor:
    """(N, masks, n) bool: which patches are seen in each masked copy of an image.

    Parameters
    ----------
    share : Tensor
        (N, n) what patches contribute to the class.
    even : float
        Which part of informed masks is drawn without heeding it.
    """
    rows, patches = share.shape
    if sampler == "shapley":
        return shapley(rows, masks, patches, share.device)
    plain = uniform(rows, masks, patches, share.device)
    if sampler == "uniform":
        return plain
    chance = torch.rand(rows, masks, 1, device=share.device)
    return torch.where(chance < even, plain, informed(share, masks))


def losses_of(
    model: Any,
    images: Tensor,
    labels: Tensor,
    *,
    terms: Terms,
    masks: int,
    sampler: Sampler,
    even: float,
    stop: Stop,
    at_once: int = 0,
) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
    """The terms of One For All's loss, and φ⁺ and φ⁻ (N, n, classes) of the whole images.

    The masked copies of all images pass together: one of each for equation 6, ``masks`` for equation 7.

    Parameters
    ----------
    model : nn.Module
        With ``parts``, ``whole`` and ``masked`` as `OneForAll` has them.
    """
    whole = model.parts(images)
    found = {"classification": F.cross_entropy(model.whole(whole).float(), labels)}
    if terms != "l1":
        n = whole[0].shape[1]
        kept = uniform(len(images), 1, n, images.device)
        shown = kept
        if terms == "all":
            share = (whole[0] - whole[1]).detach().float()
            own = share[torch.arange(len(labels)), :, labels]
            kept = drawn(own, masks, sampler, even)
            if stop != "masked":
                shown = torch.cat([shown, kept], 1)
        parts = model.parts(images, shown, at_once)
        logits = model.masked(parts, shown).float()
        found["masking"] = F.cross_entropy(logits[:, 0], labels)
        if terms == "all":
            if stop == "masked":  # what it is told to match needs no graph
                with torch.no_grad():
                    said = model.masked(model.parts(images, kept, at_once), kept).float()
            else:
                said = logits[:, 1:]
            meant = model.masked([part[:, None] for part in whole], kept).float()
            found["explanation"] = divergence(meant.detach() if stop == "full" else meant, said)
    found["loss"] = torch.stack(list(found.values())).sum()
    return found, whole


def divergence(meant: Tensor, said: Tensor) -> Tensor:
    """The Kullback–Leibler divergence D(meant ‖ said) of logits (…, classes), its mean."""
    p, q = meant.log_softmax(-1), said.log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean()
