"""Markdown that more than one generated page needs: tables, and JSON Schema types in words."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

WIDTH = 110
"""Columns of a line; the rows of a table cannot be broken."""

WORDS = {
    "array": "list",
    "boolean": "true or false",
    "integer": "whole number",
    "object": "object",
    "string": "text",
}
SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}

Schema = Mapping[str, Any]


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table; a bar inside a cell would end it."""
    lines = [titles, ["---"] * len(titles), *rows]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines]


def paragraph(text: str) -> list[str]:
    """Break a text into lines."""
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def code(value: object) -> str:
    """Write a JSON value."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def block(value: object) -> list[str]:
    """Write a JSON value as a block, on one line where it fits."""
    text = json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= WIDTH else json.dumps(value, ensure_ascii=False, indent=2)
    return ["```json", *text.splitlines(), "```"]


def kind(schema: Schema) -> str:
    """Say which type a value has; links lead to the section of a part of the config."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return _either(list(_choices(schema)))
    if "const" in schema:
        return code(schema["const"])
    if "enum" in schema:
        return ", ".join("null" if value is None else code(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return _list([schema])
    if schema.get("type") == "object" and "properties" in schema:
        inside = ", ".join(f'"{key}": {kind(one)}' for key, one in schema["properties"].items())
        return f"{{{inside}}}"
    return WORDS.get(str(schema.get("type")), str(schema.get("type", "anything")))


def _choices(schema: Schema) -> Iterator[Schema]:
    """Give the alternatives of a value, those of alternatives too."""
    for choice in schema["anyOf"]:
        yield from _choices(choice) if "anyOf" in choice else (choice,)


def _either(choices: Sequence[Schema]) -> str:
    """Say all alternatives; lists that differ in their length alone are one."""
    said: dict[str, str] = {}
    for choice in choices:
        if choice.get("type") != "array":
            said[kind(choice)] = kind(choice)
            continue
        like = [one for one in choices if one.get("type") == "array"]
        like = [one for one in like if _item(one) == _item(choice)]
        said[f"list of {_item(choice)}"] = _list(like)
    return " or ".join(said.values())


def _list(lists: Sequence[Schema]) -> str:
    lengths = sorted({length for one in lists if (length := _length(one))})
    counts = ", ".join(map(str, lengths[:-1])) + f" or {lengths[-1]}" if lengths[1:] else ""
    counts = counts or "".join(map(str, lengths))
    item = _item(lists[0])
    plural = f"{item}s" if item in WORDS.values() or item == "number" else item
    plural = f"({item})" if " or " in item else plural
    return f"list of {counts} {plural}".replace("  ", " ")


def _item(schema: Schema) -> str:
    return kind((schema.get("prefixItems") or [schema.get("items", {})])[0])


def _length(schema: Schema) -> int | None:
    least, most = schema.get("minItems"), schema.get("maxItems")
    return most if least == most else None


def bounds(schema: Schema) -> str:
    """Say within which bounds the numbers of a value lie."""
    found = [f"{sign} {schema[key]:g}" for key, sign in SIGNS.items() if key in schema]
    parts = [*schema.get("anyOf", []), *schema.get("prefixItems", [])]
    parts += [schema["items"]] if isinstance(schema.get("items"), Mapping) else []
    found += [text for part in parts if (text := bounds(part))]
    return ", ".join(dict.fromkeys(found))
