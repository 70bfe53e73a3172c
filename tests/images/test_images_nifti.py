import nibabel
import numpy as np
import pytest

from esegeta.errors import ImageError
from esegeta.images import read


def save(path, values, affine=None):
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("codes", ["RAS", "LIA", "PSR", "LPS"])
def test_axes_and_affine_stay_as_the_file_has_them(tmp_path, suffix, codes):
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    turn = nibabel.orientations.inv_ornt_aff(nibabel.orientations.axcodes2ornt(codes), (9, 9, 9))
    affine = turn @ np.diag([1, 2, 3, 1.0])
    image = read(save(tmp_path / f"a{suffix}", values, affine))
    assert image.tensor.shape == (1, 2, 3, 4)
    assert np.array_equal(image.tensor[0].numpy(), values)
    assert np.array_equal(image.affine, affine)
    assert (image.ndim, image.spatial, image.name) == (3, (2, 3, 4), "a")
    assert str(image.tensor.dtype) == "torch.float32"


@pytest.mark.parametrize(
    ("stored", "read_as"),
    [
        ((5, 4), (1, 5, 4)),
        ((5, 4, 1), (1, 5, 4)),
        ((5, 4, 3), (1, 5, 4, 3)),
        ((5, 4, 3, 1), (1, 5, 4, 3)),
        ((5, 4, 3, 2), (2, 5, 4, 3)),
        ((5, 4, 1, 2), (2, 5, 4)),
        ((5, 4, 3, 1, 2), (2, 5, 4, 3)),
    ],
)
def test_axes_of_one_and_channels(tmp_path, stored, read_as):
    values = np.random.default_rng(0).random(stored, dtype=np.float32)
    image = read(save(tmp_path / "a.nii", values))
    assert image.tensor.shape == read_as
    expected = values.reshape(read_as[1:] + read_as[:1])
    assert np.array_equal(image.tensor.movedim(0, -1).numpy(), expected)


def test_scale_and_intercept_are_applied(tmp_path):
    file = nibabel.Nifti1Image(np.array([[[1, 2], [3, 4]]], dtype=np.int16), np.eye(4))
    file.header.set_slope_inter(2, -1024)
    nibabel.save(file, tmp_path / "ct.nii")
    raw = np.asarray(nibabel.load(tmp_path / "ct.nii").dataobj)
    assert np.array_equal(read(tmp_path / "ct.nii").tensor[0].numpy(), raw.astype(np.float32))


def test_the_code_of_the_world_is_kept(tmp_path):
    file = nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4))
    file.set_sform(np.eye(4), 4)
    nibabel.save(file, tmp_path / "mni.nii")
    assert read(tmp_path / "mni.nii").space == 4


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, suffix, share):
    values = np.random.default_rng(0).integers(0, 999, (30, 30, 30)).astype(np.int16)
    path = save(tmp_path / f"cut{suffix}", values)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ImageError, match=r"cut\.nii.* cannot be read; it may be cut short"):
        read(path)


def test_complex_numbers_and_records_are_refused(tmp_path):
    with pytest.raises(ImageError, match="complex numbers"):
        read(save(tmp_path / "c.nii", np.ones((2, 2, 2), dtype=np.complex64)))
    records = np.zeros((2, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(ImageError, match="records of several values"):
        read(save(tmp_path / "rgb.nii", records))


def test_more_axes_are_refused_with_the_shapes_that_are_valid(tmp_path):
    with pytest.raises(ImageError, match=r"\(3, 3, 3, 2, 2\); valid are"):
        read(save(tmp_path / "a.nii", np.ones((3, 3, 3, 2, 2), dtype=np.float32)))


def test_an_empty_image_and_a_flat_affine_are_refused(tmp_path):
    with pytest.raises(ImageError, match="holds no voxels"):
        read(save(tmp_path / "none.nii", np.ones((0, 3, 3), dtype=np.float32)))
    file = nibabel.Nifti1Image(np.ones((2, 2, 2), dtype=np.float32), np.eye(4))
    file.header["srow_x"], file.header["sform_code"] = 0, 1
    nibabel.save(file, tmp_path / "flat.nii")
    raw = bytearray((tmp_path / "flat.nii").read_bytes())
    raw[280:296] = bytes(16)  # srow_x
    (tmp_path / "flat.nii").write_bytes(raw)
    with pytest.raises(ImageError, match="on top of each other"):
        read(tmp_path / "flat.nii")
