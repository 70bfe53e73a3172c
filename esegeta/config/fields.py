"""The values of a config that need more than a type: paths, names, classes, masks, devices."""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from esegeta.errors import listed, nearest

NAME = r"[^\u0000-/:-@\[-`{-\u007f][^\u0000-\u001f!-*,/:-@\[-^`{-\u007f]*"
"""What a schema can say of a name in every dialect: which ASCII characters it holds none of."""
FACTORY = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
MASKS = ("predicted", "label", "border", "all")
ADDRESS = r"auto|local|(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d+"
ADDRESSES = "'host:port' of the cluster's head, 'auto' for the one that this machine is in, 'local'"
ContrastName = Literal["none", "mean", "max", "weighted", "probability"]
CONTRASTS = get_args(ContrastName)
PRECISIONS = ("off", "fp16", "bf16")
LATER = "comes with a later version of esegeta"
UNITS = {"B": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("KMGT", start=1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}
"""Decimal (GB) and binary (GiB) units of memory, in bytes."""


def wrong(message: str, valid: str | None = None, near: str | None = None) -> PydanticCustomError:
    """Make an error that already knows what is valid and what is nearest."""
    context = {"message": message, "valid": valid, "nearest": near}
    return PydanticCustomError("esegeta", "{message}", context)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise wrong("expected a text")
    return value


def _encodable(value: str) -> str:
    """Refuse what no file system can hold; later it would be an odd crash."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise wrong("this text is no valid Unicode") from error
    if "\0" in value:
        raise wrong("a path holds no null character")
    return value


def resolve(value: str, info: ValidationInfo) -> Path:
    """Take a relative path from the config's folder, which the context carries."""
    base = (info.context or {}).get("base", Path())
    try:
        return Path(base) / Path(value).expanduser()
    except RuntimeError as error:  # ~somebody who is not there
        raise wrong(str(error)) from error


def _path(value: Any, info: ValidationInfo) -> Path:
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise wrong("expected a path")
    return resolve(_encodable(value), info)


def _name(value: Any) -> str:
    text = unicodedata.normalize("NFC", _text(value))
    if not text or as_name(text, "") != text:
        raise wrong(
            "this name cannot be a folder's name",
            "letters, digits, space and . _ + -, beginning with a letter or digit",
        )
    return str(value)


def _factory(value: Any, info: ValidationInfo) -> str:
    """Take ``file.py:Class`` (path resolved) or ``package.module:callable``."""
    place, _, attribute = _encodable(_text(value)).rpartition(":")
    if place.endswith(".py") and re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", attribute):
        return f"{resolve(place, info)}:{attribute}"
    if not re.fullmatch(FACTORY, value):
        raise wrong("this names no factory", "file.py:Class or package.module:callable")
    return str(value)


def _class(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise wrong("expected a class", "its name, its number, or 'predicted'")
    if isinstance(value, int) and value < 0:
        raise wrong("classes are counted from 0", "its name, its number, or 'predicted'")
    return value


def _classes(value: Any, info: ValidationInfo) -> Any:
    """Take a list as it is; read a text file of one name per line, repeated names told apart."""
    if not isinstance(value, str):
        return value
    file = _path(value, info)
    try:
        lines = file.read_text(encoding="utf-8").strip().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise wrong(
            f"cannot read {file}: {error}", "names, or a text file of one per line"
        ) from error
    names = [line.strip() for line in lines]
    return [
        f"{name} ({index})" if name in names[:index] else name for index, name in enumerate(names)
    ]


def _key(value: Any) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise wrong("expected a key", "a text (of a dict) or a whole number (of a tuple or list)")
    return value


def _mask(value: Any) -> str | dict[str, Any]:
    valid = ", ".join(map(repr, MASKS))
    valid += ', {"label": 3}, {"box": [[0, 9], … one pair per axis]} or {"component": [i, j, k]}'
    if isinstance(value, str) and value not in MASKS:
        raise wrong("there is no such mask", valid, nearest(value, MASKS))
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        ((kind, numbers),) = value.items()
        if kind == "label" and isinstance(numbers, int) and not isinstance(numbers, bool):
            return value
        if kind == "box" and _sized(numbers) and all(_range(pair) for pair in numbers):
            return value
        if kind == "component" and _sized(numbers) and all(_count(n) for n in numbers):
            return value
    raise wrong("this is no mask", valid)


def _sized(numbers: Any) -> bool:
    return isinstance(numbers, list) and len(numbers) in (2, 3)


def _count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _range(pair: Any) -> bool:
    return (
        isinstance(pair, list) and len(pair) == 2 and all(map(_count, pair)) and pair[0] < pair[1]
    )


def _contrast(value: Any) -> Any:
    if not isinstance(value, str) or value not in CONTRASTS:
        near = nearest(str(value), CONTRASTS)
        raise wrong("there is no such contrast", listed(CONTRASTS), near)
    return value


def _amp(value: Any) -> str:
    if not isinstance(value, str) or value not in PRECISIONS:
        raise wrong(
            "there is no such precision", listed(PRECISIONS), nearest(str(value), PRECISIONS)
        )
    return value


def _address(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(ADDRESS, value):
        return value
    if isinstance(value, str) and value.startswith("ray://"):
        raise wrong(
            "Ray's client cannot run this; let the run start on a node of the cluster", ADDRESSES
        )
    raise wrong("this is no address of a cluster", ADDRESSES)


def _devices(value: Any) -> str | list[str]:
    valid = '\'auto\', or a list: ["cpu"], ["cuda:0"], ["mps"]'
    if value == "auto":
        return "auto"
    if not isinstance(value, list) or not value:
        raise wrong("expected devices", valid)
    for device in value:
        if not isinstance(device, str) or not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d+)?", device):
            raise wrong(f"{device!r} is no device", valid)
    return value


def _memory(value: Any) -> int:
    """Turn '8GB' or '2GiB' into bytes; bytes stay."""
    valid = "a size such as '8GB', '512MB' or '2GiB'"
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    found = (
        re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([KMGT]i?B|B)", value)
        if isinstance(value, str)
        else None
    )
    size = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if size < 1:
        raise wrong("this is no amount of memory", valid)
    return size


def _duration(value: Any) -> float:
    """Turn '90s', '10m' or '2h' into seconds; a number of seconds stays."""
    valid = "seconds, or a text such as '90s', '10m' or '1.5h'"
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        found = (
            re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([smh])", value)
            if isinstance(value, str)
            else None
        )
        seconds = float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]] if found else 0
    if not 0 < seconds < 1e9:
        raise wrong("this is no length of time", valid)
    return seconds


