"""Which layers a user means: by name, by pattern, or the last that still has a grid."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from esegeta.errors import ModelError, unknown
from esegeta.models.layers import LayerInfo
from esegeta.patterns import AUTO, open_ended


def choose(layer: str, listed: Sequence[LayerInfo]) -> list[str]:
    """Give the addresses of the layers that are meant, in the order in which they run.

    Parameters
    ----------
    layer : str
        A name, which stands for itself; ``auto``; or a pattern, in which ``*`` stands for any text,
        ``?`` for a letter and ``[abc]`` for one of these. It is for layers with a grid alone.
    listed : sequence of LayerInfo
        The layers that run.

    Raises
    ------
    ModelError
        Where a pattern fits no layer with a grid, or there is none at all.
    """
    if not open_ended(layer) or any(info.name == layer for info in listed):
        return [layer]
    fitting = [info for info in listed if info.grid is not None]
    if layer == AUTO:
        # The last call of it: an earlier one has less behind it.
        found = [info.addresses[-1] for info in fitting if info.auto]
    else:
        found = [
            place for info in fitting if fnmatchcase(info.name, layer) for place in info.addresses
        ]
    if found:
        return found
    if layer == AUTO:
        raise ModelError(
            'no layer but the prediction itself is a grid over the image, so "auto" has none to choose'
        )
    raise ModelError(unknown("layer with a grid like", layer, [info.name for info in fitting]))
