"""The user's model as a function: the one place that calls it, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit import ScriptModule

from esegeta.errors import ModelError, listed
from esegeta.probe.capture import Reached
from esegeta.probe.opaque import opaque

#: Keys under which models that return a mapping keep their prediction (torchvision, transformers).
USUAL_KEYS = ("out", "logits")


class Network:
    """A model, what it returns, and how often it was asked.

    Parameters
    ----------
    module : nn.Module
        Images (N, C, *spatial) to a tensor, or to a tuple or mapping that holds one.
    output : str or int, optional
        Which entry of a tuple or mapping is the prediction.

    Attributes
    ----------
    forwards, backwards : int
        Images passed so far, each way.
    """

    def __init__(self, module: nn.Module, *, output: str | int | None = None) -> None:
        self.module = module
        self.output = output
        self.forwards = 0
        self.backwards = 0
        self._activation_bytes: float | None = None
        self._rule: AbstractContextManager[Any] = nullcontext()
        reference = next(self._tensors(), torch.empty(0))
        self.device = reference.device
        self.dtype = reference.dtype if reference.is_floating_point() else torch.float32

    def _tensors(self) -> Iterator[Tensor]:
        yield from (p for p in self.module.parameters() if p.is_floating_point())
        yield from (b for b in self.module.buffers() if b.is_floating_point())

    @cached_property
    def opaque(self) -> bool:
        """Whether a part of the model hides its functions from Python (scripted, compiled)."""
        return opaque(self.module)

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Evaluation mode and frozen parameters while asking; afterwards everything as before."""
        training = [m for m in self.module.modules() if m.training]
        learning = [p for p in self.module.parameters() if p.requires_grad]
        try:
            for module in training:
                module.training = False
            for parameter in learning:
                parameter.requires_grad_(False)
            yield
        finally:
            for module in training:
                module.training = True
            for parameter in learning:
                parameter.requires_grad_(True)

    @contextmanager
    def under(self, rule: AbstractContextManager[Any]) -> Iterator[None]:
        """Let a backward rule act on the model, and on nothing around it such as the wrapper."""
        self._rule = rule
        try:
            yield
        finally:
            self._rule = nullcontext()

    def __call__(self, images: Tensor) -> Tensor:
        """The prediction (N, …) for images (N, C, *spatial), in the caller's grad mode.

        Raises
        ------
        ModelError
            If the model raises, or returns what is no tensor of N predictions.
        """
        self.forwards += len(images)
        try:
            with self._rule:
                returned = (
                    self._measured(images)
                    if self._activation_bytes is None
                    else self.module(images)
                )
        except Reached:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ModelError(
                f"The model raised {type(error).__name__} for images of shape "
                f"{tuple(images.shape)}: {error}"
            ) from error
        prediction = self.select(returned)
        if prediction.dim() < 2 or len(prediction) != len(images):
            raise ModelError(
                f"The model returned a tensor of shape {tuple(prediction.shape)} for "
                f"{len(images)} image(s); its first axis must be the batch, its second the classes."
            )
        return prediction

    @property
    def activation_bytes(self) -> float:
        """Bytes of all activations of one image, known after the first call."""
        return self._activation_bytes or 0.0

    def _measured(self, images: Tensor) -> Any:
        """Run the model and add up what its leaf modules return."""
        total = 0

        def add(module: nn.Module, inputs: Any, output: Any) -> None:
            nonlocal total
            total += output.nbytes if isinstance(output, Tensor) else 0

        hooks = [
            part.register_forward_hook(add)
            for part in self.module.modules()
            if not any(True for _ in part.children()) and not isinstance(part, ScriptModule)
        ]
        try:
            return self.module(images)
        finally:
            for hook in hooks:
                hook.remove()
            # A scripted or exported model shows no leaves; sixteen feature maps of the image's size
            # is the order of a small network, and a guess too low is mended by halving.
            self._activation_bytes = max(total, 16 * images.nbytes) / len(images)

    def select(self, returned: Any) -> Tensor:
        """Take the prediction out of what the model returned."""
        if isinstance(returned, Tensor):
            return returned
        if isinstance(returned, Mapping):
            keys = [str(key) for key in returned]
            wanted = (
                [self.output] if self.output is not None else [*USUAL_KEYS, *keys[: len(keys) == 1]]
            )
            found: Any = next((returned[key] for key in wanted if key in returned), None)
            valid = f'a mapping with the keys {listed(keys)}; name one as "output"'
        elif isinstance(returned, (tuple, list)):
            place = (
                self.output if isinstance(self.output, int) else 0 if len(returned) == 1 else None
            )
            found = returned[place] if place is not None and place < len(returned) else None
            valid = f'a {type(returned).__name__} of {len(returned)}; name one by its number as "output"'
        else:
            found, valid = None, f"a {type(returned).__name__}"
        if not isinstance(found, Tensor):
            raise ModelError(f"The model must return a tensor; it returned {valid}.")
        return found


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory, of the GPU or of the machine, did not suffice."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "not enough memory" in text or "out of memory" in text
    )
