"""Agreement with LIME, given the same segments and samples."""

import numpy as np
import pytest
import torch

from esegeta.engine import run_method
from tests.nets import REGISTRY, Segmenter, net, probe_of

lime_image = pytest.importorskip("lime.lime_image")

SAMPLES, SEED = 80, 7


class Drawn:
    """Stands in for numpy's random state, and draws what the probe's generator draws."""

    def randint(self, low, high, size):
        number = size // SAMPLES
        generator = torch.Generator().manual_seed(SEED)
        drawn = torch.randint(low, high, (SAMPLES, number), generator=generator)
        return drawn.flatten().numpy()


@pytest.mark.parametrize(("task", "ndim"), [("classification", 2), ("segmentation", 2),
                                            ("classification", 3), ("segmentation", 3)])  # fmt: skip
@pytest.mark.parametrize("features", [None, 7])
def test_same_segments_and_samples_give_the_same_coefficients(task, ndim, features):
    spatial = (12, 10) if ndim == 2 else (8, 6, 7)
    torch.manual_seed(3)
    channels = 2 if task == "classification" else 1
    image = torch.rand(channels, *spatial)
    model = net(ndim=ndim) if task == "classification" else Segmenter(ndim).eval()
    probe = probe_of(model, image, task=task)
    labels = probe.groups("grid", 9)
    number = int(labels.max()) + 1

    def score(pictures):
        images = torch.from_numpy(np.moveaxis(np.stack(pictures), -1, 1)).float()
        return probe.scores(images).numpy()

    # (LIME takes an image of two axes for a grey one: the channels go last.)
    explained = lime_image.LimeImageExplainer(
        kernel_width=0.25, feature_selection="highest_weights", random_state=0
    )
    explained.random_state = Drawn()
    found = explained.explain_instance(
        np.moveaxis(image.double().numpy(), 0, -1),
        score,
        labels=(probe.index,),
        hide_color=0,
        num_features=features or number,
        num_samples=SAMPLES,
        segmentation_fn=lambda _: labels.numpy(),
        random_seed=0,
    )
    coefficients = torch.zeros(number)
    for group, weight in found.local_exp[probe.index]:
        coefficients[group] = weight
    plugin = REGISTRY.get("lime")
    options = {"groups": "grid", "count": 9, "samples": SAMPLES, "features": features}
    ours = run_method(probe, plugin, parameters=plugin.validate(options), seed=SEED)
    scale = float(coefficients.abs().max())
    torch.testing.assert_close(ours.map[0], coefficients[labels], rtol=1e-4, atol=1e-4 * scale)
    reached = found.score[probe.index] if isinstance(found.score, dict) else found.score
    assert ours.notes["R²"] == pytest.approx(reached, abs=1e-4)
