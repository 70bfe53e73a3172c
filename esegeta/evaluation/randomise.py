"""A copy of a model whose weights are drawn again, layer by layer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from esegeta.errors import MethodError
from esegeta.models import layers
from esegeta.models.layers import LayerInfo

NEAR = 3
"""Noisy copies of the image beside it, of which norms take their statistics."""
NOISE = 0.1
"""Standard deviation of their noise, as a part of the image's range."""


def weighted(model: nn.Module, image: Tensor) -> list[str]:
    """Name the modules that hold weights of their own, in the order in which they run on an image.

    What holds weights and is never called (a token, an embedding) comes first, as the input does; the
    model itself is then the empty name.

    Parameters
    ----------
    image : Tensor
        (1, C, *spatial), as the model takes it.

    Raises
    ------
    MethodError
        If no module has weights that can be drawn.
    """
    holders = {
        name for name, module in model.named_modules() if next(_own(module), None) is not None
    }
    ran = [info.name for info in _run(model, image) if info.name in holders]
    found = [*sorted(holders - set(ran)), *ran]
    if not found:
        raise MethodError("The model has no weights that can be drawn again (is it scripted?).")
    return found


def _run(model: nn.Module, image: Tensor) -> list[LayerInfo]:
    return [info for info in layers(model, image) if info.calls]


def _own(module: nn.Module) -> Iterator[Tensor]:
    return (p for p in module.parameters(recurse=False) if p.is_floating_point())


def randomised(
    model: nn.Module, names: Iterable[str], image: Tensor, generator: torch.Generator
) -> nn.Module:
    """A copy of a model with the weights of some of its modules drawn again.

    As at the start of a training: by the module's own ``reset_parameters``, and where it has none, from
    a normal distribution with the mean and deviation of the learnt values. Batch norms among them then
    take their statistics from the image, so that the signal neither dies nor explodes on its way.

    Parameters
    ----------
    names : iterable of str
        As `weighted` gives them.
    image : Tensor
        (1, C, *spatial), as the model takes it.
    """
    changed = copy.deepcopy(model)
    modules = dict(changed.named_modules())
    chosen = [modules[name] for name in names]
    with torch.random.fork_rng(devices=_gpus(image)):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        for module in chosen:
            _draw(module)
        _settle(changed, [m for m in chosen if isinstance(m, _BatchNorm)], image)
    return changed


def _gpus(image: Tensor) -> list[torch.device]:
    return [image.device] if image.device.type == "cuda" else []


@torch.no_grad()
def _draw(module: nn.Module) -> None:
    reset = getattr(module, "reset_parameters", None)
    if callable(reset):
        reset()
        return
    for weights in _own(module):
        spread, mean = weights.std(correction=0), weights.mean()
        weights.copy_(mean + spread * torch.randn_like(weights))


@torch.no_grad()
def _settle(model: nn.Module, norms: list[_BatchNorm], image: Tensor) -> None:
    """Let batch norms take mean and variance from the image and noisy copies of it."""
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    spread = NOISE * float(image.max() - image.min())
    near = image + spread * torch.randn((NEAR, *image.shape[1:]), device=image.device).to(image)
    batch = torch.cat([image, near]).to(next(model.parameters()).dtype)
    with _learning(norms):
        model(batch.clone())


@contextmanager
def _learning(norms: list[_BatchNorm]) -> Iterator[None]:
    """Let norms, and nothing else, take their statistics from what passes next, whole."""
    before = [(norm.training, norm.momentum) for norm in norms]
    for norm in norms:
        norm.training, norm.momentum = True, 1.0
    try:
        yield
    finally:
        for norm, (training, momentum) in zip(norms, before, strict=True):
            norm.training, norm.momentum = training, momentum
