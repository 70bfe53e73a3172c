"""Maps on a layer's grid of what its units add to the score, by the rescale rule of DeepLIFT."""

from __future__ import annotations

from torch import Tensor

from esegeta import Baseline, Layer, Passes, Probe, layer_attribution

from ..attribution.deep_lift import Noise, Samples


@layer_attribution(
    paper="Shrikumar, Greenside & Kundaje, ICML 2017, at a layer",
    passes=lambda p: Passes(3, 1),
    precision="full",
)
def layer_deep_lift(probe: Probe, layer: Layer, *, baseline: Baseline = "zero") -> Tensor:
    """What a layer's units add to the score against a baseline, by the rescale rule.

    Summed over channels. Where all of the network goes through the layer, the values add up to
    score(image) − score(baseline) before they are enlarged; that they do at the image is checked.
    """
    return probe.contributions(probe.baseline(baseline), layer).sum(1)


@layer_attribution(
    paper="Lundberg & Lee, NeurIPS 2017, at a layer",
    passes=lambda p: Passes(1 + 2 * p.samples, p.samples),
    precision="full",
)
def layer_deep_lift_shap(
    probe: Probe,
    layer: Layer,
    *,
    samples: Samples = 16,
    noise: Noise = 0.1,
    baseline: Baseline = "reference",
) -> Tensor:
    """What a layer's units add to the score, by the rescale rule, averaged over many baselines.

    The baselines are the images that the config lists as "references"; without any, noisy copies of
    another baseline that is named. Summed over channels.
    """
    found = probe.contributions(probe.baselines(baseline, samples, noise), layer)
    return found.mean(0, keepdim=True).sum(1)
