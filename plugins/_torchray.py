"""Calls TorchRay, and compares what it finds with what it must be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from esegeta import MethodError, import_library, library_call

from ._checking import EXACT, difference


@contextmanager
def calling(name: str, module: nn.Module) -> Iterator[Any]:
    """Give a module of TorchRay to call on a model, whose flags are as before afterwards."""
    method = import_library(f"torchray.attribution.{name}")
    training = [(part, part.training) for part in module.modules()]
    learning = [(p, p.requires_grad) for p in module.parameters()]
    try:
        with library_call(f"TorchRay's {name}"):
            yield method
    finally:
        # After an error TorchRay leaves them as it wants them.
        for part, flag in training:
            part.training = flag
        for parameter, flag in learning:
            parameter.requires_grad_(flag)


def agreeing(found: Tensor, expected: Tensor) -> Tensor:
    """What TorchRay found, refused where it is not what the method is."""
    found = found.detach()
    error = difference(found, expected)
    if error > EXACT:
        raise MethodError(
            f"TorchRay is wrong on this model: its map differs from the method's by {error:.0%}. It has no "
            "rule for some function of the model, or its layer's output is changed in place. Take the "
            "method of the same name without the library."
        )
    return found
