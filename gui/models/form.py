"""From a JSON Schema to the fields of a form, and between their texts and JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..language import tr

Kind = Literal["flag", "choice", "whole", "number", "text", "path", "list", "mixed", "json"]

Schema = Mapping[str, Any]
SIGNS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
UNSET = "not set"
"""How null is written; ``null`` is read as well."""
PLAIN = re.compile(r"[\w./*#@+-]([\w ./:*#@+-]*[\w./:*#@+-])?")
"""A text that stands in a list without quotes."""

MISSING: Any = ...
"""Stands for no value, where null is one."""


@dataclass(frozen=True)
class Field:
    """One value of a form.

    Parameters
    ----------
    key : str
    kind : str
        ``mixed`` takes several types: choices beside numbers, lists or texts.
    help : str
    default : JSON value
        `MISSING` where there is none.
    choices : tuple of JSON values
    required : bool
    valid : str
        In words, what it may be.
    step : float
        What an arrow key adds to a number.
    bounds : tuple of float or None
        The least and the largest number that arrow keys reach.
    texts : bool
        Whether any text is a value.
    """

    key: str
    kind: Kind
    help: str = ""
    default: Any = MISSING
    choices: tuple[Any, ...] = ()
    required: bool = False
    valid: str = ""
    bounds: tuple[float | None, float | None] = (None, None)
    texts: bool = False

    @property
    def label(self) -> str:
        """The key, for people."""
        return self.key.replace("_", " ")

    @property
    def tip(self) -> str:
        """Help, what is valid, and the default."""
        default = shown(self.default) if self.default not in (MISSING, None, [], {}) else ""
        lines = [self.help, tr("Valid: %s") % self.valid if self.valid else ""]
        lines.append(tr("Default: %s") % default if default else "")
        return "\n".join(line for line in lines if line)


def fields_of(schema: Schema, definitions: Schema | None = None) -> list[Field]:
    """Give the fields of an object's schema, in its order."""
    definitions = definitions or schema.get("$defs", {})
    required = schema.get("required", [])
    return [
        field_of(key, facts, definitions, required=key in required)
        for key, facts in schema.get("properties", {}).items()
    ]


def field_of(key: str, schema: Schema, definitions: Schema, *, required: bool = False) -> Field:
    """Give the field of one value's schema."""
    parts = list(_parts(schema, definitions))
    kinds = {part.get("type") for part in parts if not _choices(part)}
    choices = tuple(choice for part in parts for choice in _choices(part))
    nullable = None in choices or "null" in kinds
    kinds -= {"null"}
    choices = tuple(choice for choice in choices if choice is not None)
    kind: Kind = "json"
    if kinds == {"boolean"} and not choices:
        kind = "flag"
    elif not kinds and choices:
        kind = "choice"
        choices += (None,) if nullable else ()
    elif choices or len(kinds) > 1:
        kind = "mixed"
    elif kinds == {"integer"}:
        kind = "whole"
    elif kinds == {"number"}:
        kind = "number"
    elif kinds == {"string"}:
        kind = "text"
    elif kinds == {"array"} and not any(_of_objects(part, definitions) for part in parts):
        kind = "list"
    if "object" in kinds:
        kind = "json"
    return Field(
        key,
        kind,
        str(schema.get("description", "")),
        schema.get("default", MISSING),
        choices,
        required,
        valid=tr(" or ").join(dict.fromkeys(_words(part) for part in parts)),
        bounds=_bounds(parts),
        texts=kind == "text" or (kind == "mixed" and "string" in kinds),
    )


def _parts(schema: Schema, definitions: Schema) -> list[Schema]:
    """Give the single types that a value may have."""
    if "$ref" in schema:
        return _parts(definitions.get(str(schema["$ref"]).rpartition("/")[2], {}), definitions)
    if "anyOf" in schema:
        return [part for one in schema["anyOf"] for part in _parts(one, definitions)]
    return [schema]


def _of_objects(part: Schema, definitions: Schema) -> bool:
    inner = _parts(part.get("items", {}), definitions)
    return any(one.get("type") in ("object", "array") for one in inner)


