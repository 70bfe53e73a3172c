"""Which weights of P-TAME's loss give the most faithful maps, sought on validation images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch

from esegeta import Case, Imputation, Param, RunError, import_library
from esegeta.experiments import Outcome, Row, Study, bars, bootstrap, experiment

from ..metrics.road import road

METHOD = "p_tame"
DIGITS = 6
"""Of the weights, after the point."""


@experiment(paper="Ntrougkas, Gkalelis & Mezaris, 2025: Section 4.1, the choice of λ")
def p_tame_search(
    study: Study,
    *,
    trials: Annotated[int, Param(ge=1, help="Trainings in all")] = 20,
    starts: Annotated[int, Param(ge=1, help="Of them with weights drawn at random")] = 5,
    images: Annotated[
        int, Param(ge=1, help="Validation images, the first, maps are judged on")
    ] = 64,
    powers: Annotated[
        list[float], Param(gt=0, help="The powers of the area from which is chosen")
    ] = [0.5, 1.0, 2.0],  # noqa: B006
    imputation: Imputation = "linear",
) -> Outcome:
    """The weights of cross entropy, area and variation, and the area's power, by Bayesian optimisation.

    Each trial trains as the config's ``train`` says but for these, in a folder beside that training's,
    and is judged by ROAD, (LeRF − MoRF) / 2, of its maps of the validation images' predicted classes;
    neither the config's images nor any test data is looked at. Weights lie on the simplex. Optuna's TPE
    suggests them; a search that was broken off goes on with the trials that are there.
    """
    optuna = import_library("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows: list[Row] = []
    for training in _trainings(study):
        sampler = optuna.samplers.TPESampler(seed=study.seed, n_startup_trials=starts)
        search = optuna.create_study(direction="maximize", sampler=sampler)
        own: list[dict[str, Any]] = []
        for number in range(trials):
            trial = search.ask()
            weights = suggested(trial, powers)
            found = _judged(study, training, number, weights, images, imputation)
            search.tell(trial, found["ROAD"])
            own.append({"training": training["name"], "trial": number, **weights, **found})
            study.progress(number + 1, trials)
        best = max(own, key=lambda row: row["ROAD"])
        rows += [{**row, "best": "yes" if row is best else ""} for row in own]
    panels: dict[str, dict[str, dict[str, float]]] = {}
    for row in sorted(rows, key=lambda row: -float(row["ROAD"] or 0)):
        name = "{cross_entropy:.2f} {area:.2f} {variation:.2f} ^{power:g}".format(**row)
        values = {"MoRF": float(row["MoRF"] or 0), "LeRF": float(row["LeRF"] or 0)}
        panels.setdefault(str(row["training"]), {})[f"{row['trial']}: {name}"] = values
    title = "Trials, the best first: weights of cross entropy, area, variation, and power"
    return Outcome(rows, bars(title, panels, across=1, width=12, slanted=True))


def _trainings(study: Study) -> list[dict[str, Any]]:
    """The config's trainings of P-TAME, as JSON data.

    Raises
    ------
    RunError
        If there is none, or one has no validation images in an npz file.
    """
    found = [one for one in study.data["train"] if one["use"] == METHOD]
    if not found:
        raise RunError(f'there is nothing to search for: the config\'s "train" has no {METHOD!r}')
    for one in found:
        data = one["validation"] or {}
        if not data.get("key"):
            raise RunError(f'{one["name"]!r} needs "validation" images, under a key of an npz file')
    return found


def suggested(trial: Any, powers: list[float]) -> dict[str, float]:
    """A point of the simplex, and a power."""
    cross_entropy = round(trial.suggest_float("cross_entropy", 0.01, 0.99), DIGITS)
    rest = 1 - cross_entropy
    area = round(rest * trial.suggest_float("area", 0, 1), DIGITS)
    variation = max(0.0, round(rest - area, DIGITS))
    power = trial.suggest_categorical("power", powers)
    return {"cross_entropy": cross_entropy, "area": area, "variation": variation, "power": power}


def _judged(
    study: Study,
    training: dict[str, Any],
    number: int,
    weights: dict[str, float],
    images: int,
    imputation: Imputation,
) -> dict[str, float]:
    """Train with these weights, and judge the maps of validation images."""
    place = Path(training["output"])
    output = place.with_name(f"{place.name}-search") / f"trial-{number}"
    data = training["validation"]
    entry = {key: data[key] for key in ("path", "key", "axes")}
    own = {**training, "with": {**training["with"], **weights}, "output": str(output)}
    shown = [{**entry, "index": n, "name": f"validation {n}"} for n in range(images)]
    trial = study.changed(
        train=[own], images=shown, methods=[{"use": METHOD, "artifact": str(output)}]
    )
    trial.train()
    values: dict[str, list[float]] = {"MoRF": [], "LeRF": [], "ROAD": []}
    for subject in trial.subjects("classification"):
        if training["model"] not in (None, subject.name):
            continue
        (use,) = subject.methods
        for image in subject.images:
            probe = subject.probe(image)
            case = Case(probe, subject.explain(probe, use), use.plugin, own_seed=study.seed)
            found = road(case, imputation=imputation)
            for name, value in zip(values, (*found.more.values(), found.value), strict=True):
                values[name].append(value)
    told: dict[str, float] = {}
    for name, found_values in values.items():
        mean, low, high = bootstrap(torch.tensor(found_values, dtype=torch.float64))
        told |= {name: mean, f"{name} low": low, f"{name} high": high}
    return told
