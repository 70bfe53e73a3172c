"""The table of all plug-ins, and the page of each."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

from docs import markdown
from docs.markdown import block, bounds, code, kind, paragraph
from esegeta.catalogue import cost
from esegeta.plugin import TYPICAL, Plugin

GENERATED = "<!-- Written by `make docs` from the code; do not edit. -->"
FAMILIES = {
    "attribution": "attribution: a map on the image",
    "layer_attribution": "layer attribution: a map on a layer's grid, enlarged to the image",
    "explainability": "explainability: what the model has learnt, or where it looks",
    "wrapper": "wrapper: from a model's output to class scores",
    "metric": "metric: how far a map can be trusted",
    "training": "training: what is learnt before it explains",
}
MAKES = {
    "artifact": "an artifact",
    "model": "the model itself",
    "base": "what other trainings build on",
}
LAYER = "layer4"
"""Stands for a layer in the examples."""


def table(plugins: Sequence[Plugin]) -> str:
    """Write the page that lists every plug-in."""
    others = ("wrapper", "metric", "training")
    methods = [plugin for plugin in plugins if plugin.family not in others]
    trainings = [plugin for plugin in plugins if plugin.trains]
    metrics = [plugin for plugin in plugins if plugin.family == "metric"]
    wrappers = [plugin for plugin in plugins if plugin.family == "wrapper"]
    titles = ["family", "name", "what it shows", "cost", "layer", "gradients", "images", "tasks"]
    return _text(
        [
            "# Every method",
            "",
            GENERATED,
            "",
            *paragraph(
                "One row per plug-in that comes with esegeta. `esegeta methods` lists these and your "
                "own; `esegeta methods NAME` tells all of one. F is a forward pass of one image, B a "
                "backward pass, both with default parameters. *Shared* is the one pass that such "
                "methods of an image and target have in common, at any number of layers."
            ),
            "",
            *markdown.table([*titles, "paper"], map(_row, methods)),
            "",
            "## Wrappers",
            "",
            *paragraph(
                'A wrapper turns a model\'s output into class scores; it is named in "target". See '
                "[the config](../config.md#target)."
            ),
            "",
            *markdown.table(
                ["name", "what it does", "images", "tasks"],
                [[_link(p), p.summary, _images(p), ", ".join(p.tasks)] for p in wrappers],
            ),
            "",
            "## Metrics",
            "",
            *paragraph(
                'A metric says how far a map can be trusted; it is named in "evaluate". See '
                "[How far to trust a map](../evaluation.md). *× the map* says how often it makes the map "
                "again."
            ),
            "",
            *markdown.table(
                ["name", "what it says", "better", "cost", "paper"],
                [[_link(p), p.summary, _better(p), cost(p), p.paper] for p in metrics],
            ),
            "",
            "## Trainings",
            "",
            *paragraph(
                'A training is named in "train", and done by `esegeta train`. It makes what the method of '
                "its name explains with, a model that explains itself, or what other trainings build on. See "
                "[Training](../training.md)."
            ),
            "",
            *markdown.table(
                ["name", "what it does", "makes", "images", "tasks", "paper"],
                [
                    [_link(p), p.summary, MAKES[p.makes], _images(p), ", ".join(p.tasks), p.paper]
                    for p in trainings
                ],
            ),
        ]
    )


def page(plugin: Plugin, training: Plugin | None = None) -> str:
    """Write the page of one plug-in, and of the training that it needs."""
    lines = [f"# {plugin.name}", "", GENERATED, "", *_whole(plugin)]
    if training is not None and training is not plugin:
        lines += ["", "## Its training", "", *_whole(training, below="###")]
    return _text(lines)


def _whole(plugin: Plugin, below: str = "##") -> list[str]:
    """Write all there is to say of a plug-in, under headings of this depth."""
    lines = [*_doc(plugin.doc), ""]
    lines += [*markdown.table(["", ""], _facts(plugin)), ""]
    parameters = plugin.parameters.model_json_schema().get("properties", {})
    if parameters:
        rows = [
            [
                f"`{name}`",
                kind(schema),
                bounds(schema),
                code(schema["default"]) if "default" in schema else "required",
                schema["description"],
            ]
            for name, schema in parameters.items()
        ]
        lines += [f"{below} Parameters", ""]
        lines += [*markdown.table(["name", "type", "bounds", "default", "what it does"], rows), ""]
    else:
        lines += ["It has no parameters.", ""]
    lines += [f"{below} In a config", "", *block(example(plugin))]
    if plugin.takes_layer:
        lines += ["", "`esegeta layers CONFIG` lists the layers of your models."]
    return lines


def example(plugin: Plugin) -> dict[str, object]:
    """Write the plug-in as an entry of a config, with its own defaults."""
    whole = plugin.parameters.model_json_schema()
    schema = whole.get("properties", {})
    values = {k: s["default"] for k, s in schema.items() if s.get("default") is not None}
    values |= dict.fromkeys(whole.get("required", []), LAYER)  # what has no default names a layer
    given: dict[str, object] = {"with": values} if values else {}
    if plugin.family == "wrapper":
        return {"target": {"class": "predicted", "wrapper": plugin.name} | given}
    if plugin.family == "metric":
        return {"evaluate": [{"use": plugin.name} | given]}
    if plugin.trains:
        images = {"path": "train.npz", "key": "images"}
        data = images if plugin.makes == "base" else images | {"labels": "labels"}
        base = [{"use": plugin.base, "data": images}] if plugin.base else []
        return {"train": [*base, {"use": plugin.name} | given | {"data": data}]}
    layers = {"layers": [LAYER]} if plugin.takes_layer else {}
    return {"use": plugin.name} | given | layers


def _row(plugin: Plugin) -> list[str]:
    return [
        plugin.family.replace("_", " "),
        _link(plugin),
        plugin.summary,
        cost(plugin),
        "yes" if plugin.takes_layer else "no",
        "yes" if plugin.gradients else "no",
        _images(plugin),
        ", ".join(plugin.tasks),
        plugin.paper,
    ]


def _better(plugin: Plugin) -> str:
    return {"high": "more", "low": "less"}.get(plugin.best or "", "")


def _facts(plugin: Plugin) -> list[tuple[str, str]]:
    facts = [("family", FAMILIES[plugin.family])]
    if plugin.family == "metric":
        facts += [("paper", plugin.paper), ("cost", cost(plugin)), ("better", _better(plugin))]
    elif plugin.trains:
        facts += [("paper", plugin.paper), ("makes", MAKES[plugin.makes])]
        facts += [("builds on", f"[{plugin.base}]({plugin.base}.md)")] if plugin.base else []
    elif plugin.family != "wrapper":
        facts += [("has to be trained", "yes")] if plugin.takes_artifact else []
        facts += [("paper", plugin.paper), ("cost", _cost(plugin))]
        facts += [("needs a layer", "yes" if plugin.takes_layer else "no")]
        facts += [("needs gradients", "yes" if plugin.gradients else "no")]
        drawn = "its magnitude" if plugin.show == "magnitude" else "with its sign"
        facts += [("pictures show the map", drawn)] if plugin.returns == "map" else []
        facts += [("with a contrast", _contrast(plugin))] if plugin.returns == "map" else []
    facts += [("library", plugin.library)] if plugin.library else []
    return [*facts, ("images", _images(plugin)), ("tasks", ", ".join(plugin.tasks))]


def _contrast(plugin: Plugin) -> str:
    if callable(plugin.linear):
        return "by its parameters; a note tells where it is not the contrast of the classes' maps"
    return f"{'' if plugin.linear else 'not '}the contrast of the classes' maps"


def _cost(plugin: Plugin) -> str:
    said = cost(plugin)
    if len(inspect.signature(plugin.passes).parameters) > 1:
        said += f" for an image of {' × '.join(map(str, TYPICAL))}; it depends on the image"
    return said


def _doc(doc: str) -> list[str]:
    """Fill a docstring's paragraphs to the width of the book."""
    parts = [paragraph(" ".join(part.split())) for part in doc.replace("``", "`").split("\n\n")]
    return [line for part in parts for line in [*part, ""]][:-1]


def _images(plugin: Plugin) -> str:
    return ", ".join(f"{n}D" for n in plugin.ndim)


def _link(plugin: Plugin) -> str:
    return f"[{plugin.name}]({plugin.name}.md)"


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
