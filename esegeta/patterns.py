"""Layers that a user does not name: by a pattern, or the one that suits."""

AUTO = "auto"
"""The last layer that still has a grid."""


def open_ended(layer: str) -> bool:
    """Whether a layer as a user gives it has to be looked for among those that run."""
    return layer == AUTO or any(sign in layer for sign in "*?[")
