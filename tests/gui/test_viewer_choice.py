"""What of a run is looked at, and what is said of it; without Qt."""

import numpy as np
import pytest
from esegeta.gui.viewer import facts
from esegeta.gui.viewer.choice import MOST, Choice, title, why
from esegeta.gui.viewer.loading import read_image, read_map, source_of
from viewer_runs import Made

from esegeta.errors import ImageError
from esegeta.report.reading import read

FILE = {"message": "out of memory", "kind": "RuntimeError", "traceback": "Traceback <x>"}


@pytest.fixture
def made(tmp_path):
    run = Made(tmp_path / "run")
    run.volume()
    ones = np.ones((6, 7, 8))
    for target in ("brain", "skull"):
        run.job(ones, "saliency", target=target)
        for layer in ("enc", "mid", "dec"):
            run.job(ones, "grad_cam", target=target, layer=layer)
    run.job(None, "rise", state="failed", error=FILE)
    run.job(None, "occlusion")
    return run


def choice_of(made):
    made.write()
    return Choice(made.folder, read(made.folder))


def test_the_first_map_is_chosen_and_methods_stay_from_class_to_class(made):
    choice = choice_of(made)
    assert [title(job) for job in choice.chosen] == ["saliency"]
    choice.toggle(next(job for job in choice.jobs if job.layer == "mid"))
    assert choice.values("target") == ["brain", "skull"]
    choice.turn_to("target", "skull")
    assert [job.id for job in choice.chosen] == [
        "head/net/skull/saliency",
        "head/net/skull/grad_cam@mid",
    ]
    choice.step(1)
    assert choice.group.target == "brain"


def test_a_method_that_a_group_lacks_gives_way_to_its_first_map(made):
    choice = choice_of(made)
    assert choice.show("head/net/brain/rise")
    choice.turn_to("target", "skull")
    assert [job.method for job in choice.chosen] == ["saliency"]
    assert not choice.show("head/net/brain/nothing")


def test_layers_are_switched_past_those_that_are_shown(made):
    choice = choice_of(made)
    enc, mid = (next(j for j in choice.jobs if j.layer == name) for name in ("enc", "mid"))
    choice.only(enc)
    choice.toggle(mid)
    choice.step_layer(enc, 1)
    assert [job.layer for job in choice.chosen] == ["dec", "mid"]
    choice.at_layer(mid, "dec")
    assert [job.layer for job in choice.chosen] == ["dec", "mid"], "never one map twice"


def test_six_side_by_side_and_never_none(tmp_path):
    made = Made(tmp_path / "run")
    made.volume()
    for at in range(MOST + 1):
        made.job(np.ones((6, 7, 8)), f"m{at}")
    choice = choice_of(made)
    first, *rest = choice.jobs
    assert choice.toggle(first)
    assert choice.chosen == [first]
    assert [choice.toggle(job) for job in rest] == [True] * (MOST - 1) + [False]
    assert len(choice.chosen) == MOST


def test_reasons_are_words(made):
    choice = choice_of(made)
    jobs = {job.method: job for job in choice.jobs}
    assert why(jobs["rise"]) == "It failed: out of memory"
    assert "--resume" in why(jobs["occlusion"])
    page = facts.page(jobs["rise"])
    assert "Traceback &lt;x&gt;" in page


def test_flagged_checks_score_and_parameters_are_told(made):
    check = {"name": "completeness", "value": 0.31, "passed": False, "limit": 0.1}
    made.job(np.ones((6, 7, 8)), "ig", checks=[check], notes={"steps": 16}, seconds=2.0)
    choice = choice_of(made)
    job = next(job for job in choice.jobs if job.method == "ig")
    assert job.flagged
    page = facts.page(job)
    assert "completeness 0.31 (limit 0.1): flagged" in page
    assert "1.25" in page
    assert "steps 16" in page


def test_a_result_with_nonsense_in_it_is_still_told(made):
    made.job(np.ones((6, 7, 8)), "odd", target=None, checks="no", range=[1], notes=3, seconds="x")
    job = next(j for g in read(made.write()).groups for j in g.jobs if j.method == "odd")
    assert "odd" in facts.page(job)


def test_image_and_map_are_read_as_they_lie(made):
    made.write()
    run = read(made.folder)
    source = source_of(run.config, made.folder, "head")
    image = read_image(source)
    assert image.values.shape == (1, 6, 7, 8)
    assert image.values[0, 1, 2, 3] == 56 + 16 + 3
    loaded = read_map(made.folder, run.groups[0].jobs[0])
    assert np.allclose(loaded.affine, image.affine, atol=1e-4)
    with pytest.raises(ImageError, match="not found"):
        source_of(run.config, made.folder, "foot")
    with pytest.raises(ImageError, match="nobody knows"):
        source_of({}, made.folder, "head")
    with pytest.raises(ImageError, match="damaged"):
        source_of({"models": 3}, made.folder, "head")


def test_a_missing_image_file_is_named(made):
    made.write()
    path = made.folder.parent / "head.nii.gz"
    path.unlink()
    with pytest.raises(ImageError, match=r"head\.nii\.gz"):
        source_of(read(made.folder).config, made.folder, "head")


def test_damaged_maps_are_told_in_words(made):
    made.write()
    job = read(made.folder).groups[0].jobs[0]
    path = made.folder / job.id / "map.nii.gz"
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ImageError, match="run the job again"):
        read_map(made.folder, job)
    path.unlink()
    with pytest.raises(ImageError, match="missing"):
        read_map(made.folder, job)
    job.result["files"] = {"map": "../../../../../secret.npy"}
    with pytest.raises(ImageError, match="outside"):
        read_map(made.folder, job)
    job.result["files"] = {}
    with pytest.raises(ImageError, match="names no map"):
        read_map(made.folder, job)
