"""Whole runs with a real worker: what is done, what fails, and what is left behind."""

import json
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import esegeta
from esegeta.errors import ConfigError, RunError
from esegeta.runs.api import RunResult
from esegeta.runs.folder import RunFolder, Tail
from tests.runs.project import Project, odd

pytestmark = pytest.mark.slow


def run(project: Project, methods: list[Any], *, resume: bool = False, **changes: Any) -> RunResult:
    config = project.config(methods, **changes)
    return esegeta.run(config, resume=resume, quiet=True)


def result(run: RunResult, job: str) -> dict[str, Any]:
    found = RunFolder(run.folder).result(job)
    assert found is not None
    return found


ODD = ["exit0", "exit3", "segfault", "kill", "sys.exit", "raise", "child", "nan", "zero", "shape"]


@pytest.fixture(scope="module")
def faults(shared_project: Project) -> RunResult:
    """One run in which nearly everything goes wrong."""
    methods = ["saliency", *map(odd, ODD), odd("work"), odd("slow", steps=5)]
    return run(shared_project, methods)


def test_whatever_a_method_does_the_others_are_done(faults: RunResult) -> None:
    jobs = {job.rpartition("/")[2]: job for job in [*faults.done, *faults.failed]}
    assert {n for n, job in jobs.items() if job in faults.done} == {"saliency", "slow", "work"}
    assert {n for n, job in jobs.items() if job in faults.failed} == set(ODD)
    assert faults.pending == []
    assert faults.exit_code == 1


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("exit0", "Crash", "exit code 0"),
        ("exit3", "Crash", "exit code 3"),
        ("segfault", "Crash", "SIGSEGV"),
        ("kill", "Crash", "SIGKILL"),
        ("sys.exit", "SystemExit", "called sys.exit(5)"),
        ("raise", "ValueError", "nothing works"),
        ("child", "Crash", "exit code 1"),
        ("nan", "CheckFailed", "NaN"),
        ("zero", "CheckFailed", "zero"),
        ("shape", "MethodError", "shape"),
    ],
)
def test_a_failure_says_what_happened(faults: RunResult, how: str, kind: str, message: str) -> None:
    job = f"a/net/predicted/{how}"
    found = result(faults, job)
    assert found["state"] == "failed"
    assert found["error"]["kind"] == kind
    assert message in found["error"]["message"]
    assert faults.reasons[job] == found["error"]["message"]
    assert found["job"]["method"] == how
    assert not list((faults.folder / job).glob("map.*"))


def test_only_what_is_not_the_users_doing_has_a_traceback(faults: RunResult) -> None:
    assert "odd.py" in result(faults, "a/net/predicted/raise")["error"]["traceback"]
    assert result(faults, "a/net/predicted/zero")["error"]["traceback"] is None


def test_a_jobs_log_holds_all_it_printed(faults: RunResult) -> None:
    for how in ("segfault", "exit0", "raise", "work"):
        text = (faults.folder / f"a/net/predicted/{how}/job.log").read_text()
        assert f"how: {how}" in text
        assert "from a child" in text
        assert "take care" in text, "each job is warned, although an earlier one was"
    assert "Segmentation fault" in (faults.folder / "a/net/predicted/segfault/job.log").read_text()


def test_what_a_crashed_method_started_is_ended(faults: RunResult) -> None:
    text = (faults.folder / "a/net/predicted/child/job.log").read_text()
    child = int(text.split("child ")[-1].split()[0])
    assert not Path(f"/proc/{child}").exists() or _zombie(child)


def _zombie(process: int) -> bool:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_no_unfinished_file_is_left(faults: RunResult) -> None:
    left = [p.name for p in faults.folder.rglob("*") if p.name.startswith(".") or "part" in p.name]
    assert left == []


