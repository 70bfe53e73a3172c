"""Whether a network takes an image, found by running it once."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from esegeta.errors import EsegetaError, ImageError, ModelError
from esegeta.isolation import quarantine
from esegeta.models.trace import described


def check_input(module: nn.Module, image: Tensor, *, name: str = "the image") -> None:
    """Run a network once, and say what is wrong where it cannot take the image.

    Parameters
    ----------
    module : nn.Module
    image : Tensor
        (1, channels, *spatial), on the network's device.
    name : str
        How the image is called in the message.

    Raises
    ------
    ImageError
        If the image has another number of axes or channels than the first convolution takes.
    ModelError
        If the network raises anything else.
    """
    run_once(module, image, name=name)


def run_once(module: nn.Module, image: Tensor, *, name: str = "the image") -> Any:
    """Run a network without gradients; flags and random numbers are as before afterwards.

    It gets a copy of the image, which it may change in place.

    Raises
    ------
    ImageError, ModelError
        As `check_input`.
    """
    seen = _Seen(module)
    try:
        with seen.watching(), _evaluating(module), quarantine(0), torch.inference_mode():
            output = module(image.clone())
    except SystemExit as error:
        code = "" if error.code is None else repr(error.code)
        message = f"Given {_quoted(name)}, the model called sys.exit({code})."
        raise ModelError(message) from error
    except Exception as error:
        raise _explained(seen, image, name, error) from error
    if mismatch := seen.other_ndim(image, name):
        raise ImageError(mismatch)
    return output


class _Seen:
    """The first convolution and the last layer that ran, and what they were given."""

    def __init__(self, module: nn.Module) -> None:
        self.named = [(n, m) for n, m in module.named_modules() if can_hook(m)]
        self.conv: tuple[str, _ConvNd, Tensor] | None = None
        self.last: tuple[str, nn.Module, Tensor] | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        with contextlib.ExitStack() as hooks:
            for name, module in self.named:
                hook = module.register_forward_pre_hook(self._hook(name))
                hooks.callback(hook.remove)
            yield

    def _hook(self, name: str) -> Any:
        def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            if inputs and isinstance(inputs[0], Tensor):
                self.last = name, module, inputs[0]
                if self.conv is None and isinstance(module, _ConvNd):
                    self.conv = name, module, inputs[0]

        return enter

    def other_ndim(self, image: Tensor, name: str) -> str | None:
        """Say that the image is 2D and the network 3D, or the reverse.

        A 3D convolution takes a batch of one 2D image for one volume without a batch, and may well
        raise nothing.
        """
        if self.conv is None:
            return None
        conv, module, given = self.conv
        ndim = len(module.kernel_size)
        if given.dim() != image.dim() or ndim == image.dim() - 2:
            return None
        return (
            f"The model's first convolution '{conv}' is {ndim}D, {_quoted(name)} is "
            f"{image.dim() - 2}D."
        )

    def other_channels(self, image: Tensor, name: str) -> str | None:
        """Say that the first convolution was given another number of channels than it takes."""
        if self.conv is None or self.conv[2].dim() < 2:
            return None
        conv, module, given = self.conv
        takes, channels = module.in_channels, given.shape[1]
        if channels == takes:
            return None
        passed = "" if channels == image.shape[1] else f" and was given {channels}"
        return (
            f"The model's first convolution '{conv}' takes {takes} channel{'s' * (takes != 1)}{passed}, "
            f"{_quoted(name)} has {image.shape[1]}."
        )

    def other_size(self) -> str:
        """Say that a fully connected layer was given another number of features than it takes."""
        if self.last is None or not isinstance(self.last[1], nn.Linear):
            return ""
        linear, module, given = self.last
        if given.shape[-1] == module.in_features:
            return ""
        return (
            f" Its layer '{linear}' takes {module.in_features} features and was given "
            f"{given.shape[-1]}: was the network made for images of another size?"
        )


def _explained(seen: _Seen, image: Tensor, name: str, error: Exception) -> EsegetaError:
    """The error that says most surely what is wrong."""
    sure = seen.other_ndim(image, name) or seen.other_channels(image, name)
    if sure:
        return ImageError(sure)
    return ModelError(
        f"The model raised an error for {_quoted(name)} of shape {tuple(image.shape)}: "
        f"{described(error)}.{seen.other_size()}"
    )


def can_hook(module: nn.Module) -> bool:
    """Whether hooks can be put on a module; scripted ones refuse them."""
    return not isinstance(module, torch.jit.ScriptModule)


@contextlib.contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Set evaluation mode, so that nothing is learnt from the image, and set back each flag."""
    training = [part for part in module.modules() if part.training]
    try:
        for part in training:
            part.training = False
        yield
    finally:
        for part in training:
            part.training = True


def _quoted(name: str) -> str:
    return name if name == "the image" else f"the image '{name}'"
