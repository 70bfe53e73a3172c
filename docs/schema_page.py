"""Every key of a config, read off its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from docs.markdown import bounds, code, kind, paragraph, table
from docs.plugin_pages import GENERATED
from esegeta.config import schema
from esegeta.registry import Registry

PARTS = (
    "Model", "Patches", "Image", "Step", "Target", "Method", "Metric", "Training", "Data", "Execution"
)  # fmt: skip
"""In the order in which a config mentions them."""

INSTEAD = {
    ("Method", "use"): "a [method](methods/README.md)",
    ("Target", "wrapper"): "a [wrapper](methods/README.md#wrappers)",
    ("Step", "use"): "a [step](#steps)",
    ("Metric", "use"): "a [metric](methods/README.md#metrics)",
    ("Training", "use"): "a [training](methods/README.md#trainings)",
    ("Training", "data"): "[Data](#data)",
    ("Training", "validation"): "[Data](#data)",
    ("Config", "train"): "list of [Training](#training)",
    ("Config", "methods"): "list of names or [Method](#method)",
    ("Config", "evaluate"): "list of names or [Metric](#metric)",
}
"""What says more than the list of all names would."""

COMPUTED = {"output", "target", "execution", "name"}
"""Keys whose default is made, and told by their description."""


def page(registry: Registry) -> str:
    """Write the reference of the config."""
    whole = schema(registry)
    parts = whole["$defs"]
    lines = ["# Every key of a config", "", GENERATED, ""]
    lines += paragraph(
        "The same as `esegeta schema` prints, as tables. [The config](config.md) explains the parts with "
        "examples. An unknown key is an error. Paths may be relative to the config file."
    )
    lines += ["", "## Config", "", *_keys("Config", whole)]
    for name in PARTS:
        lines += ["", f"## {name}", "", *paragraph(parts[name]["description"])]
        lines += [*_either(parts[name].get("oneOf", ())), "", *_keys(name, parts[name])]
    lines += ["", "## Steps", "", *_steps(parts["Step"]["allOf"])]
    return "\n".join(lines) + "\n"


def _keys(part: str, schema: Mapping[str, Any]) -> list[str]:
    """Write a table of the keys of one object."""
    required = schema.get("required", ())
    rows = []
    for key, facts in schema["properties"].items():
        default = code(facts["default"]) if "default" in facts else ""
        default = "required" if key in required else default
        assert default or key in COMPUTED or (part, key) in INSTEAD, (part, key)
        shown = INSTEAD.get((part, key), kind(facts).replace(" or null", ""))
        rows.append([f"`{key}`", shown, default, facts["description"]])
    return table(["key", "type", "default", "what it is"], rows)


def _either(choices: Sequence[Mapping[str, Any]]) -> list[str]:
    keys = [f"`{choice['required'][0]}`" for choice in choices]
    return [f"It has either {' or '.join(keys)}."] if keys else []


def _steps(rules: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write the preprocessing steps with their arguments."""
    lines = paragraph(
        "Names and defaults of the arguments are torchio's. `ChannelNormalization` is esegeta's: "
        "`(value - mean) / std` for each channel. Arguments in **bold** are needed. For pictures, "
        "arguments along axes have two entries, and `Resize` antialiases."
    )
    rows = []
    for rule in rules:
        name, arguments = (
            rule["if"]["properties"]["use"]["const"],
            rule["then"]["properties"]["with"],
        )
        needed = arguments["required"]
        said = [
            f"{f'**`{key}`**' if key in needed else f'`{key}`'}: {_argument(facts)}"
            for key, facts in arguments["properties"].items()
        ]
        rows.append([f"`{name}`", "<br>".join(said) or "none"])
    return [*lines, "", *table(["step", "arguments"], rows)]


def _argument(facts: Mapping[str, Any]) -> str:
    """Say what an argument may be; a pattern is told in words."""
    if "pattern" in facts:
        return str(facts["description"])
    within = bounds(facts)
    return kind(facts) + (f" ({within})" if within else "")
