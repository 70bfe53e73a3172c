"""From a plug-in's keyword-only parameters to a strict pydantic model."""

import inspect
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic_core import PydanticCustomError

from esegeta.errors import PluginError

FORM = 'name: Annotated[int, Param(help="…")] = 1'
TYPES = (
    "bool, int, float, str, Literal, list, tuple, or unions of these with | (such as int | None)"
)


@dataclass(frozen=True, kw_only=True)
class Param:
    """Help and bounds of one parameter, written inside `typing.Annotated`.

    Parameters
    ----------
    help : str
        One line for people; it stands in the schema, the forms and the documentation.
    ge, gt, le, lt : float, optional
        Bounds; of a list they hold for each number in it.
    """

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def bounds(self) -> dict[str, float]:
        """Give the bounds that are set, by name."""
        every = {"ge": self.ge, "gt": self.gt, "le": self.le, "lt": self.lt}
        return {name: bound for name, bound in every.items() if bound is not None}


def complain(function: Callable[..., Any], what: str) -> PluginError:
    """Make the error that names file, line and function."""
    code = inspect.unwrap(function).__code__
    return PluginError(f"{code.co_filename}:{code.co_firstlineno}, {function.__name__}: {what}")


def positional(function: Callable[..., Any]) -> tuple[str, ...]:
    """Name the parameters before the star.

    Raises
    ------
    PluginError
        Where there are ``*args`` or ``**kwargs``: nothing could be known of them.
    """
    names = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise complain(function, f"it takes {parameter}; name every parameter after a bare *")
        if parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return tuple(names)


def parameters_model(function: Callable[..., Any]) -> type[BaseModel]:
    """Make the model of the keyword-only parameters.

    Raises
    ------
    PluginError
        Where a parameter has no `Param`, a type that JSON cannot say, or a default that its own
        type and bounds refuse.
    """
    wanted = {
        parameter.name: parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    hints = _resolve(function, wanted)
    fields: dict[str, Any] = {
        name: _field(function, parameter, hints.get(name)) for name, parameter in wanted.items()
    }
    config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )
    return create_model(f"{function.__name__} parameters", __config__=config, **fields)


def _resolve(function: Callable[..., Any], names: dict[str, inspect.Parameter]) -> dict[str, Any]:
    """Evaluate the annotations of these parameters alone.

    Not the others': what stands behind ``if TYPE_CHECKING`` is unknown when the file runs.
    """
    function = inspect.unwrap(function)
    try:
        annotations = {n: a for n, a in function.__annotations__.items() if n in names}
        holder = types.SimpleNamespace(__annotations__=annotations)
        return get_type_hints(holder, globalns=function.__globals__, include_extras=True)
    except (NameError, TypeError, SyntaxError, AttributeError) as error:
        raise complain(function, f"its annotations cannot be resolved: {error}") from error


def _field(
    function: Callable[..., Any], parameter: inspect.Parameter, hint: Any
) -> tuple[Any, Any]:
    """Make the pydantic field of one parameter and try its default."""
    name = parameter.name
    found = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Param)]
    if len(found) != 1:
        raise complain(function, f"parameter {name!r} has no Param; write it as {FORM}")
    if name.startswith("_") or hasattr(BaseModel, name):
        raise complain(function, f"parameter {name!r} has a name that pydantic keeps for itself")
    param = found[0]
    bounds = param.bounds()
    try:
        kind, numbers = _strict(get_args(hint)[0], bounds)
    except TypeError as error:
        raise complain(function, f"parameter {name!r}: {error}; expected {TYPES}") from error
    if bounds and not numbers:
        raise complain(function, f"parameter {name!r} has bounds, but holds no number")
    if parameter.default is parameter.empty:
        return kind, Field(description=param.help)
    field = (kind, Field(default=parameter.default, description=param.help))
    _try_default(function, name, field, parameter.default)
    return field


def _try_default(function: Callable[..., Any], name: str, field: Any, default: Any) -> None:
    """Refuse a default that its own type and bounds refuse."""
    config = ConfigDict(strict=True, allow_inf_nan=False, protected_namespaces=())
    alone = create_model("Default", __config__=config, **{name: field})
    try:
        alone.model_validate({name: default})
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise complain(
            function, f"parameter {name!r} has the default {default!r}: {reason}"
        ) from error


def _strict(kind: Any, bounds: dict[str, float]) -> tuple[Any, bool]:
    """Rewrite a type for pydantic, bounds at its numbers; also say whether it holds a number."""
    if kind in (bool, str, None, type(None)):
        return kind, False
    if kind in (int, float):
        return (Annotated[kind, Field(**bounds)] if bounds else kind), True  # type: ignore[call-overload]
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        if all(isinstance(value, bool | int | str | None) for value in inner):
            return Annotated[kind, BeforeValidator(_one_of(inner))], False
    elif origin in (Union, types.UnionType):
        parts = [_strict(part, bounds) for part in inner]
        return reduce(or_, (part for part, _ in parts)), any(number for _, number in parts)
    elif origin is list and len(inner) == 1:
        item, number = _strict(inner[0], bounds)
        return Annotated[list[item], BeforeValidator(_as_list)], number  # type: ignore[valid-type]
    elif origin is tuple and inner:
        parts = [(part, False) if part is ... else _strict(part, bounds) for part in inner]
        items = tuple(part for part, _ in parts)
        number = any(number for _, number in parts)
        return Annotated[tuple[items], BeforeValidator(_as_tuple)], number  # type: ignore[valid-type]
    raise TypeError(f"{getattr(kind, '__name__', kind)} is no type for a parameter")


def _one_of(valid: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Refuse what only equals a choice: pydantic would take true and 1.0 for 1."""

    def check(value: Any) -> Any:
        if any(type(value) is type(choice) and value == choice for choice in valid):
            return value
        expected = ", ".join(map(repr, valid))
        raise PydanticCustomError(
            "literal_error", "Input should be {expected}", {"expected": expected}
        )

    return check


def _as_list(value: Any) -> Any:
    """Let Python callers give a tuple where JSON has a list."""
    return list(value) if isinstance(value, tuple) else value


def _as_tuple(value: Any) -> Any:
    """Take the list that JSON has for a tuple."""
    return tuple(value) if isinstance(value, list) else value
