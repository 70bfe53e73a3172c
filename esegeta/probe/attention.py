"""What a vision transformer's attention says of the places of an image."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from esegeta.errors import MethodError
from esegeta.probe.backward import gradients_of, require_gradient, require_open
from esegeta.probe.network import Network
from esegeta.probe.objective import Objective
from esegeta.probe.patches import Blended, PatchedNetwork
from esegeta.probe.pull import Passed, Pull
from esegeta.probe.rules.attention import AttentionRule
from esegeta.probe.tokens import grid_of

#: Makes a number per token (N, tokens) of attention weights (N, heads, tokens, tokens), block by block,
#: and of the score's gradients there, where these are asked.
Combine = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]

#: What combined numbers are kept as, of patches.
PLACE = "attention"


def attention(
    network: Network | PatchedNetwork,
    objective: Objective,
    image: Tensor,
    combine: Combine,
    *,
    gradients: bool,
) -> tuple[Tensor | None, Tensor]:
    """The score (1,), where it was told on the way, and the numbers of tokens on their grid.

    Of an image in patches attention relates the tokens of one patch only: numbers are combined patch by
    patch. Those from gradients are added up; others are averaged where patches overlap.

    Raises
    ------
    MethodError
        If the model has no attention, or one that does not relate all tokens of the image.
    """
    require_open(network, "attention")
    with torch.inference_mode(False), network.borrowed():
        if isinstance(network, PatchedNetwork):
            return _of_patches(network, objective, image, combine, gradients)
        rule = AttentionRule()
        with torch.set_grad_enabled(gradients), network.under(rule):
            leaf = image.detach().clone().requires_grad_(gradients)
            output = network.reach(leaf, objective.layer)
        grid = output if objective.layer is None else network.as_grid(output, image.shape[2:])
        with torch.set_grad_enabled(gradients):
            scores = objective.read(output if grid is None else grid)[:, objective.index]
        found = _combined(network, rule, scores, None, combine, image, gradients)
    return scores.detach(), found


def _combined(
    network: Network,
    rule: AttentionRule,
    values: Tensor,
    seeds: Tensor | None,
    combine: Combine,
    images: Tensor,
    gradients: bool,
) -> Tensor:
    """(N, 1, *grid) what is combined of a forward's attention."""
    weights = _usable(rule.met, images)
    slopes: Sequence[Tensor] = ()
    if gradients:
        require_gradient(values)
        found = gradients_of(values, weights, seeds)
        network.counts.backward += len(images)
        slopes = [
            torch.zeros_like(w) if g is None else g for g, w in zip(found, weights, strict=True)
        ]
    weights = [w.detach() for w in weights]
    numbers = combine(weights, slopes)
    grid = network.as_grid(numbers[:, :, None], images.shape[2:])
    if grid is None:
        raise MethodError(
            f"The {numbers.shape[1]} tokens of this model are no grid of cubic patches that divide the image "
            f"{tuple(images.shape[2:])}, so that their places are not known."
        )
    return grid


def _usable(met: Sequence[Tensor], images: Tensor) -> list[Tensor]:
    """Attention of all tokens to all tokens, (N, heads, tokens, tokens) each.

    Blocks at the end that attend among the image's places and other tokens than those before, such as
    the class tokens of a decoder, are left out: the first blocks say what each place holds of the image.
    """
    if not met:
        raise MethodError(
            "This model has no attention (nn.MultiheadAttention, scaled_dot_product_attention, or a "
            "softmax that a matrix product takes); the method is for vision transformers. Use 'grad_cam'."
        )
    found = [w[:, None] if w.dim() == 3 else w for w in met]
    sizes = [_tokens(w, len(images)) for w in found]
    encoder = [w for w, size in zip(found, sizes, strict=True) if size == sizes[0]]
    grid = grid_of(images.new_empty((1, sizes[0] or 0, 1)), images.shape[2:])
    after = sizes[len(encoder) :]
    holds = grid is not None and all(size is not None and size > math.prod(grid) for size in after)
    if sizes[0] is None or (after and not (holds and sizes[0] not in after)):
        seen = ", ".join(sorted({str(tuple(w.shape)) for w in met}))
        raise MethodError(
            "The attention of this model does not relate all tokens of the image in every block "
            f"(windows, pooled or crossed attention, or a way to call it that is not known: {seen}), so it "
            "cannot be followed from block to block. Use 'grad_cam' or 'lrp'."
        )
    return encoder


def _tokens(weights: Tensor, count: int) -> int | None:
    """Between how many tokens a block's attention is, where it is between all of them."""
    if weights.dim() != 4 or len(weights) != count or weights.shape[2] != weights.shape[3]:
        return None
    return weights.shape[2]


def _of_patches(
    network: PatchedNetwork,
    objective: Objective,
    image: Tensor,
    combine: Combine,
    gradients: bool,
) -> tuple[Tensor | None, Tensor]:
    if gradients:
        with torch.no_grad(), network.looking_at(objective.mask):
            whole = network.reach(image, objective.layer)
        with torch.enable_grad():
            whole.requires_grad_()
            scores = objective.read(whole)[:, objective.index]
        require_gradient(scores)
        (seed,) = gradients_of(scores, [whole])
        pull = _PullAttention(network, image, objective.layer, combine)
        pull.run(torch.zeros_like(whole) if seed is None else seed)
        return scores.detach(), pull.blended
    tiling = network.tiling_of(image)
    blended = Blended(tiling)

    def ask(start: int, stop: int) -> Tensor:
        batch = torch.cat([tiling.cut(image, number) for number in range(start, stop)])
        rule = AttentionRule()
        with network.under(rule):
            values = network.values(batch, objective.layer)
        network.require_independent(batch, values, objective.layer)
        return _combined(network.one, rule, values, None, combine, batch, False)

    with torch.no_grad():
        number = 0
        for grids in network.batches.run(len(tiling), ask):
            for grid in grids:
                blended.add(grid, number)
                number += 1
            network.tick()
    return None, blended.whole


class _PullAttention(Pull):
    """Takes a gradient at a blended output back to attention weights, and combines them by patches."""

    def __init__(
        self, network: PatchedNetwork, volume: Tensor, end: str | None, combine: Combine
    ) -> None:
        super().__init__(network, volume, end, (), image=True, rule="plain")
        self.combine = combine

    def _back(self, numbers: Sequence[int], seeds: Tensor) -> Passed:
        rule, batch = AttentionRule(), self._cut(numbers)
        with torch.enable_grad(), self.network.under(rule):
            values = self.network.values(batch.requires_grad_(), self.end)
        self.network.require_independent(batch.detach(), values.detach(), self.end)
        grid = _combined(self.network.one, rule, values, seeds, self.combine, batch, True)
        # (Under the name of the image, as what it holds is a grid already.)
        return Passed(numbers, {None: grid}, {})

    @property
    def blended(self) -> Tensor:
        """What all patches say, added up."""
        found = self._result(self._pulled, None)
        if found is None:
            raise MethodError("The score does not depend on the image.")
        return found
