"""Weights from a file into a network: all of them, or none and an error that says why."""

import logging
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from esegeta.errors import ModelError, listed
from esegeta.models.archive import kind, load_pickle, needs_trust
from esegeta.models.keys import Fit, fit
from esegeta.models.trace import described

CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network_weights", "ema")
"""Where checkpoints keep the weights, in the order in which they are tried; others come after."""
DEEPEST = 3
"""Mappings inside each other that are searched."""

# Numbers that training scripts note in a checkpoint; to unpickle them runs no code of the file.
_NUMBERS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    (np.float64(0).__reduce__()[0], "numpy._core.multiarray.scalar"),
    (np.zeros(1).__reduce__()[0], "numpy.core.multiarray._reconstruct"),
    (np.zeros(1).__reduce__()[0], "numpy._core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    *{type(np.dtype(code)) for code in "?bBhHiIlLqQefd"},
]
_log = logging.getLogger(__name__)


def load_weights(module: nn.Module, path: Path | str, *, trust: bool = False) -> None:
    """Load a weights file into a network.

    Containers of checkpoints (`state_dict`, `model`, …) and prefixes of the keys (`module.`, …) are
    found. The network is changed only where every one of its weights was found in its shape.

    Parameters
    ----------
    module : nn.Module
    path : Path
        safetensors, or what `torch.save` wrote.
    trust : bool
        Load a pickle that runs code.

    Raises
    ------
    ModelError
        If the file is absent, broken or no weights file, must be trusted, or does not fit.
    """
    path = Path(path)
    found = weights_in(path, trust=trust)
    network = {k: v for k, v in module.state_dict().items() if isinstance(v, Tensor)}
    shared = _shared(network)
    fits = [fit(tensors, network, shared) for _, tensors in found]
    best = min(range(len(fits)), key=lambda index: fits[index].count)
    tensors, chosen = found[best][1], fits[best]
    if chosen.count == 0:
        _put(module, {key: tensors[pair] for key, pair in chosen.pairs.items()}, strict=False)
        _tell(path, chosen, [found[i][0] for i, other in enumerate(fits) if other.count == 0])
    elif not _renames_itself(module, tensors):
        raise ModelError(f"The weights in {path.name!r} do not fit the network:{chosen}")


def weights_in(path: Path, *, trust: bool = False) -> list[tuple[str, dict[str, Tensor]]]:
    """Read the weights in a file: one mapping of names to tensors per container, with its name.

    Raises
    ------
    ModelError
        If the file is absent, broken or no weights file, or must be trusted.
    """
    content = _read(path, trust=trust)
    found = list(_containers(content))
    if not found:
        keys = [str(key) for key in content] if isinstance(content, Mapping) else []
        holds = f"its keys are {listed(keys)}" if keys else f"it holds a {type(content).__name__}"
        raise ModelError(f"The file {path.name!r} holds no weights: {holds}.")
    return found


def _read(path: Path, *, trust: bool) -> Any:
    what = kind(path)
    if what in ("torchscript", "export"):
        saved = "a whole TorchScript network" if what == "torchscript" else "a torch.export network"
        raise ModelError(
            f'{path.name!r} holds {saved}, not weights; give it as "file" instead of "factory" and '
            '"weights".'
        )
    if what == "unknown":
        raise ModelError(
            f"{path.name!r} is no weights file; valid are safetensors and what torch.save writes."
        )
    if what == "safetensors":
        try:
            return safetensors.torch.load_file(path)
        except Exception as error:
            raise ModelError(f"{path.name!r} is broken or cut off: {described(error)}.") from error
    return read_pickle(path, trust=trust)


def read_pickle(path: Path, *, trust: bool) -> Any:
    """Read what `torch.save` wrote; code in it runs only where the file is trusted.

    Raises
    ------
    ModelError
        If it is broken, or must be trusted.
    """
    try:
        with torch.serialization.safe_globals(_NUMBERS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if trust:
            return load_pickle(path)
        named = re.search(r"GLOBAL ([\w.]+)", str(error))
        if named is None:
            raise ModelError(f"{path.name!r} is broken or no weights file.") from error
        what = f"pickled Python objects (the first is {named[1]})"
        raise ModelError(needs_trust(path, what)) from error
    except Exception as error:
        raise ModelError(f"{path.name!r} is broken or cut off: {described(error)}.") from error


def _containers(
    content: Any, name: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every mapping of names to tensors in a checkpoint, likely ones first."""
    if isinstance(content, nn.Module):
        content = content.state_dict()
    if not isinstance(content, Mapping) or depth > DEEPEST:
        return
    tensors = {k: v for k, v in content.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if tensors:
        yield name, tensors
    known = [key for key in CONTAINERS if key in content]
    for key in [*known, *(key for key in content if key not in known)]:
        yield from _containers(content[key], f"{name}.{key}".lstrip("."), depth + 1)


def _shared(network: Mapping[str, Tensor]) -> dict[str, str]:
    """Key → first key of the same tensor: of tied weights safetensors keep only one."""
    first: dict[tuple[Any, ...], str] = {}
    shared = {}
    for key, tensor in network.items():
        if not is_lazy(tensor) and tensor.numel():
            place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
            shared[key] = first.setdefault(place, key)
    return shared


def _put(module: nn.Module, tensors: Mapping[str, Tensor], *, strict: bool) -> None:
    """Load tensors, and take back those already loaded where one fails."""
    state = {k: v for k, v in module.state_dict().items() if isinstance(v, Tensor)}
    before = [(tensor, tensor.clone()) for tensor in state.values() if not is_lazy(tensor)]
    try:
        module.load_state_dict(dict(tensors), strict=strict)
    except Exception:
        for tensor, old in before:
            tensor.copy_(old)
        raise


def _renames_itself(module: nn.Module, tensors: Mapping[str, Tensor]) -> bool:
    """Whether the network takes the file as it is: its own hooks may rename the keys of old files."""
    try:
        _put(module, tensors, strict=True)
    except Exception:
        return False
    return True


def _tell(path: Path, chosen: Fit, fitting: list[str]) -> None:
    """Log what was decided: a prefix, keys left out, one of several sets of weights."""
    if chosen.prefix:
        _log.info("%s: the prefix %r of the keys was removed", path.name, chosen.prefix)
    if chosen.left_out:
        _log.info("%s: left out, as no part of the network: %s", path.name, listed(chosen.left_out))
    if len(fitting) > 1:
        _log.info(
            "%s holds several weights that fit; taken: %r of %s", path.name, *fitting[:1], fitting
        )
