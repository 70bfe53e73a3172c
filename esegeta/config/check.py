"""What can be known to be wrong before a run: names, parameters, layers, targets, files."""

from collections.abc import Iterator

from pydantic import ValidationError

from esegeta.config import check_training
from esegeta.config.files import expanded, missing
from esegeta.config.models import Config, Method, Model, Target
from esegeta.config.problems import of_parameters
from esegeta.config.targets import Level, class_names, merged
from esegeta.errors import Problem, listed, nearest, shorten
from esegeta.plugin import Plugin
from esegeta.registry import BELONGS, Registry

FP16_ON_CPU = "fp16 on a CPU is hundreds of times slower than float32"


def check(
    config: Config,
    registry: Registry,
    doubtful: frozenset[int] = frozenset(),
    *,
    training: bool = False,
) -> list[Problem]:
    """Say everything that is wrong with a well-formed config, given the plug-ins there are.

    Reads no image and loads no model.

    Parameters
    ----------
    config : Config
    registry : Registry
    doubtful : frozenset of int
        Models, by index, of which nothing shall be concluded (their own entry is malformed).
    training : bool
        Whether it is to be trained with, so that what a training makes need not be there yet.
    """
    problems = [*_methods(config, registry, doubtful), *_model_names(config, doubtful)]
    problems += _metrics(config, registry)
    if not doubtful:
        problems += check_training.trainings(config, registry)
        problems += check_training.artifacts(config, registry)
    if not training:
        problems += check_training.untrained(config, registry)
    problems += [*_targets(config, registry, doubtful), *_steps(config), *missing(config)]
    problems += [*_idle_masks(config, doubtful), *_precision(config, registry)]
    problems += expanded(config)[1]
    return list(dict.fromkeys(problems))


def _methods(config: Config, registry: Registry, doubtful: frozenset[int]) -> Iterator[Problem]:
    for index, method in enumerate(config.methods):
        here = f"methods[{index}]"
        use = here if method.plain else f"{here}.use"
        plugin = registry.plugins.get(method.use)
        if plugin is None or plugin.family in BELONGS:
            yield _no_plugin(registry, method.use, use, "method")
            continue
        yield from _parameters(plugin, method.with_, f"{here}.with")
        if plugin.takes_layer and not method.layers:
            where = here if method.plain else f"{here}.layers"
            message = f"{method.use} needs layers"
            example = (
                f'{{"use": "{method.use}", "layers": ["…"]}}; esegeta layers CONFIG lists them'
            )
            yield Problem(where, message, None, example)
        if method.layers and not plugin.takes_layer:
            yield Problem(f"{here}.layers", f"{method.use} takes no layers", str(method.layers))
        for model in _models_of(config, method, doubtful):
            if model.task not in plugin.tasks:
                message = f"{method.use} does not serve {model.task}, the task of {model.name!r}"
                yield Problem(use, message, None, f"tasks: {', '.join(plugin.tasks)}")


def _metrics(config: Config, registry: Registry) -> Iterator[Problem]:
    names = list(dict.fromkeys(method.name for method in config.methods))
    tasks = {model.task for model in config.models}
    for index, metric in enumerate(config.evaluate):
        here = f"evaluate[{index}]"
        use = here if metric.plain else f"{here}.use"
        plugin = registry.plugins.get(metric.use)
        if plugin is None or plugin.family != "metric":
            yield _no_plugin(registry, metric.use, use, "metric")
            continue
        yield from _parameters(plugin, metric.with_, f"{here}.with")
        if not tasks & set(plugin.tasks):
            message = f"{metric.use} does not serve {listed(sorted(tasks))}, the models' task"
            yield Problem(use, message, None, f"tasks: {', '.join(plugin.tasks)}")
        for position, name in enumerate(metric.methods or ()):
            if name not in names:
                where = f"{here}.methods[{position}]"
                message = "there is no such method in this config"
                yield Problem(where, message, repr(name), listed(names), nearest(name, names))


def _precision(config: Config, registry: Registry) -> Iterator[Problem]:
    """Say where mixed precision gives wrong maps, or none in a lifetime."""
    execution = config.execution
    on_cpu = execution.devices != "auto" and "cpu" in execution.devices
    for index, method in enumerate(config.methods):
        amp = method.amp or execution.amp
        where = f"methods[{index}].amp" if method.amp else "execution.amp"
        plugin = registry.plugins.get(method.use)
        if amp != "off" and plugin is not None and plugin.precision == "full":
            message = f"{method.use} divides by small differences and needs full precision"
            valid = f'{{"use": "{method.use}", "amp": "off"}} for this method'
            yield Problem(where, message, repr(amp), valid)
        if amp == "fp16" and on_cpu:
            yield Problem(where, FP16_ON_CPU, repr(amp), "'bf16', or GPUs alone as devices")


def _no_plugin(registry: Registry, name: str, where: str, kind: str) -> Problem:
    """Say that a plug-in is unknown, or why it is unavailable."""
    lost = registry.lost(name)
    if lost is not None:
        return Problem(where, f"{name} is unavailable: {lost.reason}", None, lost.remedy)
    every = {"wrapper": registry.wrappers, "metric": registry.metrics, "method": registry.methods}
    plugins = every[kind]()
    names = [plugin.name for plugin in plugins]
    other = registry.plugins.get(name)
    message = f"there is no such {kind}"
    if other is not None:
        message += f"; {name} is of the family {other.family}"
    return Problem(where, message, repr(name), listed(names), nearest(name, names))


