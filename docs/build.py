"""Write the generated pages: one per plug-in, and their table. Run as ``python -m docs.build``."""

from __future__ import annotations

import json
from pathlib import Path

from esegeta.catalogue import cost
from esegeta.plugin import Plugin
from esegeta.registry import Registry, find

FOLDER = Path(__file__).parent / "methods"
TITLES = {
    "attribution": "Maps on the image",
    "layer_attribution": "Maps on a layer's grid",
    "explainability": "Images that show what the model has learnt",
    "wrapper": "Wrappers: from a model's output to class scores",
}


def pages(registry: Registry) -> dict[str, str]:
    """Every generated page by its file name."""
    plugins = list(registry.plugins.values())
    return {"README.md": _table(plugins)} | {f"{p.name}.md": _page(p) for p in plugins}


def main() -> None:
    """Write the pages, and take away those of plug-ins that are no more."""
    written = pages(find())
    FOLDER.mkdir(exist_ok=True)
    for name, text in written.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    for path in FOLDER.glob("*.md"):
        if path.name not in written:
            path.unlink()


def _table(plugins: list[Plugin]) -> str:
    lines = [
        "# Every method",
        "",
        "Written by `make docs` from the plug-ins. F is a forward pass of one image, B a backward pass; "
        "*shared* is the one pass that all such methods of an image and target share.",
    ]
    for family, title in TITLES.items():
        lines += ["", f"## {title}", ""]
        if family == "wrapper":
            lines += ["| name | what it does | tasks |", "| --- | --- | --- |"]
        else:
            lines += [
                "| name | what it shows | cost by default | paper |",
                "| --- | --- | --- | --- |",
            ]
        for plugin in plugins:
            if plugin.family == family:
                cells = [f"[{plugin.name}]({plugin.name}.md)", plugin.summary]
                cells += (
                    [", ".join(plugin.tasks)]
                    if family == "wrapper"
                    else [cost(plugin), plugin.paper]
                )
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _page(plugin: Plugin) -> str:
    lines = [f"# {plugin.name}", "", plugin.doc, ""]
    facts = [("family", plugin.family.replace("_", " "))]
    if plugin.family != "wrapper":
        facts += [("paper", plugin.paper), ("cost by default", cost(plugin))]
        facts += [("needs", _needs(plugin))]
    facts += [
        ("images", " and ".join(f"{n}D" for n in plugin.ndim)),
        ("tasks", " and ".join(plugin.tasks)),
    ]
    lines += ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in facts), ""]
    parameters = plugin.parameters.model_json_schema().get("properties", {})
    if parameters:
        lines += ["| parameter | type | default | |", "| --- | --- | --- | --- |"]
        for name, schema in parameters.items():
            default = f"`{json.dumps(schema['default'])}`" if "default" in schema else "required"
            lines.append(f"| `{name}` | {_type(schema)} | {default} | {schema['description']} |")
        lines.append("")
    return "\n".join([*lines, "```json", json.dumps(example(plugin)), "```", ""])


def example(plugin: Plugin) -> dict[str, object]:
    """The plug-in as an entry of a config, with its own defaults."""
    schema = plugin.parameters.model_json_schema().get("properties", {})
    values = {k: s["default"] for k, s in schema.items() if s.get("default") is not None}
    if plugin.family == "wrapper":
        return {"target": {"wrapper": plugin.name} | ({"with": values} if values else {})}
    layers = {"layers": ["layer4"]} if plugin.takes_layer else {}
    return {"use": plugin.name} | ({"with": values} if values else {}) | layers


def _needs(plugin: Plugin) -> str:
    needs = ["a layer"] if plugin.takes_layer else []
    needs += ["gradients"] if plugin.gradients else []
    needs += ["full precision"] if plugin.precision == "full" else []
    needs += [plugin.library] if plugin.library else []
    return ", ".join(needs) or "nothing but forward passes"


def _type(schema: dict[str, object]) -> str:
    """A JSON Schema type in words, with its bounds."""
    if "anyOf" in schema:
        kinds = schema["anyOf"]
        assert isinstance(kinds, list)
        return " or ".join(dict.fromkeys(_type(kind) for kind in kinds))
    if "enum" in schema:
        values = schema["enum"]
        assert isinstance(values, list)
        return ", ".join(f"`{json.dumps(value)}`" for value in values)
    words = {"array": "list", "null": "null", "boolean": "true or false"}
    kind = str(schema.get("type", "anything"))
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    return " ".join([words.get(kind, kind), ", ".join(bounds)]).strip()


if __name__ == "__main__":
    main()
