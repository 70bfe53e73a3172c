"""What a reader of one format hands over."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from esegeta.images.image import Affine, Array


@dataclass(frozen=True)
class Pixels:
    """The values of a file, as stored.

    Parameters
    ----------
    values : array
        (C, *spatial), of any number type.
    affine : array
        (4, 4), voxel → world, RAS+ mm.
    space : int
        NIfTI code of the world; 0 where there is none.
    """

    values: Array
    affine: Affine = field(default_factory=lambda: np.eye(4))
    space: int = 0
