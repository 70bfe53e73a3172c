"""What a probe answers about how the score comes about inside the model."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from esegeta.checks import Check
from esegeta.probe.attention import Combine
from esegeta.probe.contributions import ROUNDING
from esegeta.probe.layer import Layer
from esegeta.probe.perturbed import Perturbed
from esegeta.probe.relevance import Found
from esegeta.probe.rules import Relevance
from esegeta.probe.rules.relevance_table import Kind
from esegeta.probe.tokens import grid_of
from esegeta.probe.tracing import Tracing


class Traced(Perturbed):
    """The part of `Probe` that sees or changes the functions of the model; see there."""

    checks: list[Check]
    notes: dict[str, Any]
    _ask: Tracing

    def contributions(self, starts: Tensor, layer: Layer | None = None) -> Tensor:
        """What each voxel, or unit of a layer, contributes to the score against baselines.

        By the rescale rule. The contributions of all voxels add up to score(image) − score(start);
        the check says how nearly, also where those of a layer are asked.

        Parameters
        ----------
        starts : Tensor
            (N, C, *spatial), the baselines.

        Returns
        -------
        Tensor
            (N, C, *spatial), or (N, K, *grid).

        Raises
        ------
        MethodError
            If they do not add up, with the functions of the model that the rule does not know.
        """
        found = self._ask.contributions(
            starts.to(self.image), None if layer is None else layer.name
        )
        self.checks.append(found.check())
        if found.unknown and found.error > ROUNDING:
            self.notes["unknown functions"] = found.strangers
        found.require_exact()
        values = found.at(None if layer is None else layer.name)
        return values if layer is None else layer.on_grid(values)

    def relevance(
        self, rule: Kind, layer: Layer | None = None, *, epsilon: float = 0, gamma: float = 0
    ) -> Tensor:
        """How much of the score is due to each voxel, or unit of a layer, by a rule of relevance.

        The check says which part of it is neither at the image nor stayed with biases on the way; a
        note says how much stayed.

        Parameters
        ----------
        rule : {"epsilon", "gamma", "zplus", "composite", "excitation"}
        epsilon : float
            Stabiliser of the ε rule, as a part of the root mean square of a unit's neighbours.
        gamma : float
            How much more counts what has the sign of the sum.

        Returns
        -------
        Tensor
            (1, C, *spatial), or (1, K, *grid).

        Raises
        ------
        MethodError
            If relevance gets lost, with the functions of the model that the rule does not know.
        """
        name = None if layer is None else layer.name
        found = self._conserved(self._ask.relevance(Relevance(rule, epsilon, gamma), name))
        values = found.at(name)
        return values if layer is None else layer.on_grid(values)

    def attention(self, combine: Combine, *, gradients: bool = False) -> Tensor:
        """What is made of a vision transformer's attention weights, on the grid of its tokens.

        Parameters
        ----------
        combine : callable
            Makes a number per token (N, tokens) of the weights (N, heads, tokens, tokens) of all blocks,
            and of the score's gradients there.
        gradients : bool
            Whether these are needed.

        Returns
        -------
        Tensor
            (1, 1, *grid).

        Raises
        ------
        MethodError
            If the model has no attention, or one that does not relate all tokens of the image.
        """
        return self._ask.attention(combine, gradients=gradients)

    def extra_tokens(self, tokens: int) -> int:
        """How many of so many tokens stand before those of the image's places."""
        grid = grid_of(self.image.new_empty((1, tokens, 1)), self.window)
        return 0 if grid is None else tokens - math.prod(grid)

    def contrast(self, layer: Layer, at: str) -> Tensor:
        """Excitation of a layer's units by the class, less that by its dual; compared ``at`` a layer."""
        found = self._conserved(self._ask.relevance(Relevance("excitation"), layer.name, at))
        return layer.on_grid(found.contrast())

    def _conserved(self, found: Found) -> Found:
        self.checks.append(found.check())
        self.notes["relevance absorbed"] = f"{found.absorbed:.1%}"
        if found.unknown:
            self.notes["unknown functions"] = found.strangers
        found.require_conserved()
        return found
