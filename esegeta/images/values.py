"""What the arguments of a preprocessing step may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of value: what it is called in a message, the test, and the JSON Schema of it."""

    says: str
    accepts: Callable[[object], bool]
    schema: Schema = field(repr=False)

    def __or__(self, other: Kind) -> Kind:
        """Either of two kinds."""
        return Kind(
            f"{self.says} or {other.says}",
            lambda v: self.accepts(v) or other.accepts(v),
            {"anyOf": [self.schema, other.schema]},
        )


def is_number(value: object) -> bool:
    """Tell a finite number; JSON's true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def is_list(value: object, kind: Kind, lengths: tuple[int, ...] = ()) -> bool:
    """Tell a list of one kind, not empty, of one of these lengths (of any where none are given)."""
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and (not lengths or len(value) in lengths)
        and all(kind.accepts(item) for item in value)
    )


def several(kind: Kind, *lengths: int) -> Kind:
    """A list of one kind of value."""
    count = f"{' or '.join(map(str, lengths))} of them" if lengths else "a list of them"
    items = {"type": "array", "items": kind.schema, "minItems": 1}
    sized = [{**items, "minItems": length, "maxItems": length} for length in lengths]
    schema = {"anyOf": sized} if sized else items
    return Kind(f"{count} ({kind.says})", lambda v: is_list(v, kind, lengths), schema)


def one_of(*names: str) -> Kind:
    """One of these words."""
    return Kind(
        "one of " + ", ".join(map(repr, names)), lambda v: v in names, {"enum": list(names)}
    )


def _rising(value: object) -> bool:
    return is_list(value, NUMBER, (2,)) and value[0] < value[1]  # type: ignore[index]


def _percentiles(value: object) -> bool:
    return _rising(value) and value[0] >= 0 and value[1] <= 100  # type: ignore[index]


def _orientation(value: object) -> bool:
    pairs = ("RL", "AP", "SI")
    return (
        isinstance(value, str)
        and len(value) == 3
        and all(sum(letter in pair for letter in value.upper()) == 1 for pair in pairs)
    )


def _two(**bounds: float) -> Schema:
    items = {"type": "number", **bounds}
    return {"type": "array", "items": items, "minItems": 2, "maxItems": 2}


def _whole(**bounds: int) -> Schema:
    return {"type": "integer", **bounds}


NUMBER = Kind("a number", is_number, {"type": "number"})
POSITIVE = Kind(
    "a number above 0",
    lambda v: is_number(v) and v > 0,  # type: ignore[operator]
    {"type": "number", "exclusiveMinimum": 0},
)
WHOLE = Kind("a whole number", lambda v: is_number(v) and isinstance(v, int), _whole())
COUNT = Kind(
    "a whole number from 0",
    lambda v: WHOLE.accepts(v) and v >= 0,  # type: ignore[operator]
    _whole(minimum=0),
)
SIZE = Kind(
    "a whole number above 0",
    lambda v: WHOLE.accepts(v) and v > 0,  # type: ignore[operator]
    _whole(minimum=1),
)
KEPT = SIZE | Kind("-1 (kept)", lambda v: WHOLE.accepts(v) and v == -1, {"const": -1})
NOTHING = Kind("null", lambda v: v is None, {"type": "null"})
FLAG = Kind("true or false", lambda v: isinstance(v, bool), {"type": "boolean"})
RANGE = Kind("two rising numbers", _rising, _two())
PERCENTILES = Kind("two rising numbers from 0 to 100", _percentiles, _two(minimum=0, maximum=100))
ORIENTATION = Kind(
    "three letters, one each of R or L, A or P, S or I",
    _orientation,
    {
        "type": "string",
        "pattern": "^(?=.*[RLrl])(?=.*[APap])(?=.*[SIsi])[RLAPSIrlapsi]{3}$",
    },
)
