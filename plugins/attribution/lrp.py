"""Maps of layer-wise relevance propagation at the image."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from esegeta import Param, Passes, Probe, attribution

Rule = Annotated[
    Literal["composite", "epsilon", "gamma", "zplus"],
    Param(help="How a unit's relevance is shared out among its inputs"),
]
Epsilon = Annotated[
    float,
    Param(
        ge=0,
        help="Stabiliser of the rule epsilon, as a part of the root mean square of a unit's neighbours",
    ),
]
Gamma = Annotated[
    float, Param(gt=0, help="In the rule gamma: how much more counts what speaks for a unit")
]


@attribution(
    paper="Bach et al., PLoS ONE 2015; Montavon et al., LNCS 11700, 2019",
    passes=Passes(1, 1),
    precision="full",
    linear=True,
)
def lrp(
    probe: Probe,
    *,
    rule: Rule = "composite",
    epsilon: Epsilon = 0.01,
    gamma: Gamma = 0.25,
) -> Tensor:
    """How much of the score is due to each voxel, by layer-wise relevance propagation.

    The score is the relevance of the output. Each unit z = Σ x w + b passes its relevance R on to its
    inputs x, in proportion to their shares in the unit:

    * epsilon: x w / (z ± ε), where ε keeps the share small of units whose inputs cancel (Bach et al.,
      2015). On a network of rectifiers with ε = 0 it is the image times the gradient.
    * gamma: (x w + γ (x w)⁺) / Σ, by which what speaks for a unit counts more (Montavon et al., 2019).
    * zplus: (x w)⁺ / Σ: only what speaks for a unit counts (Montavon et al., 2017).
    * composite: epsilon in linear layers, zplus in convolutions, sums and pools (Kohlbrenner et al.,
      2020), which is the usual choice for classifiers.

    Where z is negative, (·)⁺ is what is negative too. The signs of the image's values count: the image
    needs no bounds. Activations pass relevance on unchanged, a max-pool to the largest input, sums (of a
    residual block) and mean pools by the rule above. A batch norm is one with the convolution before
    it. Norms by the image's own statistics are linear with the statistics held constant (Ali et al.,
    2022); by zplus each unit keeps its relevance. Gates and attention weights are held constant, and
    of two other factors each gets half.

    What is relevant adds up to the score, less what biases and stabilisers absorb: a note says how much
    that is, and the check how much got lost otherwise. A model where it is more than 1 % is refused,
    with the functions that have no rule.
    """
    return probe.relevance(rule, epsilon=epsilon, gamma=gamma)[0]
