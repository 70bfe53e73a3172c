"""LIME and SHAP at equal settings: explainers of segments, and SHAP's two that use gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.case import BATCH, SETTINGS, Bench, Peer

SEGMENTS = 16


class _One(nn.Module):
    """The explained score as the only output."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.model, self.target = bench.model, bench.target

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)[:, [self.target]]


def _lime(bench: Bench) -> None:
    from lime.lime_image import LimeImageExplainer

    def scores(images: Any) -> Any:
        with torch.no_grad():
            return bench.model(torch.from_numpy(np.moveaxis(images, -1, 1))).numpy()

    LimeImageExplainer(random_state=0).explain_instance(
        bench.image.permute(1, 2, 0).numpy(),
        scores,
        labels=(bench.target,),
        hide_color=0,
        num_samples=SETTINGS["lime"]["samples"],
        batch_size=BATCH,
        segmentation_fn=lambda image: bench.labels.numpy(),
    )


def _partition(bench: Bench) -> Tensor:
    """Over our hierarchy of the segments, until all are known."""
    import shap

    from tests.peers.test_shap import Groups, linkage

    def scores(kept: Any) -> Any:
        there = torch.as_tensor(np.asarray(kept) > 0.5)[:, bench.labels]
        with torch.no_grad():
            return bench.model(there[:, None] * bench.image)[:, bench.target].numpy()

    masker = Groups(SEGMENTS, linkage(bench.labels, SEGMENTS))
    explainer = shap.explainers.Partition(scores, masker)
    found = explainer(np.ones((1, SEGMENTS)), max_evals=10_000, batch_size=BATCH, silent=True)
    return torch.from_numpy(found.values[0]).float()[bench.labels][None]


def _gradient(bench: Bench) -> None:
    import shap

    start = torch.zeros_like(bench.image[None])
    explainer = shap.GradientExplainer(_One(bench), start, batch_size=BATCH)
    explainer.shap_values(bench.image[None], nsamples=SETTINGS["gradient_shap"]["samples"])


def _deep(bench: Bench) -> Tensor:
    import shap

    explainer = shap.DeepExplainer(_One(bench), torch.zeros_like(bench.image[None]))
    found = explainer.shap_values(bench.image[None], check_additivity=False)
    return torch.as_tensor(np.asarray(found)[0, ..., 0])


LIME: dict[str, Peer] = {"lime": _lime}
SHAP: dict[str, Peer] = {"shap": _partition, "gradient_shap": _gradient, "deep_lift": _deep}
"""By the method of ours that gives the same."""