def test_events_tell_the_story_of_each_job(faults: RunResult) -> None:
    events = list(Tail(RunFolder(faults.folder), from_start=True))
    assert events[0]["event"] == "run_started"
    assert events[-1]["event"] == "run_finished"
    assert (events[-1]["done"], events[-1]["failed"]) == (3, 10)
    for job in [*faults.done, *faults.failed]:
        story = [e["event"] for e in events if e["job"] == job and e["event"] != "progress"]
        assert story == ["queued", "started", "finished" if job in faults.done else "failed"]
    slow = [e for e in events if e["job"] == "a/net/predicted/slow" and e["event"] == "progress"]
    done = [e["done"] for e in slow]
    assert done == sorted(done)
    assert len(set(done)) > 2
    assert {e["total"] for e in slow} == {6}


def test_the_run_folder_is_complete(faults: RunResult) -> None:
    for name in ("config.json", "plan.json", "run.log", "events.jsonl", "report.html"):
        assert (faults.folder / name).stat().st_size > 0
    assert faults.report == faults.folder / "report.html"
    assert "nothing works" in faults.report.read_text()
    plan = json.loads((faults.folder / "plan.json").read_text())
    planned = {job["id"] for group in plan["groups"] for job in group["jobs"]}
    assert planned == {*faults.done, *faults.failed}


def test_a_result_says_how_it_was_made(faults: RunResult) -> None:
    found = result(faults, "a/net/predicted/saliency")
    assert found["state"] == "done"
    assert found["error"] is None
    assert found["passes"] == found["estimate"] == {"forward": 1, "backward": 1}
    assert found["target"]["class"] in ("cat", "dog", "emu")
    assert found["target"]["wrapper"] == "classification"
    assert all(check["passed"] for check in found["checks"])
    folder = faults.folder / "a/net/predicted/saliency"
    assert np.load(folder / found["files"]["map"]).shape[-2:] == (16, 16)
    assert (folder / found["files"]["overlay"]).read_bytes().startswith(b"\x89PNG")


def test_jobs_of_a_group_share_one_pass(project: Project) -> None:
    layers = ["features.0", "features.2", "features.3", "features"]
    methods = ["saliency", "input_x_gradient"]
    methods += [{"use": use, "layers": layers} for use in ("grad_cam", "layer_activation")]
    ended = run(project, methods)
    passes = [
        result(ended, job)["passes"] for job in [*ended.done, *ended.failed] if job in ended.done
    ]
    assert len(ended.done) >= 6
    assert sum(p["forward"] for p in passes) == 1
    assert sum(p["backward"] for p in passes) == 1


def test_a_model_may_change_its_input_in_place(project: Project) -> None:
    net = project.data([])["models"][0]
    models = [{**net, "name": n, "factory": f"nets.py:{n}"} for n in ("InPlace", "OutOfPlace")]
    methods = [
        "saliency",
        "input_x_gradient",
        {"use": "occlusion", "with": {"window": 4}},
        {"use": "grad_cam", "layers": ["features.2"]},
        {"use": "rise", "with": {"masks": 20}},
        {"use": "integrated_gradients", "with": {"steps": 4}},
    ]
    # What is random follows the job's name.
    maps: dict[str, list[np.ndarray]] = {}
    for model in models:
        where = f"out-{model['name']}"
        ended = run(project, methods, models=[{**model, "name": "net"}], output=where)
        assert ended.failed == [], ended.reasons
        maps[where] = [np.load(ended.folder / job / "map.npy") for job in sorted(ended.done)]
    for one, other in zip(*maps.values(), strict=True):
        assert np.allclose(one, other, atol=1e-6)


def test_a_misspelt_layer_costs_only_its_job(project: Project) -> None:
    cam = {"use": "grad_cam", "layers": ["features.0", "feature.0"]}
    ended = run(project, ["saliency", cam])
    assert ended.failed == ["a/net/predicted/grad_cam@feature.0"]
    assert "did you mean 'features.0'" in ended.reasons[ended.failed[0]]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"factory": "nets.py:Raises"}, "this network is broken"),
        ({"factory": "nets.py:Segfaults"}, "SIGSEGV"),
        ({"factory": "nets.py:Leaves"}, "the model called sys.exit(3)"),
        ({"factory": "nets.py:LeavesAtOnce"}, "raised SystemExit: 3"),
        ({"arguments": {"channels": 1}}, "takes 1 channel"),
        ({"factory": "nets.py:Segmenter"}, "is 3D"),
    ],
)
def test_a_model_that_fails_fails_its_jobs_once(
    project: Project, changes: dict[str, Any], reason: str
) -> None:
    good = project.data([])["models"][0]
    bad = {**good, "name": "bad", **changes}
    began = time.monotonic()
    ended = run(project, ["saliency", "guided_backprop", "rise"], models=[bad])
    assert len(ended.failed) == 3
    assert len(set(ended.reasons.values())) == 1
    assert reason in ended.reasons[ended.failed[0]]
    # One worker found out for all three: three that start anew take longer.
    starts = [e for e in Tail(RunFolder(ended.folder), from_start=True) if e["event"] == "started"]
    assert len({e["pid"] for e in starts}) == 1
    assert time.monotonic() - began < 60


