"""A classifier as features and a head: what it has learnt of an image, and the scores it makes of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from esegeta import MethodError, Region

Wrapper = Callable[[Tensor, Region], Tensor]


@dataclass(frozen=True, eq=False)
class Teacher:
    """A classifier, parted before its head.

    Parameters
    ----------
    model : nn.Module
        Frozen.
    network : callable
        What it returns of images (N, C, *spatial).
    wrapper : callable
        Class scores (N, classes) of what it returns.
    head : str
        The module that makes what it returns of the features.
    """

    model: nn.Module
    network: Callable[[Tensor], Tensor]
    wrapper: Wrapper
    head: str

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """(N, …) what the head takes."""
        return self._run(images)[0]

    def scores(self, features: Tensor) -> Tensor:
        """(N, classes) of features, whose softmax is the probability; gradients reach them."""
        head = self.model.get_submodule(self.head)
        own = next(head.parameters(), features)
        logits = head(features.to(own.dtype)).to(torch.promote_types(own.dtype, torch.float32))
        if logits.shape[1] == 1:  # one logit tells two classes
            logits = torch.cat([-logits, logits], 1) / 2
        return self.wrapper(logits, Region())

    @torch.no_grad()
    def check(self, images: Tensor) -> None:
        """Make sure that the model returns what its head gives.

        Raises
        ------
        MethodError
            If it does not.
        """
        features, output = self._run(images)
        made = self.model.get_submodule(self.head)(features)
        same = isinstance(made, Tensor) and made.shape == output.shape
        if not same or not torch.allclose(made, output, rtol=1e-4, atol=1e-5):
            raise MethodError(
                f"what the module '{self.head}' gives is not what the model returns; its head is the one "
                "that ends it, and makes scores of what was learnt of the image."
            )

    def _run(self, images: Tensor) -> tuple[Tensor, Tensor]:
        taken: list[Any] = []
        module = self.model.get_submodule(self.head)
        handle = module.register_forward_pre_hook(lambda _, given: taken.append(given))
        try:
            output = self.network(images)
        finally:
            handle.remove()
        if len(taken) != 1 or len(taken[0]) != 1 or not isinstance(taken[0][0], Tensor):
            raise MethodError(
                f"the module '{self.head}' is no head: it runs {len(taken)} times, or takes no single tensor."
            )
        return taken[0][0], output


def teacher_of(
    model: nn.Module,
    network: Callable[[Tensor], Tensor],
    wrapper: Wrapper,
    example: Tensor,
    head: str = "",
) -> Teacher:
    """Part a classifier before its head: the module named, or the linear layer that it ends with.

    Raises
    ------
    MethodError
        If there is no such module, or it is no head.
    """
    known = {path: module for path, module in model.named_modules() if path}
    if head:
        if head not in known:
            raise MethodError(f"the model has no module '{head}'; it has {', '.join(known)}.")
        named = Teacher(model, network, wrapper, head)
        named.check(example)
        return named
    for path in reversed([path for path, module in known.items() if isinstance(module, nn.Linear)]):
        found = Teacher(model, network, wrapper, path)
        try:
            found.check(example)
        except MethodError:
            continue
        return found
    raise MethodError(
        'the model does not end with a linear layer; name as "head" the module that makes its scores. It '
        f"has {', '.join(known)}."
    )
