"""The methods there are, as a table, a page or JSON."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Column, Table

from esegeta.errors import PluginError
from esegeta.passes import Passes
from esegeta.plugin import Plugin
from esegeta.registry import Registry


def record(registry: Registry) -> dict[str, Any]:
    """Give all plug-ins, wrappers too, and the unavailable ones as JSON data."""
    return {
        "plugins": [entry(plugin, registry) for plugin in registry.plugins.values()],
        "trainings": [entry(plugin, registry) for plugin in registry.trainings.values()],
        "unavailable": [
            {
                "name": one.name,
                "family": one.family,
                "source": one.source,
                "reason": one.reason,
                "remedy": one.remedy,
            }
            for one in registry.unavailable
        ],
    }


def named(name: str, registry: Registry) -> dict[str, Any]:
    """Give what is known of a plug-in, or of a training that no method has the name of."""
    if name not in registry.plugins and name in registry.trainings:
        return entry(registry.trainings[name], registry)
    return entry(registry.get(name), registry)


def entry(plugin: Plugin, registry: Registry) -> dict[str, Any]:
    """Give what is known of a plug-in as JSON data; ``parameters`` is a JSON Schema."""
    passes = _cost(plugin)
    return {
        "name": plugin.name,
        "family": plugin.family,
        "summary": plugin.summary,
        "doc": plugin.doc,
        "paper": plugin.paper,
        "parameters": plugin.parameters.model_json_schema(),
        "passes": passes and {"forward": passes.forward, "backward": passes.backward},
        "takes_layer": plugin.takes_layer,
        "takes_artifact": plugin.takes_artifact,
        "fused": plugin.fused,
        "best": plugin.best,
        "gradients": plugin.gradients,
        "ndim": list(plugin.ndim),
        "tasks": list(plugin.tasks),
        "library": plugin.library,
        "origin": registry.origin(plugin),
        "source": str(plugin.source),
    }


SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
WORDS = {"boolean": "true or false", "integer": "whole number", "string": "text"}
"""Types of JSON Schema whose names are not words."""
NOUNS = ("integer", "number", "string")

WIDE = 140
"""Columns of a terminal from which on papers and origins leave room for the rest."""


def table(registry: Registry, width: int) -> Table:
    """Draw the methods as a table; a narrow one leaves out papers and where methods come from."""
    names = (Column(title, no_wrap=True) for title in ("family", "name"))
    more = ("paper", "from") if width >= WIDE else ()
    drawn = Table(*names, "what it shows", "cost", *more)
    family = None
    for plugin in [*registry.plugins.values(), *registry.trainings.values()]:
        first = plugin.family if plugin.family != family else ""
        rest = (plugin.paper, registry.origin(plugin)) if more else ()
        drawn.add_row(first, plugin.name, plugin.summary, cost(plugin), *rest)
        family = plugin.family
    return drawn


def unavailable(registry: Registry) -> Iterator[str]:
    """Say which plug-ins are unavailable, why, and what would mend it."""
    for one in registry.unavailable:
        yield f"unavailable: {one.name} ({one.source})\n    {one.reason}\n    → {one.remedy}"


def page(entry: dict[str, Any]) -> str:
    """Write all that is known of a plug-in as text."""
    lines = [f"{entry['name']} ({entry['family']}, {entry['origin']})", "", entry["doc"], ""]
    if entry["paper"]:
        lines += [f"paper: {entry['paper']}", ""]
    for name, facts in entry["parameters"].get("properties", {}).items():
        default = f" = {_json(facts['default'])}" if "default" in facts else " (required)"
        lines.append(f"  {name}{default}")
        lines.append(f"      {facts['description']} ({values(facts)})")
    return "\n".join(lines).rstrip()


def cost(plugin: Plugin) -> str:
    """Write what a method costs with its defaults: ``32 F + 32 B``, ``shared`` for the one pass."""
    if plugin.family in ("wrapper", "training"):
        return ""
    passes = _cost(plugin)
    if passes is None:
        return "by its parameters"
    parts = [f"{n:,.0f} {way}" for n, way in ((passes.forward, "F"), (passes.backward, "B")) if n]
    if plugin.family == "metric":
        made = plugin.judging(plugin.validate({}), Passes(1)).forward - passes.forward
        return " + ".join([*([f"{made:,.0f} × the map"] if made else []), *parts]) or "nothing"
    return " + ".join(parts) + (" (shared)" if plugin.fused else "")


def _cost(plugin: Plugin) -> Passes | None:
    """Give the cost with default parameters; None where there are none."""
    if any(field.is_required() for field in plugin.parameters.model_fields.values()):
        return None
    try:
        values = plugin.validate({})
        # A metric's own passes, without those of the maps that it makes again.
        return (
            plugin.judging(values, Passes()) if plugin.family == "metric" else plugin.cost(values)
        )
    except Exception as error:
        raise PluginError(f"{plugin.name}: its cost cannot be told: {error}") from error


def values(schema: Mapping[str, Any], *, plural: bool = False) -> str:
    """Say in words which values a JSON Schema takes: ``whole number ≥ 1, or null``."""
    if "anyOf" in schema:
        each = (values(choice, plural=plural) for choice in schema["anyOf"])
        return ", or ".join(dict.fromkeys(each))
    if "const" in schema:
        return _json(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(_json, schema['enum']))}"
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return _list(schema)
    bounds = [f"{sign} {schema[key]:g}" for key, sign in SIGNS.items() if key in schema]
    noun = WORDS.get(kind, kind) + ("s" if plural and kind in NOUNS else "")
    return f"{noun} {' and '.join(bounds)}".rstrip()


def _list(schema: Mapping[str, Any]) -> str:
    """Say how long a list is, and what its entries may be."""
    entries = schema.get("prefixItems") or [schema.get("items", {})]
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    length = f"{least} to {most} " if most is not None else f"{least} or more " if least else ""
    length = f"{most} " if least == most else length
    each = {values(entry, plural=True) for entry in entries}
    if len(each) == 1:
        return f"list of {length}{each.pop()}"
    return f"list of {length}values: {', '.join(map(values, entries))}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
