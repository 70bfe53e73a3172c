"""Whether a classifier that explains itself classifies as well, and explains better than others would."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import Case, Imputation, Param, Probe, RunError
from esegeta.experiments import Outcome, Row, Study, Subject, experiment

from ..attribution.one_for_all import one_for_all as own_explanation
from ..metrics.relevance_gain import r_srg, srg
from ._masking import (
    MaskedCase,
    Statistic,
    auc_of,
    difference,
    interval,
    mean_of,
    patches_of,
)
from ._rows_of_maps import rows_of_maps

OWN, DECODER, RANDOM = "one_for_all", "decoder_attention", "random"
TOKEN, PLAIN = (
    "mask token, φ⁺ of seen and φ⁻ of hidden (eq. 4)",
    "mask token, read as whole (eq. 5)",
)
SHOWN = 6
"""Images in the figure."""


@dataclass
class _Found:
    """What is found of all models of one kind.

    Parameters
    ----------
    probabilities : list of Tensor
        (images, classes) per model, of the labelled images.
    labels : Tensor, optional
        (images,).
    gains : dict
        Per read-out, method and measure, of each model, of each image.
    """

    probabilities: list[Tensor] = field(default_factory=list)
    other: list[Tensor] = field(default_factory=list)
    intercepts: list[Tensor] = field(default_factory=list)
    labels: Tensor | None = None
    gains: dict[tuple[str, str, str], list[list[float]]] = field(default_factory=dict)


@experiment(paper="Naouar et al. (One For All), MICCAI 2025: Tables 1 and 2, Figure 2")
def one_for_all(
    study: Study,
    *,
    labels: Annotated[
        str,
        Param(
            help="Where the true classes stand: a key of the images' npz file, or 'folder' where each "
            "image's folder has its class's name; empty for no accuracy"
        ),
    ] = "",
    every: Annotated[
        bool, Param(help="Accuracy over all images of the npz sets that the config's images are of")
    ] = True,
    baselines: Annotated[
        list[str], Param(help="Models, without their number, of which only accuracy is wanted")
    ] = [],  # noqa: B006
    imputation: Imputation = "mean",
    steps: Annotated[int, Param(ge=2, help="How many numbers of patches are removed")] = 10,
    draws: Annotated[int, Param(ge=2, help="Random orders each way, for R-SRG")] = 4,
) -> Outcome:
    """Accuracy and AUC of self-explaining classifiers, and the relevance gain of what they say.

    Models whose names differ in a number at the end are trainings of one kind, from several seeds; one
    kind may be the baseline that l₁ alone trains. Intervals hold 95 % of bootstrap resamples, of images
    and of trainings. Gains (SRG, R-SRG, times 100) are those of the class that is predicted, over the
    config's images, with patches as groups: of the model's own φ, of every other map method of the
    config, of the decoder's attention to the class's token, and of a random map. Patches are removed by
    the model's mask token, and what is left is read either as in training (Σ φ⁺ of what is seen, Σ φ⁻ of
    the rest: the model's own game) or as a whole image; or by other pixels, from outside of the model.
    "ahead" is how much the model's own φ gains above a method, of the same images and trainings; and how
    much more accurate the first kind of model is than another.
    """
    kinds: dict[str, _Found] = {}
    figure: Any = None
    for subject in study.subjects("classification"):
        model = _explaining(subject)
        kind = re.sub(r"[\s_.-]*\d+$", "", subject.name) or subject.name
        found = kinds.setdefault(kind, _Found())
        if labels:
            _classify(subject.whole() if every else subject, model, labels, found)
        if kind in baselines:
            continue
        maps = _gains(study, subject, model, found, imputation, steps, draws)
        if figure is None:
            figure = rows_of_maps(list(subject.images[:SHOWN]), maps)
    if figure is None:
        raise RunError(f"baselines: {', '.join(baselines)} leaves no model to explain")
    first = next(found for kind, found in kinds.items() if kind not in baselines)
    rows: list[Row] = []
    for kind, found in kinds.items():
        rows += _accuracy(kind, found, first, study.seed)
        rows += _gained(kind, found, study.seed)
    return Outcome(rows, figure)


def _explaining(subject: Subject) -> Any:
    model: Any = subject.module
    if not all(hasattr(model, name) for name in ("parts", "masked", "class_attention")):
        raise RunError(
            f"{subject.name!r} is no model that explains itself (esegeta.models.zoo:OneForAll), but a "
            f"{type(model).__name__}"
        )
    return model.eval()


def _classify(subject: Subject, model: Any, labels: str, found: _Found) -> None:
    """Note what a model says of the labelled images."""
    images = subject.images
    scores = subject.probe(images[0]).scores(images).cpu()
    found.probabilities.append(scores.double().softmax(1))
    found.labels = subject.targets(labels, scores)
    device = next(model.parameters()).device
    with torch.no_grad():
        parts = [model.parts(batch.to(device)) for batch in images.split(64)]
    plus, minus = (torch.cat([one[side].sum(1) for one in parts]).double().cpu() for side in (0, 1))
    whole = plus - minus if model.full_readout == "eq4" else plus
    found.other.append(whole.argmax(1) == found.labels)
    found.intercepts.append(minus.std(1, correction=0))


def _gains(
    study: Study,
    subject: Subject,
    model: Any,
    found: _Found,
    imputation: str | float,
    steps: int,
    draws: int,
) -> dict[str, list[Tensor]]:
    """Judge every map of a model's images; the maps of those that are drawn, by method."""
    images, drawn = subject.images, {}
    patches = patches_of(model, images.shape[2:])
    count, chance = model.encoder.count, torch.Generator().manual_seed(study.seed)
    if not torch.equal(subject.probe(images[0]).groups("grid", count).cpu(), patches):
        raise RunError(
            f"{subject.name!r}: its patches are not the cells of a grid of {count}; gains need patches of "
            "nearly equal sides"
        )
    for number, image in enumerate(images):
        probe = subject.probe(image)
        for name, (map, plugin) in _maps(subject, model, probe, patches, chance).items():
            given: dict[str, Any] = {"own_seed": study.seed + number}
            cases = {
                TOKEN: MaskedCase(
                    probe, map, plugin, model=model, difference=False, patches=patches, **given
                ),
                PLAIN: MaskedCase(
                    probe, map, plugin, model=model, difference=True, patches=patches, **given
                ),
                f"pixels ({imputation})": Case(probe, map, plugin, **given),
            }
            shared = {"groups": "grid", "count": count, "steps": steps, "imputation": imputation}
            for readout, case in cases.items():
                probe.begin(study.seed + number)
                for measure, value in (
                    ("SRG", srg(case, **shared).value),
                    ("R-SRG", r_srg(case, draws=draws, **shared).value),
                ):
                    rows = found.gains.setdefault((readout, name, measure), [])
                    if number == 0:
                        rows.append([])
                    rows[-1].append(100 * value)
            if number < SHOWN and name != RANDOM:
                drawn.setdefault(name, []).append(cases[TOKEN].relevance.reshape(image.shape[1:]))
        study.progress(number + 1, len(images))
    return drawn


