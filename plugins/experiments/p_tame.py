"""How faithful maps are, and what they cost: the table of the paper on P-TAME."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Annotated

import torch
from torch import Tensor

from esegeta import Baseline, Case, CheckFailed, Imputation, Param, Probe
from esegeta.experiments import Outcome, Row, Study, Subject, Use, bars, bootstrap, experiment

from ..attribution.p_tame import p_tame as explain
from ..metrics.faithfulness import average_drop, average_increase
from ..metrics.road import road

KEPT = (1.0, 0.5, 0.15)
"""The parts of a map that are laid over the image, as in the paper."""
PARTS = tuple(f"{100 * part:g} %" for part in KEPT)
CONTROLS = ("(brightness)", "(chance)")
"""Maps that know nothing of the model: how far each voxel is from black, and noise."""
#: To which methods' times those of others are told as a ratio.
YARDSTICKS = ("rise", "grad_cam")


@dataclass
class Found:
    """What was found of one method's maps, a value per image."""

    resolution: int = 0
    empty: int = 0
    forward: list[float] = field(default_factory=list)
    backward: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)


@experiment(paper="Ntrougkas, Gkalelis & Mezaris, 2025: Table 1")
def p_tame(
    study: Study,
    *,
    baseline: Baseline = "minimum",
    imputation: Imputation = "linear",
    controls: Annotated[
        bool, Param(help="Judge also the image's brightness, and noise, as if they were maps")
    ] = True,
    resamples: Annotated[int, Param(ge=100, help="Resamples of the images, for intervals")] = 1000,
) -> Outcome:
    """How faithful the maps of the config's methods are, and what they cost, side by side.

    Of each image the class of the config's target is explained, by each method on its own, as if no other
    had asked the model before. The average drop (AD, low is good) and the increase in confidence (IC,
    high) are those of the image multiplied by its map, of which the highest 100, 50 and 15 % are left;
    what is hidden is the baseline, by default the image's least value: the paper's is black. AD is
    max(0, p − p_masked) / p, with the division, as the authors' code has it and their equation has not.
    ROAD removes what is most (MoRF, low) or least relevant (LeRF, high) first, and tells the mean
    probability of the class; the paper counts how often the decision stays. Intervals (95 %) are from
    resampling the images. R is how many cells a map has before it is enlarged. Times are medians. A map
    that is zero everywhere, as a rectified one may be, hides the whole image; "empty" counts them.
    """
    rows: list[Row] = []
    for subject in study.subjects("classification"):
        scores = subject.probe(subject.images[0]).scores(subject.images).cpu()
        targets = subject.targets("", scores).tolist()
        low = subject.images.transpose(0, 1).flatten(1).amin(1)
        found: dict[str, Found] = {}
        for number, (image, target) in enumerate(zip(subject.images, targets, strict=True)):
            judge = _Judge(study.seed + number, baseline, imputation)
            for use in subject.methods:
                one = found.setdefault(use.title, Found())
                judge(one, *_explained(subject, image, target, use, one))
            for name in CONTROLS if controls else ():
                one = found.setdefault(name, Found(resolution=image[0].numel()))
                map = _control(name, image, low, study.seed + number)
                judge(one, subject.probe(image, target), map, None)
            study.progress(number + 1, len(targets))
        rows += _rows(subject.name, found, len(targets), resamples)
    return Outcome(rows, bars("AD, IC and ROAD", _panels(rows), across=1, width=12, slanted=True))


def _explained(
    subject: Subject, image: Tensor, target: int, use: Use, one: Found
) -> tuple[Probe, Tensor, Use]:
    """The map, made of a probe that nothing was asked before; what it cost is noted."""
    layers = [] if use.layer is None else [use.layer]
    probe = subject.probe(image, target, layers=layers)
    began = time.perf_counter()
    try:
        map = subject.explain(probe, use)
    except CheckFailed:  # rectified, it may be zero everywhere
        map = torch.zeros_like(image[:1])
        one.empty += 1
    one.seconds.append(time.perf_counter() - began)
    one.forward.append(probe.passes.forward)
    one.backward.append(probe.passes.backward)
    one.resolution = _resolution(probe, use, image)
    return probe, map, use


