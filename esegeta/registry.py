"""Finds plug-ins and answers by name; a broken file never breaks the rest."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from esegeta.discovery import BUILT_IN, Found, Unavailable, built_in, entry_points, folder
from esegeta.errors import PluginError, unknown
from esegeta.plugin import FAMILIES, Family, Plugin

__all__ = ["Registry", "Unavailable", "find", "user_folder"]

BELONGS = {"wrapper": "a target", "metric": '"evaluate"'}
"""The families that are no methods, and where in a config they are named."""


@dataclass(frozen=True)
class Registry:
    """The plug-ins at hand, those that are not, and where each comes from.

    Parameters
    ----------
    plugins : dict of str to Plugin
        By name; ordered by family, then name.
    unavailable : list of Unavailable
        What was found and cannot be used, with reason and remedy.
    origins : dict of str to str
        See `origin`.
    trainings : dict of str to Plugin
        Trainings by name, which may be that of the method that reads what they make.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    unavailable: list[Unavailable] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    trainings: dict[str, Plugin] = field(default_factory=dict)

    def get(self, name: str, family: Family | None = None) -> Plugin:
        """Find a plug-in by name.

        Raises
        ------
        PluginError
            Where it is unknown (with the nearest name), unavailable (with reason and remedy), or
            of another family than asked for.
        """
        plugin = self.plugins.get(name)
        if plugin is not None and family in (None, plugin.family):
            return plugin
        kind = family or "plug-in"
        if plugin is not None:
            raise PluginError(f"{name!r} is no {kind}, but of the family {plugin.family}")
        lost = self.lost(name)
        if lost is not None:
            raise PluginError(f"{name!r} is unavailable: {lost.reason}. Remedy: {lost.remedy}")
        raise PluginError(unknown(kind, name, self.names(family)))

    def method(self, name: str) -> Plugin:
        """Find a method by name, that is any plug-in that makes an explanation.

        Raises
        ------
        PluginError
            As `get` does; no wrapper is suggested.
        """
        if name not in self.plugins and self.lost(name) is None:
            raise PluginError(unknown("method", name, [one.name for one in self.methods()]))
        plugin = self.get(name)
        if plugin.family in BELONGS:
            where = BELONGS[plugin.family]
            raise PluginError(f"{name!r} is a {plugin.family}, not a method; it belongs in {where}")
        return plugin

    def training(self, name: str) -> Plugin:
        """Find a training by name.

        Raises
        ------
        PluginError
            Where it is unknown (with the nearest name) or unavailable (with reason and remedy).
        """
        if name in self.trainings:
            return self.trainings[name]
        lost = next((u for u in self.unavailable if (u.name, u.family) == (name, "training")), None)
        if lost is not None:
            raise PluginError(f"{name!r} is unavailable: {lost.reason}. Remedy: {lost.remedy}")
        raise PluginError(unknown("training", name, self.trainings))

    def lost(self, name: str) -> Unavailable | None:
        """Find the reason why a plug-in of this name, or its whole file, cannot be used."""
        for candidate in (name, name.partition(".")[0]):
            for one in self.unavailable:
                if one.name == candidate:
                    return one
        return None

    def names(self, family: Family | None = None) -> list[str]:
        """Name the plug-ins, of one family or of all."""
        return [n for n, plugin in self.plugins.items() if family in (None, plugin.family)]

    def methods(self) -> list[Plugin]:
        """Give every plug-in that makes an explanation: all but the wrappers and metrics."""
        return [plugin for plugin in self.plugins.values() if plugin.family not in BELONGS]

    def wrappers(self) -> list[Plugin]:
        """Give the plug-ins that turn a model's output into class scores."""
        return [plugin for plugin in self.plugins.values() if plugin.family == "wrapper"]

    def metrics(self) -> list[Plugin]:
        """Give the plug-ins that say how far a map can be trusted."""
        return [plugin for plugin in self.plugins.values() if plugin.family == "metric"]

    def origin(self, plugin: Plugin | str) -> str:
        """Say where a plug-in comes from: ``built-in``, a folder, or ``entry point NAME``."""
        found = self.get(plugin) if isinstance(plugin, str) else plugin
        return self.origins[_key(found)]


