"""A call of a function, as a rule sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_unflatten

from esegeta.probe.rules.pairs import Pair
from esegeta.probe.rules.spelling import name_of, out_of_place


class Unsupported(Exception):  # noqa: N818 - a signal, no error
    """A function is called in a way that its rule does not know."""


@dataclass
class Call:
    """A call, in which what depends on the image stands as a pair.

    Attributes
    ----------
    name : str
        The function's, however it is written.
    args, kwargs
        Pairs where the image has a part, everything else as it was given.
    pairs : list of Pair
        Those of the arguments, in their order.
    target : Tensor or None
        What the call would overwrite.
    compute : callable
        The function of those arguments alone, out of place.
    plain : callable
        The function itself, out of place.
    """

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    pairs: list[Pair]
    target: Tensor | None
    compute: Callable[..., Any]
    plain: Callable[..., Any]

    @classmethod
    def of(
        cls,
        func: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        depends: Callable[[Any], bool],
        unknown: Callable[[], Tensor],
    ) -> Call:
        """Read a call.

        Parameters
        ----------
        depends : callable
            Whether a thing is a tensor that depends on the image.
        unknown : callable
            Stands for the baseline's tensors until they are known.
        """
        plain, args, kwargs, target = out_of_place(func, args, kwargs)
        leaves, shape = tree_flatten((args, kwargs))
        places = [number for number, leaf in enumerate(leaves) if depends(leaf)]

        def compute(*tensors: Tensor) -> Any:
            filled = list(leaves)
            for place, tensor in zip(places, tensors, strict=True):
                filled[place] = tensor
            own, named = tree_unflatten(filled, shape)
            return plain(*own, **named)

        pairs = [Pair(leaves[place], unknown) for place in places]
        paired = list(leaves)
        for place, pair in zip(places, pairs, strict=True):
            paired[place] = pair
        with_pairs, named_pairs = tree_unflatten(paired, shape)
        return cls(name_of(func), with_pairs, named_pairs, pairs, target, compute, plain)

    def argument(self, place: int, name: str) -> Any:
        """An argument by its place or its name."""
        return self.args[place] if place < len(self.args) else self.kwargs.get(name)

    def depends_on(self, place: int, name: str) -> bool:
        """Whether an argument depends on the image."""
        return isinstance(self.argument(place, name), Pair)
