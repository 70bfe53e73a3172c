import pytest

from esegeta import config as cfg
from esegeta.errors import ConfigError


def images(data, base, *entries):
    data["images"] = list(entries)
    return cfg.expand(cfg.parse(data, base))


def touch(base, *names):
    for name in names:
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).touch()


def test_globs_become_sorted_images_named_after_their_files(data, tmp_path):
    touch(tmp_path, "in/b.nii.gz", "in/a.nii.gz", "in/deep/er/c (1).png", "in/.hidden.png")
    found = images(data, tmp_path, {"path": "in/*.nii.gz"}, {"path": "in/**/*.png"})
    assert [image.name for image in found] == ["a", "b", "c _1_"]
    assert found[2].path == tmp_path / "in/deep/er/c (1).png"


def test_keys_of_a_glob_hold_for_each(data, tmp_path):
    touch(tmp_path, "a.npz", "b.npz")
    found = images(data, tmp_path, {"path": "*.npz", "key": "x", "models": ["unet"]})
    assert [(i.key, i.models) for i in found] == [("x", ["unet"])] * 2


def test_like_names_get_their_folders(data, tmp_path):
    touch(tmp_path, "p1/t1.nii.gz", "p2/t1.nii.gz", "p2/t2.nii.gz")
    found = images(data, tmp_path, {"path": "p*/*.nii.gz"})
    assert [image.name for image in found] == ["p1-t1", "p2-t1", "t2"]


def test_images_of_one_file_are_named_after_their_place_in_it(data, tmp_path):
    touch(tmp_path, "p/scan.npz", "q/scan.npz", "one.npz")
    file = {"path": "p/scan.npz"}
    found = images(
        data, tmp_path, {**file, "key": "ct/lung"}, {**file, "index": 3}, {**file, "index": 4},
        {**file, "key": "mr", "index": 0}, {**file, "index": 5, "name": "own"},
        {"path": "one.npz", "key": "ct", "index": 1},
    )  # fmt: skip
    assert [image.name for image in found] == [
        "scan-ct_lung", "scan-3", "scan-4", "scan-mr-0", "own", "one",
    ]  # fmt: skip
    other = {"path": "q/scan.npz"}
    found = images(data, tmp_path, *({**one, "index": n} for one in (file, other) for n in (0, 1)))
    assert [image.name for image in found] == ["p-scan-0", "p-scan-1", "q-scan-0", "q-scan-1"]
    with pytest.raises(ConfigError, match="listed twice"):
        images(data, tmp_path, {**file, "index": 1}, {**file, "index": 1})


def test_names_that_stay_alike_are_refused_with_both_files(data, tmp_path):
    touch(tmp_path, "p/t1.nii.gz", "p/t1.png")
    with pytest.raises(ConfigError, match=r"t1\.png would have the name of .*t1\.nii\.gz"):
        images(data, tmp_path, {"path": "p/t1*"})
    found = images(data, tmp_path, {"path": "p/t1.png", "name": "x"}, {"path": "p/t1.nii.gz"})
    assert [image.name for image in found] == ["x", "t1"]


def test_names_of_files_keep_their_letters(data, tmp_path):
    touch(tmp_path, "日本.png", "中国.png", "u\u0308 (1).png")
    found = images(data, tmp_path, {"path": "*.png"})
    assert [image.name for image in found] == ["ü _1_", "中国", "日本"]


def test_one_image_twice(data, tmp_path):
    touch(tmp_path, "a.png", "b.png")
    with pytest.raises(ConfigError) as caught:
        images(data, tmp_path, {"path": "b.png"}, {"path": "a.png"}, {"path": "*.png"})
    said = "this image is listed twice"
    assert [(p.path, p.message, p.value) for p in caught.value.problems] == [
        ("images[2]", f"{said} (images[1])", repr(str(tmp_path / "a.png"))),
        ("images[2]", f"{said} (images[0])", repr(str(tmp_path / "b.png"))),
    ]
    maker = {"factory": "esegeta.demo:tree"}
    with pytest.raises(ConfigError, match="listed twice"):
        images(data, tmp_path, maker, maker)
    with pytest.raises(ConfigError, match="would have the name of"):
        images(data, tmp_path, maker, {**maker, "arguments": {"seed": 3}})
    found = images(data, tmp_path, {"path": "a.png"}, {"path": "a.png", "name": "again"})
    assert [image.name for image in found] == ["a", "again"]


def test_links_that_lead_nowhere(data, tmp_path, registry):
    touch(tmp_path, "in/a.png")
    (tmp_path / "in/b.png").symlink_to("nowhere.png")
    link = "a link to 'nowhere.png', which is not there"
    with pytest.raises(ConfigError, match=rf"images\[0\]\.path: this is {link}"):
        images(data, tmp_path, {"path": "in/b.png"})
    with pytest.raises(ConfigError, match=rf"images\[0\]\.path: one of the files is {link}"):
        images(data, tmp_path, {"path": "in/*.png"})
    data["images"] = [{"path": "in/a.png", "label": "in/b.png"}]
    data["references"] = ["in/*.png"]
    found = cfg.check(cfg.parse(data, tmp_path), registry)
    assert [(p.path, p.message) for p in found] == [
        ("images[0].label", f"this is {link}"),
        ("references[0]", f"one of the files is {link}"),
    ]


def test_name_or_label_for_many_files(data, tmp_path):
    touch(tmp_path, "a.png", "b.png")
    with pytest.raises(ConfigError, match="one label for the 2 files"):
        images(data, tmp_path, {"path": "*.png", "label": "brain.nii.gz"})


def test_nothing_found(data, tmp_path):
    with pytest.raises(ConfigError, match=r"images\[0\]\.path: this glob finds no file"):
        images(data, tmp_path, {"path": "x*.png"})


def test_brackets_in_a_real_name_are_no_glob(data, tmp_path):
    touch(tmp_path, "scan[1].png", "scan1.png")
    (found,) = images(data, tmp_path, {"path": "scan[1].png"})
    assert found.path == tmp_path / "scan[1].png"


def test_folder_of_slices_and_factory(data, tmp_path):
    (tmp_path / "series").mkdir()
    maker = {"factory": "esegeta.demo:tree", "arguments": {"seed": 3}}
    found = images(data, tmp_path, {"path": "series"}, maker)
    assert [image.name for image in found] == ["series", "tree"]


def test_references(data, tmp_path):
    touch(tmp_path, "r/a.png", "r/b.png")
    data["references"] = ["r/b.png", "r/*.png"]
    found = cfg.references(cfg.parse(data, tmp_path))
    assert found == [tmp_path / "r/b.png", tmp_path / "r/a.png"]
