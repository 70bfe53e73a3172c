"""The files a config names: globs become images, and what is missing becomes a problem."""

import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from esegeta.config.fields import as_name, stem
from esegeta.config.models import Config, Image
from esegeta.errors import ConfigError, Problem, dangling, nearest

Found = list[tuple[int, Image]]


def expand(config: Config) -> list[Image]:
    """Give one image per file, each with its path (no globs left) and a name of its own.

    A name is the file's without its ending; of several images in one file, with the key and the
    index behind it. Where two are alike, their folders' names go before.

    Raises
    ------
    ConfigError
        Where a glob matches nothing, or two images would still have one name.
    """
    images, problems = expanded(config)
    if problems:
        raise ConfigError(problems)
    return images


def references(config: Config) -> list[Path]:
    """Give the reference images' paths, globs resolved, each once."""
    return list(dict.fromkeys(path for entry in config.references for path in matches(entry)))


def expanded(config: Config) -> tuple[list[Image], list[Problem]]:
    """Expand the images as far as possible; also give what is wrong with them."""
    found: Found = []
    problems: list[Problem] = []
    for index, entry in enumerate(config.images):
        if entry.path is None:
            found.append((index, entry))
            continue
        paths = matches(entry.path)
        if len(paths) > 1 and (entry.name or entry.label):
            key = "name" if entry.name else "label"
            message = f"one {key} for the {len(paths)} files that the glob finds"
            problems.append(Problem(f"images[{index}].{key}", message, None, "one entry per file"))
        if not paths:
            problems.append(_nothing(f"images[{index}].path", entry.path))
        problems += _broken(f"images[{index}].path", paths)
        found += [(index, entry.model_copy(update={"path": path})) for path in paths]
    images = _named(found)
    problems += _same_name(images)
    return [image for _, image in images], problems


def matches(path: Path) -> list[Path]:
    """Find the files of a path or glob, sorted; folders (of DICOM slices) only without files.

    A link to a file that is not there is among them, so that it is not passed over in silence.
    """
    if path.exists():
        return [path]
    if not glob.has_magic(str(path)):
        return []
    # Path.glob takes no absolute pattern.
    every = [Path(found) for found in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207
    return [found for found in every if found.is_file() or not found.exists()] or every


def missing(config: Config) -> Iterator[Problem]:
    """Say which files are not there."""
    for index, model in enumerate(config.models):
        here = f"models[{index}]"
        code, _, _ = (model.factory or "").rpartition(":")
        if code.endswith(".py"):
            yield from _absent(f"{here}.factory", Path(code))
        yield from _absent(f"{here}.file", model.file)
        if model.weights not in [training.weights for training in config.train]:
            yield from _absent(f"{here}.weights", model.weights)
    for index, image in enumerate(config.images):
        yield from _absent(f"images[{index}].label", image.label)
    for index, folder in enumerate(config.plugins):
        if not folder.is_dir():
            yield Problem(f"plugins[{index}]", "there is no such folder", repr(str(folder)))
    for index, entry in enumerate(config.references):
        paths = matches(entry)
        if not paths:
            yield _nothing(f"references[{index}]", entry)
        yield from _broken(f"references[{index}]", paths)

    for index, training in enumerate(config.train):
        yield from _absent(f"train[{index}].start", training.start)
        for key, data in (("data", training.data), ("validation", training.validation)):
            if data is not None and data.path is not None and not matches(data.path):
                yield _nothing(f"train[{index}].{key}.path", data.path)


def _absent(where: str, path: Path | None) -> Iterator[Problem]:
    if path is not None and not path.is_file():
        yield _gone(where, path, "there is no such file")


def _nothing(where: str, path: Path) -> Problem:
    if glob.has_magic(str(path)):
        return Problem(where, "this glob finds no file", repr(str(path)))
    return _gone(where, path, "there is no such file or folder")


def _gone(where: str, path: Path, message: str) -> Problem:
    link = dangling(path)
    if link is not None:
        return Problem(where, f"this is {link}", repr(str(path)))
    return Problem(where, message, repr(str(path)), None, _beside(path))


def _broken(where: str, paths: Sequence[Path]) -> Iterator[Problem]:
    """Say which links that a glob finds lead nowhere."""
    for path in paths:
        link = dangling(path)
        if link is not None:
            yield Problem(where, f"one of the files is {link}", repr(str(path)))


def _beside(path: Path) -> str | None:
    """Find the file of the same folder whose name is most like it."""
    try:
        return nearest(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return None


def _named(found: Sequence[tuple[int, Image]]) -> Found:
    """Name images after their files, and those that would be alike after their folders too."""
    shares = Counter(image.path for _, image in found if image.name is None)
    plain = [_plain_name(image, shares[image.path] > 1) for _, image in found]
    stems = Counter(name.casefold() for name in plain)
    named = []
    for (index, image), name in zip(found, plain, strict=True):
        if image.name is None and image.path is not None and stems[name.casefold()] > 1:
            name = as_name(f"{image.path.parent.name}-{name}", "image")
        named.append((index, image.model_copy(update={"name": name})))
    return named


def _plain_name(image: Image, in_file: bool) -> str:
    """Name an image after its file or factory; `in_file`: also after its place in the file."""
    if image.name is not None:
        return image.name
    text = stem(image.path) if image.path else (image.factory or "").rpartition(":")[2]
    place = [str(part) for part in (image.key, image.index) if part is not None] if in_file else []
    return as_name("-".join([text, *place]), "image")


def _same_name(images: Iterable[tuple[int, Image]]) -> Iterator[Problem]:
    """Report names that stand for two images; names become folders, so case does not count."""
    first: dict[str, tuple[int, Image]] = {}
    for index, image in images:
        name = image.name or ""
        other_index, other = first.setdefault(name.casefold(), (index, image))
        if other is image:
            continue
        if _source(other) == _source(image):
            message = f"this image is listed twice (images[{other_index}])"
            valid = 'one entry, or a "name" of its own for each'
            yield Problem(f"images[{index}]", message, repr(_what(image)), valid)
            continue
        message = f"{_what(image)} would have the name of {_what(other)} (images[{other_index}])"
        yield Problem(f"images[{index}]", message, repr(name), 'a "name" of its own')


def _source(image: Image) -> tuple[object, ...]:
    """What makes an image: two of one source are one image."""
    return image.path, image.factory, image.arguments, image.key, image.index, image.axes


def _what(image: Image) -> str:
    return str(image.path or image.factory)
