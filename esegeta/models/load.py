"""A user's network, ready to be asked: in evaluation mode, frozen, on the CPU."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from esegeta.errors import ModelError
from esegeta.isolation import quarantine
from esegeta.libraries import mend_torchvision
from esegeta.models.archive import kind, load_export, load_script
from esegeta.models.factory import build
from esegeta.models.weights import load_weights, read_pickle


class Spec(Protocol):
    """What is asked of a model's entry in the config."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def factory(self) -> str | None: ...  # noqa: D102
    @property
    def file(self) -> Path | str | None: ...  # noqa: D102
    @property
    def arguments(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def weights(self) -> Path | str | None: ...  # noqa: D102
    @property
    def trust(self) -> bool: ...  # noqa: D102


@dataclass
class LoadedModel:
    """A network and what a run must know about it.

    Attributes
    ----------
    module : nn.Module
        In evaluation mode, its parameters frozen, on the CPU.
    batch : int or None
        The only batch size it takes; None where it takes any.
    """

    module: nn.Module
    batch: int | None = None


def load(spec: Spec, seed: int = 0) -> LoadedModel:
    """Load a network from its factory and weights, or from one file.

    Where a factory draws weights at random, it draws the same each time.

    Parameters
    ----------
    spec : Spec
    seed : int
        Of what a factory draws.

    Raises
    ------
    ModelError
        If it cannot be built or loaded; the message names the model, and says what went wrong and
        where in the user's code.
    """
    try:
        return _load(spec, seed)
    except ModelError as error:
        raise ModelError(f"Model {spec.name!r}: {error}") from error.__cause__


def _load(spec: Spec, seed: int) -> LoadedModel:
    batch: int | None = None
    mend_torchvision()  # which the user's code may import
    with quarantine(seed):
        if spec.factory is not None:
            module = build(spec.factory, spec.arguments)
        elif spec.file is not None:
            module, batch = _from_file(Path(spec.file), trust=spec.trust)
        else:
            raise ModelError('it has neither a "factory" nor a "file".')
    if spec.weights is not None:
        load_weights(module, spec.weights, trust=spec.trust)
    _freeze(module)
    return LoadedModel(module, batch)


def _from_file(path: Path, *, trust: bool) -> tuple[nn.Module, int | None]:
    what = kind(path)
    if what == "torchscript":
        return load_script(path), None
    if what == "export":
        return load_export(path, trust=trust)
    if what == "pickle":
        return _from_pickle(path, trust=trust), None
    if what == "broken":
        raise ModelError(f"{path.name!r} is broken or cut off.")
    if what == "safetensors":
        raise ModelError(_only_weights(path))
    raise ModelError(
        f"{path.name!r} is no network that can be loaded; valid are TorchScript (torch.jit.save) and "
        "torch.export (torch.export.save) files."
    )


def _from_pickle(path: Path, *, trust: bool) -> nn.Module:
    try:
        content = read_pickle(path, trust=trust)
    except ModelError as error:
        if trust or "trust" not in str(error):
            raise
        raise ModelError(
            f'{error} Safer: save the network\'s state_dict, and name its "factory" and "weights".'
        ) from error
    if isinstance(content, nn.Module):
        return content
    raise ModelError(_only_weights(path))


def _only_weights(path: Path) -> str:
    return (
        f"{path.name!r} holds weights without a network (a state_dict); give the network as "
        '"factory" ("path/file.py:Class") and this file as "weights".'
    )


def _freeze(module: nn.Module) -> None:
    """Put a network into evaluation mode, with frozen parameters, on the CPU."""
    lazy = [name for name, tensor in _tensors(module) if is_lazy(tensor)]
    if lazy:
        raise ModelError(
            f"the sizes of lazy layers are not known yet ({lazy[0]}); give weights, or run the "
            "network once in the factory."
        )
    module.to("cpu")
    module.eval()
    for parameter in module.parameters():  # a ScriptModule has no requires_grad_ of its own
        parameter.requires_grad_(False)


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()
