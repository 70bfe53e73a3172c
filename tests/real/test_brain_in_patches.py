"""The trained 3D U-Net on a T1 in patches: the maps of the whole volume, without a seam."""

import pytest
import torch

from esegeta import images, models
from esegeta.probe import Patches
from tests.nets import probe_of, run
from tests.real.test_photos import Spec, Step

pytestmark = [pytest.mark.real, pytest.mark.slow]

SIDE = 48  # at 4 mm: most of the head
PATCHES = Patches(32, 16, "hann")

METHODS = {
    "saliency": {},
    "guided_backprop": {},
    "grad_cam": {"layer": "enc.1"},
    "occlusion": {"window": 24, "stride": 24},
    "integrated_gradients": {"steps": 2},
}


def steps(values, axis):
    """The mean absolute step of a map (*spatial) from each voxel to the next, along an axis."""
    others = [other for other in range(values.dim()) if other != axis]
    return values.diff(dim=axis).abs().mean(others)


def border_ratio(values, tiling):
    """How large a map's steps are where patches begin or end, against those near by.

    The largest of the axes'. (A layer's map that was enlarged has steps of its own every few voxels.)
    Over many borders it is 1 where there is no seam; over few it depends on what lies there.
    """
    ratios = []
    for number, axis in enumerate(tiling.axes):
        found = steps(values, number)
        inside = [axis.span(start)[0] for start in axis.starts]
        borders = {own.start for own in inside} | {own.stop for own in inside}
        borders = {border - 1 for border in borders if 0 < border < axis.length}
        close = {border + shift for border in borders for shift in (-8, -4, 4, 8)} - borders
        near = [place for place in close if 0 <= place < len(found)]
        ratios.append(float(found[sorted(borders)].mean() / found[near].mean()))
    return max(ratios)


@pytest.fixture(scope="module")
def brain():
    from tests.conftest import DATA

    if not DATA.is_dir():
        pytest.skip("the real data of ../shared/data is not here")
    model = models.load(
        Spec(
            factory=f"{DATA}/models/unet3d.py:UNet3D",
            arguments={},
            weights=DATA / "brain_t1" / "unet3d_patches.safetensors",
        )
    ).module
    steps = [
        Step("Resample", target=4),
        Step("ZNormalization", masking_method="mean"),
        Step("CropOrPad", target_shape=SIDE),
    ]
    image = images.prepare(images.read(DATA / "brain_t1" / "t1.nii.gz"), steps).tensor
    options = {"task": "segmentation", "target": 1, "classes": ["background", "brain"]}
    patched = probe_of(model, image, patches=PATCHES, layers=["enc.1"], **options)
    return patched, probe_of(model, image, layers=["enc.1"], **options)


@pytest.fixture(scope="module")
def maps(brain):
    return {name: run(brain[0], name, **options) for name, options in METHODS.items()}


@pytest.fixture(scope="module")
def of_the_whole(brain):
    names = METHODS.keys() - {"occlusion"}
    return {name: run(brain[1], name, **METHODS[name]).map for name in names}


def test_the_brain_is_found_in_patches_as_in_the_whole(brain):
    patched, whole = brain
    found = [probe.network(probe.image).detach().argmax(1) == 1 for probe in brain]
    litres = [float(mask.sum()) * 4**3 / 1e6 for mask in found]
    # The README of the data says 1.72 of the whole head, some of which is cut off here.
    assert 1.3 < litres[1] < 1.75
    assert litres[0] == pytest.approx(litres[1], rel=0.1)
    overlap = 2 * float((found[0] & found[1]).sum()) / float(found[0].sum() + found[1].sum())
    assert overlap > 0.9
    assert patched.value == pytest.approx(whole.value, rel=0.15)


@pytest.mark.parametrize("name", METHODS)
def test_maps_are_finite_and_say_something(maps, name):
    assert torch.isfinite(maps[name].map).all()
    assert maps[name].map.std() > 0


@pytest.mark.parametrize(
    "name", sorted(METHODS.keys() - {"occlusion"})
)  # its steps are its windows'
def test_maps_step_at_borders_of_patches_as_the_wholes_do_there(brain, maps, of_the_whole, name):
    tiling = brain[0].network.tiling
    assert len(tiling) == 8
    expected = border_ratio(of_the_whole[name][0], tiling)
    found = maps[name].map[0]
    assert border_ratio(found, tiling) == pytest.approx(expected, rel=0.1)
    found = found.clone()
    found[:32] += 2 * found.std()  # some patches are explained higher than their neighbours
    assert border_ratio(found, tiling) > 1.2 * expected


def test_occlusion_passes_only_the_patches_that_a_window_touches(brain, maps):
    tiling = brain[0].network.tiling
    # Windows of half the volume: [0, 24) and [24, 48) lie in both patches of an axis.
    assert maps["occlusion"].patches["forward"] == len(tiling) * 8
    assert maps["saliency"].patches["backward"] == len(tiling)


@pytest.mark.parametrize("name", ["saliency", "guided_backprop", "grad_cam"])
def test_maps_are_the_wholes_but_for_what_patches_do_not_see(maps, of_the_whole, name):
    both = torch.stack([maps[name].map.flatten(), of_the_whole[name].flatten()])
    assert float(torch.corrcoef(both)[0, 1]) > 0.85
