"""Agreement with SHAP on few segments: its partition and its exact explainer."""

import numpy as np
import pytest
import torch

from tests.nets import net, probe_of, run

shap = pytest.importorskip("shap")

IMAGE = torch.randn(2, 8, 12, generator=torch.Generator().manual_seed(3))
VOLUME = torch.randn(2, 6, 8, 6, generator=torch.Generator().manual_seed(3))


class Groups:
    """A masker of groups: what is explained is which of them are there."""

    def __init__(self, number, clustering=None):
        self.shape = (None, number)
        if clustering is not None:
            self.clustering = clustering

    def __call__(self, mask, x):
        return (mask[None].astype(float) * x[None],)


def game(image, ndim, count):
    probe = probe_of(net(ndim=ndim), image, target=1)
    labels = probe.groups("grid", count)

    def score(kept):
        return probe.group_scores(labels, torch.as_tensor(np.asarray(kept) > 0.5)).numpy()

    return probe, labels, int(labels.max()) + 1, score


def linkage(labels, number):
    """Our hierarchy, as SciPy writes one."""
    from esegeta.plugins.explainability.shap import _centres, _halved

    centres, rows = _centres(labels, number), []

    def grow(members):
        if len(members) == 1:
            return int(members[0]), 0.0
        (left, a), (right, b) = (grow(half) for half in _halved(members, centres))
        rows.append([left, right, max(a, b) + 1, len(members)])
        return number + len(rows) - 1, max(a, b) + 1

    grow(torch.arange(number))
    return np.array(rows, dtype=float)


@pytest.mark.parametrize(("image", "ndim", "count"), [(IMAGE, 2, 6), (IMAGE, 2, 8), (VOLUME, 3, 8)])
def test_partition(image, ndim, count):
    probe, labels, number, score = game(image, ndim, count)
    masker = Groups(number, linkage(labels, number))
    explainer = shap.explainers.Partition(score, masker)
    found = explainer(np.ones((1, number)), max_evals=10000, silent=True)
    expected = torch.from_numpy(found.values[0]).float()
    ours = run(probe, "shap", groups="grid", count=count).map[0]
    scale = float(expected.abs().max())
    torch.testing.assert_close(ours, expected[labels], rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(("image", "ndim"), [(IMAGE, 2), (VOLUME, 3)])
def test_kernel_is_exact_where_all_sets_are_tried(image, ndim):
    probe, labels, number, score = game(image, ndim, 8)
    found = shap.explainers.Exact(score, Groups(number))(np.ones((1, number)), silent=True)
    expected = torch.from_numpy(found.values[0]).float()
    ours = run(probe, "shap", estimator="kernel", groups="grid", count=8, samples=1000).map[0]
    scale = float(expected.abs().max())
    torch.testing.assert_close(ours, expected[labels], rtol=1e-4, atol=1e-5 * scale)
