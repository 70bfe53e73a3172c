"""Methods of LIME, SHAP and Lucent."""

from __future__ import annotations

import contextlib
import io
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor, nn

from esegeta import (
    Baseline,
    Layer,
    MethodError,
    Param,
    Passes,
    Probe,
    explainability,
    import_library,
    library_call,
)

from .._checking import adding_up
from ..attribution.deep_lift import Noise, Samples
from ..attribution.groups import Count, Groups, labelled, painted
from ..attribution.paths import ImageNoise


@explainability(
    paper="Ribeiro, Singh & Guestrin, KDD 2016",
    passes=lambda p: Passes(4 + p.samples),
    gradients=False,
    library="lime",
    returns="map",
)
def image(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    samples: Annotated[int, Param(ge=4, help="Random sets of groups that are tried")] = 1000,
    width: Annotated[
        float, Param(gt=0, help="How far from the whole image a set may be, and still count")
    ] = 0.25,
    baseline: Baseline = "zero",
) -> Tensor:
    """The weight of each group of voxels in a linear model of the score; from LIME.

    A ridge regression on random sets of groups, each weighed by its likeness to the whole image. Also
    of volumes, on supervoxels.
    """
    lime = import_library("lime.lime_image")
    labels, number = labelled(probe, groups, count)
    module, index = probe.module(), probe.index
    last = (*range(1, probe.ndim + 1), 0)

    def scores(images: Any) -> Any:
        """Scores (N, classes) of channels-last images, as LIME has them."""
        batch = torch.as_tensor(np.moveaxis(images, -1, 1)).to(probe.image)
        with torch.no_grad():
            return module(batch).cpu().numpy()

    explainer = lime.LimeImageExplainer(kernel_width=width, random_state=_seed(probe))
    # LIME's progress bar goes there; ours is the probe's.
    with library_call("LIME"), contextlib.redirect_stderr(io.StringIO()):
        found = explainer.explain_instance(
            probe.image[0].permute(last).cpu().numpy(),
            scores,
            labels=(index,),
            hide_color=probe.baseline(baseline)[0].permute(last).cpu().numpy(),
            top_labels=None,
            num_samples=samples,
            batch_size=module.at_once(),
            segmentation_fn=lambda picture: labels.cpu().numpy(),
        )
    weights = torch.zeros(number)
    for group, weight in found.local_exp[index]:
        weights[group] = float(weight)
    return painted(weights, labels)


@explainability(
    paper="Lundberg & Lee, NeurIPS 2017; Owen, 1977",
    passes=lambda p: Passes(3 + min(p.samples, p.count * (p.count - 1))),
    gradients=False,
    library="shap",
    returns="map",
)
def partition(
    probe: Probe,
    *,
    groups: Groups = "segments",
    count: Count = 50,
    samples: Annotated[int, Param(ge=4, help="Sets of groups that are tried, at most")] = 500,
    baseline: Baseline = "zero",
) -> Tensor:
    """What each group of voxels adds to the score: Owen values along a tree of neighbours; from SHAP.

    Neighbouring groups are joined into a tree by how far their centres are, and the score is shared out
    from its root on. Values add up to score(image) − score(baseline). Where the sets do not suffice to
    reach every group, those below one branch share its value.

    SHAP compiles itself when it is first used, which takes some seconds.
    """
    shap = import_library("shap")
    from scipy.cluster.hierarchy import linkage

    labels, number = labelled(probe, groups, count)
    places = torch.stack(torch.meshgrid(*map(torch.arange, probe.spatial), indexing="ij"), -1)
    flat = labels.flatten().cpu()
    centres = torch.zeros(number, probe.ndim).index_add_(0, flat, places.flatten(0, -2).float())
    centres /= torch.bincount(flat)[:, None]
    none, whole = np.zeros((1, number)), np.ones((1, number))

    def scores(kept: Any) -> Any:
        return probe.group_scores(labels, torch.as_tensor(kept > 0.5), baseline).cpu().numpy()

    with library_call("SHAP's partition explainer"):
        masker = shap.maskers.Partition(none, clustering=linkage(centres.numpy(), "average"))
        explainer = shap.PartitionExplainer(scores, masker)
        found = explainer(whole, max_evals=samples, silent=True).values
    values = torch.as_tensor(np.asarray(found, dtype=np.float64).reshape(-1))
    probe.check_completeness(values, probe.baseline(baseline))
    return painted(values, labels)


@explainability(
    paper="Lundberg & Lee, NeurIPS 2017; Erion et al., 2021",
    passes=lambda p: Passes(5 + p.samples, p.samples),
    library="shap",
    returns="map",
)
def gradient(
    probe: Probe,
    *,
    samples: Annotated[int, Param(ge=1, help="Random points of the paths; more is smoother")] = 200,
    noise: ImageNoise = 0,
    baseline: Baseline = "zero",
) -> Tensor:
    """The gradient at random points between baseline and image, times their difference; from SHAP.

    Expected gradients: with several reference images and the baseline "reference", over these. The
    values add up only on average.
    """
    shap = import_library("shap")
    starts = probe.baselines(baseline, samples, 0) if baseline == "reference" else None
    start = probe.baseline(baseline) if starts is None else starts
    module = probe.module()
    batch = module.at_once(backward=True)
    spread = noise * float(probe.image.max() - probe.image.min())
    with library_call("SHAP's gradient explainer"):
        explainer = shap.GradientExplainer(
            _OneScore(module, probe.index), start.float(), batch_size=batch, local_smoothing=spread
        )
        found = explainer.shap_values(probe.image.float(), nsamples=samples, rseed=_seed(probe))
    return torch.as_tensor(np.asarray(found)[0, ..., 0]).to(probe.image)


