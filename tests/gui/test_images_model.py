"""The view-model of the images' page, without Qt."""

import numpy as np
import pytest
from esegeta.gui.document import Document
from esegeta.gui.models.images import ImagesModel, Window, grey, images_in, plane, tinted, window_of


def test_folders_give_their_images_and_dicom_folders_themselves(tmp_path):
    for name in ("a.png", "b.nii.gz", "notes.txt", "series/1.dcm", "series/2.dcm", "deep/c.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(p.relative_to(tmp_path)) for p in images_in(tmp_path)]
    assert found == ["a.png", "b.nii.gz", "deep/c.npy", "series"]


def test_images_are_added_once_and_an_empty_folder_is_told(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.png").touch()
    model = ImagesModel(Document({"images": []}, tmp_path / "c.json"))
    assert "holds no image" in model.add([tmp_path / "empty"])
    assert model.add([tmp_path / "a.png"]) == ""
    assert "already" in model.add([tmp_path / "a.png"])
    assert model.document.data["images"] == [{"path": "a.png"}]


@pytest.mark.parametrize(
    "values",
    [
        np.full((1, 1, 1), np.nan),
        np.zeros((1, 1, 1, 1)),
        np.full((1, 4, 4), np.inf),
        np.array([[[1e38, -1e38]]], dtype="float32"),
        np.full((3, 2, 2), 7.0),
    ],
)
def test_degenerate_images_are_drawn(values):
    window = window_of(values)
    assert window.width > 0
    cut = plane(values, 0, 0)
    rgb = grey(cut, window)
    assert rgb.shape == (*cut.shape[:2], 3)
    assert rgb.dtype == np.uint8
    if not np.isfinite(values).any():
        assert (rgb == (255, 0, 255)).all()


def test_a_plane_lies_as_it_should():
    values = np.zeros((1, 2, 3, 4), dtype="float32")
    values[0, 1, 2, 3] = 1
    assert plane(values, 0, 1)[:, :, 0].tolist()[0] == [0, 0, 1]  # j across, k up
    assert plane(values, 1, 2)[:, :, 0].shape == (4, 2)
    assert plane(values, 2, 3)[0, 1, 0] == 1


def test_a_window_and_a_tint():
    cut = np.array([[[0.0], [5.0], [10.0]]])
    rgb = grey(cut, Window(0, 10))
    assert rgb[0, :, 0].tolist() == [0, 127, 255]
    over = tinted(rgb, np.array([[[0], [1], [0]]]), (255, 0, 0))
    assert over[0, 0].tolist() == [0, 0, 0]
    assert over[0, 1].tolist() == [184, 69, 69]
