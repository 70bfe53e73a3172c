"""The contract of a plug-in: a function and its signature become a typed, registered plug-in.

A plug-in file reads like this (torch is imported by the plug-in, never by this module)::

    @attribution(paper="Petsiuk et al., BMVC 2018", passes=lambda p: Passes(forward=p.masks))
    def rise(
        probe: Probe,
        *,
        masks: Annotated[int, Param(ge=1, help="Random masks; more is smoother")] = 4000,
    ) -> Tensor:
        \"\"\"How much the score expects of each pixel, over random masks.\"\"\"

The keyword-only parameters, with their types, bounds and help, are the schema that the config,
the command line, the forms and the documentation use.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pydantic import BaseModel

from esegeta.errors import PluginError
from esegeta.passes import Passes
from esegeta.signature import Param, complain, parameters_model, positional

__all__ = [
    "Family",
    "Param",
    "Passes",
    "Plugin",
    "Returns",
    "attribution",
    "explainability",
    "layer_attribution",
    "metric",
    "wrapper",
]

Family = Literal["attribution", "layer_attribution", "explainability", "wrapper", "metric"]
FAMILIES: tuple[Family, ...] = get_args(Family)

Returns = Literal["map", "image", "sheet"]
"""A map is laid over the image, an image lies on its grid, a sheet is a picture of its own."""

EXPECTED: dict[Family, tuple[tuple[str, ...], ...]] = {
    "attribution": (("probe",), ("probe", "layer")),
    "layer_attribution": (("probe", "layer"),),
    "explainability": (("probe",), ("probe", "layer")),
    "wrapper": (("output", "region"),),
    "metric": (("case",),),
}
"""The positional parameters a function of each family may have."""

Best = Literal["high", "low"]

F = TypeVar("F", bound=Callable[..., Any])


Linear = bool | Callable[[Any], bool]
"""Whether a map is linear in what is asked of the output, or, of its parameters, when."""

Cost = Callable[..., Passes]
"""The cost, read off the validated parameters: ``lambda p: Passes(forward=p.steps)``, or off them and
the image's spatial shape: ``lambda p, spatial: …``."""

TYPICAL = (64, 64, 64)
"""The shape that a cost is told for where no image is at hand."""


