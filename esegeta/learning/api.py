"""A training from Python: ``esegeta.train("config.json")``."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from esegeta import config
from esegeta.config.check_training import CARD
from esegeta.config.training import WEIGHTS
from esegeta.errors import RunError, unknown
from esegeta.files import replacing
from esegeta.isolation import quarantine
from esegeta.learning import page
from esegeta.learning.artifact import BASE, VERSION, model_hash
from esegeta.learning.data import Examples, examples
from esegeta.learning.fit import Fitted, fit, require_lightning
from esegeta.learning.learner import LOSSES, Learner
from esegeta.learning.opening import Opened, opened
from esegeta.plugin import Plugin
from esegeta.registry import Registry
from esegeta.runs import code
from esegeta.runs.device import Place, places
from esegeta.runs.hashes import sha256
from esegeta.runs.opening import Source, open_config
from esegeta.version import __version__

CHECKPOINTS, DATA, LOG, MADE_OF = "checkpoints", "data", "train.log", "made-of.json"

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Parameters
    ----------
    name : str
        The training's, in the config.
    folder : Path
        Which holds the weights, the card, the losses of each epoch and a page about them.
    card : dict
        See `Artifact`.
    kept : bool
        Whether it was there already.
    """

    name: str
    folder: Path
    card: dict[str, Any]
    kept: bool = False


def train(
    source: Source,
    *,
    resume: bool = False,
    only: Sequence[str] = (),
    plugins: Sequence[Path | str] = (),
    tell: Tell = lambda line: None,
    bar: bool = False,
) -> list[Trained]:
    """Do what a config's ``train`` asks for.

    Parameters
    ----------
    source : path, dict or Config
    resume : bool
        Keep what is done and unchanged, and go on with what was broken off.
    only : sequence of str
        Trainings by their names in the config; by default all.
    plugins : sequence of path
        Folders of plug-ins beside those of the config.
    tell : callable
        Called with a line about each epoch.
    bar : bool
        Draw the progress of each epoch on the terminal.

    Returns
    -------
    list of Trained

    Raises
    ------
    EsegetaError
        If the config is wrong, a folder holds a training already, or one cannot be done.
    """
    settings, registry, _ = open_config(source, plugins, training=True)
    chosen = _chosen(settings, only)
    require_lightning()
    code.forget()  # it may have been changed since the last training, as from a notebook
    place = places(settings.execution)[0]
    if place.threads:
        torch.set_num_threads(place.threads)
    if not resume:
        for training in chosen:
            if (training.output / CARD).exists() or (training.output / CHECKPOINTS).exists():
                raise RunError(
                    f"{training.output} holds a training already; --resume keeps what is done and goes on "
                    'with the rest, another "output" leaves it as it is'
                )
    return [
        _train(settings, registry, training, place, resume=resume, tell=tell, bar=bar)
        for training in chosen
    ]


def _chosen(settings: config.Config, only: Sequence[str]) -> list[config.Training]:
    names = [training.name for training in settings.train]
    if not names:
        raise RunError('there is nothing to train: the config has no "train"')
    for name in only:
        if name not in names:
            raise RunError(unknown("training", name, names))
    return [training for training in settings.train if not only or training.name in only]


def _train(
    settings: config.Config,
    registry: Registry,
    training: config.Training,
    place: Place,
    *,
    resume: bool,
    tell: Tell,
    bar: bool,
) -> Trained:
    began = time.time()
    plugin = registry.training(training.use)
    folder = training.output
    found = opened(settings, registry, training, plugin, place)
    made_of = json.loads(json.dumps(found.facts(settings, training, plugin), default=str))
    going_on = resume and _made_of(folder) == made_of
    if going_on and (folder / CARD).is_file():
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        if sha256(training.weights) == card["sha256"]:
            _keep_base(found, folder)
            return Trained(training.name, folder, card, kept=True)
    if not going_on:
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        (folder / CARD).unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / MADE_OF) as temporary:
        temporary.write_text(json.dumps(made_of, indent=1))
    with (folder / LOG).open("a" if going_on else "w", encoding="utf-8") as log:

        def say(line: str) -> None:
            log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}\n")
            log.flush()
            tell(f"{training.name}: {line}")

        card = _learn(settings, training, plugin, found, resume=going_on, say=say, bar=bar)
    card |= {"seconds": round(time.time() - began, 1)}
    with replacing(folder / CARD) as temporary:  # last: what has a card is whole
        temporary.write_text(json.dumps(card, indent=1, ensure_ascii=False), encoding="utf-8")
    page.write(folder, card)
    shutil.rmtree(folder / CHECKPOINTS)
    return Trained(training.name, folder, card)