@explainability(
    paper="Lundberg & Lee, NeurIPS 2017; Shrikumar et al., ICML 2017",
    passes=lambda p: Passes(2 + 4 * p.samples, 2 * p.samples),
    precision="full",
    library="shap",
    returns="map",
)
def deep(
    probe: Probe,
    *,
    samples: Samples = 16,
    noise: Noise = 0.1,
    baseline: Baseline = "reference",
) -> Tensor:
    """What each voxel adds to the score by the rescale rule, averaged over baselines; from SHAP.

    SHAP hooks modules, so the model is first rewritten with a module for every function; where that
    cannot be done the job is refused, and so it is where the values then do not add up, as on a model
    with functions that SHAP has no rule for.
    """
    shap = import_library("shap")
    starts = probe.baselines(baseline, samples, noise)
    module = probe.module(for_hooks=True)
    if not module.normalised:
        raise MethodError(
            "SHAP's deep explainer leaves marks on modules that run more than once, or are functions; "
            "this model cannot be rewritten into a copy without. Take 'deep_lift_shap'."
        )

    def of(index: int) -> Tensor:
        total = torch.zeros_like(probe.image)
        with library_call("SHAP's deep explainer"):
            # One at a time, which bounds the memory; SHAP would take the mean as well.
            for start in starts.float().split(1):
                explainer = shap.DeepExplainer(_OneScore(module, index, hooked=True), start)
                found = explainer.shap_values(probe.image.float(), check_additivity=False)
                total += torch.as_tensor(np.asarray(found)[..., 0]).to(total)
        return total / len(starts)

    return adding_up(probe, "SHAP's deep explainer", of(probe.index), starts, of)[0]


@explainability(
    paper="Olah, Mordvintsev & Schubert, Distill 2017",
    passes=lambda p: Passes(p.steps, p.steps),
    ndim=(2,),
    precision="full",
    library="lucent",
    returns="sheet",
)
def feature_visualisation(
    probe: Probe,
    layer: Layer,
    *,
    channel: Annotated[int, Param(ge=0, help="The channel of the layer that is to be active")] = 0,
    steps: Annotated[int, Param(ge=1, help="Steps of gradient ascent")] = 512,
    preprocess: Annotated[
        bool, Param(help="Give the model colours as ImageNet's networks take them")
    ] = True,
) -> Tensor:
    """A picture that a layer's channel answers to most, found by gradient ascent; from Lucent.

    In colours of 0 to 1, of the image's size, from Fourier coefficients with decorrelated colours, and
    moved at random on the way. The image itself says only how large the picture is to be.
    """
    if probe.image.shape[1] != 3:
        raise MethodError(
            f"Lucent makes pictures in red, green and blue; the model takes {probe.image.shape[1]} "
            "channels. Take 'feature_visualisation'."
        )
    render = import_library("lucent.optvis.render")
    param = import_library("lucent.optvis.param")
    place = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if probe.image.device != place:
        raise MethodError(
            f"Lucent makes its pictures on {place}, and the model is on {probe.image.device}."
        )
    height, width = probe.spatial
    model = _Unit(probe.unit(layer.name, channel).module())
    with library_call("Lucent"):
        pictures = render.render_vis(
            model,
            f"score:{channel}",
            param_f=lambda: param.image(width, height),
            thresholds=(steps,),
            preprocess=preprocess,
            progress=False,
            show_image=False,
            fixed_image_size=probe.spatial,
        )
    return torch.as_tensor(pictures[-1][0]).permute(2, 0, 1)


class _OneScore(nn.Module):
    """The score that is explained as the model's only output (N, 1); its flags stay as they are.

    Parameters
    ----------
    hooked : bool
        Whether the library may see, and so hook, the model's parts.
    """

    def __init__(self, module: nn.Module, index: int, *, hooked: bool = False) -> None:
        super().__init__()
        self.index = index
        self.part = module if hooked else None
        self.call = [module]  # in a list, where PyTorch does not look for parts

    def train(self, mode: bool = True) -> _OneScore:
        """Leave the model's mode alone: the probe sees to it."""
        return self

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1) the score."""
        scores: Tensor = self.call[0](images)
        return scores[:, self.index : self.index + 1]


class _Unit(nn.Module):
    """A unit's scores as the output of its only part, which Lucent then hooks."""

    class _Score(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.call = [module]  # Lucent never takes its hooks away from parts that it sees

        def forward(self, images: Tensor) -> Tensor:
            scores: Tensor = self.call[0](images)
            return scores

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.score = self._Score(module)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.score(images)
        return scores


def _seed(probe: Probe) -> int:
    """A seed for a library that makes its own chance."""
    return int(torch.randint(2**31, (1,), generator=probe.rng))
