"""Images: reading and preparing them, and writing maps where their voxels lie."""

from esegeta.images.image import Image
from esegeta.images.prepare import Prepared, prepare
from esegeta.images.reading import read
from esegeta.images.steps import Step, check_steps
from esegeta.images.writing import write_map, write_sheet

__all__ = [
    "Image",
    "Prepared",
    "Step",
    "check_steps",
    "prepare",
    "read",
    "write_map",
    "write_sheet",
]
