"""A vision transformer that classifies by the shares its patches have in each class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from esegeta.models.zoo.vit import EPSILON, Block, Encoder, start
from esegeta.models.zoo.vit_weights import load_encoder

Readout = Literal["difference", "eq4"]
Parts = tuple[Tensor, Tensor]
"""φ⁺ and φ⁻, (N, n, classes) each: what a patch adds to a class's logit when it is seen, and when not."""


class Decoder(nn.Module):
    """Segmenter's: class tokens among the patches', and how much each patch is like each of them.

    Logits are cosines with a gain per class token. There is no normalisation over classes: it would make
    the logits of every patch alike in size, and tie the classes to each other.

    Parameters
    ----------
    width, depth, heads : int
        Numbers per token, blocks, and heads of each.
    tokens : int
        Class tokens.
    patches : int
        How many logits are going to be added up, for the gain at the start.
    """

    def __init__(self, width: int, depth: int, heads: int, tokens: int, patches: int) -> None:
        super().__init__()
        self.proj_dec = nn.Linear(width, width)
        self.cls_emb = nn.Parameter(torch.empty(1, tokens, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.decoder_norm = nn.LayerNorm(width, EPSILON)
        self.proj_patch = nn.Parameter(width**-0.5 * torch.randn(width, width))
        self.proj_classes = nn.Parameter(width**-0.5 * torch.randn(width, width))
        self.gain = nn.Parameter(torch.full((tokens,), patches**-0.5))
        start(self)
        nn.init.trunc_normal_(self.cls_emb, std=0.02)

    def forward(self, patches: Tensor) -> Tensor:
        """Logits (N, n, tokens) of patches (N, n, width)."""
        tokens = self._begun(patches)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.decoder_norm(tokens)
        count = self.cls_emb.shape[1]
        classes = F.normalize(tokens[:, :count] @ self.proj_classes, dim=-1)
        places = F.normalize(tokens[:, count:] @ self.proj_patch, dim=-1)
        cosines = places @ classes.transpose(1, 2)
        # Hundreds of patches are going to be added up: half precision would lose digits.
        return cosines.to(torch.promote_types(cosines.dtype, torch.float32)) * self.gain

    def attention(self, patches: Tensor) -> Tensor:
        """(N, heads, tokens, n) how much class tokens take of patches (N, n, width) in the last block."""
        tokens = self._begun(patches)
        *before, last = self.blocks
        for block in before:
            tokens = block(tokens)
        count = self.cls_emb.shape[1]
        assert isinstance(last, Block)
        weights = last.attn.weights(last.norm1(tokens))
        return weights[:, :, :count, count:]

    def _begun(self, patches: Tensor) -> Tensor:
        classes = self.cls_emb.expand(len(patches), -1, -1)
        return torch.cat([classes, self.proj_dec(patches)], 1)


class OneForAll(nn.Module):
    """A classifier whose logits are sums over patches: what it says, and why, in one pass (One For All).

    A vision transformer and a Segmenter decoder with two tokens per class give every patch i a φ⁺ and a
    φ⁻ per class. φ⁺ counts where the patch is seen, φ⁻ where it is masked; what the patch contributes is
    φ = φ⁺ − φ⁻. That passes ``contributions``, (N, classes, *grid), less its mean over classes, which
    no softmax sees; its sum over the grid is the logits. Train it with ``one_for_all``.

    Parameters
    ----------
    size : sequence of int
        Of the images, two or three spatial axes.
    channels, classes : int
        Of the images; at least two classes.
    patch : int or sequence of int
        Pixels or voxels per side of a patch.
    width, depth, heads : int
        Numbers per token, blocks of the encoder, heads of each attention.
    decoder_depth : int
        Blocks of the decoder.
    registers : int
        Tokens of the encoder that belong to no place.
    full_readout : {"difference", "eq4"}
        The logits of an image of which all is seen: Σ (φ⁺ − φ⁻), as the paper classifies, or Σ φ⁺, its
        equation 4 with every patch. They are alike after a softmax where the sum of φ⁻ is the same for
        all classes, that is, where the model is undecided as long as it sees nothing.
    """

    def __init__(
        self,
        size: Sequence[int] = (224, 224),
        channels: int = 3,
        classes: int = 2,
        patch: int | Sequence[int] = 16,
        width: int = 192,
        depth: int = 12,
        heads: int = 3,
        decoder_depth: int = 1,
        registers: int = 4,
        full_readout: Readout = "difference",
    ) -> None:
        super().__init__()
        sides = [patch] * len(size) if isinstance(patch, int) else list(patch)
        _check(size, sides, classes, width, depth, heads, decoder_depth, full_readout)
        self.classes, self.full_readout = classes, full_readout
        self.encoder = Encoder(size, sides, channels, width, depth, heads, registers)
        self.grid = self.encoder.grid
        count = self.encoder.count
        self.decoder = Decoder(width, decoder_depth, heads, 2 * classes, count)
        self.contributions = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Logits. Shapes: (N, channels, *size) → (N, classes)."""
        plus, minus = self.parts(images)
        share = self.contributions(self.on_grid(centred(plus - minus)))
        logits: Tensor = share.flatten(2).sum(2)
        return logits if self.full_readout == "difference" else logits + centred(minus.sum(1))

    def parts(self, images: Tensor, masks: Tensor | None = None, at_once: int = 0) -> Parts:
        """φ⁺ and φ⁻ of images, or of what masks leave of them.

        Parameters
        ----------
        images : Tensor
            (N, channels, *size).
        masks : Tensor, optional
            (N, n) or (N, K, n) bool: which patches are seen, of one or of K copies of each image.
        at_once : int
            At most so many masked images pass at a time, and pass again when gradients come back, which
            saves memory; 0: all together.

        Returns
        -------
        tuple of Tensor
            (N, n, classes) each, or (N, K, n, classes).
        """
        tokens = self.encoder.embed(images)
        if masks is None:
            return self._divided(self._passed(tokens))
        kept = masks if masks.dim() == 3 else masks[:, None]
        many = tokens[:, None].expand(-1, kept.shape[1], -1, -1).flatten(0, 1)
        step = at_once or len(many)
        pairs = zip(torch.split(many, step), torch.split(kept.flatten(0, 1), step), strict=True)
        if at_once and torch.is_grad_enabled():
            logits = [checkpoint(self._passed, *pair, use_reentrant=False) for pair in pairs]
        else:
            logits = [self._passed(*pair) for pair in pairs]
        found = torch.cat(logits)
        return self._divided(found.reshape(*masks.shape, found.shape[-1]))

    def whole(self, parts: Parts) -> Tensor:
        """(N, classes) the logits where all patches are seen, by the model's read-out."""
        plus, minus = parts
        return (plus if self.full_readout == "eq4" else plus - minus).sum(-2)

    @staticmethod
    def masked(parts: Parts, kept: Tensor) -> Tensor:
        """(…, classes) Σ φ⁺ of the patches that are seen and Σ φ⁻ of the others (equation 4).

        Parameters
        ----------
        parts : tuple of Tensor
            (…, n, classes) each.
        kept : Tensor
            (…, n) bool.
        """
        plus, minus = parts
        return torch.where(kept[..., None], plus, minus).sum(-2)

    def on_grid(self, values: Tensor) -> Tensor:
        """(N, K, *grid) of numbers of patches (N, n, K)."""
        return values.transpose(1, 2).reshape(len(values), -1, *self.grid)

    def class_attention(self, images: Tensor) -> Tensor:
        """(N, classes, *grid) what the tokens of φ⁺ take of patches in the decoder, mean over heads."""
        weights = self.decoder.attention(self.encoder(self.encoder.embed(images))).mean(1)
        return weights[:, : self.classes].reshape(len(images), -1, *self.grid)

    def load_encoder(self, state: Mapping[str, Tensor]) -> list[str]:
        """Begin with the weights of a vision transformer; see `vit_weights.load_encoder`."""
        return load_encoder(self.encoder, state)

    def _passed(self, tokens: Tensor, kept: Tensor | None = None) -> Tensor:
        logits: Tensor = self.decoder(self.encoder(tokens, kept))
        return logits

    def _divided(self, logits: Tensor) -> Parts:
        return logits[..., : self.classes], logits[..., self.classes :]


def centred(values: Tensor) -> Tensor:
    """Values (…, classes) less their mean over classes."""
    return values - values.mean(-1, keepdim=True)


def _check(
    size: Sequence[int],
    patch: Sequence[int],
    classes: int,
    width: int,
    depth: int,
    heads: int,
    decoder_depth: int,
    full_readout: str,
) -> None:
    """Refuse what makes no such network."""
    if len(size) not in (2, 3) or len(patch) != len(size):
        raise ValueError(
            f"size has two or three axes and patch one number or as many; they are {list(size)} and "
            f"{list(patch)}."
        )
    if any(step < 1 or side % step for side, step in zip(size, patch, strict=True)):
        raise ValueError(f"patches of {list(patch)} do not divide images of {list(size)}.")
    if math.prod(size) == math.prod(patch):
        raise ValueError("a single patch explains nothing; patch must be smaller than size.")
    if classes < 2:
        raise ValueError(f"classes is at least 2 (no and yes are two), not {classes}.")
    if heads < 1 or width % heads:
        raise ValueError(f"width must be a multiple of heads; they are {width} and {heads}.")
    if depth < 1 or decoder_depth < 1:
        raise ValueError(f"depth and decoder_depth are at least 1: {depth}, {decoder_depth}.")
    if full_readout not in ("difference", "eq4"):
        raise ValueError(f"full_readout is 'difference' or 'eq4', not {full_readout!r}.")
