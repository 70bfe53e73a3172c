"""Maps on a layer's grid of the chance that a unit wins the competition from the top down."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Layer, MethodError, Param, Passes, Probe, layer_attribution

#: A difference below this part of what it is of is rounding.
ROUNDING = 1e-4


@layer_attribution(
    paper="Zhang et al., IJCV 2018",
    passes=Passes(1, 1),
    precision="full",
)
def excitation_backprop(probe: Probe, layer: Layer) -> Tensor:
    """The chance of each place to win, where every unit picks one of those that excite it.

    The score picks one of the units that it is read from, that unit one of its inputs, and so down to
    the layer. An input x is picked with the chance x⁺ w⁺ / Σ x⁺ w⁺ of what excites the unit: marginal
    winning probability, which is summed over channels. Activations and norms pass it on unchanged (a
    norm that turns a unit's sign lets negative weights excite it), a max-pool to its largest input;
    sums of a residual block, mean pools and interpolations share it out in proportion; attention
    weights count as weights, and gates as constants.

    It shows where the class's evidence may be, of whatever sign on balance: in deep networks maps of
    different classes look alike. `contrastive_excitation_backprop` tells them apart.

    Where all of the network goes through the layer the values add up to 1, less the share of units that
    nothing excites (a note says how much). That no chance gets lost is checked at the image.
    """
    return probe.relevance("excitation", layer).sum(1)


@layer_attribution(
    paper="Zhang et al., IJCV 2018",
    passes=Passes(1, 4),
    precision="full",
)
def contrastive_excitation_backprop(
    probe: Probe,
    layer: Layer,
    *,
    contrast: Annotated[
        str | None,
        Param(
            help="The layer at which the class is compared with its dual, between the explained layer and "
            "the output; the explained layer where not given"
        ),
    ] = None,
) -> Tensor:
    """The chance of each place to win for the class, less its chance to win for the class's dual.

    The dual unit has the weights of the class's unit negated: what speaks against the class excites it.
    Both go down to the contrast layer, where each is brought to a sum of 1 and the dual's is taken away;
    the difference goes on to the explained layer. Positive values speak for the class alone. The
    paper's pictures show these, of a contrast at the layer before the last.

    In a segmentation whose last layer looks at single voxels, the class and its dual have the same
    chance at each voxel before that layer, through other channels. Explain a deeper layer there, and
    name the one before the last as the contrast.

    The conservation of the class's own share is checked at the image.
    """
    at = contrast or layer.name
    found = probe.contrast(layer, at)
    values = found.sum(1)
    if not float(values.abs().max()) > ROUNDING * float(found.abs().sum(1).max()):
        raise MethodError(
            f"The class and its dual excite the same places of the layer '{layer.name}', compared at '{at}', "
            "through other channels. Explain a layer further from the output, and compare at one between."
        )
    return values
