"""The same maps from the libraries that also make them, at equal settings.

Each function takes the `Bench` and gives the map (K, H, W) that the method of its name gives, or None
in place of a map where chance differs, so that only the time can be compared.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch
from captum import attr
from torch import Tensor

from benchmarks.case import BATCH, Bench, Peer
from benchmarks.peers_on_segments import LIME, SHAP


def captum(name: str, **options: object) -> Peer:
    """A method of Captum that explains the image."""

    def call(bench: Bench) -> Tensor:
        settings = {k: v(bench) if callable(v) else v for k, v in options.items()}
        return getattr(attr, name)(bench.model).attribute(bench.x, target=bench.target, **settings)[
            0
        ]

    return call


def captum_layer(name: str, **options: object) -> Peer:
    """A method of Captum that explains a layer; its channels are added up."""

    def call(bench: Bench) -> Tensor:
        method = getattr(attr, name)(bench.model, bench.module)
        target = {} if name == "LayerActivation" else {"target": bench.target}
        values = method.attribute(bench.x, **target, **options)
        mean = name == "LayerActivation"
        return bench.large(values.mean(1, keepdim=True) if mean else values.sum(1, keepdim=True))

    return call


def without_map(peer: Peer) -> Peer:
    """The time alone: what is drawn at random differs."""

    def call(bench: Bench) -> None:
        peer(bench)

    return call


def zeros(bench: Bench) -> Tensor:
    """A black image."""
    return torch.zeros_like(bench.image[None])


def five_zeros(bench: Bench) -> Tensor:
    """Five black images."""
    return torch.zeros_like(bench.image).expand(5, -1, -1, -1)


def segments(bench: Bench) -> Tensor:
    """The groups, as Captum numbers them."""
    return bench.labels[None, None].repeat(1, len(bench.image), 1, 1)


def first_channel(peer: Peer) -> Peer:
    """Of a map that is the same in every channel."""
    return lambda bench: peer(bench)[:1]


CAPTUM: dict[str, Peer] = {
    "saliency": captum("Saliency", abs=False),
    "input_x_gradient": captum("InputXGradient"),
    "guided_backprop": captum("GuidedBackprop"),
    "deconvolution": captum("Deconvolution"),
    "integrated_gradients": captum(
        "IntegratedGradients", n_steps=48, method="gausslegendre", internal_batch_size=BATCH
    ),
    "deep_lift": captum("DeepLift", baselines=zeros),
    "deep_lift_shap": captum("DeepLiftShap", baselines=five_zeros),
    "gradient_shap": without_map(captum("GradientShap", baselines=zeros, n_samples=48)),
    "smooth_grad": without_map(
        lambda b: attr.NoiseTunnel(attr.Saliency(b.model)).attribute(
            b.x, nt_samples=48, nt_samples_batch_size=BATCH, stdevs=0.1, target=b.target, abs=False
        )
    ),
    "occlusion": first_channel(
        captum(
            "Occlusion",
            sliding_window_shapes=(3, 16, 16),
            strides=(3, 8, 8),
            perturbations_per_eval=BATCH,
        )
    ),
    "feature_ablation": first_channel(
        captum("FeatureAblation", feature_mask=segments, perturbations_per_eval=BATCH)
    ),
    "shapley_sampling": without_map(
        captum(
            "ShapleyValueSampling",
            feature_mask=segments,
            n_samples=4,
            perturbations_per_eval=BATCH,
        )
    ),
    "kernel_shap": without_map(
        captum("KernelShap", feature_mask=segments, n_samples=64, perturbations_per_eval=BATCH)
    ),
    "guided_grad_cam": lambda b: attr.GuidedGradCam(b.model, b.module).attribute(
        b.x, target=b.target, interpolate_mode="bilinear"
    )[0],
    "layer_activation": captum_layer("LayerActivation"),
    "grad_cam": captum_layer("LayerGradCam", relu_attributions=True),
    "layer_gradient_x_activation": captum_layer("LayerGradientXActivation"),
    # Gradients of rectifiers jump: a unit near zero that rounding turns off is a whole step's weight.
    "layer_conductance": without_map(
        captum_layer(
            "LayerConductance", n_steps=48, method="gausslegendre", internal_batch_size=BATCH
        )
    ),
    "internal_influence": without_map(
        captum_layer(
            "InternalInfluence", n_steps=48, method="gausslegendre", internal_batch_size=BATCH
        )
    ),
    "layer_integrated_gradients": captum_layer(
        "LayerIntegratedGradients", n_steps=48, method="gausslegendre", internal_batch_size=BATCH
    ),
    "layer_deep_lift": captum_layer("LayerDeepLift"),
    "layer_gradient_shap": without_map(
        lambda b: attr.LayerGradientShap(b.model, b.module).attribute(
            b.x, zeros(b), target=b.target, n_samples=48
        )
    ),
}
"""By the method of ours that gives the same."""

PEERS: dict[str, dict[str, Peer]] = {
    "Captum": CAPTUM,
    **({"LIME": LIME} if find_spec("lime") else {}),
    **({"SHAP": SHAP} if find_spec("shap") else {}),
}
"""By library."""
