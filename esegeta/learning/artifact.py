"""What a training leaves behind: weights, and a card that says what they are for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from esegeta.config.check_training import CARD
from esegeta.config.training import WEIGHTS
from esegeta.errors import MethodError, counted

if TYPE_CHECKING:
    from esegeta.probe import Probe

VERSION = 1

BASE = "base"
"""The folder in an artifact that holds what it was built on."""


@dataclass(frozen=True, eq=False)
class Artifact:
    """A folder that ``esegeta train`` wrote.

    Parameters
    ----------
    folder : Path
    card : dict
        Training and its parameters, settings of the network, the model it is for (by the hash of its
        weights), classes, shape, data, losses, seed and versions.
    """

    folder: Path
    card: dict[str, Any]
    _networks: dict[torch.device, nn.Module] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: Path | str) -> Artifact:
        """Read the card of a folder.

        Raises
        ------
        MethodError
            If there is none, it cannot be read, or a later esegeta wrote it.
        """
        folder = Path(folder)
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            version = card["version"]
        except FileNotFoundError:
            raise MethodError(
                f"{folder} holds no {CARD}: nothing was trained there, or not to the end (esegeta train)."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MethodError(f"{folder / CARD} cannot be read: {error!r}.") from error
        if version != VERSION:
            raise MethodError(
                f"{folder} was trained by another esegeta: version {version} of the card; this one "
                f"reads version {VERSION}."
            )
        return cls(folder, card)

    @property
    def settings(self) -> dict[str, Any]:
        """What the network is built with."""
        settings: dict[str, Any] = self.card["settings"]
        return settings

    @property
    def layers(self) -> list[str]:
        """The model's layers that are read, where the settings name some: one pass answers them all."""
        return list(self.settings.get("layers", ()))

    def network(self, build: Callable[..., nn.Module], device: torch.device) -> nn.Module:
        """Build the network and give it its weights: frozen, in evaluation mode; remembered.

        Parameters
        ----------
        build : callable
            ``build(**settings)``.

        Raises
        ------
        MethodError
            If the weights cannot be read, are others than the card says, or do not fit.
        """
        if device not in self._networks:
            self._networks[device] = self._built(build).to(device)
        return self._networks[device]

    def _built(self, build: Callable[..., nn.Module]) -> nn.Module:
        path = self.folder / WEIGHTS
        network = build(**self.settings)
        try:
            if hashlib.sha256(path.read_bytes()).hexdigest() != self.card["sha256"]:
                raise MethodError(f"{path} is not what was trained: it was changed or cut off.")
            network.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise MethodError(f"{path} cannot be used: {error}") from error
        return network.eval().requires_grad_(False)

    @cached_property
    def base(self) -> Artifact:
        """What it was built on, of which it holds a copy.

        Raises
        ------
        MethodError
            If there is none, or another one.
        """
        known, found = self.card["base"], Artifact.open(self.folder / BASE)
        if known is None or found.card["sha256"] != known["hash"]:
            raise MethodError(f"{found.folder} is not what {self.folder} was built on.")
        return found

    def require_training(self, name: str) -> None:
        """Refuse what another training made.

        Raises
        ------
        MethodError
            With the training that made it.
        """
        made = self.card["training"]
        if made != name:
            raise MethodError(f"{self.folder} was trained for '{made}', not for '{name}'.")

    def require(self, method: str, probe: Probe) -> None:
        """Refuse a method, a model, classes or images that this was not trained for.

        Raises
        ------
        MethodError
            With what it was trained for, and what it is used for.
        """
        card, where = self.card, str(self.folder)
        self.require_training(method)
        shape = tuple(probe.image.shape[1:])
        if tuple(card["shape"]) != shape:
            raise MethodError(
                f"{where} was trained on images of shape {tuple(card['shape'])}; this one has {shape}."
            )
        if card["model"]["hash"] != model_hash(probe.model):
            raise MethodError(
                f"{where} was trained to explain another model ({card['model']['name']!r}): this one has "
                "other weights; train it for this one."
            )
        _ = probe.index  # the model has been asked
        if probe.target.count != card["classes"]:
            raise MethodError(
                f"{where} was trained for {counted(card['classes'], 'class')}; the target has "
                f"{probe.target.count}."
            )


def model_hash(model: nn.Module) -> str:
    """Hash a model's weights and buffers, whatever the precision they are held in.

    Remembered until one of them is changed or replaced: each explanation asks.
    """
    held = [v for v in model.state_dict().values() if isinstance(v, torch.Tensor)]
    if any(tensor.is_inference() for tensor in held):  # nothing tells whether these were changed
        return _hashed(model)
    state = [(tensor.data_ptr(), tensor._version, tensor.dtype) for tensor in held]
    known = _HASHES.get(model)
    if known is None or known[0] != state:
        known = _HASHES[model] = (state, _hashed(model))
    return known[1]


_HASHES: WeakKeyDictionary[nn.Module, tuple[list[Any], str]] = WeakKeyDictionary()


def _hashed(model: nn.Module) -> str:
    found = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if isinstance(tensor, torch.Tensor):
            values = tensor.detach().to(
                "cpu", torch.float32 if tensor.is_floating_point() else None
            )
            found.update(f"{name} {tuple(values.shape)}".encode())
            found.update(values.contiguous().numpy().tobytes())
    return found.hexdigest()
