"""Class scores of a segmentation network: its logits, summed over a frozen mask."""

from __future__ import annotations

import torch
from torch import Tensor

from esegeta import Region, wrapper


@wrapper(tasks=("segmentation",))
def pixelwise(output: Tensor, region: Region) -> Tensor:
    """The class's logits, summed over the voxels where it is the most likely class.

    A single logit is taken for two classes: −z for background, z for foreground. The mask is chosen
    on the unperturbed image and stays; ``target.mask`` names other masks than the predicted one.
    """
    logits = _at_least_two(output)
    return _sum(logits, region.mask(logits, _most_likely))


@wrapper(tasks=("segmentation",))
def otsu(output: Tensor, region: Region) -> Tensor:
    """The class's logits, summed over the foreground that Otsu's threshold finds in them.

    For networks whose classes overlap, or whose logits never win against the background's: each
    class's logits are parted by their own threshold (Otsu, 1979), whatever the other classes say.
    """
    logits = _at_least_two(output)
    return _sum(logits, region.mask(logits, _above_threshold))


def _at_least_two(output: Tensor) -> Tensor:
    return torch.cat([-output, output], dim=1) if output.shape[1] == 1 else output


def _sum(logits: Tensor, mask: Tensor) -> Tensor:
    # Not a product: a logit of −∞ outside the mask must not turn the sum into NaN.
    return logits.where(mask, 0).flatten(2).sum(2)


def _most_likely(logits: Tensor) -> Tensor:
    classes = torch.arange(logits.shape[1], device=logits.device)
    # The index of the maximum: on a CPU many times faster along this axis than argmax.
    return logits.max(1, keepdim=True).indices == classes.view(1, -1, *[1] * (logits.dim() - 2))


def _above_threshold(logits: Tensor) -> Tensor:
    from skimage.filters import threshold_otsu

    scores = logits[0].float().cpu().numpy()
    above = [s > threshold_otsu(s) if s.min() < s.max() else s < s for s in scores]
    return torch.stack([torch.from_numpy(mask) for mask in above])[None].to(logits.device)
