"""The decorators: a function and its signature become a typed, registered plug-in.

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
from collections.abc import Callable
from typing import Any, Literal, TypeVar

from esegeta.passes import Passes
from esegeta.plugin import Best, Cost, Family, Linear, Makes, Plugin, Returns
from esegeta.signature import complain, parameters_model, positional

F = TypeVar("F", bound=Callable[..., Any])

EXPECTED: dict[Family, tuple[tuple[str, ...], ...]] = {
    "attribution": (("probe",), ("probe", "layer"), ("probe", "artifact")),
    "layer_attribution": (("probe", "layer"),),
    "explainability": (("probe",), ("probe", "layer"), ("probe", "artifact")),
    "wrapper": (("output", "region"),),
    "metric": (("case",),),
    "training": (("course",),),
}
"""The positional parameters a function of each family may have."""


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


def training(
    *,
    paper: str,
    method: str | None = None,
    makes: Makes = "artifact",
    base: str | None = None,
    ndim: tuple[int, ...] = (2, 3),
    tasks: tuple[str, ...] = ("classification", "segmentation"),
) -> Callable[[F], F]:
    """Make ``f(course, *, …)`` a training: it gives the `Learner` that ``esegeta train`` fits.

    Parameters
    ----------
    method : str, optional
        The method that reads what is made, whose name the training then has.
    makes : {"artifact", "model", "base"}
        What a method explains the config's model with, the weights of that model itself, or, of images
        alone, what other trainings build on.
    base : str, optional
        The training whose artifact it builds on, as `Course.base`.
    """

    def decorate(function: F) -> F:
        if makes == "base" and method is not None:
            raise complain(function, "what others build on has no method of its own")
        return _register(
            function, "training", paper=paper, passes=lambda p: Passes(), ndim=ndim, tasks=tasks,
            called=method, makes=makes, base=base,
        )  # fmt: skip

    return decorate


def _always(passes: Passes) -> Cost:
    return lambda parameters: passes


def _register(
    function: F,
    family: Family,
    *,
    passes: Cost,
    library: str | None = None,
    called: str | None = None,
    **known: Any,
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
    name = called or function.__name__
    plugin = Plugin(
        name=f"{library}.{name}" if library else name,
        family=family,
        function=function,
        parameters=parameters_model(function),
        takes_layer="layer" in names,
        takes_artifact="artifact" in names,
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
    noun = family if family in ("wrapper", "metric", "training") else f"{family} method"
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
