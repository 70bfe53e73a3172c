"""What must hold between the keys of a config, whatever plug-ins there are."""

from collections.abc import Iterator, Sequence

from esegeta.config.execution import Execution
from esegeta.config.models import Config, Image, Method, Model
from esegeta.config.training import Data, Training
from esegeta.errors import Problem

NUMPY = (".npy", ".npz")


def inconsistent(config: Config) -> Iterator[Problem]:
    """Say which keys exclude, need or repeat each other."""
    for index, model in enumerate(config.models):
        yield from _model(model, f"models[{index}]")
    for index, image in enumerate(config.images):
        yield from _image(image, f"images[{index}]")
    yield from _same([model.name for model in config.models], "models")
    named = [(index, i.name) for index, i in enumerate(config.images) if i.name is not None]
    yield from _same([name for _, name in named], "images", [index for index, _ in named])
    yield from _same_methods(config)
    yield from _same([metric.name for metric in config.evaluate], "evaluate")
    yield from _same([training.name for training in config.train], "train")
    for index, training in enumerate(config.train):
        yield from _training(training, f"train[{index}]")
        places = [other.output for other in config.train[:index]]
        if training.output in places:
            message = f"this folder is that of train[{places.index(training.output)}]"
            yield Problem(f"train[{index}].output", message, repr(str(training.output)))
    yield from _engine(config.execution)


def _engine(execution: Execution) -> Iterator[Problem]:
    """Report what one of the engines leaves without a meaning."""
    if execution.engine == "local" and execution.address is not None:
        message = "an address is Ray's, and the engine is 'local'"
        yield Problem("execution.address", message, repr(execution.address), '"engine": "ray"')
    if execution.engine == "ray" and execution.devices not in ("auto", ["cpu"], ["cuda"]):
        valid = '\'auto\', ["cpu"] or ["cuda"]'
        message = "Ray chooses each worker's device; only its kind can be asked for"
        yield Problem("execution.devices", message, repr(execution.devices), valid)


def _model(model: Model, here: str) -> Iterator[Problem]:
    yield from _either(model.factory, model.file, "factory", "file", here)
    if model.file is not None and model.factory is None:
        for key in ("weights", "arguments"):
            if getattr(model, key):
                message = f"{key} belong to a factory; the file holds the whole model"
                yield Problem(f"{here}.{key}", message)
    twice = [name for i, name in enumerate(model.classes) if name in model.classes[:i]]
    for name in dict.fromkeys(twice):
        index = len(model.classes) - 1 - model.classes[::-1].index(name)
        yield Problem(f"{here}.classes[{index}]", "this class stands twice", repr(name))


def _image(image: Image, here: str) -> Iterator[Problem]:
    yield from _either(image.path, image.factory, "path", "factory", here)
    if image.arguments and image.factory is None and image.path is not None:
        yield Problem(f"{here}.arguments", "arguments belong to a factory; this image is a file")
    ending = image.path.suffix.lower() if image.path else ""
    for key, endings in (("axes", NUMPY), ("index", NUMPY), ("key", (".npz",))):
        if getattr(image, key) is not None and ending not in endings:
            message = f"{key!r} is for {' and '.join(endings)} files only"
            yield Problem(f"{here}.{key}", message, repr(getattr(image, key)))


def _training(training: Training, here: str) -> Iterator[Problem]:
    yield from _data(training.data, f"{here}.data")
    if training.validation is not None:
        yield from _data(training.validation, f"{here}.validation")
    elif training.patience is not None:
        message = "patience waits for a lower loss on validation data, of which there is none"
        yield Problem(f"{here}.patience", message, str(training.patience), '"validation"')


def _data(data: Data, here: str) -> Iterator[Problem]:
    yield from _either(data.path, data.factory, "path", "factory", here)
    if data.arguments and data.factory is None and data.path is not None:
        yield Problem(f"{here}.arguments", "arguments belong to a factory; this data is a file")
    ending = data.path.suffix.lower() if data.path else ""
    if data.key is not None and ending != ".npz":
        yield Problem(f"{here}.key", "'key' is for npz files only", repr(data.key))
    if data.path is None and data.labels is not None:
        message = "labels come with the images from a factory: (images, labels)"
        yield Problem(f"{here}.labels", message, repr(data.labels))
    elif data.labels not in (None, "folder") and ending != ".npz":
        message = "this is the key of an npz file; these images are files of their own"
        yield Problem(f"{here}.labels", message, repr(data.labels), "'folder'")


def _either(one: object, other: object, first: str, second: str, here: str) -> Iterator[Problem]:
    if (one is None) == (other is None):
        message = "two are given" if one is not None else "one is missing"
        yield Problem(here, message, None, f"either {first!r} or {second!r}")


def _same(
    names: Sequence[str], key: str, indices: Sequence[int] | None = None
) -> Iterator[Problem]:
    """Report names that stand twice; they become folders, so case does not count."""
    folded = [name.casefold() for name in names]
    for position, name in enumerate(folded):
        earlier = folded.index(name)
        if earlier < position:
            index, first = (
                (indices or range(len(names)))[position],
                (indices or range(len(names)))[earlier],
            )
            message = f"this name is taken by {key}[{first}]"
            yield Problem(f"{key}[{index}].name", message, repr(names[position]))


def _same_methods(config: Config) -> Iterator[Problem]:
    """Report methods whose results would lie in one folder."""
    for index, method in enumerate(config.methods):
        for earlier in range(index):
            if _collide(config.methods[earlier], method):
                where = f"methods[{index}]" if method.plain else f"methods[{index}].name"
                message = f"this name is taken by methods[{earlier}]"
                valid = 'a "name" of its own for each use of a method'
                yield Problem(where, message, repr(method.name), valid)
                break


def _collide(one: Method, other: Method) -> bool:
    """Whether name, target, and some layer and model are the same."""
    if one.name.casefold() != other.name.casefold() or one.target != other.target:
        return False
    layers = not one.layers or not other.layers or set(one.layers) & set(other.layers)
    models = one.models is None or other.models is None or set(one.models) & set(other.models)
    return bool(layers and models)
