"""From a file to a config, with everything that is wrong in one error."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from esegeta.config.check import check
from esegeta.config.consistency import inconsistent
from esegeta.config.fields import as_name
from esegeta.config.models import Config
from esegeta.config.problems import of_config
from esegeta.config.reading import locate, read
from esegeta.config.repair import doubtful_models, related, repaired
from esegeta.errors import ConfigError, Problem
from esegeta.registry import Registry, find


def load(path: Path | str) -> Config:
    """Read a config file; paths in it become absolute, relative to its folder.

    Where there is no such file, ``demo`` and the other names of the configs that esegeta brings
    stand for those. Plug-ins are not looked at: see `check` and `validate`.

    Raises
    ------
    ConfigError
        With all problems of its form.
    """
    file, data = _data(path)
    try:
        return parse(data, file.parent)
    except ConfigError as error:
        raise ConfigError(error.problems, str(file)) from error


def validate(
    path: Path | str, folders: Sequence[Path] = (), *, training: bool = False
) -> tuple[Config, Registry]:
    """Read a config file and check all of it, also against the plug-ins.

    Parameters
    ----------
    path : path
        As for `load`.
    folders : sequence of Path
        Folders of plug-ins, besides those of the config and ``plugins`` beside it.
    training : bool
        Whether it is to be trained with; see `check`.

    Raises
    ------
    ConfigError
        With all problems: where the form is wrong in one place, the rest is still checked.
    PluginError
        Where one of `folders` does not exist.
    """
    file, data = _data(path)
    base = file.parent.resolve()
    config, problems = _formed(data, base)
    registry = find([*plugin_folders(config, base), *folders])
    problems = _with_plugins(config, problems, data, registry, training=training)
    if problems or config is None:
        raise ConfigError(problems, str(file))
    return config, registry


def examine(data: Any, base: Path, registry: Registry) -> tuple[Config | None, list[Problem]]:
    """Say everything that is wrong with JSON data that may be half a config.

    Parameters
    ----------
    data : JSON data
    base : Path
        The folder that relative paths are relative to.
    registry : Registry
        The plug-ins it may use.

    Returns
    -------
    Config or None
        What can be read of it.
    list of Problem
        None, where it is all right.
    """
    base = Path(base).resolve()
    config, problems = _formed(data, base)
    return config, _with_plugins(config, problems, data, registry)


def _formed(data: Any, base: Path) -> tuple[Config | None, list[Problem]]:
    """Read what is well-formed, and say what is not."""
    try:
        return parse(data, base), []
    except ConfigError as error:
        return repaired(data, base), error.problems


def _with_plugins(
    config: Config | None,
    problems: list[Problem],
    data: Any,
    registry: Registry,
    *,
    training: bool = False,
) -> list[Problem]:
    """Add what the plug-ins say of a config, and order all problems as the file has them."""
    if config is not None:
        found = check(config, registry, doubtful_models(data, problems), training=training)
        problems = [*problems, *(p for p in found if not related(p.path, problems))]
    return sorted(problems, key=_place)


def parse(data: Any, base: Path) -> Config:
    """Make a config of JSON data; `base` is the folder that relative paths are relative to.

    Raises
    ------
    ConfigError
        With all problems of its form.
    """
    base = Path(base).resolve()
    data = _plain(data)
    problems: list[Problem] = []
    config: Config | None
    try:
        config = Config.model_validate(data, context={"base": base})
    except ValidationError as error:
        problems = of_config(error, Config)
        config = repaired(data, base)
    if config is not None:
        problems += [p for p in inconsistent(config) if not related(p.path, problems)]
    if problems or config is None:
        raise ConfigError(sorted(problems, key=_place))
    config._base = base
    return config


def dump(config: Config) -> dict[str, Any]:
    """Give the config as JSON data that `parse` takes again, with all paths absolute."""
    return config.model_dump(mode="json", by_alias=True, exclude={"schema_"})


def plugin_folders(config: Config | None, base: Path) -> Iterator[Path]:
    """Give the folders a config looks for plug-ins in, besides the user's own.

    Those it names (a missing one is a problem that `check` reports), and ``plugins`` beside it.
    """
    named = config.plugins if config is not None else []
    for folder in [base / "plugins", *named]:
        if folder.is_dir():
            yield folder


def _data(path: Path | str) -> tuple[Path, Any]:
    """Read the file, and name the config after it where it has no name."""
    file = locate(Path(path).expanduser())
    data = read(file)
    if isinstance(data, dict) and "name" not in data:
        data = {"name": as_name(file.stem, "run"), **data}
    return file, data


def _place(problem: Problem) -> tuple[int, int]:
    """Order problems as the keys of a config are documented, and by index in its lists."""
    key, _, rest = problem.path.partition(".")[0].partition("[")
    keys = list(Config.model_fields)
    index = rest.rstrip("]")
    return keys.index(key) if key in keys else len(keys), int(index) if index.isdigit() else -1


def _plain(data: Any) -> Any:
    """Take Python data through JSON: tuples become lists, and what is no JSON is refused."""
    try:
        return json.loads(json.dumps(data, allow_nan=False, default=_default))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError([Problem("", f"this is no JSON data: {error}")]) from error


def _default(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{value!r} is of type {type(value).__name__}")