def _resolution(probe: Probe, use: Use, image: Tensor) -> int:
    """How many cells the map had before it was enlarged."""
    if use.layer is not None:
        return int(probe.layer(use.layer).activation[0, 0].numel())
    if "resolution" in probe.notes:
        return int(probe.notes["resolution"])
    grid = getattr(use.parameters, "grid", None)
    return int(grid**probe.ndim) if isinstance(grid, int) else image[0].numel()


def _control(name: str, image: Tensor, low: Tensor, seed: int) -> Tensor:
    """(1, *spatial) a map that no model made."""
    if name == "(chance)":
        return torch.rand(image[:1].shape, generator=torch.Generator().manual_seed(seed))
    return (image - low.reshape(-1, *[1] * (image.dim() - 1))).mean(0, keepdim=True)


class _Judge:
    """Notes what the metrics say of a map, the same noise and ties for all maps of an image."""

    def __init__(self, seed: int, baseline: Baseline, imputation: Imputation) -> None:
        self.seed, self.baseline, self.imputation = seed, baseline, imputation

    def __call__(self, one: Found, probe: Probe, map: Tensor, use: Use | None) -> None:
        plugin = explain.__esegeta__ if use is None else use.plugin

        def case() -> Case:
            return Case(probe, map, plugin, own_seed=self.seed)

        drop = average_drop(case(), kept=KEPT, baseline=self.baseline).more
        rise = average_increase(case(), kept=KEPT, baseline=self.baseline).more
        curves = road(case(), imputation=self.imputation)
        values = {f"AD {part}": drop[part] for part in PARTS}
        values |= {f"IC {part}": rise[part] for part in PARTS}
        values |= {"MoRF": curves.more["morf"], "LeRF": curves.more["lerf"], "ROAD": curves.value}
        for name, value in values.items():
            one.values.setdefault(name, []).append(value)


def _rows(model: str, found: Mapping[str, Found], images: int, resamples: int) -> list[Row]:
    took = {name: median(one.seconds) for name, one in found.items() if one.seconds}
    against = {
        yardstick: next((s for name, s in took.items() if name.split(" @ ")[0] == yardstick), None)
        for yardstick in YARDSTICKS
    }
    rows: list[Row] = []
    for name, one in found.items():
        own = took.get(name)
        row: dict[str, str | int | float | None] = {
            "model": model,
            "method": name,
            "images": images,
            "empty": one.empty,
            "R": one.resolution,
            "forward": median(one.forward) if one.forward else 0,
            "backward": median(one.backward) if one.backward else 0,
            "seconds": own,
        }
        for yardstick, seconds in against.items():
            known = own is not None and seconds is not None
            row[f"time / {yardstick}"] = own / seconds if known else None
        for measure, values in one.values.items():
            mean, low, high = bootstrap(torch.tensor(values, dtype=torch.float64), resamples)
            row |= {measure: mean, f"{measure} low": low, f"{measure} high": high}
        rows.append(row)
    return rows


def _panels(rows: list[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Per model the drops, the increases and ROAD, by method."""
    kinds = {
        "AD, low is good": [f"AD {part}" for part in PARTS],
        "IC, high is good": [f"IC {part}" for part in PARTS],
        "ROAD: MoRF, low is good; LeRF, high is good": ["MoRF", "LeRF"],
    }
    panels: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        for kind, names in kinds.items():
            panel = panels.setdefault(f"{row['model']}: {kind}", {})
            panel[str(row["method"])] = {
                name.removeprefix("AD ").removeprefix("IC "): float(row[name] or 0)
                for name in names
            }
    return panels
