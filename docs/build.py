"""Write the pages that are made from the code. Run as ``python -m docs.build``.

``methods/README.md`` and one page per plug-in come from the registry, ``config-reference.md`` from the
JSON Schema of a config. Only what is built in counts, so the pages do not depend on the machine.
"""

from __future__ import annotations

from pathlib import Path

from docs import plugin_pages, schema_page
from esegeta.registry import Registry, find

FOLDER = Path(__file__).parent


def built_in() -> Registry:
    """Find the plug-ins that come with esegeta, without the user's own."""
    every = find()
    kinds = [every.plugins, every.trainings]
    ours = [{n: p for n, p in kind.items() if every.origin(p) == "built-in"} for kind in kinds]
    return Registry(plugins=ours[0], origins=every.origins, trainings=ours[1])


def pages() -> dict[str, str]:
    """Make every generated page, by its path below ``docs/``."""
    registry = built_in()
    plugins, trainings = registry.plugins, registry.trainings
    every = [*plugins.values(), *trainings.values()]
    made = {"methods/README.md": plugin_pages.table(every)}
    # A method that is trained and its training share a page.
    for plugin in {**trainings, **plugins}.values():
        page = plugin_pages.page(plugin, trainings.get(plugin.name))
        made[f"methods/{plugin.name}.md"] = page
    made["config-reference.md"] = schema_page.page(registry)
    return made


def committed() -> dict[str, str]:
    """Read the generated pages as they stand, by their path below ``docs/``."""
    files = [*sorted((FOLDER / "methods").glob("*.md")), FOLDER / "config-reference.md"]
    return {
        file.relative_to(FOLDER).as_posix(): file.read_text(encoding="utf-8")
        for file in files
        if file.is_file()
    }


def main() -> None:
    """Write the pages, and take away those of plug-ins that are no more."""
    made = pages()
    (FOLDER / "methods").mkdir(exist_ok=True)
    for path, text in made.items():
        (FOLDER / path).write_text(text, encoding="utf-8")
    for path in committed():
        if path not in made:
            (FOLDER / path).unlink()


if __name__ == "__main__":
    main()
