import numpy as np
import pytest
import SimpleITK
from PIL import Image as Pillow

from esegeta.errors import ImageError
from esegeta.images import read

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (6, 9), dtype=np.uint16)


def scaled(values):
    values = values[..., None] if values.ndim == 2 else values
    return np.moveaxis(values, -1, 0).astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


@pytest.mark.parametrize("values", [GREY, RGB, DEEP], ids=["grey", "rgb", "grey16"])
def test_png_scales_by_the_largest_number_of_its_type(tmp_path, values):
    Pillow.fromarray(values).save(tmp_path / "a.png")
    image = read(tmp_path / "a.png")
    assert np.array_equal(image.tensor.numpy(), scaled(values))
    assert np.array_equal(image.affine, np.eye(4))
    assert image.ndim == 2


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bit_colours_keep_all_their_bits_and_lose_alpha(tmp_path, channels):
    values = RNG.integers(0, 65536, (6, 9, channels), dtype=np.uint16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").tensor.numpy(), scaled(values[..., :3]))


def test_sixteen_bit_grey_with_alpha_is_refused_rather_than_cut_to_eight_bits(tmp_path):
    values = RNG.integers(0, 65536, (6, 9, 2), dtype=np.uint16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values, isVector=True), tmp_path / "a.png")
    with pytest.raises(ImageError, match="save it without alpha"):
        read(tmp_path / "a.png")


@pytest.mark.parametrize(("mode", "channels"), [("LA", 1), ("RGBA", 3), ("P", 3), ("1", 1)])
def test_other_modes(tmp_path, mode, channels):
    picture = Pillow.fromarray(RGB).convert(mode)
    picture.save(tmp_path / "a.png")
    image = read(tmp_path / "a.png")
    expected = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    assert np.array_equal(image.tensor.numpy(), scaled(expected))


def test_alpha_is_dropped_without_changing_the_colours_under_it(tmp_path):
    Pillow.fromarray(np.dstack([RGB, np.zeros_like(GREY)])).save(tmp_path / "a.png")
    assert np.array_equal(read(tmp_path / "a.png").tensor.numpy(), scaled(RGB))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_as_its_camera_says(tmp_path, orientation):
    steep = np.add.outer(np.arange(16) * 10, np.arange(24) * 4).astype(np.uint8)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(steep).save(tmp_path / "a.jpg", exif=exif, quality=100)
    upright = {
        1: steep,
        2: steep[:, ::-1],
        3: steep[::-1, ::-1],
        4: steep[::-1],
        5: steep.T,
        6: steep.T[:, ::-1],
        7: steep.T[::-1, ::-1],
        8: steep.T[::-1],
    }[orientation]
    tensor = read(tmp_path / "a.jpg").tensor
    assert tensor.shape[1:] == upright.shape
    assert np.abs(tensor[0].numpy() * 255 - upright).max() <= 2


def test_colours_of_a_cmyk_jpeg_become_rgb(tmp_path):
    Pillow.fromarray(RGB).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    assert read(tmp_path / "a.jpg").tensor.shape == (3, 6, 9)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_a_truncated_picture_is_an_error(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(RNG.integers(0, 256, (99, 99, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ImageError, match="cut short or damaged"):
        read(path)


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_alpha_channel_that_is_left_out_is_logged(tmp_path, caplog, mode, ending):
    path = tmp_path / f"a.{ending}"
    Pillow.fromarray(RGB).convert(mode).save(path)
    with caplog.at_level("INFO", logger="esegeta"):
        read(path)
    said = [f"{path}: its alpha channel is left out"]
    assert [r.getMessage() for r in caplog.records] == (said if mode == "RGBA" else [])
