"""What can be known to be wrong with trainings, and with methods that explain by what is trained."""

from collections.abc import Iterator

from pydantic import ValidationError

from esegeta.config.models import Config, Model
from esegeta.config.problems import of_parameters
from esegeta.config.targets import artifact_of, base_of, model_of
from esegeta.config.training import Training
from esegeta.errors import PluginError, Problem, listed, nearest
from esegeta.plugin import Plugin
from esegeta.registry import Registry

CARD = "card.json"
"""The file of an artifact that is written last, and says what it is."""


def trainings(config: Config, registry: Registry) -> Iterator[Problem]:
    """Say what is wrong with the trainings."""
    for index, training in enumerate(config.train):
        here = f"train[{index}]"
        model = model_of(config, training)
        try:
            plugin = registry.training(training.use)
        except PluginError as error:
            names = list(registry.trainings)
            known = training.use in str(error) and "unavailable" in str(error)
            message = str(error) if known else "there is no such training"
            near = nearest(training.use, names)
            yield Problem(f"{here}.use", message, repr(training.use), listed(names), near)
            continue
        if plugin.makes == "base" and training.model is not None:
            message = f"{training.use} learns of images alone; no model has a part in it"
            yield Problem(f"{here}.model", message, repr(training.model))
        if plugin.makes != "base" and model is None:
            yield _no_model(config, training, here)
        yield from _base(config, index, plugin, here)
        try:
            plugin.validate(training.with_)
        except ValidationError as error:
            yield from of_parameters(error, plugin.parameters, f"{here}.with")
        if model is None or plugin.makes == "base":
            continue
        if model.task not in plugin.tasks:
            message = f"{training.use} does not serve {model.task}, the task of {model.name!r}"
            yield Problem(f"{here}.use", message, None, f"tasks: {', '.join(plugin.tasks)}")
        if plugin.makes == "model":
            yield from _own_weights(config, training, model)


def _base(config: Config, index: int, plugin: Plugin, here: str) -> Iterator[Problem]:
    """Report what a training builds on that is not there, and what is given in vain."""
    training = config.train[index]
    if plugin.base is None:
        if training.base is not None:
            message = f"{training.use} builds on no other training"
            yield Problem(f"{here}.base", message, repr(str(training.base)))
    elif base_of(config, training, plugin.base) is None:
        message = f"{training.use} builds on a training '{plugin.base}'"
        valid = f'{{"use": "{plugin.base}", …}} in "train", or the folder of one as "base"'
        yield Problem(here, message, None, valid)
    elif training.base is None and all(one.use != plugin.base for one in config.train[:index]):
        message = f"{training.use} builds on '{plugin.base}', which this config trains after it"
        yield Problem(here, message, None, "the other order")


def _no_model(config: Config, training: Training, here: str) -> Problem:
    names = [model.name for model in config.models]
    if training.model is None:
        return Problem(f"{here}.model", "which model is it for?", None, listed(names))
    near = nearest(training.model, names)
    return Problem(
        f"{here}.model", "there is no such model", repr(training.model), listed(names), near
    )


def _own_weights(config: Config, training: Training, model: Model) -> Iterator[Problem]:
    """Report a model that would not be used with the weights that are trained for it."""
    if model.weights != training.weights:
        message = f"{training.use} trains this model itself, and writes its weights elsewhere"
        given = None if model.weights is None else repr(str(model.weights))
        where = f"models[{config.models.index(model)}].weights"
        yield Problem(where, message, given, repr(str(training.weights)))


def artifacts(config: Config, registry: Registry) -> Iterator[Problem]:
    """Say which methods lack what they are trained to, and which have no use for it."""
    for index, method in enumerate(config.methods):
        plugin = registry.plugins.get(method.use)
        if plugin is None:
            continue
        if not plugin.takes_artifact:
            if method.artifact is not None:
                message = f"{method.use} is not trained, so it takes no artifact"
                yield Problem(f"methods[{index}].artifact", message, repr(str(method.artifact)))
            continue
        for model in config.models:
            meant = method.models is None or model.name in method.models
            if meant and artifact_of(config, model, method) is None:
                where = f"methods[{index}]" + ("" if method.plain else ".artifact")
                message = f"{method.use} has to be trained for {model.name!r}"
                valid = f'{{"use": "{method.use}", …}} in "train", or the folder of an "artifact"'
                yield Problem(where, message, None, valid)


def untrained(config: Config, registry: Registry) -> Iterator[Problem]:
    """Say what a run would need that has not been trained yet."""
    made = {training.weights: training for training in config.train}
    for index, model in enumerate(config.models):
        if model.weights in made and not model.weights.is_file():
            yield _not_yet(f"models[{index}].weights", str(model.weights))
    for index, method in enumerate(config.methods):
        plugin = registry.plugins.get(method.use)
        if plugin is None or not plugin.takes_artifact:
            continue
        found = {
            artifact_of(config, model, method)
            for model in config.models
            if method.models is None or model.name in method.models
        }
        for folder in sorted(path for path in found if path is not None):
            if not (folder / CARD).is_file():
                where = f"methods[{index}]" + ("" if method.plain else ".artifact")
                yield _not_yet(where, str(folder))


def _not_yet(where: str, path: str) -> Problem:
    return Problem(where, "this has not been trained yet", repr(path), "esegeta train CONFIG first")
