"""Methods of TorchRay at a layer (2D only), each compared with what it must equal where it goes wrong.

TorchRay is licensed CC-BY-NC 4.0, and so is no part of esegeta: whoever wants it installs the extra
"torchray".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from torch import Tensor

from esegeta import Layer, Param, Passes, Probe, layer_attribution

from .._torchray import agreeing, calling


@layer_attribution(
    paper="Selvaraju et al., ICCV 2017",
    passes=Passes(3, 2),
    precision="full",
    ndim=(2,),
    library="torchray",
)
def grad_cam(probe: Probe, layer: Layer) -> Tensor:
    """The layer's channels, each weighted by the mean of the score's gradient over it; from TorchRay.

    Where it is not so, as of a layer whose output is changed in place, the job is refused.
    """
    found = _at_layer(probe, layer, "grad_cam")
    weights = layer.gradient().flatten(2).mean(2)[..., None, None]
    return agreeing(found, (weights * layer.activation).sum(1, keepdim=True).relu())[:, 0]


@layer_attribution(
    paper="Olah et al., Distill 2018; Rebuffi et al., CVPR 2020",
    passes=Passes(3, 2),
    precision="full",
    ndim=(2,),
    library="torchray",
)
def linear_approx(probe: Probe, layer: Layer) -> Tensor:
    """How the score would change, to first order, were a layer's units taken away; from TorchRay.

    Where it is not so, as of a layer whose output is changed in place, the job is refused.
    """
    found = _at_layer(probe, layer, "linear_approx")
    return agreeing(found, (layer.gradient() * layer.activation).sum(1, keepdim=True))[:, 0]


@layer_attribution(
    paper="Zhang et al., IJCV 2018",
    passes=Passes(3, 2),
    precision="full",
    ndim=(2,),
    library="torchray",
)
def excitation_backprop(probe: Probe, layer: Layer) -> Tensor:
    """The chance of each place to win, where every unit picks one that excites it; from TorchRay.

    TorchRay has no rule for transposed convolutions, for instance and group norms, nor for means that
    are no modules; where the map is not that of the method, the job is refused. Of a segmentation the
    chances of all its voxels are added up.
    """
    found = _at_layer(probe, layer, "excitation_backprop")
    expected = probe.relevance("excitation", layer).sum(1, keepdim=True)
    scale = found.sum() / expected.sum().clamp(min=1e-30)
    return agreeing(found, scale * expected)[:, 0]


@layer_attribution(
    paper="Zhang et al., IJCV 2018",
    passes=Passes(4, 6),
    precision="full",
    ndim=(2,),
    tasks=("classification",),
    library="torchray",
)
def contrastive_excitation_backprop(
    probe: Probe,
    layer: Layer,
    *,
    contrast: Annotated[
        str,
        Param(help="The layer at which the class is compared with its dual, nearer to the output"),
    ],
) -> Tensor:
    """The chance of each place to win for the class, less that for the class's dual; from TorchRay.

    What is positive of it. Where it is not that of the method, the job is refused.
    """
    found = _at_layer(
        probe, layer, "contrastive_excitation_backprop", contrast_layer=f"model.{contrast}"
    )
    expected = probe.contrast(layer, contrast).sum(1, keepdim=True).clamp(min=0)
    return agreeing(found, expected)[:, 0]


def _at_layer(probe: Probe, layer: Layer, name: str, **options: Any) -> Tensor:
    """(1, 1, *grid) what a method of TorchRay finds at a layer."""
    module, index = probe.module(), probe.index
    module.layer(layer.name)
    with calling(name.removeprefix("contrastive_"), module) as method:
        call: Callable[..., Tensor] = getattr(method, name)
        return call(
            module, probe.image.clone(), index, saliency_layer=f"model.{layer.name}", **options
        ).detach()
