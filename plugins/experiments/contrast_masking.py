"""Whether contrasted maps tell the two classes apart between which a model wavers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import torch
from torch import Tensor

from esegeta import Param, Probe, RunError
from esegeta.experiments import (
    Outcome,
    Row,
    Study,
    Subject,
    bars,
    experiment,
    standard_error,
)

CONTRASTS = ("none", "weighted")
FEATURES = ("positive", "negative")

Rule = Literal["symmetric", "authors"]
Key = tuple[str, int, str, str, str]
"""Method, class (0 or 1), features that are left, baseline, contrast."""
Found = dict[Key, list[tuple[float, float]]]
"""The class's share of the pair, before and after, per image."""


@experiment(paper="Wang & Wang, NeurIPS 2022: blurring and masking; Table 1 of its review")
def contrast_masking(
    study: Study,
    *,
    least: Annotated[
        float, Param(gt=0, lt=0.5, help="The least probability of an image's second class")
    ] = 0.1,
    baselines: Annotated[
        list[Literal["blur", "zero", "mean"]],
        Param(help="What stands where features are taken away"),
    ] = ["blur", "zero", "mean"],  # noqa: B006
    count_rule: Annotated[
        Rule,
        Param(
            help="How many voxels all maps lose alike: the fewest that any has of the sign that goes, or "
            "as the authors' code counts them, by the other sign"
        ),
    ] = "symmetric",
) -> Outcome:
    """Which class of a wavering pair wins where only a map's positive, or negative, features are left.

    Of each image whose second class has a probability above ``least``, every map method of the config is
    asked for both classes of the pair, plain and held against the others by their weight. What the map
    says against the class is replaced by the baseline (positive features are left), or what it says for
    it (negative ones); as many voxels in either map, those with the lowest or highest values. The number
    is the class's share of the pair, softmax over the two logits. A contrast that tells them apart has it
    higher for positive, and lower for negative features. Give the CAMs ``"relu": false``.
    """
    rows: list[Row] = []
    for subject in study.subjects("classification"):
        scores = subject.probe(subject.images[0]).scores(subject.images).cpu()
        second = scores.double().softmax(1).topk(2).values[:, 1]
        chosen = (second > least).nonzero().flatten().tolist()
        if not chosen:
            raise _none(subject, least, float(second.max()))
        found: Found = {}
        for done, place in enumerate(chosen):
            pair = scores[place].topk(2).indices.tolist()
            _ask(subject, subject.images[place], pair, baselines, count_rule, found)
            study.progress(done + 1, len(chosen))
        rows += [_row(subject.name, key, values) for key, values in found.items()]
    return Outcome(rows, bars("Features that are left", _panels(rows), across=len(baselines)))


def _none(subject: Subject, least: float, most: float) -> RunError:
    return RunError(
        f"{subject.name!r} wavers on no image: the largest probability of a second class is {most:.3g}, "
        f"which is not above {least:g}; give other images, or --set least={most / 2:.2g}"
    )


def _ask(
    subject: Subject,
    image: Tensor,
    pair: list[int],
    baselines: list[str],
    rule: Rule,
    found: Found,
) -> None:
    """Mask one image by every method's maps of both classes, and note what the model says."""
    layers = [use.layer for use in subject.methods if use.layer is not None]
    plain = subject.probe(image, pair[0])
    behind = {kind: plain.baseline(kind)[0].cpu() for kind in baselines}
    keys, masked = [], [image]
    for rank, target in enumerate(pair):
        probes = {
            contrast: subject.probe(image, target, contrast=contrast, layers=layers)
            for contrast in CONTRASTS
        }
        for use in subject.methods:
            maps = {c: subject.explain(probe, use).sum(0) for c, probe in probes.items()}
            for features, contrast, mask in _masks(maps, rule):
                for kind, other in behind.items():
                    keys.append((use.title, rank, features, kind, contrast))
                    masked.append(image.where(~mask, other))
    before, *shares = _shares(plain, torch.stack(masked), pair)
    for key, share in zip(keys, shares, strict=True):
        found.setdefault(key, []).append((before[key[1]], share[key[1]]))


def _masks(maps: Mapping[str, Tensor], rule: Rule) -> Iterator[tuple[str, str, Tensor]]:
    """Features and contrast, and which voxels are replaced."""
    for features in FEATURES:
        count = removed(maps, features, rule)
        for contrast, values in maps.items():
            order = values.flatten().argsort(stable=True, descending=features == "negative")
            mask = torch.zeros_like(values, dtype=torch.bool)
            mask.view(-1)[order[:count]] = True
            yield features, contrast, mask


def removed(maps: Mapping[str, Tensor], features: str, rule: Rule) -> int:
    """How many voxels every map loses.

    Symmetric: the fewest that any map has of the sign that is to go. The authors' code counts the other
    sign: the fewest positive where positive features are left, the most negative where negative are.
    """
    positive = [int((values > 0).sum()) for values in maps.values()]
    negative = [int((values < 0).sum()) for values in maps.values()]
    if features == "positive":
        return min(positive if rule == "authors" else negative)
    return max(negative) if rule == "authors" else min(positive)


def _shares(probe: Probe, images: Tensor, pair: list[int]) -> list[list[float]]:
    """Of each image, both classes' shares of the pair."""
    shares: list[list[float]] = probe.scores(images)[:, pair].double().softmax(1).tolist()
    return shares


def _row(model: str, key: Key, values: list[tuple[float, float]]) -> Row:
    method, rank, features, baseline, contrast = key
    before, shares = torch.tensor(values, dtype=torch.float64).T
    return {
        "model": model,
        "method": method,
        "class": f"t{rank + 1}",
        "features": features,
        "baseline": baseline,
        "contrast": contrast,
        "images": len(values),
        "share_before": float(before.mean()),
        "share": float(shares.mean()),
        "error": standard_error(shares),
    }


def _panels(rows: list[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """Per method and baseline the shares of what is left, for both classes."""
    panels: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        panel = panels.setdefault(f"{row['model']}: {row['method']}, {row['baseline']}", {})
        sign = "+" if row["features"] == "positive" else "−"
        group = panel.setdefault(f"{row['class']} {sign}", {})
        group["as it is"] = float(row["share_before"])
        group[str(row["contrast"])] = float(row["share"])
    return panels
