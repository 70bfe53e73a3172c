"""Metrics of Quantus that esegeta has none of its own for, where that library is installed."""

from __future__ import annotations

import contextlib
import io
from typing import Annotated, Any

import numpy as np
from torch import Tensor, nn

from esegeta import Case, Measure, Param, Passes, import_library, library_call, metric


@metric(
    paper="Chalasani et al., ICML 2020", best="high", passes=Passes(forward=1), library="quantus"
)
def sparseness(case: Case) -> Measure:
    """Gini index of the map's sizes: 0 where all voxels have as much, 1 where one has all; from Quantus."""
    return _measured(case, "Sparseness")


@metric(
    paper="Bhatt, Weller & Moura, IJCAI 2020",
    best="low",
    passes=Passes(forward=1),
    library="quantus",
)
def complexity(case: Case) -> Measure:
    """The entropy of the map's sizes: low where few voxels have most of it; from Quantus."""
    return _measured(case, "Complexity")


@metric(
    paper="Bhatt, Weller & Moura, IJCAI 2020",
    best="high",
    passes=lambda p: Passes(forward=2 + p.samples),
    library="quantus",
)
def faithfulness_correlation(
    case: Case,
    *,
    samples: Annotated[int, Param(ge=3, help="Random sets of voxels that are removed")] = 100,
    part: Annotated[
        float, Param(gt=0, lt=1, help="Which part of the image's numbers a set holds")
    ] = 0.1,
    value: Annotated[float, Param(help="What stands in for removed voxels")] = 0.0,
) -> Measure:
    """Correlation of random voxels' relevance with the score that goes with them; from Quantus."""
    size = max(1, round(part * case.probe.image.numel()))
    return _measured(
        case, "FaithfulnessCorrelation", nr_runs=samples, subset_size=size, perturb_baseline=value
    )


class _Scores(nn.Module):
    """The probe's scores of images that were laid out in two axes.

    It holds no module, so that a library that moves or switches it changes nothing of the model.
    """

    def __init__(self, case: Case) -> None:
        super().__init__()
        self._asked = [case.probe.module()]
        self._image = case.probe.image
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, classes)."""
        return self._asked[0](images.to(self._image).reshape(-1, *self._image.shape[1:]))


def _measured(case: Case, name: str, **settings: Any) -> Measure:
    """What a metric of Quantus says; of a volume as of a picture that shows it slice beside slice."""
    quantus = import_library("quantus")
    picture = (case.probe.spatial[0], -1)
    image = case.probe.image.cpu().numpy().reshape(*case.probe.image.shape[:2], *picture)
    values = case.relevance.cpu().numpy().reshape(1, 1, *picture)
    asked, index = _Scores(case), np.array([case.probe.index])
    with library_call(f"Quantus's {name}"), contextlib.redirect_stdout(io.StringIO()):
        made = getattr(quantus, name)(disable_warnings=True, return_aggregate=False, **settings)
        found = made(
            model=asked,
            x_batch=image,
            y_batch=index,
            a_batch=values,
            channel_first=True,
            device=str(case.probe.image.device),
        )
    return Measure(float(found[0]))
