"""The JSON Schema of a config, with every available plug-in's parameters in it."""

from typing import Any

from esegeta.config.models import Config
from esegeta.plugin import Plugin
from esegeta.registry import BELONGS, Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def schema(registry: Registry) -> Schema:
    """Give the schema (draft 2020-12) that an editor completes and checks a config with.

    It says what `parse` and `check` say, but for what a schema cannot: files, names of models and
    classes, arguments of a step that must fit each other, and that 3.0 is no whole number to us.
    """
    from esegeta.images.steps import step_schemas  # NumPy takes a moment to import

    whole = _untitled(Config.model_json_schema(by_alias=True, mode="validation"))
    parts = whole["$defs"]
    methods, wrappers = registry.methods(), registry.wrappers()
    trainings = list(registry.trainings.values())
    families = ("Method", methods), ("Metric", registry.metrics()), ("Training", trainings)
    for part, plugins in families:
        parts[part]["properties"]["use"]["enum"] = [plugin.name for plugin in plugins]
        if plugins:
            parts[part]["allOf"] = [_when("use", plugin) for plugin in plugins]
        parts[part]["required"] = ["use", "data"] if part == "Training" else ["use"]
    parts["Target"]["properties"]["wrapper"] = {
        "description": parts["Target"]["properties"]["wrapper"]["description"],
        "enum": [*(plugin.name for plugin in wrappers), None],
    }
    parts["Target"]["allOf"] = [_when("wrapper", plugin) for plugin in wrappers]
    steps = step_schemas()
    parts["Step"]["properties"]["use"]["enum"] = list(steps)
    parts["Step"]["allOf"] = [_of_step(name, arguments) for name, arguments in steps.items()]
    for key, part, plugins in (
        ("methods", "Method", methods),
        ("evaluate", "Metric", registry.metrics()),
    ):
        plain = [p.name for p in plugins if not p.takes_layer and not _required(p)]
        whole["properties"][key]["items"] = {
            "anyOf": [{"enum": plain}, {"$ref": f"#/$defs/{part}"}]
        }
    sources = ("path", "factory")
    for part, keys in (("Model", ("factory", "file")), ("Image", sources), ("Data", sources)):
        parts[part]["oneOf"] = [_given(key) for key in keys]
    parts["Model"]["required"] = ["task"]
    whole["required"] = ["models", "images", "methods"]
    return {"$schema": DIALECT, "title": "esegeta config", **whole}


def _given(key: str) -> Schema:
    return {"required": [key], "properties": {key: {"not": {"type": "null"}}}}


def _required(plugin: Plugin) -> list[str]:
    return [name for name, f in plugin.parameters.model_fields.items() if f.is_required()]


def _when(key: str, plugin: Plugin) -> Schema:
    """Say what holds beside ``key: plugin``: its parameters and, for a method, its layers."""
    parameters = _untitled(plugin.parameters.model_json_schema())
    parameters["description"] = plugin.summary
    then: Schema = {"properties": {"with": parameters}}
    needed = ["with"] if _required(plugin) else []
    if plugin.takes_layer:
        then["properties"]["layers"] = {"minItems": 1}
        needed.append("layers")
    elif plugin.family not in BELONGS and not plugin.trains:
        then["properties"]["layers"] = {"maxItems": 0}
    if needed:
        then["required"] = needed
    return {"if": {"properties": {key: {"const": plugin.name}}, "required": [key]}, "then": then}


def _of_step(name: str, arguments: Schema) -> Schema:
    """Say which arguments may stand beside ``use: name``, and which must."""
    then: Schema = {"properties": {"with": arguments}}
    if arguments["required"]:
        then["required"] = ["with"]
    return {"if": {"properties": {"use": {"const": name}}, "required": ["use"]}, "then": then}


def _untitled(schema: Any, named: bool = False) -> Any:
    """Leave out the titles pydantic derives from names; `named`: the keys here are names."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value
        if key in ("default", "const", "enum") and not named
        else _untitled(value, named=not named and key in ("properties", "$defs"))
        for key, value in schema.items()
        if named or key != "title"
    }