def test_an_image_that_fails_fails_its_jobs_only(project: Project) -> None:
    content = project.picture("b.png", size=64).read_bytes()
    (project.folder / "b.png").write_bytes(content[: len(content) // 2])
    ended = run(project, ["saliency", "guided_backprop"], images=[{"path": "*.png"}])
    assert [job.split("/")[0] for job in ended.done] == ["a", "a"]
    assert [job.split("/")[0] for job in ended.failed] == ["b", "b"]
    assert "b.png" in ended.reasons[ended.failed[0]]


def test_resume_keeps_what_is_unchanged_and_makes_the_rest(project: Project) -> None:
    methods = ["saliency", odd("work"), odd("raise")]
    first = run(project, methods)
    files = {job: (first.folder / job / "result.json") for job in [*first.done, *first.failed]}
    times = {job: file.stat().st_mtime_ns for job, file in files.items()}

    with pytest.raises(RunError, match="--resume") as refused:
        run(project, methods)
    assert "--output" in str(refused.value)
    assert {job: file.stat().st_mtime_ns for job, file in files.items()} == times

    changed = ["saliency", odd("work", steps=2), odd("raise"), "guided_backprop"]
    second = run(project, changed, resume=True)
    again = {job: file.stat().st_mtime_ns for job, file in files.items()}
    assert [job.rpartition("/")[2] for job in files if again[job] == times[job]] == ["saliency"]
    assert len(second.done) == 3
    assert len(second.failed) == 1
    assert result(second, "a/net/predicted/work")["parameters"]["steps"] == 2


def test_resume_makes_again_what_lost_its_files(project: Project) -> None:
    first = run(project, ["saliency", "input_x_gradient", "guided_backprop"])
    maps = {job: first.folder / job / "map.npy" for job in first.done}
    lost, cut, kept = maps.values()
    values = [np.load(path) for path in maps.values()]
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    at = kept.stat().st_mtime_ns
    second = run(project, ["saliency", "input_x_gradient", "guided_backprop"], resume=True)
    assert second.done == first.done
    for path, before in zip(maps.values(), values, strict=True):
        assert np.array_equal(np.load(path), before)
    assert kept.stat().st_mtime_ns == at


def test_the_output_may_be_named_by_a_way_up(project: Project) -> None:
    ended = run(project, ["saliency"], output="plugins/../up")
    assert ended.folder == project.folder / "up"
    assert ended.exit_code == 0


def test_a_label_too_long_for_a_folder_is_cut(project: Project) -> None:
    (project.folder / "a.png").rename(project.folder / f"{'a' * 200}.png")
    model = project.data([])["models"][0] | {"classes": ["cat" * 100, "dog", "emu"]}
    target = {"class": "cat" * 100}
    ended = run(project, ["saliency"], models=[model], images=[{"path": "a*.png"}], target=target)
    assert ended.exit_code == 0, ended.reasons
    assert result(ended, ended.done[0])["target"]["class"] == "cat" * 100


def test_the_resolved_config_runs_from_anywhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(project, ["saliency", odd("work")])
    monkeypatch.chdir("/")
    second = esegeta.run(first.folder / "config.json", output=tmp_path / "second", quiet=True)
    assert second.done == first.done
    for job in first.done:
        one, other = (np.load(r.folder / job / "map.npy") for r in (first, second))
        assert np.array_equal(one, other), "the seed is the run's and the job's"
        assert result(first, job)["fingerprint"] == result(second, job)["fingerprint"]


def test_a_volume_is_explained_in_its_own_space(project: Project) -> None:
    turn = np.array([[0.0, -1.2, 0.0], [0.9, 0.0, 0.3], [0.0, 0.2, 2.0]])
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn, (5, -7, 11)
    values = np.random.default_rng(0).normal(size=(12, 10, 8)).astype(np.float32)
    project.volume("t1.nii.gz", values, affine)
    model = {
        "name": "seg",
        "factory": "nets.py:Segmenter",
        "task": "segmentation",
        "classes": ["background", "brain"],
    }
    methods = [
        "saliency",
        {"use": "grad_cam", "layers": ["enc"]},
        {"use": "rise", "with": {"masks": 4}},
    ]
    ended = run(
        project,
        methods,
        models=[model],
        images=[{"path": "t1.nii.gz"}],
        preprocess=[{"use": "ZNormalization"}],
        target={"class": "brain"},
    )
    assert ended.failed == [], ended.reasons
    for job in ended.done:
        written = nibabel.load(ended.folder / job / "map.nii.gz")
        assert written.shape[:3] == (12, 10, 8)
        assert np.allclose(written.affine, affine, atol=1e-5)
    assert result(ended, ended.done[0])["target"]["mask"] == "predicted"


def test_an_absent_class_names_those_present(project: Project) -> None:
    project.volume("t1.nii.gz", np.random.rand(6, 6, 6).astype(np.float32), np.eye(4))
    (project.folder / "only.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Only(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.c = nn.Conv3d(1, 1, 1)\n\n"
        "    def forward(self, x):\n"
        "        return torch.cat([self.c(x) * 0 + 9, self.c(x) * 0], 1)\n"
    )
    model = {
        "name": "seg",
        "factory": "only.py:Only",
        "task": "segmentation",
        "classes": ["air", "bone"],
    }
    ended = run(
        project,
        ["saliency"],
        models=[model],
        images=[{"path": "t1.nii.gz"}],
        target={"class": "bone"},
    )
    assert "bone" in ended.reasons[ended.failed[0]]
    assert "air" in ended.reasons[ended.failed[0]]


def test_images_may_come_from_a_factory(project: Project) -> None:
    (project.folder / "made.py").write_text(
        "import numpy as np\nimport torch\nfrom esegeta.images import Image\n\n\n"
        "def noise(size=8):\n"
        "    tensor = torch.rand(3, size, size, generator=torch.Generator().manual_seed(0))\n"
        "    return Image(tensor, np.eye(4), 'noise')\n"
    )
    images = [
        {"name": "n", "factory": "made.py:noise", "arguments": {"size": 10}},
        {"name": "wrong", "factory": "made.py:nose"},
    ]
    ended = run(project, ["saliency"], images=images)
    assert ended.done == ["n/net/predicted/saliency"]
    assert np.load(ended.folder / ended.done[0] / "map.npy").shape[-2:] == (10, 10)
    assert "did you mean 'noise'" in ended.reasons[ended.failed[0]]


def test_a_dict_is_a_config_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder)
    ended = esegeta.run(project.data(["saliency"]), quiet=True)
    assert ended.exit_code == 0
    with pytest.raises(ConfigError, match="no such method"):
        esegeta.run(project.data(["salience"]), output="other", quiet=True)
    assert not Path("other").exists()


def test_a_report_that_fails_loses_no_result(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    from esegeta.report import page

    def fail(folder: Path) -> Path:
        raise RuntimeError("no paper")

    monkeypatch.setattr(page, "write", fail)
    ended = run(project, ["saliency"])
    assert ended.done == ["a/net/predicted/saliency"]
    assert ended.report is None
    assert ended.exit_code == 1
    assert "no paper" in (ended.folder / "run.log").read_text()


def test_the_drivers_own_process_is_left_as_it_was(project: Project) -> None:
    import signal

    before = signal.getsignal(signal.SIGINT), Path.cwd()
    run(project, ["saliency"])
    assert (signal.getsignal(signal.SIGINT), Path.cwd()) == before
