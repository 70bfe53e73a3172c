import numpy as np
import pytest
import torch
import torchio
from PIL import Image as Pillow

from esegeta.errors import ImageError
from esegeta.images import Image, prepare


def volume(shape=(10, 11, 12), channels=1, affine=None, label=False):
    rng = torch.Generator().manual_seed(0)
    values = torch.rand(channels, *shape, generator=rng)
    affine = np.eye(4) if affine is None else affine
    return Image(values, affine, "a", label=(values[0] > 0.6).long() if label else None)


def test_without_steps_nothing_changes():
    image = volume(label=True)
    prepared = prepare(image, [])
    assert prepared.tensor is image.tensor
    assert prepared.label is image.label
    assert torch.equal(prepared.to_source(prepared.tensor), image.tensor)


@pytest.mark.parametrize(
    ("use", "arguments", "reference"),
    [
        ("ZNormalization", {}, torchio.ZNormalization()),
        (
            "ZNormalization",
            {"masking_method": "mean"},
            torchio.ZNormalization(masking_method=torchio.ZNormalization.mean),
        ),
        (
            "RescaleIntensity",
            {"out_min_max": [-1, 1], "percentiles": [5, 95]},
            torchio.RescaleIntensity((-1, 1), (5, 95)),
        ),
        ("Clamp", {"out_max": 0.5}, torchio.Clamp(None, 0.5)),
        ("Resample", {"target": 2}, torchio.Resample(2)),
        ("Resample", {"target": [1, 2, 3]}, torchio.Resample((1, 2, 3))),
        ("Resize", {"target_shape": [7, -1, 30]}, torchio.Resize((7, -1, 30))),
        ("CropOrPad", {"target_shape": [7, 20, 9]}, torchio.CropOrPad((7, 20, 9))),
        ("Crop", {"cropping": [1, 2, 3, 1, 2, 3]}, torchio.Crop((1, 2, 3, 1, 2, 3))),
        ("Pad", {"padding": 2, "padding_mode": "mean"}, torchio.Pad(2, padding_mode="mean")),
        ("EnsureShapeMultiple", {"target_multiple": 8}, torchio.EnsureShapeMultiple(8)),
        ("ToCanonical", {}, torchio.ToCanonical()),
        ("ToOrientation", {"orientation": "SPL"}, torchio.ToOrientation("SPL")),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_a_volume_becomes_what_torchio_makes_of_it(
    step, oblique, use, arguments, reference, channels
):
    image = volume(affine=oblique, channels=channels)
    prepared = prepare(image, [step(use, **arguments)])
    expected = reference(torchio.ScalarImage(tensor=image.tensor, affine=oblique))
    assert torch.allclose(prepared.tensor, expected.data.float(), atol=1e-5)
    assert np.allclose(prepared.affine, expected.affine, atol=1e-9)


def test_smoothing_before_sampling_is_as_wide_as_torchios(step):
    image = volume((40, 41, 42))
    prepared = prepare(image, [step("Resample", target=[3, 1, 2], antialias=True)])
    reference = torchio.Resample((3, 1, 2), antialias=True)
    expected = reference(torchio.ScalarImage(tensor=image.tensor)).data
    inside = (slice(None),) + (slice(2, -2),) * 3
    assert torch.allclose(prepared.tensor[inside], expected[inside], atol=0.01)


def test_a_rounded_affine_costs_no_slice(step):
    image = volume((256, 8, 8), affine=np.diag([0.99999994, 1, 1, 1]))
    assert prepare(image, [step("Resample", target=4)]).tensor.shape == (1, 64, 2, 2)


def test_the_image_itself_is_left_alone(step):
    image = volume(label=True)
    before = image.tensor.clone()
    steps = [
        step("Resample", target=2, antialias=True),
        step("ZNormalization"),
        step("ToCanonical"),
    ]
    prepare(image, steps)
    assert torch.equal(image.tensor, before)


def test_the_random_numbers_of_others_are_left_alone(step):
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    prepare(volume(), [step("ZNormalization")])
    assert torch.equal(torch.rand(3), expected)


def test_the_label_travels_with_the_nearest_value(step, oblique):
    image = volume((20, 22, 24), affine=oblique, label=True)
    steps = [step("ToCanonical"), step("Resample", target=1.7), step("CropOrPad", target_shape=9)]
    prepared = prepare(image, [*steps, step("ZNormalization", masking_method="label")])
    assert prepared.label.shape == (9, 9, 9)
    assert set(prepared.label.unique().tolist()) == {0, 1}
    inside = prepared.tensor[0][prepared.label == 1]
    assert inside.mean().abs() < 1e-5
    assert abs(inside.std() - 1) < 1e-5


@pytest.mark.parametrize("labels", [None, [2]])
def test_masking_by_the_label_on_several_channels(step, labels):
    label = torch.zeros(4, 5, dtype=torch.long)
    label[1, 1], label[2, 2] = 1, 2
    image = Image(torch.ones(3, 4, 5), np.eye(4), "a", label=label)
    arguments = {"labels": labels} if labels else {}
    masked = prepare(image, [step("Mask", masking_method="label", **arguments)]).tensor
    assert torch.equal(
        masked, ((label > 0) if labels is None else label == 2).expand(3, 4, 5) * 1.0
    )


def test_cropping_to_the_label(step):
    image = volume()
    label = torch.zeros(10, 11, 12, dtype=torch.long)
    label[2:5, 3:8, 1:3] = 1
    labelled = Image(image.tensor, image.affine, "a", label=label)
    prepared = prepare(labelled, [step("CropOrPad", mask_name="label")])
    assert torch.equal(prepared.tensor, image.tensor[:, 2:5, 3:8, 1:3])
    with pytest.raises(ImageError, match="needs the image's label, and the image has none"):
        prepare(image, [step("CropOrPad", mask_name="label")])
    empty = Image(image.tensor, image.affine, "a", label=label * 0)
    with pytest.raises(ImageError, match=r"mask .label. are zero"):  # torchio only warns
        prepare(empty, [step("CropOrPad", mask_name="label")])


@pytest.mark.parametrize(
    ("use", "arguments", "shape", "place"),
    [
        ("Resize", {"target_shape": 16}, (16, 16), None),
        ("Resize", {"target_shape": [16, 8]}, (16, 8), None),
        ("Resize", {"target_shape": [16, 8, 1]}, (16, 8), None),
        ("Resample", {"target": 2}, (10, 15), (0.5, 0.5)),
        ("Resample", {"target": [2, 3]}, (10, 10), (0.5, 1)),
        ("CropOrPad", {"target_shape": 10}, (10, 10), (5, 10)),
        ("CropOrPad", {"target_shape": [10, 40]}, (10, 40), (5, -5)),
        ("Crop", {"cropping": 2}, (16, 26), (2, 2)),
        ("Crop", {"cropping": [2, 3]}, (16, 24), (2, 3)),
        ("Crop", {"cropping": [1, 2, 3, 4]}, (17, 23), (1, 3)),
        ("Pad", {"padding": [1, 2, 3, 4]}, (23, 37), (-1, -3)),
        ("EnsureShapeMultiple", {"target_multiple": 8}, (24, 32), (-2, -1)),
        ("EnsureShapeMultiple", {"target_multiple": [8, 3]}, (24, 30), (-2, 0)),
        ("ToCanonical", {}, (20, 30), (0, 0)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_arguments_are_completed_for_pictures(step, use, arguments, shape, place, channels):
    image = volume((20, 30), channels=channels, label=True)
    prepared = prepare(image, [step(use, **arguments)])
    assert prepared.tensor.shape == (channels, *shape)
    assert prepared.label.shape == shape
    if place:
        assert np.allclose(prepared.affine[:2, 3], place)
    assert np.allclose(prepared.affine[2, 2:], (1, 0))


def test_a_border_masked_off_a_picture(step):
    image = volume((6, 8))
    masked = prepare(image, [step("Mask", masking_method=2)]).tensor
    assert torch.equal(masked[0, 2:4, 2:6], image.tensor[0, 2:4, 2:6])
    assert masked.count_nonzero() == 8


def test_a_photo_is_resized_as_pillow_does_it(step):
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (300, 451, 3), dtype=np.uint8)  # noise: all of it would alias
    tensor = torch.from_numpy(photo).permute(2, 0, 1) / 255
    image = Image(tensor, np.eye(4), "a")
    for name, method in (("linear", Pillow.BILINEAR), ("cubic", Pillow.BICUBIC)):
        resize = step("Resize", target_shape=[96, 128], image_interpolation=name)
        expected = np.asarray(Pillow.fromarray(photo).resize((128, 96), method))
        ours = prepare(image, [resize]).tensor.permute(1, 2, 0).numpy() * 255
        assert np.abs(ours.clip(0, 255) - expected).max() <= 1.01
    sampled = torchio.Resize((96, 128, 1))(torchio.ScalarImage(tensor=tensor[..., None])).data
    assert (sampled.std() / prepare(image, [resize]).tensor.std()) > 1.5  # what torchio leaves in


def test_channel_normalization(step):
    image = volume((4, 5), channels=3)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    normal = prepare(image, [step("ChannelNormalization", mean=mean, std=std)]).tensor
    for channel in range(3):
        expected = (image.tensor[channel] - mean[channel]) / std[channel]
        assert torch.allclose(normal[channel], expected)
    with pytest.raises(ImageError, match="of 2 channels, but the image has 3"):
        prepare(image, [step("ChannelNormalization", mean=[0, 0], std=[1, 1])])


def test_histogram_standardization(step):
    image = volume((20, 20, 20))
    landmarks = [0, 10, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 100]
    prepared = prepare(image, [step("HistogramStandardization", landmarks=landmarks)])
    assert abs(prepared.tensor.median() - 50) < 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_voxels_that_are_no_numbers_are_counted_and_placed(step, value):
    image = volume()
    image.tensor[0, 3, 4, 5] = image.tensor[0, 9, 9, 9] = value
    with pytest.raises(
        ImageError, match=r"a holds 2 values that are .* \(before preprocessing\)"
    ) as error:
        prepare(image, [step("ZNormalization")])
    assert f"{value} at index (3, 4, 5) of channel 0" in str(error.value)


def test_preprocessing_that_makes_them_is_named(step):
    image = Image(torch.full((1, 4, 4), 3e38), np.eye(4), "a")
    steps = [step("ChannelNormalization", mean=[-3e38], std=[0.5])]
    with pytest.raises(ImageError, match=r"gives a 16 values .* \(after it, none before\)"):
        prepare(image, steps)


@pytest.mark.parametrize(
    ("use", "arguments", "message"),
    [
        ("ZNormalization", {}, r"preprocess\[1\], ZNormalization, fails on a: Standard deviation"),
        ("RescaleIntensity", {}, "all the intensity values are the same"),
        ("ZNormalization", {"masking_method": "label"}, "the image has none"),
        (
            "Resample",
            {"target": 100},
            "a spacing of 100 mm leaves nothing of .10, 10, 10. at .1.0, 1.0, 1.0. mm",
        ),
        ("Resample", {"target": [1, 1]}, "has 2 numbers; a volume needs one or three"),
        ("Resize", {"target_shape": [9, 9]}, "has 2 numbers; a volume needs one or three"),
        ("Crop", {"cropping": [1, 2, 3, 4]}, "has 4 numbers; a volume needs one or three"),
        ("Crop", {"cropping": 5}, r"leaves nothing of a: \(0, 0, 0\)"),
    ],
)
def test_a_step_that_fails_says_which_and_why(step, use, arguments, message):
    image = Image(torch.ones(1, 10, 10, 10), np.eye(4), "a")
    with pytest.raises(ImageError, match=message):
        prepare(image, [step("ToCanonical"), step(use, **arguments)])


def test_one_value_is_said_in_the_singular():
    image = volume()
    image.tensor[0, 3, 4, 5] = float("nan")
    with pytest.raises(ImageError, match="a holds 1 value that is NaN or infinite"):
        prepare(image, [])


@pytest.mark.parametrize(
    ("use", "arguments", "message"),
    [
        ("Resample", {"target": 100}, r"leaves nothing of \(12, 14\) at \(1\.0, 1\.0\) mm"),
        ("Crop", {"cropping": 7}, r"leaves nothing of a: \(0, 0\)\."),
        ("Crop", {"cropping": [1, 2, 3]}, "has 3 numbers; a picture needs one, two or four"),
        ("Pad", {"padding": [1, 2, 3, 4, 5, 6]}, "has 6 numbers; a picture needs one, two or four"),
    ],
)
def test_a_picture_is_spoken_of_in_two_numbers(step, use, arguments, message):
    with pytest.raises(ImageError, match=message):
        prepare(volume((12, 14)), [step(use, **arguments)])


def test_wrong_steps_are_refused_with_their_index(step):
    with pytest.raises(ImageError, match=r"preprocess\[1\]\.use: this step is random"):
        prepare(volume(), [step("ToCanonical"), step("RandomNoise")])


def test_a_picture_stays_a_picture(step, oblique):
    image = Image(torch.rand(1, 5, 6), oblique, "slice")
    with pytest.raises(ImageError, match="ToCanonical, makes slice, a 2D image, a volume"):
        prepare(image, [step("ToCanonical")])
    with pytest.raises(ImageError, match="its third axis must stay 1"):
        prepare(volume((5, 6)), [step("CropOrPad", target_shape=[5, 5, 5])])