def _sides(value: Any) -> int | list[int]:
    return _whole_numbers(value, 1)


def _overlap(value: Any) -> int | list[int]:
    return _whole_numbers(value, 0)


def _whole_numbers(value: Any, least: int) -> int | list[int]:
    """Take one number for all axes, or one per axis."""
    numbers = value if isinstance(value, list) else [value]
    if not (isinstance(value, int) or _sized(value)) or not all(map(_count, numbers)):
        raise wrong(
            "expected voxels", f"a whole number from {least}, or one per axis: [64, 64, 64]"
        )
    if min(numbers) < least:
        raise wrong("this is too small", f"numbers from {least}")
    return numbers if isinstance(value, list) else numbers[0]


def _batch(value: Any) -> str | int:
    if value == "auto" or (_count(value) and value > 0):
        return value  # type: ignore[no-any-return]
    raise wrong("this is no number of patches", "'auto', or a whole number from 1")


def _version(value: Any) -> int:
    if isinstance(value, bool) or value != 1:
        raise wrong("this esegeta reads version 1 of the file", "1")
    return 1


def _shape(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


def _only(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an object with this one key."""
    only = {"type": "object", "properties": {key: value}, "required": [key]}
    return {**only, "additionalProperties": False}


def _per_axis(least: int) -> list[dict[str, Any]]:
    """Give the schemas of a whole number, or one per axis."""
    number = {"type": "integer", "minimum": least}
    return [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 3}]


_numbers = {"type": "integer", "minimum": 0}
_pair = {"type": "array", "items": _numbers, "minItems": 2, "maxItems": 2}

FilePath = Annotated[
    Path,
    BeforeValidator(_path),
    PlainSerializer(str, return_type=str),
    _shape(type="string", minLength=1),
]
Name = Annotated[str, BeforeValidator(_name), _shape(type="string", pattern=f"^{NAME}$")]
Factory = Annotated[
    str, BeforeValidator(_factory), _shape(type="string", pattern=":[A-Za-z_.0-9]+$")
]
ClassName = Annotated[
    str | int,
    BeforeValidator(_class),
    _shape(anyOf=[{"type": "string", "minLength": 1}, _numbers]),
]
ClassNames = Annotated[
    list[Annotated[str, Field(min_length=1)]],
    BeforeValidator(_classes),
    _shape(
        anyOf=[
            {"type": "array", "items": {"type": "string", "minLength": 1}},
            {"type": "string", "minLength": 1},
        ]
    ),
]
OutputKey = Annotated[
    str | int, BeforeValidator(_key), _shape(anyOf=[{"type": "string"}, {"type": "integer"}])
]
Mask = Annotated[
    str | dict[str, Any],
    BeforeValidator(_mask),
    _shape(
        anyOf=[
            {"enum": list(MASKS)},
            _only("label", {"type": "integer"}),
            _only("box", {"type": "array", "items": _pair, "minItems": 2, "maxItems": 3}),
            _only("component", {"type": "array", "items": _numbers, "minItems": 2, "maxItems": 3}),
        ]
    ),
]
Contrast = Annotated[ContrastName, BeforeValidator(_contrast), _shape(enum=list(CONTRASTS))]
Amp = Annotated[str, BeforeValidator(_amp), _shape(enum=list(PRECISIONS))]
ClusterAddress = Annotated[
    str, BeforeValidator(_address), _shape(type="string", pattern=f"^({ADDRESS})$")
]
Devices = Annotated[
    str | list[str],
    BeforeValidator(_devices),
    _shape(
        anyOf=[
            {"const": "auto"},
            {
                "type": "array",
                "items": {"type": "string", "pattern": r"^(cpu|mps|(cuda|xpu)(:\d+)?)$"},
                "minItems": 1,
            },
        ]
    ),
]
Memory = Annotated[
    int,
    BeforeValidator(_memory),
    _shape(
        anyOf=[
            {"type": "string", "pattern": r"^\d+(\.\d+)? ?([KMGT]i?B|B)$"},
            {"type": "integer", "minimum": 1},
        ]
    ),
]
Duration = Annotated[
    float,
    BeforeValidator(_duration),
    _shape(
        anyOf=[
            {"type": "string", "pattern": r"^\d+(\.\d+)? ?[smh]$"},
            {"type": "number", "exclusiveMinimum": 0},
        ]
    ),
]
Sides = Annotated[int | list[int], BeforeValidator(_sides), _shape(anyOf=_per_axis(1))]
Overlap = Annotated[int | list[int], BeforeValidator(_overlap), _shape(anyOf=_per_axis(0))]
BatchSize = Annotated[
    Literal["auto"] | int,
    BeforeValidator(_batch),
    _shape(anyOf=[{"const": "auto"}, {"type": "integer", "minimum": 1}]),
]
Version = Annotated[int, BeforeValidator(_version), _shape(const=1)]


def as_name(text: str, otherwise: str) -> str:
    """Make a valid name of any text, as of a file's stem."""
    text = unicodedata.normalize("NFC", text)  # macOS writes an accent as a character of its own
    name = "".join(c if _fits(c) else "_" for c in text).lstrip(" ._+-")
    return name or otherwise


def _fits(sign: str) -> bool:
    """Whether a name may hold it; many scripts write vowels as marks, which are no letters."""
    return sign.isalnum() or sign in " ._+-" or unicodedata.category(sign).startswith("M")


def stem(path: Path) -> str:
    """Give a file's name without its ending; ``.nii.gz`` is one ending."""
    return path.name[:-7] if path.name.lower().endswith(".nii.gz") else path.stem
