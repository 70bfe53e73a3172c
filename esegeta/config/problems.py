"""From pydantic's errors to problems in the config's own words."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from esegeta.errors import Problem, join, listed, nearest, shorten

Loc = tuple[int | str, ...]

EXPECTED = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "string": "a text",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object",
    "model": "an object",
    "model_type": "an object",
}
OUTSIDE = ("greater_than_equal", "greater_than", "less_than_equal", "less_than")
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
WRITTEN = {"images": "path", "preprocess": "use"}
"""Lists of objects, and the key that a text which stands there is likely meant for."""


def of_config(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Turn the errors of a whole config into problems."""
    return [
        _problem(detail, detail["loc"], "", model)
        for detail in error.errors()
        # A default that hangs on a wrong value is no second problem.
        if detail["type"] != "default_factory_not_called"
    ]


def of_parameters(error: ValidationError, model: type[BaseModel], path: str) -> list[Problem]:
    """Turn the errors of a plug-in's parameters, which stand at `path`, into problems.

    A parameter that may be of several types gives one error for each of them; they become one.
    """
    fields: dict[Loc, list[ErrorDetails]] = {}
    for detail in error.errors():
        # Parameters hold no objects: whatever text follows the name is pydantic's name of a type.
        untagged = (*detail["loc"][:1], *(key for key in detail["loc"][1:] if isinstance(key, int)))
        fields.setdefault(untagged, []).append(detail)
    return [_one_of(details, loc, path, model) for loc, details in fields.items()]


def _one_of(details: list[ErrorDetails], loc: Loc, path: str, model: type[BaseModel]) -> Problem:
    """Turn the errors of one value, one for each type it might have, into one problem."""
    # Where a type fits and something else is wrong (a bound), that is what to mend.
    exact = [d for d in details if _wanted(d) is None and d["type"] != "literal_error"]
    if exact or len(details) == 1:
        return _problem((exact or details)[0], loc, path, model)
    choices = [name for d in details if d["type"] == "literal_error" for name in _choices(d)]
    kinds = [kind for d in details if (kind := _wanted(d) or _expected(d))]
    value = details[0]["input"]
    near = nearest(value, choices) if isinstance(value, str) else None
    message = f"expected {' or '.join(dict.fromkeys(kinds))}"
    return Problem(_joined(path, loc), message, shorten(value), None, near)


def _expected(detail: ErrorDetails) -> str:
    return str(detail.get("ctx", {}).get("expected", ""))


def _choices(detail: ErrorDetails) -> list[str]:
    """Read the texts among the choices off pydantic's list of them."""
    return re.findall(r"'([^']*)'", _expected(detail))


def _wanted(detail: ErrorDetails) -> str | None:
    """Name the type that was expected, where it was the type that was wrong."""
    kind = detail["type"]
    return EXPECTED.get(kind.removesuffix("_type")) if kind not in OUTSIDE else None


def _joined(path: str, loc: Loc) -> str:
    for key in loc:
        path = join(path, key)
    return path


def _problem(detail: ErrorDetails, loc: Loc, path: str, model: type[BaseModel]) -> Problem:
    """Turn one error into a problem at `path` and `loc`."""
    kind, context = detail["type"], detail.get("ctx", {})
    where, value = _joined(path, loc), shorten(detail["input"])
    if kind == "extra_forbidden":
        return _unknown_key(where, str(loc[-1]), _model_at(model, loc[:-1]))
    if kind == "missing":
        return _missing(where, _field_at(model, loc))
    if kind == "esegeta":
        return Problem(where, context["message"], value, context["valid"], context["nearest"])
    if kind == "literal_error":
        text = detail["input"] if isinstance(detail["input"], str) else ""
        near = nearest(text, _choices(detail))
        return Problem(where, "this is none of the choices", value, _expected(detail), near)
    if kind in OUTSIDE:
        field = _field_at(model, loc)
        return Problem(where, "this number is outside its bounds", value, _bounds(field))
    if kind in ("too_short", "string_too_short"):
        least = context.get("min_length")
        return Problem(where, f"this needs at least {least}", value)
    wanted = _wanted(detail)
    message = f"expected {wanted}" if wanted else detail["msg"]
    if kind == "model_type" and isinstance(detail["input"], str) and len(loc) > 1:
        key = WRITTEN.get(str(loc[-2]))
        message += (
            f"; write {json.dumps({key: detail['input']}, ensure_ascii=False)}" if key else ""
        )
    return Problem(where, message, value)


def _missing(path: str, field: FieldInfo | None) -> Problem:
    """Say what a missing key holds, and which values it may have where they can be counted."""
    message = "this key is missing"
    if field is None:
        return Problem(path, message)
    if field.description:
        start, rest = field.description[0], field.description[1:]
        message += f"; it holds: {start if rest[:1].isupper() else start.lower()}{rest}"
    choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
    return Problem(path, message, None, ", ".join(map(repr, choices)) or None)


def _bounds(field: FieldInfo | None) -> str | None:
    """Give all the bounds of a number: above 0 and below 1."""
    limits = dict(_limits(field.annotation, *field.metadata)) if field else {}
    return " and ".join(f"{says} {limits[key]}" for key, says in BOUNDS.items() if key in limits)


def _limits(annotation: Any, *metadata: Any) -> Iterator[tuple[str, Any]]:
    """Find the bounds in a type, at whatever depth."""
    for extra in (*metadata, *getattr(annotation, "__metadata__", ())):
        if isinstance(extra, FieldInfo):
            yield from _limits(None, *extra.metadata)
        yield from ((key, getattr(extra, key)) for key in BOUNDS if hasattr(extra, key))
    for inner in get_args(annotation):
        yield from _limits(inner)


def _unknown_key(path: str, key: str, model: type[BaseModel] | None) -> Problem:
    keys = [field.alias or name for name, field in model.model_fields.items()] if model else []
    valid = listed(keys) if keys else "no keys at all"
    return Problem(path, "unknown key", None, valid, nearest(key, keys))


def _field_at(model: type[BaseModel], loc: Sequence[int | str]) -> FieldInfo | None:
    """Find the field that describes the value at `loc`, or the list the value is in."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    found = _model_at(model, loc[:-1]) if loc else None
    for name, field in (found.model_fields if found else {}).items():
        if loc[-1] == (field.alias or name):
            return field
    return None


def _model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel] | None:
    """Find the model that describes the object at `loc`."""
    found: type[BaseModel] | None = model
    for key in loc:
        if isinstance(key, int):
            continue
        fields = found.model_fields if found else {}
        annotation = next(
            (f.annotation for name, f in fields.items() if key == (f.alias or name)), None
        )
        found = next(_models_in(annotation), None)
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
