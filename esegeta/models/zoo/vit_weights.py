"""Weights of other vision transformers, for an encoder to begin with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from esegeta.errors import ModelError, listed
from esegeta.models.zoo.vit import Encoder

SAME = {"reg_token": "register_tokens"}
"""What timm calls otherwise than DINOv2."""

MAY_LACK = ("cls_token", "register_tokens", "mask_token", "ls1.gamma", "ls2.gamma")
"""What not every vision transformer has; it stays as it was drawn."""

ANCHOR = "patch_embed.proj.weight"


def load_encoder(encoder: Encoder, state: Mapping[str, Tensor]) -> list[str]:
    """Let an encoder begin with the weights of a vision transformer (timm, DINOv2).

    Position embeddings of another grid are interpolated; where the image has one channel and the weights
    were made for several, the first convolution's are added up, as for a grey picture in colours. A
    prefix that all names share is passed over.

    Parameters
    ----------
    encoder : Encoder
    state : mapping of str to Tensor
        A state dict.

    Returns
    -------
    list of str
        The keys that were not used, such as those of a head.

    Raises
    ------
    ModelError
        If the weights are no vision transformer's, or one's of another width, depth or patch.
    """
    prefix = _prefix(state)
    keys = _renamed(state, prefix)
    given = {name: state[key] for name, key in keys.items()}
    own = encoder.state_dict()
    found: dict[str, Tensor] = {}
    for name, value in own.items():
        if name == "pos_embed":
            found[name] = _places(encoder, given)
        elif name in given:
            found[name] = _fitting(name, given[name], value)
        elif not name.endswith(MAY_LACK):
            raise ModelError(
                f"The weights have no '{prefix}{name}', so that they are not of a transformer with "
                f"{len(encoder.blocks)} blocks like this; give the model the depth they were made for "
                "(blocks of another kind, such as gated ones, cannot be taken over)."
            )
    deeper = next((k for k in given if k.startswith(f"blocks.{len(encoder.blocks)}.")), None)
    if deeper is not None:
        raise ModelError(
            f"The weights go on with '{prefix}{deeper}', and this model ends after "
            f"{len(encoder.blocks)} blocks; give it the depth they were made for."
        )
    encoder.load_state_dict({**own, **found})
    used = {keys[name] for name in found if name in keys}
    return sorted(set(state) - used)


def _prefix(state: Mapping[str, Tensor]) -> str:
    """What stands before the names of a vision transformer in a state dict."""
    found = [key[: -len(ANCHOR)] for key in state if key.endswith(ANCHOR)]
    if len(found) != 1 or f"{found[0]}pos_embed" not in state:
        raise ModelError(
            "These weights are not those of one vision transformer as timm or DINOv2 names them "
            f"('{ANCHOR}', 'pos_embed', 'blocks.0.attn.qkv.weight', …); they begin with "
            f"{listed(list(state)[:5])}."
        )
    return found[0]


def _renamed(state: Mapping[str, Tensor], prefix: str) -> dict[str, str]:
    """The key of each of the encoder's names."""
    names = {key: key[len(prefix) :] for key in state if key.startswith(prefix)}
    return {SAME.get(name, name): key for key, name in names.items()}


def _fitting(name: str, value: Tensor, own: Tensor) -> Tensor:
    """The weights in the shape that is needed."""
    if name == ANCHOR and value.dim() == own.dim() and own.shape[1] == 1 < value.shape[1]:
        value = value.sum(1, keepdim=True)
    if name == "mask_token":
        value = value.reshape(1, -1)  # (1, 1, width) in some
    if value.shape != own.shape:
        raise ModelError(
            f"'{name}' has the shape {tuple(value.shape)} in the weights and {tuple(own.shape)} in this "
            "model; give the model the width, patch, channels, registers and dimensions of the weights."
        )
    return value


def _places(encoder: Encoder, given: Mapping[str, Tensor]) -> Tensor:
    """(1, 1 + n, width) what is added at each place; interpolated if the grid is another."""
    places, width = given["pos_embed"], encoder.pos_embed.shape[-1]
    if places.dim() != 3 or places.shape[-1] != width:
        raise ModelError(
            f"'pos_embed' has the shape {tuple(places.shape)} in the weights, and the width of this model "
            f"is {width}; give it theirs."
        )
    before, grid = _split(encoder, places.shape[1], given)
    first = places[:, :1] if before else torch.zeros_like(places[:, :1])
    rest = places[:, places.shape[1] - math.prod(grid) :]
    if grid != encoder.grid:
        mode = "bicubic" if len(grid) == 2 else "trilinear"
        cells = rest.transpose(1, 2).reshape(1, width, *grid).float()
        cells = F.interpolate(cells, encoder.grid, mode=mode, align_corners=False)
        rest = cells.flatten(2).transpose(1, 2).to(rest.dtype)
    return torch.cat([first, rest], 1)


def _split(encoder: Encoder, length: int, given: Mapping[str, Tensor]) -> tuple[int, Sequence[int]]:
    """How many position embeddings stand before those of patches, and the grid of these."""
    ndim = len(encoder.grid)
    registers = given["register_tokens"].shape[1] if "register_tokens" in given else 0
    for before in (1, 0):
        if length - before == encoder.count:
            return before, encoder.grid
    for before in (1, 0):
        side = round((length - before) ** (1 / ndim))
        if side**ndim == length - before:
            return before, (side,) * ndim
    raise ModelError(
        f"'pos_embed' has {length} places in the weights (and they have {registers} registers): neither "
        f"that nor one less is the grid of this model, {' × '.join(map(str, encoder.grid))}, or one with "
        "equal sides."
    )
