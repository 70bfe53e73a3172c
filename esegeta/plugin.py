"""What is known of a plug-in: a function with its typed parameters, its cost and what it serves."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel

from esegeta.errors import PluginError
from esegeta.passes import Passes

Family = Literal[
    "attribution", "layer_attribution", "explainability", "wrapper", "metric", "training"
]
FAMILIES: tuple[Family, ...] = get_args(Family)

Returns = Literal["map", "image", "sheet", "strip"]
"""A map is laid over the image, an image lies on its grid, a sheet is a picture of its own; a strip is a
row of images and a map of what changes along it."""

Best = Literal["high", "low"]

Makes = Literal["artifact", "model", "base"]
"""What a training makes: what a method explains a model with, the weights of the model itself, or, of
images alone, what other trainings build on."""

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
        The function's name; a library's adapter carries the library: ``captum.deep_lift``. A training
        has the name of the method that reads what it makes.
    family : {"attribution", "layer_attribution", "explainability", "wrapper", "metric", "training"}
    function : callable
        As written by its author.
    parameters : type of pydantic.BaseModel
        Its keyword-only parameters; unknown names and other JSON types are refused.
    takes_layer, takes_artifact : bool
        Whether its second positional parameter is ``layer``, or ``artifact``: what a training made.
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
    returns : {"map", "image", "sheet", "strip"}
        A map (K, *spatial) to lay over the image, an image (C, *spatial) on the image's grid, a sheet:
        a picture (1 or 3, height, width) of any size, from 0 to 1; or a `Strip` of images.
    linear : bool or callable
        Whether the map, for a score that is a sum of outputs, is that sum of the outputs' maps: then a
        target's contrast is the contrast of the classes' maps. Ask through `is_linear`.
    best : {"high", "low"}, optional
        Which values of a metric are the better ones.
    makes : {"artifact", "model", "base"}
        What a training makes.
    base : str, optional
        The training that a training builds on.
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
    takes_artifact: bool = False
    makes: Makes = "artifact"
    base: str | None = None

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
    def trains(self) -> bool:
        """Whether it is a training, whose name may be that of a method."""
        return self.family == "training"

    @property
    def dimensions(self) -> str:
        """The spatial dimensions it serves, in words: 2D and 3D."""
        return " and ".join(f"{n}D" for n in self.ndim)

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
