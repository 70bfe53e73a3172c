"""Images along a way, from what an image is to what a model would call otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Way:
    """The images towards one class, and away from it.

    Parameters
    ----------
    name : str
        The class.
    images : Tensor
        (A, C, *spatial), one per position.
    probabilities : Tensor
        (A,) what the model gives the class.
    predicted : sequence of str
        (A,) the class that the model predicts of each.
    turn : float, optional
        The position nearest to the origin where the model changes its decision: to this class, or away
        from it.
    """

    name: str
    images: Tensor
    probabilities: Tensor
    predicted: Sequence[str]
    turn: float | None


@dataclass(frozen=True, eq=False)
class Strip:
    """What a method returns that makes images along ways.

    Parameters
    ----------
    map : Tensor
        (K, *spatial) the change to lay over the image.
    positions : sequence of float
        (A,) rising; 0 is among them.
    along : str
        What a position is, with its unit.
    ways : sequence of Way
        The explained class's first.
    floor : Tensor
        (C, *spatial) how far the image at the origin is from the one that is explained.
    """

    map: Tensor
    positions: Sequence[float]
    along: str
    ways: Sequence[Way]
    floor: Tensor

    @property
    def origin(self) -> int:
        """The number of the position that is 0."""
        return list(self.positions).index(0)

    def record(self) -> dict[str, Any]:
        """Everything but the images, as JSON knows it."""
        return {
            "along": self.along,
            "positions": list(self.positions),
            "ways": [
                {
                    "class": way.name,
                    "probabilities": way.probabilities.tolist(),
                    "predicted": list(way.predicted),
                    "turn": way.turn,
                }
                for way in self.ways
            ],
        }

    def arrays(self) -> Mapping[str, Tensor]:
        """The images by the names they are stored under: ``floor``, ``way-0``, ``way-1`` and so on."""
        return {"floor": self.floor, **{f"way-{n}": way.images for n, way in enumerate(self.ways)}}
