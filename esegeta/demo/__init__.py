"""What the built-in demonstration shows: vessel trees, digits, and a network for each."""

from esegeta.demo.networks import digit_network, vessel_network
from esegeta.demo.vessels import vessel_tree

__all__ = ["digit_network", "vessel_network", "vessel_tree"]
