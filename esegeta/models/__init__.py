"""Loading of users' networks, and what can be read off them: layers and the input they take."""

from esegeta.models.check import check_input
from esegeta.models.choosing import choose
from esegeta.models.layers import LayerInfo, expected_input, layers
from esegeta.models.layout import channels_last
from esegeta.models.load import LoadedModel, load
from esegeta.models.weights import load_weights, weights_in

__all__ = [
    "LayerInfo",
    "LoadedModel",
    "channels_last",
    "check_input",
    "choose",
    "expected_input",
    "layers",
    "load",
    "load_weights",
    "weights_in",
]
