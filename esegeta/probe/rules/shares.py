"""How the relevance of a weighted sum is shared out among its inputs.

Relevance travels as a gradient: at a tensor x with the relevance R, autograd holds g = R / x. So views,
concatenations and poolings pass it on by their own derivative, and only sums need a rule. For

    z_j = s_j (Σ_i x_i w_ij + b_j) + t_j

an input gets R_i = Σ_j c_ij / D_j · R_j, with its share c_ij and the sum of all shares D_j, the bias's
among them:

======================  =========================================  =====================
rule                    share c_ij                                 sum D_j
======================  =========================================  =====================
ε (Bach, 2015)          x_i w_ij                                   z_j ± ε · rms(z)
γ (Montavon, 2019)      x_i w_ij + γ (x_i w_ij)ᶠ                   Σ c_ij
z⁺ (Montavon, 2017)     (x_i w_ij)ᶠ                                Σ c_ij
excitation (Zhang 2018) x_i⁺ w_ij⁺                                 Σ c_ij, no bias
======================  =========================================  =====================

The superscript f keeps what has the sign of z_j: the positive parts of an active unit, the negative ones
of a negative unit (a negative logit; a unit before a leaky rectifier). So D_j is never smaller than z_j.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

#: Which weights of a sum count.
Part = Literal["all", "positive", "negative"]

#: A sum without its bias: of inputs, with a part of its weights; None where it has none of them.
Function = Callable[[Sequence[Tensor], Part], "Tensor | None"]


@dataclass(frozen=True)
class Shares:
    """A rule by how much it gives to inputs.

    Attributes
    ----------
    whole, favoured : float
        How much of an input's part in the sum counts, and how much of it again where it has the sum's
        sign.
    epsilon : float
        Stabiliser, as a part of the root mean square of a unit's neighbours.
    excitatory : bool
        Whether only positive inputs with positive weights count, and no bias.
    """

    whole: float
    favoured: float
    epsilon: float = 0.0
    excitatory: bool = False


class WeightedSum:
    """One call of a function that sums inputs with weights.

    Parameters
    ----------
    shares : Shares
    function : callable
        The sum without bias.
    inputs : sequence of Tensor
        Those that depend on the image.
    bias : Tensor or None
        As it is added to the sum.
    value : Tensor
        What the call returns, with the bias.
    account : callable
        Told the relevance that reached no input.
    dense : bool
        Whether each row is a unit's surrounding of its own, as in ``F.linear``; else each image is.
    """

    def __init__(
        self,
        shares: Shares,
        function: Function,
        inputs: Sequence[Tensor],
        bias: Tensor | None,
        value: Tensor,
        account: Callable[[Tensor], None],
        *,
        dense: bool = False,
        weighted: bool = True,
    ) -> None:
        self.shares = shares
        self.function = function
        self.inputs = [x.detach() for x in inputs]
        self.bias = bias
        self.value = value.detach()
        self.account = account
        self.dense = dense
        self.weighted = weighted
        self.scale: Tensor | None = None
        self.dual = False

    def scaled(self, scale: Tensor, shift: Tensor | None, value: Tensor) -> WeightedSum:
        """The same sum with a norm behind it that multiplies each unit and adds to it."""
        bias = self.bias if self.bias is None else self.bias * scale
        if shift is not None:
            bias = shift if bias is None else bias + shift
        other = WeightedSum(
            self.shares,
            self.function,
            self.inputs,
            bias,
            value,
            self.account,
            dense=self.dense,
            weighted=self.weighted,
        )
        other.scale = scale if self.scale is None else self.scale * scale
        return other

    def back(self, gradient: Tensor) -> list[Tensor]:
        """Gradients at the inputs, of which relevance is the input times its own."""
        relevance = self.value * gradient
        with torch.enable_grad():
            leaves = [x.detach().requires_grad_() for x in self.inputs]
            parts = self._parts(leaves, relevance != 0)
        total = torch.zeros_like(self.value)
        for part, factor in parts:
            total = total + factor * part.detach()
        if self.scale is not None:
            total = total * self.scale
        each = _quotient(relevance, self._stable(total + self._of_bias()))
        if self.scale is not None:
            each = each * self.scale
        outputs = [part for part, _ in parts]
        seeds = [(each * factor).expand_as(part) for part, factor in parts]
        found: Sequence[Tensor | None] = [None] * len(leaves)
        if outputs:
            found = torch.autograd.grad(outputs, leaves, seeds, allow_unused=True)
        given = [
            torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True)
        ]
        kept = [(x * g).double().sum() for x, g in zip(self.inputs, given, strict=True)]
        self.account(relevance.double().sum() - torch.stack(kept).sum())
        return given

    def keep(self, target: Tensor) -> None:
        """Keep a copy of what is about to be overwritten in place."""
        place = target.untyped_storage().data_ptr()
        if self.value.untyped_storage().data_ptr() == place:
            self.value = self.value.clone()
        self.inputs = [
            x.clone() if x.untyped_storage().data_ptr() == place else x for x in self.inputs
        ]

    def _parts(self, leaves: Sequence[Tensor], some: Tensor) -> list[tuple[Tensor, float | Tensor]]:
        """Sums of inputs, and how often (at each unit that is relevant) they count; unscaled."""
        found: list[tuple[Tensor, float | Tensor]] = []
        if self.shares.whole:
            whole = self.function(leaves, "all")
            assert whole is not None, "a sum has weights"
            found.append((whole, self.shares.whole))
        if not self.shares.favoured:
            return found
        upwards = self._upwards(leaves)
        for positive, chosen in ((True, upwards & some), (False, ~upwards & some)):
            # (Behind a rectifier no unit is relevant that is negative.)
            part = self._signed(leaves, positive) if bool(chosen.any()) else None
            if part is not None:
                found.append((part, self.shares.favoured * chosen.to(self.value)))
        return found

    def _signed(self, leaves: Sequence[Tensor], positive: bool) -> Tensor | None:
        """The positive, or the negative parts of the sum."""
        same: Part = "positive" if positive else "negative"
        other: Part = "negative" if positive else "positive"
        found = self.function([x.clamp(min=0) for x in leaves], same)
        # (Where there are no weights only the inputs have signs.)
        inhibited = not self.shares.excitatory or not self.weighted
        if inhibited and any(bool((x < 0).any()) for x in self.inputs):
            found = _plus(found, self.function([x.clamp(max=0) for x in leaves], other))
        return found

    def _upwards(self, leaves: Sequence[Tensor]) -> Tensor:
        """Where it is the positive parts of the sum that are favoured, before its scale."""
        if not self.shares.excitatory:
            upwards = self.value >= 0
        elif self.weighted:
            upwards = torch.ones_like(self.value, dtype=torch.bool)
        else:  # what only gathers passes all on, of negative units too
            up = self._signed([x.detach() for x in leaves], positive=True)
            upwards = torch.ones_like(self.value, dtype=torch.bool) if up is None else up > 0
        turned = torch.zeros_like(upwards) | self.dual
        if self.scale is not None:
            turned = turned ^ (self.scale < 0)
        return upwards ^ turned

    def _of_bias(self) -> Tensor:
        """The bias's part in the sum of all shares."""
        if self.bias is None or self.shares.excitatory:
            return torch.zeros((), dtype=self.value.dtype, device=self.value.device)
        same = (self.bias >= 0) == (self.value >= 0)
        return self.shares.whole * self.bias + self.shares.favoured * self.bias * same

    def _stable(self, total: Tensor) -> Tensor:
        if not self.shares.epsilon:
            return total
        around = (-1,) if self.dense else tuple(range(1, total.dim()))
        size = total.square().mean(around, keepdim=True).sqrt() if around else total.abs()
        return total + self.shares.epsilon * torch.where(total >= 0, size, -size)


def _plus(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _quotient(relevance: Tensor, total: Tensor) -> Tensor:
    """Relevance by the sum of shares; none where nothing has a share."""
    some = total.abs() > 1e6 * torch.finfo(total.dtype).tiny
    return torch.where(some, relevance / torch.where(some, total, 1), 0)