def _key(plugin: Plugin) -> str:
    """Tell a training from the method of its name."""
    return f"{plugin.name} (training)" if plugin.trains else plugin.name


def user_folder() -> Path | None:
    """Give the folder of the user's own plug-ins, or None where there is none.

    It is ``$ESEGETA_PLUGINS`` (which must then exist), else ``~/.config/esegeta/plugins``.
    """
    chosen = os.environ.get("ESEGETA_PLUGINS")
    if chosen:
        return Path(chosen).expanduser()
    usual = Path("~/.config/esegeta/plugins").expanduser()
    return usual if usual.is_dir() else None


def find(folders: Sequence[Path] = ()) -> Registry:
    """Find every plug-in: built-in, the user's folder, `folders`, entry points.

    **This runs the code of every file it finds**, as any import does: give no folder whose content
    you would not run. It imports torch, because the plug-ins do.

    Of two files that define one name, neither is taken, unless one of them is built-in: that one
    stays, so that no file changes what a method of esegeta means.

    Parameters
    ----------
    folders : sequence of Path
        More folders; each ``.py`` file directly in them, not beginning with ``_`` or ``.``.

    Raises
    ------
    PluginError
        Where a folder does not exist. What is wrong inside a file stands in
        `Registry.unavailable` instead.
    """
    found = built_in()
    own = user_folder()
    seen: set[Path] = set()
    for path in [*([own] if own else []), *folders]:
        resolved = Path(path).expanduser().resolve()
        if not resolved.is_dir():
            raise PluginError(f"there is no folder {path} to look for plug-ins in")
        if resolved not in seen:
            seen.add(resolved)
            found += folder(resolved)
    found += entry_points()
    return _build(found)


def _build(found: Iterable[Found]) -> Registry:
    """Order by family and name, and set aside what claims a name that another file has."""
    claims: dict[tuple[str, bool], dict[Path, Found]] = {}
    registry = Registry()
    for one in found:
        registry.unavailable.extend(one.unavailable)
        for plugin in one.plugins:
            # A file may be reached twice, as by a folder and an entry point: that is one claim.
            files = claims.setdefault((plugin.name, plugin.trains), {})
            files.setdefault(plugin.source.resolve(), one)
    kept: list[tuple[Plugin, str]] = []
    for claim, files in claims.items():
        plugins = [
            (p, one.origin)
            for one in files.values()
            for p in one.plugins
            if (p.name, p.trains) == claim
        ]
        ours = [pair for pair in plugins if pair[1] == BUILT_IN]
        stays = plugins if len(files) == 1 else ours if len(ours) == 1 else []
        kept += stays[:1]
        registry.unavailable.extend(
            _clash(plugin, list(files), built_in=bool(stays))
            for plugin, origin in plugins
            if not stays or plugin is not stays[0][0]
        )
    kept.sort(key=lambda pair: (FAMILIES.index(pair[0].family), pair[0].name))
    for plugin, origin in kept:
        known = registry.trainings if plugin.trains else registry.plugins
        known[plugin.name] = plugin
        registry.origins[_key(plugin)] = origin
    return registry


def _clash(plugin: Plugin, files: Sequence[Path], *, built_in: bool) -> Unavailable:
    """Say that several files define a plug-in of one name."""
    remedy = "rename the function in one of them, or take one file away"
    if built_in:
        remedy = f"rename the function in {plugin.source}: the built-in one keeps the name"
    return Unavailable(
        name=plugin.name,
        family=plugin.family,
        source=str(plugin.source),
        reason=f"the name is defined by {' and by '.join(map(str, files))}",
        remedy=remedy,
    )
