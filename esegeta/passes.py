"""What a method costs, in images passed through the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Passes:
    """What a method costs, in images passed through the model forward and backward.

    Parameters
    ----------
    forward, backward : float
    boxes : sequence of tuple of slice
        For each of the forward passes in which only a box of the image is changed: that box. An image
        in patches passes no others again.
    """

    forward: float = 0
    backward: float = 0
    boxes: Sequence[tuple[slice, ...]] = field(default=(), repr=False, compare=False)

    def __add__(self, other: "Passes") -> "Passes":
        return Passes(self.forward + other.forward, self.backward + other.backward)

    def __mul__(self, times: float) -> "Passes":
        return Passes(self.forward * times, self.backward * times)

    __rmul__ = __mul__

    def in_patches(self, share: Callable[[tuple[slice, ...]], float] | None = None) -> "Passes":
        """Where an image passes in patches: each goes forward once more for its way back.

        Parameters
        ----------
        share : callable, optional
            Tells which part of all patches a box of the image touches.
        """
        forward = self.forward + self.backward
        if share is not None:
            forward -= sum(1 - share(box) for box in self.boxes)
        return Passes(forward, self.backward)
