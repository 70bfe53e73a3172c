"""Maps of layer-wise relevance propagation at a layer."""

from __future__ import annotations

from torch import Tensor

from esegeta import Layer, Passes, Probe, layer_attribution

from ..attribution.lrp import Epsilon, Gamma, Rule


@layer_attribution(
    paper="Bach et al., PLoS ONE 2015; Montavon et al., LNCS 11700, 2019",
    passes=Passes(1, 1),
    precision="full",
    linear=True,
)
def layer_lrp(
    probe: Probe,
    layer: Layer,
    *,
    rule: Rule = "composite",
    epsilon: Epsilon = 0.01,
    gamma: Gamma = 0.25,
) -> Tensor:
    """How much of the score is due to each place of a layer, by layer-wise relevance propagation.

    The rules are those of `lrp`; relevance is summed over channels. Where all of the network goes
    through the layer the values add up to the score, less what biases and stabilisers absorb, before
    they are enlarged. That it is conserved is checked at the image.
    """
    return probe.relevance(rule, layer, epsilon=epsilon, gamma=gamma).sum(1)
