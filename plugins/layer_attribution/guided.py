"""Maps on the image of what a unit of a layer looks at."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from esegeta import Layer, MethodError, Param, Passes, Probe, layer_attribution


@layer_attribution(
    paper="Springenberg et al., ICLR workshop 2015",
    passes=Passes(1, 1),
    show="magnitude",
)
def layer_guided_backprop(
    probe: Probe,
    layer: Layer,
    *,
    channel: Annotated[
        int | None, Param(ge=0, help="The channel; where not given, all of the layer")
    ] = None,
    position: Annotated[
        list[int] | None,
        Param(help="A place on the layer's grid, from 0; the mean of the channel where not given"),
    ] = None,
) -> Tensor:
    """What a layer's unit or channel responds to in this image, by guided back-propagation.

    The gradient of the unit's activation at the image, let through a rectifier only where it is positive
    and the unit active. Of a whole layer it is that of half its mean squared activation. It does not
    depend on the explained class. The map is on the image's grid.
    """
    if position is not None and channel is None:
        raise MethodError('A position needs a channel; give "channel" too.')
    return probe.unit(layer.name, channel, position).gradient(rule="guided")[0]
