"""What layers return during one forward pass, recorded with hooks that are always removed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

from torch import Tensor, nn
from torch.jit import ScriptModule
from torch.utils.hooks import RemovableHandle

from esegeta.errors import ModelError, unknown


class Reached(Exception):  # noqa: N818 - a signal that ends a forward pass, no error
    """The last wanted layer has returned; the rest of the forward pass is not needed."""


class _Hooked:
    """Takes its hooks away again when it is left."""

    _hooks: list[RemovableHandle]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()


class Capture(_Hooked):
    """Records the outputs of layers while it is active.

    A layer is addressed by its module's name; one that runs more than once as ``name#2`` for its
    second call.

    Parameters
    ----------
    module : nn.Module
        The whole model.
    layers : iterable of str
        Addresses of the wanted layers.
    differentiable : bool
        Whether gradients towards the layers will be asked: a layer whose output does not depend on a
        tensor that requires grad becomes the start of the graph, so nothing before it is kept.
    stop : bool
        End the forward pass with `Reached` once every wanted layer has returned.
    """

    def __init__(
        self,
        module: nn.Module,
        layers: Iterable[str],
        *,
        differentiable: bool = False,
        stop: bool = False,
    ) -> None:
        self.wanted = list(dict.fromkeys(layers))
        self.differentiable = differentiable
        self.stop = stop
        self._calls: dict[str, list[Tensor]] = {}
        self._hooks: list[RemovableHandle] = []
        modules = dict(module.named_modules(remove_duplicate=False))
        for name in dict.fromkeys(split(address)[0] for address in self.wanted):
            if name not in modules or not name:
                raise ModelError(_sentence(unknown("layer", name, [n for n in modules if n])))
            self._calls[name] = []
        self._modules = {name: modules[name] for name in self._calls}
        for name, part in self._modules.items():
            if isinstance(part, ScriptModule):
                raise ModelError(
                    f"The layer '{name}' is scripted, so what it returns cannot be seen."
                )

    def __enter__(self) -> Capture:
        for name, module in self._modules.items():
            self._hooks.append(module.register_forward_hook(self._hook(name)))
        return self

    def _hook(self, name: str) -> Any:
        def record(module: nn.Module, inputs: Any, output: Any) -> Any:
            tensor = _tensor(output)
            if tensor is None:
                return None
            # A node of its own: a layer that returns its input (an identity, a dropout in
            # evaluation) would else collect the gradient of every other use of that input.
            tensor = tensor.clone()
            if self.differentiable and not tensor.requires_grad:
                tensor = tensor.detach().requires_grad_()
            self._calls[name].append(tensor)
            if self.stop and all(self._has(address) for address in self.wanted):
                raise Reached
            # The rest of the model gets a copy, so an in-place activation cannot overwrite what is
            # recorded (nor fail on a leaf of the graph).
            return _replaced(output, tensor.clone())

        return record

    def _has(self, address: str) -> bool:
        name, call = split(address)
        return len(self._calls[name]) >= (call or 1)

    def output(self, address: str) -> Tensor:
        """What the layer returned.

        Raises
        ------
        ModelError
            If the layer did not run, ran more than once without a ``#``, or returned no tensor.
        """
        name, call = split(address)
        calls = self._calls[name]
        if not calls:
            raise ModelError(
                f"The layer '{name}' returned no tensor while the model ran: it is not used in the "
                "forward pass, is called in another way, or the model is scripted or exported."
            )
        if call is None and len(calls) > 1:
            raise ModelError(
                f"The layer '{name}' runs {len(calls)} times in one forward pass; say which call is "
                f"meant: '{name}#1' to '{name}#{len(calls)}'."
            )
        if call is not None and call > len(calls):
            raise ModelError(f"There is no call '{address}': the layer ran {len(calls)} time(s).")
        return calls[(call or 1) - 1]


class Edit(_Hooked):
    """Changes what a layer returns while it is active.

    Parameters
    ----------
    module : nn.Module
        The whole model.
    layer : str
        The layer's address.
    change : callable
        Gives the new output (N, …) for the layer's.
    """

    def __init__(self, module: nn.Module, layer: str, change: Callable[[Tensor], Tensor]) -> None:
        name, call = split(layer)
        self._root, self._part = module, dict(module.named_modules(remove_duplicate=False))[name]
        self._call, self._change = call or 1, change
        self._calls = 0
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> Edit:
        self._hooks.append(self._root.register_forward_pre_hook(self._begin))
        self._hooks.append(self._part.register_forward_hook(self._edit))
        return self

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self._calls = 0

    def _edit(self, module: nn.Module, inputs: Any, output: Any) -> Any:
        self._calls += 1
        tensor = _tensor(output)
        if self._calls != self._call or tensor is None:
            return None
        return _replaced(output, self._change(tensor))


def split(address: str) -> tuple[str, int | None]:
    """Take ``act#2`` apart into the module's name and the call, None where none is named."""
    name, hash_, call = address.partition("#")
    if not hash_:
        return name, None
    if not call.isdigit() or int(call) < 1:
        raise ModelError(f"The layer address '{address}' must end in # and a call's number from 1.")
    return name, int(call)


def _tensor(output: Any) -> Tensor | None:
    """The tensor of a layer's output: itself, or the first of a tuple, list or mapping."""
    if isinstance(output, Mapping):
        output = tuple(output.values())
    if isinstance(output, (tuple, list)):
        output = next((item for item in output if isinstance(item, Tensor)), None)
    return output if isinstance(output, Tensor) and output.is_floating_point() else None


def _replaced(output: Any, tensor: Tensor) -> Any:
    """The layer's output with its (first) tensor replaced."""
    if isinstance(output, Tensor):
        return tensor
    old = _tensor(output)
    if isinstance(output, Mapping):
        changed = copy.copy(output)  # of its own kind: some are read by attribute
        for key, value in output.items():
            if value is old:
                changed[key] = tensor  # type: ignore[index]
        return changed
    items = [tensor if item is old else item for item in output]
    return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
