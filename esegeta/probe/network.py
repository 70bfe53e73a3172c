"""The user's model as a function: the one place that calls it, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from esegeta.errors import ModelError, listed
from esegeta.probe.capture import Capture, Edit, Reached
from esegeta.probe.opaque import compiled, opaque
from esegeta.probe.rules import RectifierRule
from esegeta.probe.tokens import as_grid

#: Keys under which models that return a mapping keep their prediction (torchvision, transformers).
USUAL_KEYS = ("out", "logits")

HALF = (torch.float16, torch.bfloat16)


@dataclass
class Counts:
    """Images (or patches) passed so far, each way."""

    forward: int = 0
    backward: int = 0


class Network:
    """A model, what it returns, and how often it was asked.

    Parameters
    ----------
    module : nn.Module
        Images (N, C, *spatial) to a tensor, or to a tuple or mapping that holds one. It always gets
        a copy of the images, in its own precision: models may work on their input in place.
    output : str or int, optional
        Which entry of a tuple or mapping is the prediction.
    amp : torch.dtype, optional
        Let the model run under autocast to this half precision. What comes back is float32.
    counts : Counts, optional
        Where passes are counted, if together with another network.

    Attributes
    ----------
    parts, passes_back : int
        How many of what is counted make an image; how many are counted for a backward pass.
    most : int or None
        The most images that may be asked about at once.
    one_by_one : bool
        Never: it is `Questions` that finds out.
    activation_bytes : float
        Bytes of all activations of one image of the largest size seen; 0 before the first.
    feature_map_bytes : float
        Bytes of the largest of these.
    ndim : int
        Spatial axes of that image.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        output: str | int | None = None,
        amp: torch.dtype | None = None,
        counts: Counts | None = None,
    ) -> None:
        self.module = module
        self.output = output
        self.amp = amp
        self.counts = counts or Counts()
        self.parts = self.passes_back = 1
        self.most: int | None = None
        self.one_by_one = False
        self.activation_bytes = self.feature_map_bytes = 0.0
        self.ndim = self._largest = 0
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

    @property
    def tolerance(self) -> float:
        """How much a score may differ, relatively, between an image alone and in a batch.

        Half precision rounds the two differently.
        """
        return 0.05 if self.amp is not None or self.dtype in HALF else 1e-3

    def around(self, module: nn.Module) -> Network:
        """The same, around another module; passes are counted together."""
        return Network(module, output=self.output, amp=self.amp, counts=self.counts)

    def in_full_precision(self) -> Network:
        """The same without autocast."""
        return Network(self.module, output=self.output, counts=self.counts)

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Evaluation mode and frozen parameters while asking; afterwards everything as before."""
        training = [m for m in self.module.modules() if m.training]
        # (A tensor made in inference mode never requires grad, whatever its flag says.)
        learning = [p for p in self.module.parameters() if p.requires_grad and not p.is_inference()]
        with ExitStack() as stack:
            if any(isinstance(m, nn.RNNBase) for m in self.module.modules()):
                # cuDNN's recurrent layers refuse a backward pass in evaluation mode.
                stack.enter_context(torch.backends.cudnn.flags(enabled=False))
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

        Half precision comes back as float32, so that what is added up over voxels does not overflow.

        Raises
        ------
        ModelError
            If the model raises, or returns what is no tensor of N predictions.
        """
        self.counts.forward += len(images)
        own = images.to(self.dtype, copy=True)
        try:
            with (
                self._rule,
                torch.autocast(self.device.type, dtype=self.amp, enabled=self.amp is not None),
            ):
                returned = self._measured(own)
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
        self.verify(prediction)
        return prediction.float() if prediction.dtype in HALF else prediction

    def reach(self, images: Tensor, layer: str | None) -> Tensor:
        """What a layer returns for images; the model runs up to there. For None, the prediction."""
        if layer is None:
            return self(images)
        with Capture(self.module, [layer], stop=True) as capture, suppress(Reached):
            self(images)
        output = capture.output(layer)
        self.verify(output)
        return output

    def as_grid(self, output: Tensor, spatial: Sequence[int]) -> Tensor | None:
        """A layer's output as (N, K, *grid) over images of a shape, None where it is no grid."""
        return as_grid(output, spatial)

    def channel_axis(self, output: Tensor, spatial: Sequence[int]) -> int:
        """Which axis of a layer's output over images of a shape holds its channels."""
        grid = as_grid(output, spatial)
        first = grid is not None and grid.shape == output.shape
        return 1 if first or output.dim() == 2 else output.dim() - 1

    def example(self, image: Tensor) -> Tensor:
        """What the model takes of an image (1, C, *spatial): all of it."""
        return image

    def looking_at(self, mask: Tensor | None) -> AbstractContextManager[None]:
        """Say which part (1, 1, *spatial) of the prediction counts meanwhile: here all is made."""
        return nullcontext()

    def editing(
        self, layer: str, change: Callable[[Tensor], Tensor]
    ) -> AbstractContextManager[Any]:
        """Change what a layer returns (N, …) meanwhile."""
        return Edit(self.module, layer, change)

    def verify(self, output: Tensor) -> None:
        """Refuse an output on whose way the backward rule in force missed a rectifier."""
        if isinstance(self._rule, RectifierRule):
            self._rule.verify(output)

    def _measured(self, images: Tensor) -> Any:
        """Run the model; on images larger than any before, add up what its leaf modules return."""
        if images[0].numel() <= self._largest:
            return self.module(images)
        sizes = [images.nbytes]

        def add(module: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                sizes.append(output.nbytes)

        leaves = (
            []
            if compiled(self.module)
            else [part for part in self.module.modules() if next(part.children(), None) is None]
        )
        hooks = [leaf.register_forward_hook(add) for leaf in leaves]
        try:
            returned = self.module(images)
        finally:
            for hook in hooks:
                hook.remove()
            # A scripted or compiled model shows no leaves; sixteen feature maps of the image's size is
            # the order of a small network, and a guess too low is mended by halving. Of a pass that
            # stops at a layer this is the part up to there.
            held = max(sum(sizes[1:]), 16 * images.nbytes) / len(images)
            self.activation_bytes = max(held, self.activation_bytes)
            self.feature_map_bytes = max(max(sizes) / len(images), self.feature_map_bytes)
        self._largest, self.ndim = images[0].numel(), images.dim() - 2
        return returned

    def select(self, returned: Any) -> Tensor:
        """Take the prediction out of what the model returned."""
        found, valid = None, f"a {type(returned).__name__}"
        if isinstance(returned, Tensor):
            return returned
        if isinstance(returned, Mapping):
            wanted = USUAL_KEYS if self.output is None else (self.output,)
            found = next((returned[key] for key in wanted if key in returned), None)
            if self.output is None and len(returned) == 1:
                (found,) = returned.values()
            keys = listed(str(key) for key in returned)
            valid = f'a mapping with the keys {keys}; name one as "output"'
        elif isinstance(returned, (tuple, list)):
            place = 0 if self.output is None and len(returned) == 1 else self.output
            if isinstance(place, int) and 0 <= place < len(returned):
                found = returned[place]
            valid += f' of {len(returned)}; name one by its number as "output"'
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