@dataclass(frozen=True)
class Plugin:
    """A function with everything that is known of it.

    Parameters
    ----------
    name : str
        The function's name; a library's adapter carries the library: ``captum.deep_lift``.
    family : {"attribution", "layer_attribution", "explainability", "wrapper", "metric"}
    function : callable
        As written by its author.
    parameters : type of pydantic.BaseModel
        Its keyword-only parameters; unknown names and other JSON types are refused.
    takes_layer : bool
        Whether its second positional parameter is ``layer``.
    summary, doc : str
        First line and whole of the docstring.
    paper : str
        What to cite.
    passes : callable
        Validated parameters (and the image's spatial shape) -> `Passes`; ask through `cost`. A
        metric's: parameters (and what making the judged map costs) -> `Passes`; ask through `judging`.
    ndim : tuple of int
        Spatial dimensions it serves.
    tasks : tuple of str
        Tasks it serves.
    gradients : bool
        Whether it needs the model to be differentiable.
    precision : {"any", "full"}
        Whether it must stay in float32.
    library : str, optional
        The library it adapts.
    show : {"signed", "magnitude"}
        How a picture of its map is drawn.
    fused : bool
        Whether the one pass that a group shares answers it.
    returns : {"map", "image", "sheet"}
        A map (K, *spatial) to lay over the image, an image (C, *spatial) on the image's grid, or a
        sheet: a picture (1 or 3, height, width) of any size, from 0 to 1.
    linear : bool or callable
        Whether the map, for a score that is a sum of outputs, is that sum of the outputs' maps: then a
        target's contrast is the contrast of the classes' maps. Ask through `is_linear`.
    best : {"high", "low"}, optional
        Which values of a metric are the better ones.
    """

    name: str
    family: Family
    function: Callable[..., Any]
    parameters: type[BaseModel]
    takes_layer: bool
    summary: str
    doc: str
    paper: str
    passes: Cost
    ndim: tuple[int, ...] = (2, 3)
    tasks: tuple[str, ...] = ("classification", "segmentation")
    gradients: bool = True
    precision: Literal["any", "full"] = "any"
    library: str | None = None
    show: Literal["signed", "magnitude"] = "signed"
    fused: bool = False
    returns: Returns = "map"
    linear: Linear = False
    best: Best | None = None

    @property
    def source(self) -> Path:
        """The file the function is written in."""
        return Path(inspect.getfile(inspect.unwrap(self.function)))

    def cost(self, parameters: BaseModel, spatial: tuple[int, ...] = TYPICAL) -> Passes:
        """Tell what the method costs on an image of this spatial shape."""
        if _parameters_of(self.passes) > 1:
            return self.passes(parameters, spatial)
        return self.passes(parameters)

    @property
    def slope(self) -> bool:
        """Whether its map tells how the score changes per unit of a voxel, as a gradient does.

        The sign of such a map says which way the voxel should change, not for what it speaks; so its
        magnitude is shown. Other maps tell how much of the score is due to a voxel.
        """
        return self.show == "magnitude"

    def judging(self, parameters: BaseModel, one: Passes) -> Passes:
        """Tell what a metric costs, where the map it judges costs so much."""
        if _parameters_of(self.passes) > 1:
            return self.passes(parameters, one)
        return self.passes(parameters)

    def is_linear(self, parameters: BaseModel) -> bool:
        """Tell whether the map is linear in what is asked of the output."""
        return self.linear(parameters) if callable(self.linear) else self.linear

    @staticmethod
    def arguments(parameters: BaseModel) -> dict[str, Any]:
        """Give validated parameters as keyword arguments of the function."""
        return {name: getattr(parameters, name) for name in type(parameters).model_fields}

    def validate(self, values: Mapping[str, Any]) -> BaseModel:
        """Check parameters and fill in defaults.

        Raises
        ------
        pydantic.ValidationError
            Where a name is unknown, a required one is missing, or a value is not of its type or
            outside its bounds. JSON types count: ``"32"`` and ``true`` are no integers.
        """
        return self.parameters.model_validate(dict(values))


@lru_cache
def _parameters_of(passes: Cost) -> int:
    return len(inspect.signature(passes).parameters)


class MethodDecorator:
    """Makes a function a plug-in of one family of methods; the function itself is unchanged."""

    def __init__(self, family: Family, doc: str) -> None:
        self.family: Family = family
        self.__doc__ = doc

    def __call__(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        paper: str | None = None,
        passes: Cost | Passes | None = None,
        ndim: tuple[int, ...] = (2, 3),
        tasks: tuple[str, ...] = ("classification", "segmentation"),
        gradients: bool = True,
        precision: Literal["any", "full"] = "any",
        library: str | None = None,
        show: Literal["signed", "magnitude"] = "signed",
        fused: bool = False,
        returns: Returns | None = None,
        linear: Linear = False,
    ) -> Callable[[F], F]:
        """Take what cannot be read off the signature; see `Plugin` for the meaning of each.

        `paper` and `passes` are needed; `passes` may be a `Passes` where the cost is always the same.
        An explainability method returns an image where it does not say, the others always a map.
        """
        if function is not None:
            raise complain(function, self._lacks('paper="…", passes=lambda p: Passes(forward=1)'))

        def decorate(function: F) -> F:
            if paper is None:
                raise complain(function, self._lacks('paper="Author et al., Venue Year"'))
            if passes is None:
                raise complain(function, self._lacks("passes=lambda p: Passes(forward=1)"))
            usual: Returns = "image" if self.family == "explainability" else "map"
            if usual == "map" and returns not in (None, "map"):
                raise complain(function, f"{article(self.family)} returns a map, no {returns}")
            return _register(
                function,
                self.family,
                paper=paper,
                passes=_always(passes) if isinstance(passes, Passes) else passes,
                ndim=ndim,
                tasks=tasks,
                gradients=gradients,
                precision=precision,
                library=library,
                show=show,
                fused=fused,
                returns=returns or usual,
                linear=linear,
            )

        return decorate

    def _lacks(self, argument: str) -> str:
        return f"@{self.family} needs {argument}"


