import nibabel
import numpy as np
import PIL.Image
import pytest
import SimpleITK
import torch

from esegeta.errors import ImageError
from esegeta.images import Image, read, write_map


def test_a_volume_is_written_where_its_image_lies(tmp_path, oblique):
    image = Image(torch.rand(1, 4, 5, 6), oblique, "a")
    map = torch.randn(1, 4, 5, 6)
    path = write_map(map, image, tmp_path)
    assert path == tmp_path / "map.nii.gz"
    file = nibabel.load(path)
    assert np.array_equal(file.get_fdata(dtype=np.float32), map[0].numpy())
    assert file.get_data_dtype() == np.float32
    assert np.allclose(file.affine, oblique, atol=1e-5)
    again = read(path)
    assert torch.equal(again.tensor, map)
    assert np.allclose(again.affine, oblique, atol=1e-5)


@pytest.mark.parametrize("space", [1, 2, 4])
def test_both_transforms_of_the_header_say_the_same(tmp_path, oblique, space):
    image = Image(torch.rand(1, 4, 5, 6), oblique, "a", space=space)
    file = nibabel.load(write_map(image.tensor, image, tmp_path))
    for transform, code in (file.get_sform(coded=True), file.get_qform(coded=True)):
        assert code == space
        assert np.allclose(transform, oblique, atol=1e-4)
    assert file.header.get_xyzt_units()[0] == "mm"


def test_itk_places_it_the_same(tmp_path, oblique):
    image = Image(torch.rand(1, 4, 5, 6), oblique, "a")
    itk = SimpleITK.ReadImage(write_map(image.tensor, image, tmp_path))
    for index in [(0, 0, 0), (3, 4, 5), (1, 2, 3)]:
        left, back, up = itk.TransformIndexToPhysicalPoint(index)
        assert np.allclose((oblique @ (*index, 1))[:3], (-left, -back, up), atol=1e-4)
        assert itk[index] == image.tensor[(0, *index)].item()


def test_a_sheared_affine_is_only_in_the_sform(tmp_path):
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    image = Image(torch.rand(1, 4, 5, 6), sheared, "a")
    file = nibabel.load(write_map(image.tensor, image, tmp_path))
    assert np.allclose(file.affine, sheared)
    assert int(file.header["qform_code"]) == 0


def test_channels_are_the_fourth_axis(tmp_path, oblique):
    image = Image(torch.rand(3, 4, 5, 6), oblique, "a")
    path = write_map(image.tensor, image, tmp_path, stem="each")
    assert nibabel.load(path).shape == (4, 5, 6, 3)
    assert torch.equal(read(path).tensor, image.tensor)


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 5)), (3, (3, 4, 5))])
def test_a_picture_becomes_an_array(tmp_path, channels, shape):
    image = Image(torch.rand(3, 4, 5), np.eye(4), "a")
    map = torch.rand(channels, 4, 5, dtype=torch.float64)
    path = write_map(map, image, tmp_path)
    assert path == tmp_path / "map.npy"
    stored = np.load(path)
    assert stored.shape == shape
    assert stored.dtype == np.float32
    assert np.allclose(stored, map.numpy().reshape(shape))


@pytest.mark.parametrize(("channels", "shape"), [(1, (4, 5, 1)), (3, (4, 5, 1, 3))])
def test_one_slice_of_nifti_keeps_its_place(tmp_path, oblique, channels, shape):
    values = np.random.default_rng(0).random((4, 5, 1), dtype=np.float32)
    nibabel.save(nibabel.Nifti1Image(values, oblique), tmp_path / "thin.nii.gz")
    image = read(tmp_path / "thin.nii.gz")
    assert image.ndim == 2
    map = torch.rand(channels, 4, 5)
    path = write_map(map, image, tmp_path)
    assert path == tmp_path / "map.nii.gz"
    file = nibabel.load(path)
    assert file.shape == shape
    assert np.allclose(file.affine, oblique, atol=1e-5)
    assert torch.equal(read(path).tensor, map)


def test_one_slice_of_dicom_keeps_its_place(tmp_path):
    values = np.arange(20, dtype=np.int16).reshape(4, 5)
    slice_ = SimpleITK.GetImageFromArray(values[None])
    slice_.SetSpacing((0.5, 0.8, 3))
    slice_.SetOrigin((10, -20, 30))
    SimpleITK.WriteImage(slice_, tmp_path / "one.dcm")
    image = read(tmp_path / "one.dcm")
    assert image.ndim == 2
    itk = SimpleITK.ReadImage(write_map(image.tensor, image, tmp_path))
    source = SimpleITK.ReadImage(tmp_path / "one.dcm")
    for column, row in ((0, 0), (4, 0), (0, 3)):
        place = source.TransformIndexToPhysicalPoint((column, row, 0))
        index = itk.TransformPhysicalPointToIndex(place)
        assert index == (row, column, 0)
        assert itk[index] == values[row, column]


@pytest.mark.parametrize("name", ["a.npy", "a.png"])
def test_maps_of_arrays_and_pictures_in_2d_are_arrays(tmp_path, name):
    values = np.zeros((4, 5), dtype=np.uint8)
    if name == "a.npy":
        np.save(tmp_path / name, values)
    else:
        PIL.Image.fromarray(values).save(tmp_path / name)
    image = read(tmp_path / name)
    assert write_map(image.tensor, image, tmp_path).name == "map.npy"


def test_the_same_map_gives_the_same_bytes(tmp_path, oblique):
    image = Image(torch.rand(1, 4, 5, 6), oblique, "a")
    first = write_map(image.tensor, image, tmp_path).read_bytes()
    assert write_map(image.tensor, image, tmp_path).read_bytes() == first


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, oblique):
    image = Image(torch.rand(1, 4, 5, 6), oblique, "a")
    path = write_map(image.tensor, image, tmp_path)
    before = path.read_bytes()

    def full(file, where):
        where.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nibabel, "save", full)
    with pytest.raises(ImageError, match=r"map\.nii\.gz cannot be written: No space left"):
        write_map(image.tensor * 2, image, tmp_path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["map.nii.gz"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    image = Image(torch.rand(1, 4, 5), np.eye(4), "a")
    with pytest.raises(ImageError, match=r"map\.npy cannot be written: No such file"):
        write_map(image.tensor, image, tmp_path / "gone")


def test_a_map_on_another_grid_is_refused(tmp_path):
    image = Image(torch.rand(1, 4, 5), np.eye(4), "a")
    with pytest.raises(ValueError, match="not on the grid"):
        write_map(torch.rand(1, 5, 4), image, tmp_path)