def _maps(
    subject: Subject, model: Any, probe: Probe, patches: Tensor, chance: torch.Generator
) -> dict[str, tuple[Tensor, Any]]:
    """Each method's map (K, *spatial), with the plug-in that says how it is looked at."""
    own = own_explanation.__esegeta__  # type: ignore[attr-defined]
    found = {OWN: (own_explanation(probe).detach().cpu(), own)}
    for use in subject.methods:
        if use.plugin.name != OWN:
            found[use.name] = subject.explain(probe, use), use.plugin
    with torch.no_grad():
        attention = model.class_attention(probe.image)[0, probe.index].flatten().cpu()
    found[DECODER] = attention[patches][None], own
    found[RANDOM] = torch.rand(len(attention), generator=chance)[patches][None], own
    return found


def _accuracy(kind: str, found: _Found, first: _Found, seed: int) -> list[Row]:
    """Rows of what a kind of model gets right; and how far the first kind is ahead."""
    rows: list[Row] = []
    own, count = _statistics(first), len(first.probabilities)
    for measure, statistic in _statistics(found).items():
        shape = len(found.probabilities), len(found.intercepts[0])
        row = dict(_row(kind, measure, statistic, shape, seed))
        if found is not first and measure in ("accuracy", "AUC"):
            more = difference(own[measure], statistic, count)
            row |= _ahead(interval(more, (count, shape[0]), shape[1], seed))
        rows.append(row)
    return rows


def _statistics(found: _Found) -> dict[str, Statistic]:
    if found.labels is None:
        return {}
    said = torch.stack(found.probabilities)
    return {
        "accuracy": mean_of(said.argmax(2) == found.labels),
        "accuracy by the other read-out": mean_of(torch.stack(found.other)),
        "AUC": auc_of(said, found.labels),
        "class spread of Σ φ⁻": mean_of(torch.stack(found.intercepts)),
    }


def _ahead(values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip(("ahead", "ahead_low", "ahead_high"), values, strict=True))


def _row(kind: str, measure: str, statistic: Statistic, shape: Sequence[int], seed: int) -> Row:
    value, low, high = interval(statistic, shape[:1], shape[1], seed)
    return {
        "models": kind, "measure": measure, "read-out": "", "method": "",
        "value": value, "low": low, "high": high,
        "ahead": None, "ahead_low": None, "ahead_high": None,
        "trainings": shape[0], "images": shape[1],
    }  # fmt: skip


def _gained(kind: str, found: _Found, seed: int) -> list[Row]:
    """Rows of the gains, and how far the model's own explanation is ahead."""
    rows: list[Row] = []
    tables: Mapping[tuple[str, str, str], Tensor] = {
        key: torch.tensor(values, dtype=torch.float64) for key, values in found.gains.items()
    }
    for (readout, name, measure), values in tables.items():
        row = dict(_row(kind, measure, mean_of(values), values.shape, seed))
        row |= {"read-out": readout, "method": name}
        if name != OWN:
            more = mean_of(tables[readout, OWN, measure] - values)
            row |= _ahead(interval(more, values.shape[:1], values.shape[1], seed))
        rows.append(row)
    return rows
