"""How many images go through the model at once: as many as are fastest and fit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import torch

from esegeta.errors import ModelError
from esegeta.probe.network import Network, is_out_of_memory

if TYPE_CHECKING:
    from esegeta.probe.patches import PatchedNetwork

#: On a CPU larger batches stop paying once the largest feature map of a batch leaves the caches behind:
#: from there they cost up to twice as much per image. Measured, forward, by the largest feature map of
#: one image: a CNN at 128² (2.1 MB) is fastest up to 4, MobileNetV2 at 224² (4.8 MB) at 2 to 4, a 3D
#: U-Net at 32³ (2.1 MB) at 4, at 64³ (17 MB) at 1 or 2, a small CNN (0.1 MB) from 16 on.
CPU_FEATURE_MAP = 10e6
#: Up to here two images pass at once where none goes back: the convolutions of a single volume are slower
#: (the U-Net at 64³: 0.24 s alone, 0.17 s each of two). Forward and backward, volumes do so up to the
#: second (a CNN at 96 × 64 × 72, 11 MB: 0.34 s alone, 0.08 s each of two; the U-Net at 64³: 0.88 and 0.81
#: s); pictures do not gain (at 300², 12 MB: 0.10 and 0.14 s).
CPU_PAIR, CPU_PAIR_BACK = 40e6, 16e6
LARGEST = 64

#: Batches to be answered before a larger one is tried again; twice as many each time that fails.
PATIENCE = 16

Result = TypeVar("Result")
_log = logging.getLogger(__name__)


class Dependent(Exception):  # noqa: N818 - a signal, no error
    """The images of a batch influence each other."""


class Batches:
    """The batch size of one model, halved when memory runs out.

    The size follows from the memory of one image's activations alone, not from timings, so equal runs
    take equal batches; a result depends on it by rounding only.

    Parameters
    ----------
    network : Network
    memory : int, optional
        Bytes that activations may take; by default half of what is free on a GPU.
    limit : int, optional
        The most images that the model takes at once (a network exported for one image: 1).
    kind : str
        What is counted: images, or patches of one.
    """

    def __init__(
        self,
        network: Network | PatchedNetwork,
        memory: int | None = None,
        limit: int | None = None,
        kind: str = "image",
    ) -> None:
        self.network = network
        self.memory = memory
        self.kind = kind
        self.limit = self.most = limit or LARGEST
        self._patience = PATIENCE
        self._answered = 0
        self._grown = False

    def size(self, *, backward: bool) -> int:
        """Images per batch; known once the model has run on one image."""
        image = self.network.activation_bytes
        if not image:
            return 1
        # A forward alone frees most activations as it goes; a backward keeps them, and as much again
        # in gradients at the end.
        held = image * (2 if backward else 1)
        fitting = self.limit
        if self.network.device.type == "cpu":
            largest = self.network.feature_map_bytes
            paying = (CPU_PAIR_BACK if self.network.ndim == 3 else 0) if backward else CPU_PAIR
            pair = largest <= paying
            fitting = min(fitting, max(2 if pair else 1, int(CPU_FEATURE_MAP // largest)))
        if self.memory is not None:
            fitting = min(fitting, int(self.memory // held))
        elif self.network.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.network.device)
            fitting = min(fitting, int(free / 2 // held))
        return max(1, fitting)

    def run(
        self, count: int, ask: Callable[[int, int], Result], *, backward: bool = False
    ) -> Iterator[Result]:
        """Answer images 0 to ``count`` in batches: ``ask(start, stop)`` for each, in order.

        Raises
        ------
        ModelError
            If memory does not suffice for a single image.
        """
        start = 0
        while start < count:
            stop = min(count, start + self.size(backward=backward))
            try:
                answer = ask(start, stop)
            except (Dependent, ModelError) as error:
                # Some models take one image only; any other mistake says so itself, one by one.
                if isinstance(error, ModelError) and stop - start == 1:
                    raise
                self.limit = self.most = 1
                continue
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if stop - start == 1:
                    raise ModelError(
                        f"Memory does not suffice for a single {self.kind} "
                        f"(about {self.network.activation_bytes / 1e6:.0f} MB of activations): {error}"
                    ) from error
                self.limit = max(1, (stop - start) // 2)
                _log.debug("memory ran out: batches of %d now, not %d", self.limit, stop - start)
                self._patience *= 2 if self._grown else 1
                self._answered, self._grown = 0, False
                if self.network.device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            yield answer
            start = stop
            self._grow()

    def _grow(self) -> None:
        """Try a larger batch again some time after memory ran out: who else used it may be gone."""
        self._answered += 1
        if self._answered >= self._patience and 1 < 2 * self.limit <= self.most:
            self.limit, self._answered, self._grown = 2 * self.limit, 0, True
