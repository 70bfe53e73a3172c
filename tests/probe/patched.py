"""Volumes in patches, and the same computation in one graph, written down anew."""

import torch
import torch.nn.functional as F

from esegeta.probe import Probe, Region, Target, rules
from tests.nets import REGISTRY, Segmenter

PIXELWISE = REGISTRY.get("pixelwise", "wrapper").function


def segmenter(ndim=2, **options):
    torch.manual_seed(5)
    return Segmenter(ndim, **{"channels": 2, **options}).double().eval()


def image_of(*spatial, channels=2):
    generator = torch.Generator().manual_seed(8)
    return torch.randn((channels, *spatial), generator=generator, dtype=torch.float64)


def probe_of(
    model, image, patches, *, target=1, mask="all", wrapper=PIXELWISE, label=None, **options
):
    region = Region(mask, label=label, spatial=tuple(image.shape[1:]))
    return Probe(
        model.eval(),
        image[None],
        Target(wrapper, target, region=region),
        patches=patches,
        **options,
    )


def direct(model, volumes, tiling):
    """The aggregated output in one graph, by windows that are written down anew."""
    low = [min(0, axis.starts[0]) for axis in tiling.axes]
    high = [max(axis.length, axis.starts[-1] + axis.size) for axis in tiling.axes]
    total = norm = None
    for number, place in enumerate(tiling.places):
        starts = [axis.starts[n] for axis, n in zip(tiling.axes, place, strict=True)]
        part = model(tiling.cut(volumes, number))
        window = torch.ones(tiling.size, dtype=torch.float64)
        for axis, (size, start) in enumerate(zip(tiling.size, starts, strict=True)):
            line = torch.ones(size, dtype=torch.float64)
            half = tiling.overlap[axis] // 2
            if tiling.blend == "hann":
                line = torch.hann_window(size + 2, periodic=False)[1:-1].double()
            if tiling.blend == "crop":
                line[:half] = line[:half] if start == tiling.axes[axis].starts[0] else 0
                last = start == tiling.axes[axis].starts[-1]
                line[size - half :] = line[size - half :] if last else 0
            window = window * line.view(-1, *[1] * (len(tiling.size) - axis - 1))
        widths = [
            (start - a, b - start - size)
            for start, a, b, size in zip(starts, low, high, tiling.size, strict=True)
        ]
        flat = [width for pair in reversed(widths) for width in pair]
        part, window = F.pad(part * window, flat), F.pad(window, flat)
        if total is None:
            total, norm = part, window
        elif tiling.blend == "crop":  # the later one stays
            total, norm = torch.where(window > 0, part, total), torch.maximum(window, norm)
        else:
            total, norm = total + part, norm + window
    inside = (
        ...,
        *(slice(-a, -a + axis.length) for a, axis in zip(low, tiling.axes, strict=True)),
    )
    return (total / norm)[inside]


def expected(probe, image, rule="plain"):
    """Score and gradient of an image by autograd through everything."""
    x = image[None].clone().requires_grad_()
    with rules.mode(rule):
        output = direct(probe.network.module, x, probe.network.tiling)
    score = probe.target.scores(output)[0, probe.index]
    return score.detach(), torch.autograd.grad(score, x)[0]


def same(found, wanted):
    assert found.shape == wanted.shape
    assert float((found - wanted).detach().abs().max()) <= 1e-10 * float(
        wanted.detach().abs().max()
    )
    assert wanted.any()


def reruns(probe, image, boxes):
    """Scores with boxes replaced by the mean, where all patches pass again."""
    scores = []
    for box in boxes:
        changed = image.clone()
        place = (slice(None), *box)
        changed[place] = probe.baseline("mean")[0].expand_as(image)[place]
        scores.append(expected(probe, changed)[0])
    return torch.stack(scores)
