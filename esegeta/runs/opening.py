"""From what a user gives to a checked config and the plug-ins it may use."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from esegeta import config
from esegeta.errors import ConfigError
from esegeta.registry import Registry, find

Source = Path | str | dict[str, Any] | config.Config


def open_config(
    source: Source, plugins: Sequence[Path | str] = (), *, training: bool = False
) -> tuple[config.Config, Registry, tuple[Path, ...]]:
    """Read a config, find its plug-ins, and check it against them.

    Parameters
    ----------
    source : path, dict or Config
        Relative paths in a dict are taken from the current folder.
    plugins : sequence of path
        Folders of plug-ins beside those of the config.
    training : bool
        Whether it is to be trained with, so that what a training makes need not be there yet.

    Returns
    -------
    config.Config, Registry, tuple of Path
        The folders are those the registry was made from.

    Raises
    ------
    ConfigError
        With every problem there is.
    """
    named = [Path(path).absolute() for path in plugins]
    if isinstance(source, Path | str):
        settings, registry = config.validate(source, named, training=training)
        return settings, registry, _folders(settings, named)
    settings = source if isinstance(source, config.Config) else config.parse(source, Path.cwd())
    folders = _folders(settings, named)
    registry = find(folders)
    problems = config.check(settings, registry, training=training)
    if problems:
        raise ConfigError(problems)
    return settings, registry, folders


def _folders(settings: config.Config, named: Sequence[Path]) -> tuple[Path, ...]:
    return (*config.plugin_folders(settings, settings.base), *named)
