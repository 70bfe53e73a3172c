"""One model, one image, one target: what a method may ask, and the memory of the answers."""

from esegeta.probe.baselines import Baseline
from esegeta.probe.layer import Layer
from esegeta.probe.masks import sliding_boxes
from esegeta.probe.probe import Probe
from esegeta.probe.region import Placed, Region
from esegeta.probe.resample import resample
from esegeta.probe.target import Target
from esegeta.probe.tiling import Patches

__all__ = [
    "Baseline",
    "Layer",
    "Patches",
    "Placed",
    "Probe",
    "Region",
    "Target",
    "resample",
    "sliding_boxes",
]
