import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from esegeta.errors import ImageError
from esegeta.images import read


def random(kind, shape):
    rng = np.random.default_rng(0)
    if np.dtype(kind).kind == "f":
        return rng.random(shape).astype(kind)
    limits = np.iinfo(kind)
    return rng.integers(limits.min, limits.max, shape, dtype=kind, endpoint=True)


def scaled(values):
    if values.dtype.kind == "f":
        return values.astype(np.float32)
    return values.astype(np.float32) / np.float32(np.iinfo(values.dtype).max)


@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "i2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("shape", "colours", "expected"),
    [
        ((6, 9), "minisblack", (0, 1)),
        ((6, 9, 3), "rgb", (2, 0, 1)),
        ((5, 6, 9), "minisblack", (0, 1, 2)),
        ((5, 6, 9, 3), "rgb", (3, 0, 1, 2)),
    ],
)
def test_every_depth_keeps_its_values(tmp_path, kind, order, shape, colours, expected):
    values = random(kind, shape)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=colours, byteorder=order)
    tensor = read(tmp_path / "a.tif").tensor.numpy()
    wanted = scaled(values).transpose(expected)
    assert np.array_equal(tensor, wanted if 3 in shape else wanted[None])


def test_alpha_is_dropped(tmp_path):
    values = random("u2", (6, 9, 4))
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=["unassalpha"])
    expected = scaled(values[..., :3]).transpose(2, 0, 1)
    assert np.array_equal(read(tmp_path / "a.tif").tensor.numpy(), expected)


def test_channels_that_are_no_colours_are_all_kept(tmp_path):
    values = random("u2", (2, 6, 9))
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "CYX"})
    assert np.array_equal(read(tmp_path / "a.tif").tensor.numpy(), scaled(values))
    values = random("u2", (5, 2, 6, 9))
    tifffile.imwrite(tmp_path / "b.tif", values, imagej=True, metadata={"axes": "ZCYX"})
    expected = scaled(values).swapaxes(0, 1)
    assert np.array_equal(read(tmp_path / "b.tif").tensor.numpy(), expected)


def test_time_and_depth_together_are_refused(tmp_path):
    values = random("u1", (2, 5, 6, 9))
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "TZYX"})
    with pytest.raises(ImageError, match="axes TZYX"):
        read(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
@pytest.mark.parametrize("kind", ["grey", "grey16", "rgb"])
def test_compressed(tmp_path, compression, kind):
    values = {
        "grey": random("u1", (16, 20)),
        "grey16": random("u2", (16, 20)),
        "rgb": random("u1", (16, 20, 3)),
    }[kind]
    Pillow.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    expected = scaled(values)
    expected = expected[None] if expected.ndim == 2 else expected.transpose(2, 0, 1)
    assert np.array_equal(read(tmp_path / "a.tif").tensor.numpy(), expected)


def test_compressed_sixteen_bit_colours(tmp_path):
    import SimpleITK

    values = random("u2", (16, 20, 3))
    writer = SimpleITK.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "a.tif"))
    writer.UseCompressionOn()
    writer.SetCompressor("LZW")
    writer.Execute(SimpleITK.GetImageFromArray(values, isVector=True))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.pages.first.compression.name == "LZW"
    expected = scaled(values).transpose(2, 0, 1)
    assert np.array_equal(read(tmp_path / "a.tif").tensor.numpy(), expected)


def test_compressed_pages_are_a_volume(tmp_path):
    pages = random("u1", (5, 16, 20))
    first, *others = [Pillow.fromarray(page) for page in pages]
    first.save(tmp_path / "a.tif", compression="tiff_lzw", save_all=True, append_images=others)
    assert np.array_equal(read(tmp_path / "a.tif").tensor.numpy(), scaled(pages)[None])


def test_palette_and_white_as_zero(tmp_path):
    picture = Pillow.fromarray(random("u1", (6, 9, 3))).convert("P")
    picture.save(tmp_path / "p.tif")
    expected = scaled(np.asarray(picture.convert("RGB"))).transpose(2, 0, 1)
    assert np.array_equal(read(tmp_path / "p.tif").tensor.numpy(), expected)
    for kind in ("u1", "u2"):
        values = random(kind, (6, 9))
        tifffile.imwrite(tmp_path / f"{kind}.tif", values, photometric="miniswhite")
        expected = scaled(np.iinfo(kind).max - values)[None]
        assert np.array_equal(read(tmp_path / f"{kind}.tif").tensor.numpy(), expected)


def test_pages_of_different_sizes_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(random("u1", (16, 20)), photometric="minisblack")
        file.write(random("u1", (8, 10)), photometric="minisblack")
    with pytest.raises(ImageError, match=r"2 images of different shapes \(\(16, 20\), \(8, 10\)"):
        read(tmp_path / "a.tif")
