import nibabel
import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from esegeta.errors import ImageError
from esegeta.images import Image, read


def nifti(path, values, affine=None):
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "t1.nii.gz").touch()
    with pytest.raises(ImageError, match=r"there is no file .*t2\.nii\.gz; did you mean 't1\.nii"):
        read(tmp_path / "t2.nii.gz")
    with pytest.raises(ImageError, match=r"there is no file .*entirely_other\.png\.$"):
        read(tmp_path / "entirely_other.png")
    with pytest.raises(ImageError, match=r"the folder .*gone does not exist"):
        read(tmp_path / "gone" / "t1.nii.gz")


def test_an_unknown_format_lists_those_there_are(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"no known format; valid are \.nii, \.nii\.gz, \.png"):
        read(tmp_path / "a.mp4")


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "a.nii.gz").touch()
    with pytest.raises(ImageError, match="empty"):
        read(tmp_path / "a.nii.gz")


def test_options_for_arrays_are_for_arrays_only(tmp_path):
    path = nifti(tmp_path / "a.nii", np.ones((2, 3, 4), dtype=np.float32))
    with pytest.raises(ImageError, match="axes and index can be given for"):
        read(path, axes="DHW", index=0)


def test_upper_case_suffixes_and_given_names(tmp_path):
    Pillow.fromarray(np.zeros((3, 4), dtype=np.uint8)).save(tmp_path / "A.PNG")
    assert read(tmp_path / "A.PNG").name == "A"
    assert read(tmp_path / "A.PNG", name="mine").name == "mine"


def test_a_label_on_the_same_grid_travels_with_the_image(tmp_path, oblique):
    values = np.zeros((4, 5, 6), dtype=np.uint8)
    values[1:3, 2, 3] = 7
    image = read(
        nifti(tmp_path / "a.nii", values.astype(np.float32), oblique),
        label=nifti(tmp_path / "b.nii.gz", values, oblique + 1e-5),
    )
    assert np.array_equal(image.label.numpy(), values)
    assert image.label.dtype == torch.int64


@pytest.mark.parametrize("wrong", ["shape", "affine", "flip"])
def test_a_label_on_another_grid_is_refused_with_both(tmp_path, oblique, wrong):
    values = np.zeros((4, 5, 6), dtype=np.float32)
    label, there = values[:3] if wrong == "shape" else values, oblique.copy()
    if wrong == "affine":
        there[:3, 3] += 0.5
    if wrong == "flip":
        there = oblique @ np.array([[-1, 0, 0, 3], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    with pytest.raises(ImageError, match=r"lies on another grid than a: . × 5 × 6 voxels, affine"):
        read(
            nifti(tmp_path / "a.nii", values, oblique),
            label=nifti(tmp_path / "b.nii", label, there),
        )


@pytest.mark.parametrize(
    ("odd", "message"),
    [(0.5, "1 is not: 0.5"), (np.nan, "1 is not: nan")],
)
def test_a_label_must_be_whole_numbers(tmp_path, odd, message):
    values = np.zeros((4, 5, 6), dtype=np.float32)
    path = nifti(tmp_path / "a.nii", values)
    values[1, 1, 1] = odd
    with pytest.raises(ImageError, match=message):
        read(path, label=nifti(tmp_path / "b.nii", values))


def test_labels_of_pictures(tmp_path):
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6)
    Pillow.fromarray(np.dstack([grey * 3] * 3)).save(tmp_path / "a.png")
    Pillow.fromarray(grey).save(tmp_path / "grey.png")
    Pillow.fromarray(np.dstack([grey] * 3)).save(tmp_path / "rgb.png")
    palette = Pillow.fromarray(grey)
    palette.putpalette(list(np.random.default_rng(0).integers(0, 256, 768)))
    palette.save(tmp_path / "palette.png")
    palette.save(tmp_path / "palette.tif", compression="tiff_lzw")
    np.save(tmp_path / "array.npy", grey)
    for name in ("grey.png", "rgb.png", "palette.png", "palette.tif", "array.npy"):
        label = read(tmp_path / "a.png", label=tmp_path / name).label
        assert np.array_equal(label.numpy(), grey), name
    coloured = np.dstack([grey, grey + 1, grey])
    Pillow.fromarray(coloured).save(tmp_path / "coloured.png")
    with pytest.raises(ImageError, match=r"coloured\.png has 3 channels; a label has one"):
        read(tmp_path / "a.png", label=tmp_path / "coloured.png")


def test_a_label_of_an_array_is_read_with_its_axes(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 8, 3)))
    np.save(tmp_path / "b.npy", np.ones((9, 8, 3), dtype=int))
    image = read(tmp_path / "a.npy", axes="DHW", label=tmp_path / "b.npy")
    assert image.label.shape == (9, 8, 3)


def test_an_image_made_by_hand_is_checked():
    with pytest.raises(ImageError, match=r"\(C, H, W\) or \(C, i, j, k\)"):
        Image(torch.zeros(5, 5), np.eye(4), "flat")
    with pytest.raises(ImageError, match="label has shape"):
        Image(torch.zeros(1, 5, 5), np.eye(4), "a", label=torch.zeros(5, 4))
    with pytest.raises(ImageError, match="4 × 4 finite"):
        Image(torch.zeros(1, 5, 5), np.full((4, 4), np.nan), "a")


def test_a_link_that_leads_nowhere_is_told_so(tmp_path):
    (tmp_path / "a.png").symlink_to("nowhere.png")
    with pytest.raises(ImageError, match=r"a\.png is a link to 'nowhere\.png', which is not there"):
        read(tmp_path / "a.png")
