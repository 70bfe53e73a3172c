"""Maps of layer-wise relevance propagation at a layer."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, layer_attribution


@layer_attribution(
    paper="Bach et al., PLoS ONE 2015; Montavon et al., LNCS 11700, 2019",
    passes=Passes(1, 1),
    precision="full",
)
def layer_lrp(
    probe: Probe,
    layer: Layer,
    *,
    rule: Annotated[
        Literal["composite", "epsilon", "gamma", "zplus"],
        Param(help="How a unit's relevance is shared out among its inputs"),
    ] = "composite",
    epsilon: Annotated[
        float,
        Param(
            ge=0,
            help="Stabiliser of the rule epsilon, as a part of the root mean square of a unit's neighbours",
        ),
    ] = 0.01,
    gamma: Annotated[
        float, Param(gt=0, help="In the rule gamma: how much more counts what speaks for a unit")
    ] = 0.25,
) -> Tensor:
    """How much of the score is due to each place of a layer, by layer-wise relevance propagation.

    The rules are those of `lrp`; relevance is summed over channels. Where all of the network goes
    through the layer the values add up to the score, less what biases and stabilisers absorb, before
    they are enlarged. That it is conserved is checked at the image.
    """
    return probe.relevance(rule, layer, epsilon=epsilon, gamma=gamma).sum(1)
