"""Images: reading and preparing them, and writing maps where their voxels lie."""

from esegeta.images.image import Image
from esegeta.images.prepare import Prepared, prepare
from esegeta.images.reading import read
from esegeta.images.steps import Step, check_steps
from esegeta.images.writing import read_map, write_array, write_map

__all__ = [
    "Image",
    "Prepared",
    "Step",
    "check_steps",
    "prepare",
    "read",
    "read_map",
    "write_array",
    "write_map",
]