def _made_of(folder: Path) -> Any:
    path = folder / MADE_OF
    return json.loads(path.read_text()) if path.is_file() else None


def _learn(
    settings: config.Config,
    training: config.Training,
    plugin: Plugin,
    found: Opened,
    *,
    resume: bool,
    say: Tell,
    bar: bool,
) -> dict[str, Any]:
    """Prepare the data, fit, write the weights, and give the card."""
    folder = training.output
    cache = folder / CHECKPOINTS / DATA
    data = examples(found.data, found.steps, cache / "train.npy")
    validation = None
    if found.validation is not None:
        validation = examples(found.validation, found.steps, cache / "validation.npy")
        _require_shape(data, validation)
    say(f"{len(data)} images of shape {tuple(data.images.shape[1:])}, {training.epochs} epochs")
    values = plugin.validate(training.with_)
    schedule = found.schedule(settings, training)
    with quarantine(found.seed, schedule.device):
        course = found.course(data, schedule.steps(len(data)) * training.epochs)
        learner: Learner = plugin.function(course, **plugin.arguments(values))
        learnt = _read(learner, data, course.device, cache / "train.rows.npy")
        learner.begin(learnt.parts())
        fitted = fit(
            learner,
            learnt,
            None
            if validation is None
            else _read(learner, validation, course.device, cache / "validation.rows.npy"),
            schedule,
            folder / CHECKPOINTS,
            resume=resume,
            tell=say,
            bar=bar,
        )
    with replacing(training.weights) as temporary:
        save_file(fitted.weights, temporary)
    shutil.copy(folder / CHECKPOINTS / LOSSES, folder / LOSSES)
    _keep_base(found, folder)
    return {
        "version": VERSION,
        "training": plugin.name,
        "makes": plugin.makes,
        "paper": plugin.paper,
        "parameters": values.model_dump(mode="json"),
        "settings": learner.settings,
        "model": _model(found),
        "base": None if found.base is None else _named(found.base.card),
        "classes": course.classes,
        "class_names": list(course.class_names),
        "shape": list(course.shape),
        **_learnt(data, validation, fitted),
        "batch": training.batch,
        "seed": found.seed,
        "amp": settings.execution.amp,
        "versions": {"esegeta": __version__, "torch": torch.__version__},
        "sha256": sha256(training.weights),
    }


def _read(learner: Learner, data: Examples, device: torch.device, cache: Path) -> Examples:
    """What is learnt of the images, where that is not the images themselves."""
    if type(learner).read is Learner.read:
        return data
    learner.to(device).eval()
    try:
        return data.read(learner.read, device, cache)
    finally:
        learner.train()


def _keep_base(found: Opened, folder: Path) -> None:
    """Keep what a training built on, so that what it made can be used wherever it is taken."""
    base, own = found.base, folder / BASE
    if base is None:
        return
    if code.content(own / WEIGHTS) != base.card["sha256"] or not (own / CARD).is_file():
        _copy(base.folder, own)


def _copy(base: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in (WEIGHTS, CARD):
        shutil.copy(base / name, folder / name)
    if (base / BASE).is_dir():
        _copy(base / BASE, folder / BASE)


def _named(card: dict[str, Any]) -> dict[str, str]:
    """What was built on: the training, and its weights by their hash."""
    return {"training": card["training"], "hash": card["sha256"]}


def _model(found: Opened) -> dict[str, str] | None:
    if found.subject is None:
        return None
    return {"name": found.subject.name, "hash": model_hash(found.subject.model)}


def _learnt(data: Examples, validation: Examples | None, fitted: Fitted) -> dict[str, Any]:
    measured = None
    if validation is not None:
        measured = {"images": len(validation), "hash": validation.digest}
    return {
        "data": {"images": len(data), "hash": data.digest},
        "validation": measured,
        "epochs": len(fitted.history),
        "best_epoch": fitted.best,
        "losses": fitted.history[fitted.best - 1],
    }


def _require_shape(data: Examples, validation: Examples) -> None:
    one, other = data.images.shape[1:], validation.images.shape[1:]
    if one != other:
        raise RunError(f"the training images have the shape {one}, those of validation {other}")
