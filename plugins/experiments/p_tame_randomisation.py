"""Whether P-TAME's maps change with the model: its test by randomised weights, with the controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from esegeta import Case, CheckFailed, MethodError, Param, RunError
from esegeta.experiments import Outcome, Row, Study, Subject, Use, bars, bootstrap, experiment

from ..attribution.p_tame import p_tame as explain

METHOD = "p_tame"
KINDS = ("ssim", "spearman")
AGAIN, RETRAINED, AS_IT_WAS = "trained again", "model randomised, trained anew", "not trained anew"


@experiment(paper="Ntrougkas, Gkalelis & Mezaris, 2025: Figure 5 (MPRT)")
def p_tame_randomisation(
    study: Study,
    *,
    depths: Annotated[
        int, Param(ge=1, help="How many times more of the layers is randomised, up to all of them")
    ] = 3,
) -> Outcome:
    """How alike P-TAME's maps stay when the model is randomised, layer by layer from the input on.

    P-TAME's map depends on the model through the class alone, so with a randomised model it stays as it
    was unless it is trained anew: the row "not trained anew" shows that (1 of itself), and that a drop
    without training would only be another class's map. So for each depth the attention is trained for
    the randomised model, and its map of the class that the *first* model gave the image is compared
    (SSIM, and rank correlation). A class that a randomised model gives to no training image has no map:
    "images" tells how many are left. "trained again" is the same model with another seed: what training
    alone changes. Only a similarity below that one is due to the model.
    """
    rows: list[Row] = []
    for subject in study.subjects("classification"):
        training, use = _trained(study, subject)
        scores = subject.probe(subject.images[0]).scores(subject.images).cpu()
        targets = subject.targets("", scores).tolist()
        cases = [_case(subject, *one, use) for one in zip(subject.images, targets, strict=True)]
        names = cases[0].weighted()
        execution = {**study.data["execution"], "seed": study.seed + 1}
        again = _anew(study, subject, training, "again", execution=execution)
        rows.append(_row(subject.name, AGAIN, 0, len(names), _alike(cases, targets, again)))
        for depth in range(1, depths + 1):
            count = round(len(names) * depth / depths)
            module = cases[0].randomised(names[:count])
            told = (subject.name, RETRAINED, count, len(names))
            anew = _anew(study, subject, training, f"randomised-{count}", module)
            rows.append(_row(*told, _alike(cases, targets, anew)))
            kept = [_as_it_was(*one, module, use) for one in zip(cases, targets, strict=True)]
            rows.append(_row(subject.name, AS_IT_WAS, count, len(names), _compared(cases, kept)))
            study.progress(depth, depths)
    title = "Similarity to the map of the trained model"
    return Outcome(rows, bars(title, _panels(rows), across=1, width=12))


def _trained(study: Study, subject: Subject) -> tuple[dict[str, Any], Use]:
    use = next((use for use in subject.methods if use.plugin.name == METHOD), None)
    trainings = [
        one
        for one in study.data["train"]
        if one["use"] == METHOD and one["model"] in (None, subject.name)
    ]
    if use is None or not trainings:
        raise RunError(f"{subject.name!r} needs {METHOD!r} among the methods, and its training")
    return trainings[0], use


def _case(subject: Subject, image: Tensor, target: int, use: Use) -> Case:
    probe = subject.probe(image, target)
    return Case(probe, subject.explain(probe, use), use.plugin, artifact=use.artifact)


def _anew(
    study: Study,
    subject: Subject,
    training: Mapping[str, Any],
    name: str,
    module: nn.Module | None = None,
    **parts: Any,
) -> tuple[Subject, Use]:
    """Train for another model, or with another seed; the subject that has it, and the method."""
    place = Path(training["output"])
    folder = place.with_name(f"{place.name}-randomisation") / name
    model = next(one for one in study.data["models"] if one["name"] == subject.name)
    if module is not None:
        folder.mkdir(parents=True, exist_ok=True)
        weights = {key: value.cpu().clone() for key, value in module.state_dict().items()}
        save_file(weights, folder / "model.safetensors")
        model = {**model, "weights": str(folder / "model.safetensors")}
    output = str(folder / "artifact")
    changed = study.changed(
        models=[model],
        train=[{**training, "output": output}],
        methods=[{"use": METHOD, "artifact": output}],
        **parts,
    )
    changed.train()
    (found,) = changed.subjects("classification")
    return found, found.methods[0]


def _alike(
    cases: Sequence[Case], targets: Sequence[int], anew: tuple[Subject, Use]
) -> dict[str, list[float]]:
    subject, use = anew
    maps: list[Tensor | None] = []
    for case, target in zip(cases, targets, strict=True):
        try:
            maps.append(subject.explain(subject.probe(case.probe.image[0].cpu(), target), use))
        except (MethodError, CheckFailed):  # no map of this class was learnt
            maps.append(None)
    return _compared(cases, maps)


def _as_it_was(case: Case, target: int, module: nn.Module, use: Use) -> Tensor:
    """What the first training's network shows where the model is a randomised one."""
    probe = case.probe.again(model=module)
    assert probe.index == target, "the class is fixed"
    return explain(probe, use.artifact)


def _compared(cases: Sequence[Case], maps: Sequence[Tensor | None]) -> dict[str, list[float]]:
    pairs = [(case, map) for case, map in zip(cases, maps, strict=True) if map is not None]
    return {kind: [case.alike(map.to(case.map), kind) for case, map in pairs] for kind in KINDS}


def _row(model: str, what: str, count: int, layers: int, found: Mapping[str, list[float]]) -> Row:
    row: dict[str, str | int | float | None] = {
        "model": model,
        "what": what,
        "layers randomised": count,
        "of": layers,
        "images": len(found["ssim"]),
    }
    for kind, values in found.items():
        told: Sequence[float | None] = (None, None, None)
        if values:
            told = bootstrap(torch.tensor(values, dtype=torch.float64))
        row |= dict(zip((kind, f"{kind} low", f"{kind} high"), told, strict=True))
    return row


def _panels(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, float]]]:
    panels: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        group = panels.setdefault(str(row["model"]), {})
        values = {kind: float(row[kind] or 0) for kind in KINDS}
        group[f"{row['what']}\n{row['layers randomised']} of {row['of']} layers"] = values
    return panels
