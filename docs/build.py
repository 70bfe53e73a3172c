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
    ours = {name: p for name, p in every.plugins.items() if every.origin(name) == "built-in"}
    return Registry(plugins=ours, origins=dict.fromkeys(ours, "built-in"))


def pages() -> dict[str, str]:
    """Make every generated page, by its path below ``docs/``."""
    registry = built_in()
    plugins = list(registry.plugins.values())
    made = {"methods/README.md": plugin_pages.table(plugins)}
    made |= {f"methods/{plugin.name}.md": plugin_pages.page(plugin) for plugin in plugins}
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