def _choices(part: Schema) -> list[Any]:
    return [part["const"]] if "const" in part else list(part.get("enum", []))


def _bounds(parts: list[Schema]) -> tuple[float | None, float | None]:
    """Give the bounds within which arrow keys stay; open ends are left to the check."""
    numbers = [part for part in parts if part.get("type") in ("integer", "number")]
    lows = [n[k] for n in numbers for k in ("minimum", "exclusiveMinimum") if k in n]
    highs = [n[k] for n in numbers for k in ("maximum", "exclusiveMaximum") if k in n]
    return min(lows, default=None), max(highs, default=None)


def _words(part: Schema) -> str:
    choices = _choices(part)
    if choices:
        return ", ".join(map(shown, choices))
    kind = str(part.get("type", "anything"))
    bounds = tr(" and ").join(f"{sign} {part[key]:g}" for key, sign in SIGNS.items() if key in part)
    if kind == "array":
        items: Schema = part.get("items") or next(iter(part.get("prefixItems", [])), {})
        least, most = part.get("minItems"), part.get("maxItems")
        text = tr("list of %s") % least if least is not None and least == most else tr("list")
        return f"{text} ({_words(items)})" if items else text
    names = {
        "boolean": tr("true or false"),
        "integer": tr("whole number"),
        "number": tr("number"),
        "string": tr("text"),
        "null": UNSET,
    }
    return f"{names.get(kind, kind)} {bounds}".strip()


def shown(value: Any) -> str:
    """Write a JSON value as the text of a field."""
    if isinstance(value, str):
        return value if _reads_as_text(value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and len(value) > 1 and _flat(value):
        return ", ".join(map(_item, value))
    return UNSET if value is None else json.dumps(value, ensure_ascii=False)


def _flat(value: list[Any]) -> bool:
    return not any(isinstance(entry, list | dict) for entry in value)


def _item(value: Any) -> str:
    """Write an entry of a list: a plain word as it is, all else as JSON."""
    plain = isinstance(value, str) and PLAIN.fullmatch(value) and value != UNSET
    if plain and _json(value) is MISSING:
        return str(value)
    return json.dumps(value, ensure_ascii=False)


def _reads_as_text(text: str) -> bool:
    """Whether a text, typed as it is, would not be taken for another value."""
    return (
        text.strip() != UNSET
        and not text.startswith('"')
        and _json(text) is MISSING
        and "," not in text
    )


def text_in(value: Any, field: Field) -> str:
    """Write a value as this field's text; of a field for texts that is the text itself."""
    if field.kind in ("text", "path") and isinstance(value, str | None):
        return value or ""  # null cannot be typed into a text, only taken away
    if field.kind == "list" and isinstance(value, list) and len(value) == 1 and _flat(value):
        return _item(value[0])  # which a field of another kind would take for the entry alone
    return shown(value)


def value_of(text: str, field: Field) -> Any:
    """Read a field's text; what is no such value stays a text, of which the check says what is wrong."""
    if field.kind in ("text", "path"):
        return text
    stripped = text.strip()
    if stripped in field.choices:
        return stripped
    if stripped == UNSET:
        return None
    found = _json(stripped)
    if field.kind in ("list", "mixed") and found is MISSING and "," in stripped:
        found = _list(stripped)
    if field.kind == "list":
        found = _list(stripped) if found is MISSING or not isinstance(found, list) else found
    return text if found is MISSING else found


def _list(text: str) -> list[Any]:
    """Read entries between commas; each may be any JSON value, or a text without quotes."""
    whole = _json(f"[{text}]")
    if isinstance(whole, list):
        return whole
    entries = [part.strip() for part in text.split(",")]
    entries = entries[:-1] if len(entries) > 1 and not entries[-1] else entries
    return [entry if (found := _json(entry)) is MISSING else found for entry in entries]


def _json(text: str) -> Any:
    """Read a finite JSON value; `MISSING` where it is none."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return MISSING


def _refuse(name: str) -> float:
    raise ValueError(name)
