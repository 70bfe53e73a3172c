import nibabel
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from esegeta.images import prepare, read, write_map

pytestmark = pytest.mark.real


def load_network(shared, weights):
    import importlib.util

    from safetensors.torch import load_file

    spec = importlib.util.spec_from_file_location("unet3d", shared / "models" / "unet3d.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.UNet3D()
    network.load_state_dict(load_file(shared / "brain_t1" / weights))
    return network.eval()


def test_the_brain_is_found_and_comes_back_to_the_head(shared, step, tmp_path):
    image = read(shared / "brain_t1" / "t1.nii.gz")
    assert image.tensor.shape == (1, 256, 256, 256)
    assert "".join(nibabel.aff2axcodes(image.affine)) == "LIA"
    steps = [step("Resample", target=4), step("ZNormalization", masking_method="mean")]
    prepared = prepare(image, steps)
    assert prepared.tensor.shape == (1, 64, 64, 64)
    with torch.inference_mode():
        mask = load_network(shared, "unet3d_whole.safetensors")(prepared.tensor[None]).argmax(1)
    litres = mask.sum().item() * 4**3 / 1e6
    assert abs(litres - 1.55) < 0.01  # as the data's README says
    back = prepared.to_source(mask.float().clone())
    assert abs((back > 0.5).sum().item() / 1e6 - litres) < 0.03
    bright = image.tensor[back > 0.5].mean() / image.tensor[(back < 0.5)].mean()
    assert bright > 2  # on the brain, not beside it
    written = nibabel.load(write_map(back, image, tmp_path))
    source = nibabel.load(image.path)
    assert np.array_equal(written.affine, source.affine)
    assert written.shape == source.shape


def test_the_aorta_and_its_masks_share_a_grid(shared, step):
    folder = shared / "aorta_ct"
    means = {}
    for name in ("true_lumen", "false_lumen"):
        image = read(folder / "ct.nii.gz", label=folder / f"{name}.nii.gz")
        means[name] = image.tensor[0][image.label > 0].mean().item()
    assert abs(means["true_lumen"] - 487) < 2
    assert abs(means["false_lumen"] - 212) < 2
    steps = [
        step("ToCanonical"),
        step("Resample", target=2.5),
        step("CropOrPad", mask_name="label", target_shape=64),
    ]
    prepared = prepare(image, steps)
    assert prepared.label.sum() > 100
    assert abs(prepared.tensor[0][prepared.label > 0].mean().item() - 212) < 35
    back = prepared.to_source(prepared.label[None].float())[0] > 0.5
    both = (back & (image.label > 0)).sum() * 2 / (back.sum() + (image.label > 0).sum())
    assert both > 0.75  # the lumen is a few voxels of 2.5 mm wide


def test_photos(shared, step):
    folder = shared / "imagenet"
    for path in [*folder.glob("*.png"), folder / "parrot.jpg"]:
        image = read(path)
        assert image.tensor.shape[0] == 3
        assert 0 <= image.tensor.min() < 0.2
        assert 0.8 < image.tensor.max() <= 1
        ours = prepare(image, [step("Resize", target_shape=224)]).tensor
        with Pillow.open(path) as photo:
            theirs = np.asarray(photo.convert("RGB").resize((224, 224), Pillow.BILINEAR))
        assert np.abs(ours.permute(1, 2, 0).numpy() * 255 - theirs).max() <= 1.01


def test_the_bird_and_its_mask(shared):
    image = read(shared / "voc" / "bird.png", label=shared / "voc" / "bird_mask.png")
    assert image.label.shape == image.spatial
    assert set(image.label.unique().tolist()) <= set(range(256))


@pytest.mark.parametrize(
    ("name", "key", "shape"),
    [
        ("breastmnist", "test_images", (1, 28, 28)),
        ("pneumoniamnist", "val_images", (1, 28, 28)),
        ("vesselmnist3d", "test_images", (1, 28, 28, 28)),
        ("vesselmnist3d_64", "train_images", (1, 64, 64, 64)),
    ],
)
def test_one_of_a_data_set(shared, name, key, shape):
    image = read(shared / "medmnist" / f"{name}.npz", key=key, index=5)
    assert image.tensor.shape == shape
    assert image.tensor.max() > 1
