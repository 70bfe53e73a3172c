import numpy as np
import pytest

from esegeta.errors import ImageError
from esegeta.images import read


def save(folder, shape, kind=np.float32):
    values = np.arange(np.prod(shape)).reshape(shape).astype(kind)
    np.save(folder / "a.npy", values)
    return folder / "a.npy", values


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((5, 6), "HW"),
        ((5, 6, 3), "HWC"),
        ((5, 6, 4), "HWC"),
        ((5, 6, 1), "HWC"),
        ((5, 6, 7), "DHW"),
        ((3, 6, 7), "DHW"),
        ((3, 3, 3), "DHW"),
        ((4, 4, 4), "DHW"),
        ((2, 5, 6, 7), "CDHW"),
        ((4, 5, 6, 3), "CDHW"),
        ((5, 6, 7, 3), "DHWC"),
    ],
)
def test_axes_are_guessed_by_the_documented_rule(tmp_path, shape, order):
    path, values = save(tmp_path, shape)
    expected = np.moveaxis(values, order.index("C"), 0) if "C" in order else values[None]
    for tensor in (read(path).tensor, read(path, axes=order).tensor):
        assert np.array_equal(tensor.numpy(), expected)


def test_given_axes_rule(tmp_path):
    path, values = save(tmp_path, (3, 6, 7))
    assert np.array_equal(read(path, axes="CHW").tensor.numpy(), values)
    path, values = save(tmp_path, (1, 6, 7))
    assert np.array_equal(read(path, axes="DHW").tensor.numpy(), values)  # one slice: a picture


def test_axes_that_do_not_fit(tmp_path):
    path, _ = save(tmp_path, (9, 5, 6, 7))
    with pytest.raises(ImageError, match=r"shape \(9, 5, 6, 7\).*give `axes` \(HW, HWC"):
        read(path)
    with pytest.raises(ImageError, match=r"'HWC' name 3, but the array has shape \(9, 5, 6, 7\)"):
        read(path, axes="HWC")


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float64, np.bool_])
def test_values_stay_as_stored(tmp_path, kind):
    path, values = save(tmp_path, (5, 6), kind)
    assert np.array_equal(read(path).tensor[0].numpy(), values.astype(np.float32))


def test_one_entry_of_a_data_set(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)
    np.savez_compressed(tmp_path / "set.npz", test_images=images, test_labels=np.zeros(7))
    image = read(tmp_path / "set.npz", key="test_images", index=5)
    assert np.array_equal(image.tensor[0].numpy(), images[5].astype(np.float32))
    assert image.name == "set-test_images-5"
    with pytest.raises(ImageError, match="no entry 7; it holds 7, counted from 0"):
        read(tmp_path / "set.npz", key="test_images", index=7)
    with pytest.raises(ImageError, match="no entry -1"):
        read(tmp_path / "set.npz", key="test_images", index=-1)
    with pytest.raises(ImageError, match="'test_image'; did you mean 'test_images'"):
        read(tmp_path / "set.npz", key="test_image", index=5)
    with pytest.raises(ImageError, match="holds 2 arrays; `key` says which: test_images, test_la"):
        read(tmp_path / "set.npz")


def test_a_lone_array_needs_no_key(tmp_path):
    np.savez(tmp_path / "one.npz", image=np.ones((5, 6)))
    assert read(tmp_path / "one.npz").tensor.shape == (1, 5, 6)
    np.save(tmp_path / "a.npy", np.ones((5, 6)))
    with pytest.raises(ImageError, match="leave out `key`"):
        read(tmp_path / "a.npy", key="image")


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError, match="Object arrays cannot be loaded"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("values", [np.ones((4, 4), dtype=complex), np.array([["a"]])])
def test_what_is_no_number_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(ImageError, match="needs real numbers"):
        read(tmp_path / "a.npy")


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_truncated_file_is_an_error(tmp_path, name):
    path = tmp_path / name
    (np.save if name.endswith("y") else np.savez_compressed)(path, np.random.rand(50, 50))
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(ImageError, match="cut short or damaged"):
        read(path)