def _parameters(plugin: Plugin, values: dict[str, object], where: str) -> list[Problem]:
    try:
        plugin.validate(values)
    except ValidationError as error:
        return of_parameters(error, plugin.parameters, where)
    return []


def _models_of(config: Config, method: Method, doubtful: frozenset[int]) -> list[Model]:
    """Give the models a method is for."""
    return [
        model
        for index, model in enumerate(config.models)
        if index not in doubtful and (method.models is None or model.name in method.models)
    ]


def _model_names(config: Config, doubtful: frozenset[int]) -> Iterator[Problem]:
    """Say which entries are for models that do not exist."""
    if doubtful:
        return
    names = [model.name for model in config.models]
    wanted = {"images": [i.models for i in config.images]}
    wanted["methods"] = [m.models for m in config.methods]
    for key, entries in wanted.items():
        for index, entry in enumerate(entries):
            for position, name in enumerate(entry or ()):
                if name not in names:
                    where = f"{key}[{index}].models[{position}]"
                    message = "there is no such model"
                    yield Problem(where, message, repr(name), listed(names), nearest(name, names))


def _targets(config: Config, registry: Registry, doubtful: frozenset[int]) -> Iterator[Problem]:
    """Check the target of every model and method, as it is after inheritance."""
    for index, model in enumerate(config.models):
        if index in doubtful:
            continue
        general: list[Level] = [("target", config.target)]
        if model.target is not None:
            general.append((f"models[{index}].target", model.target))
        for position, method in enumerate(config.methods):
            if method.models is not None and model.name not in method.models:
                continue
            own: list[Level] = []
            if method.target is not None:
                own.append((f"methods[{position}].target", method.target))
            yield from _target([*general, *own], index, config, registry)


def _target(
    levels: list[Level], index: int, config: Config, registry: Registry
) -> Iterator[Problem]:
    model = config.models[index]
    target, places = merged(levels, model, f"models[{index}]")
    wrapper = registry.plugins.get(target.wrapper or "")
    if wrapper is None or wrapper.family != "wrapper":
        yield _no_plugin(registry, target.wrapper or "", places["wrapper"], "wrapper")
    else:
        yield from _parameters(wrapper, target.with_, places["with"])
        if model.task not in wrapper.tasks:
            message = f"{wrapper.name} does not serve {model.task}, the task of {model.name!r}"
            fitting = [w.name for w in registry.wrappers() if model.task in w.tasks]
            yield Problem(places["wrapper"], message, repr(wrapper.name), listed(fitting))
    if target.patches is not None and model.task != "segmentation":
        message = f"patches are for segmentation; {model.name!r} does {model.task}"
        yield Problem(places["patches"], message, None, "no patches at all")
    yield from _class(target.class_, places["class"], model)
    by_label = target.mask == "label" or (isinstance(target.mask, dict) and "label" in target.mask)
    if by_label and model.task == "segmentation":
        for image in config.images:
            serves = image.models is None or model.name in image.models
            if serves and image.path is not None and image.label is None:
                message = f"the image {image.name or image.path.name!r} has no label"
                yield Problem(
                    places["mask"], message, shorten(target.mask), 'a "label" for each image'
                )


def _idle_masks(config: Config, doubtful: frozenset[int]) -> Iterator[Problem]:
    """Say which masks would be passed over: those of targets that are for classification alone."""
    targets = [("target", config.target, config.models)]
    for index, model in enumerate(config.models):
        targets.append((f"models[{index}].target", model.target or Target(), [model]))
    for index, method in enumerate(config.methods):
        models = _models_of(config, method, frozenset())
        targets.append((f"methods[{index}].target", method.target or Target(), models))
    unsure = [config.models[index] for index in doubtful]
    for path, target, models in targets:
        tasks = {None if model in unsure else model.task for model in models}
        if target.mask != Target().mask and tasks == {"classification"}:
            message = "a mask is for segmentation; these models do classification"
            if len(models) == 1:
                message = f"a mask is for segmentation; {models[0].name!r} does classification"
            yield Problem(f"{path}.mask", message, shorten(target.mask), "no mask at all")


def _class(name: str | int, where: str, model: Model) -> Iterator[Problem]:
    """Check a class against the names the model has, where it names any."""
    classes = class_names(model)
    if isinstance(name, int):
        if classes and name >= len(classes):
            valid = f"0 to {len(classes) - 1}"
            yield Problem(where, f"the model {model.name!r} has no such class", str(name), valid)
    elif name != "predicted" and not classes:
        message = f"the model {model.name!r} names no classes"
        yield Problem(where, message, repr(name), 'a number, or "classes" in the model')
    elif name != "predicted" and name not in classes:
        message = f"the model {model.name!r} has no such class"
        yield Problem(where, message, repr(name), listed(classes), nearest(name, classes))


def _steps(config: Config) -> Iterator[Problem]:
    """Check preprocessing without an image."""
    from esegeta.images import check_steps  # NumPy takes a moment to import

    yield from check_steps(config.preprocess, "preprocess")
    for index, model in enumerate(config.models):
        yield from check_steps(model.preprocess or [], f"models[{index}].preprocess")