attribution = MethodDecorator("attribution", "A method that returns a map on the image's grid.")
layer_attribution = MethodDecorator(
    "layer_attribution", "A method that gets a layer and returns a map on that layer's grid."
)
explainability = MethodDecorator(
    "explainability",
    "A method that shows what the model has learnt: an image, a sheet of them, or a map.",
)


def wrapper(
    *,
    paper: str = "",
    ndim: tuple[int, ...] = (2, 3),
    tasks: tuple[str, ...] = ("classification", "segmentation"),
) -> Callable[[F], F]:
    """Make ``f(output, region, *, …)`` a wrapper: model output -> class scores (N, classes)."""

    def decorate(function: F) -> F:
        return _register(
            function, "wrapper", paper=paper, passes=lambda p: Passes(), ndim=ndim, tasks=tasks
        )

    return decorate


def metric(
    *,
    paper: str,
    passes: Cost | Passes,
    best: Best | None = None,
    ndim: tuple[int, ...] = (2, 3),
    tasks: tuple[str, ...] = ("classification", "segmentation"),
    library: str | None = None,
) -> Callable[[F], F]:
    """Make ``f(case, *, …)`` a metric: how far a map can be trusted, as a `Measure`.

    ``passes=lambda p, one: …`` gets what making the judged map once costs.
    """

    def decorate(function: F) -> F:
        cost = _always(passes) if isinstance(passes, Passes) else passes
        return _register(
            function, "metric", paper=paper, passes=cost, best=best, ndim=ndim, tasks=tasks,
            library=library,
        )  # fmt: skip

    return decorate


def _always(passes: Passes) -> Cost:
    return lambda parameters: passes


def _register(
    function: F, family: Family, *, passes: Cost, library: str | None = None, **known: Any
) -> F:
    """Read the signature and hang the `Plugin` on the function as ``__esegeta__``."""
    doc = inspect.getdoc(function)
    if not doc:
        raise complain(function, "it has no docstring; its first line says what the map shows")
    if library and not library.isidentifier():
        raise complain(function, f"library={library!r} is no name; expected one like 'captum'")
    if not callable(passes):
        raise complain(function, f"passes is {passes!r}; expected lambda p: Passes(forward=1)")
    names = positional(function)
    if names not in EXPECTED[family]:
        given = f"{function.__name__}({', '.join(names)})"
        forms = " or ".join(f"({', '.join(form)}, *, …)" for form in EXPECTED[family])
        raise complain(
            function, f"its positional parameters are {given}; {article(family)} takes {forms}"
        )
    plugin = Plugin(
        name=f"{library}.{function.__name__}" if library else function.__name__,
        family=family,
        function=function,
        parameters=parameters_model(function),
        takes_layer="layer" in names,
        summary=doc.splitlines()[0],
        doc=doc,
        passes=passes,
        library=library,
        **known,
    )
    _try_passes(plugin)
    setattr(function, "__esegeta__", plugin)  # noqa: B010  (mypy knows no such attribute)
    return function


def article(family: Family) -> str:
    """Name a family in a sentence."""
    noun = family if family in ("wrapper", "metric") else f"{family} method"
    return f"{'a' if noun[0] not in 'aeiou' else 'an'} {noun}"


def _try_passes(plugin: Plugin) -> None:
    """Call `passes` with the defaults, so that a slip shows where it is written, not in a plan."""
    fields = plugin.parameters.model_fields.values()
    if any(field.is_required() for field in fields):
        return
    try:
        values = plugin.validate({})
        is_metric = plugin.family == "metric"
        cost = plugin.judging(values, Passes(1, 1)) if is_metric else plugin.cost(values)
    except Exception as error:
        raise complain(plugin.function, f"passes fails on the defaults: {error!r}") from error
    if not isinstance(cost, Passes):
        raise complain(plugin.function, f"passes returns {cost!r}; expected Passes(forward=…, …)")


def plugin_of(function: Callable[..., Any]) -> Plugin:
    """Give the `Plugin` of a decorated function.

    Raises
    ------
    PluginError
        Where the function carries no decorator.
    """
    plugin = getattr(function, "__esegeta__", None)
    if not isinstance(plugin, Plugin):
        name = getattr(function, "__name__", repr(function))
        raise PluginError(f"{name} is no plug-in; decorate it, for example with @attribution(…)")
    return plugin
