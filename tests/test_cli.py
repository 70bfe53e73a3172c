"""The command line, as a user meets it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from esegeta import cli
from esegeta.version import __version__

sys.path.insert(0, str(Path(__file__).parent / "runs"))
from tests.forked import forked
from tests.runs.project import Project, odd


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def ask(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["esegeta", *map(str, arguments)])
        monkeypatch.setenv(cli.DEBUG, "")  # and what --debug sets is undone
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return ask


def test_help_starts_without_torch() -> None:
    code = (
        "import sys\n"
        "sys.argv = ['esegeta', '--help']\n"
        "from esegeta.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "heavy = ('torch', 'torchio', 'matplotlib', 'nibabel', 'captum', 'pebble')\n"
        "print('HEAVY', [m for m in heavy if m in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    commands = ["run", "plan", "layers", "validate", "schema", "methods", "new-plugin", "report"]
    for command in [*commands, "doctor", "status", "stop"]:
        assert re.search(rf"^ +{command} ", ran.stdout, re.MULTILINE), command
    assert "HEAVY []" in ran.stdout


def test_version(call) -> None:
    assert call("--version") == (0, f"esegeta {__version__}\n", "")


def test_an_unknown_command_is_a_usage_error(call) -> None:
    assert call("rum").code == 2


def test_validate_says_what_the_run_would_do(call, project) -> None:
    said = call("validate", project.config(["saliency", odd("work")], images=[{"path": "*.png"}]))
    assert said.code == 0
    assert "4 jobs in 2 groups (1 model, 2 images)" in said.out
    assert "forward" not in said.out, "passes are told once the images' sizes are known"
    assert re.search(r"No model was loaded; .*esegeta plan .*config\.json\n$", said.out)
    assert not (project.folder / "out").exists()


def test_validate_tells_every_problem_with_path_value_and_nearest(call, project) -> None:
    methods = ["salience", {"use": "integrated_gradients", "with": {"steps": "32"}}, "grad_cam"]
    model = project.data([])["models"][0]
    config = project.config(
        methods, models=[{**model, "wieghts": "x.pt"}], target={"class": "dig"}, bananas=1
    )
    said = call("validate", config)
    assert said.code == 2
    for part in (
        "methods[0]",
        "'salience'",
        "did you mean 'saliency'",
        "methods[1].with.steps",
        "'32'",
        "methods[2]",
        "models[0].wieghts",
        "did you mean 'weights'",
        "bananas",
    ):
        assert part in said.err, part
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"bananas": 1}, ["bananas", "unknown key"]),
        ({"methods": ["ries"]}, ["methods[0]", "'ries'", "did you mean 'rise'"]),
        ({"target": {"class": "dgo"}}, ["target.class", "'dgo'", "did you mean 'dog'"]),
        ({"evaluate": ["rod"]}, ["evaluate[0]", "'rod'", "did you mean 'road'"]),
        ({"images": [{"path": "nothing*.png"}]}, ["images[0].path", "no file"]),
    ],
)
def test_a_wrong_config_runs_nothing(call, project, change: dict[str, Any], parts) -> None:
    said = call("run", project.config(**{"methods": ["saliency"], **change}))
    assert said.code == 2
    assert all(part in said.err for part in parts), said.err
    assert not (project.folder / "out").exists()


def test_a_file_that_is_not_there_or_no_json(call, project) -> None:
    said = call("run", project.folder / "confg.json")
    assert said.code == 2
    assert "no such file" in said.err
    (project.folder / "c.json").write_text('{"version": 1, // a comment\n}')
    said = call("validate", project.folder / "c.json")
    assert said.code == 2
    assert "comment" in said.err


def test_debug_shows_the_traceback(call, project) -> None:
    said = call("--debug", "validate", project.folder / "confg.json")
    assert said.code == 2
    assert "Traceback" in said.err


@pytest.mark.slow
@pytest.mark.parametrize("place", ["nets.py/out", "../project"])
def test_an_output_that_cannot_be_a_run_folder(call, project, place: str) -> None:
    before = sorted(project.folder.iterdir())
    config = project.config(["saliency"])
    said = call("run", config, "--output", project.folder / place)
    assert said.code == 2
    assert "output folder" in said.err
    assert sorted(project.folder.iterdir()) == sorted([*before, config])


@pytest.mark.slow
def test_bad_inputs_are_told_one_by_one(project) -> None:
    """One run with everything a user may get wrong that only shows at work."""
    import torch

    folder = project.folder
    good = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float32)
    project.volume("good.nii.gz", good, np.eye(4))
    content = (folder / "good.nii.gz").read_bytes()
    (folder / "cut.nii.gz").write_bytes(content[: len(content) // 2])
    hole = good.copy()
    hole[1, 2, 3] = np.nan
    project.volume("hole.nii.gz", hole, np.eye(4))
    np.save(folder / "grey.npy", good[0])
    torch.save({"head.weight": torch.zeros(3, 8), "tail.weight": torch.zeros(1)}, folder / "w.pt")
    flat = {"task": "classification", "factory": "nets.py:Classifier"}
    models = [
        {**flat, "name": "net"},
        {**flat, "name": "unfit", "weights": "w.pt"},
        {**flat, "name": "raises", "factory": "nets.py:Raises"},
        {"name": "seg", "task": "segmentation", "factory": "nets.py:Segmenter"},
    ]
    images = [
        {"path": "a.png", "models": ["net", "unfit", "raises", "seg"]},
        {"path": "grey.npy", "models": ["net"]},
        {"path": "cut.nii.gz", "models": ["seg"]},
        {"path": "hole.nii.gz", "models": ["seg"]},
    ]
    methods = ["saliency", {"use": "grad_cam", "layers": ["featurs.0"], "models": ["net"]}]
    config = project.config(methods, models=models, images=images)
    ran = forked("esegeta", "run", config)
    assert ran.returncode == 1
    said = " ".join(ran.stdout.split())
    for part in (
        "featurs.0'; did you mean 'features.0'",
        "features.0.weight",  # the first missing key
        "tail.weight",  # the first unexpected key
        "this network is broken",
        "is 3D",
        "takes 3 channels",
        "cut.nii.gz",
        "hole",
        "1 done, 8 failed",
    ):
        assert part in said, (part, ran.stdout)
    assert "Traceback" not in ran.stdout + ran.stderr


@pytest.mark.slow
def test_run_reports_and_says_where(call, project) -> None:
    config = project.config(["saliency", odd("raise")])
    said = call("run", config)
    assert said.code == 1
    assert "failed: a/net/predicted/raise\n    ValueError: nothing works" in said.out
    assert "failed    a/net/predicted/raise\n" in said.err
    assert "nothing works" not in said.err, "the reason is told once"
    assert "1 done, 1 failed" in said.out
    report = Path(re.search(r"report: (.*)", said.out)[1])
    assert report == project.folder / "out" / "report.html"
    assert "[1/2]" in said.err
    assert "\x1b" not in said.err + said.out, "no control characters where no terminal is"

    again = call("run", config)
    assert again.code == 2
    assert "--resume" in again.err

    report.unlink()
    assert call("report", project.folder / "out").code == 0
    assert report.exists()
    assert call("report", project.folder).code == 2


@pytest.mark.slow
def test_a_part_of_a_run_and_how_far_it_is(call, project) -> None:
    config = project.config(["saliency", odd("raise")])
    out = project.folder / "out"
    said = call("run", config, "--only", "saliency", "--quiet")
    assert said.code == 0
    assert said.out.startswith("1 done, 0 failed, 1 not asked for\n")
    assert said.err == ""
    found = call("status", out)
    assert found.code == 3
    assert "test: 2 jobs; 1 pending, 1 done\nnobody is at work in it\n" in found.out
    command = re.search(r"go on with:  esegeta (.*)", found.out)[1]
    assert call(*shlex.split(command)).code == 1
    assert "raise\n    ValueError: nothing works" in call("status", out).out
    assert call("status", out).code == 1
    assert call("run", config, "--only-failed", "--plain").out.startswith("failed: a/net")

    wrong = call("run", config, "--only", "salience", "--resume")
    assert wrong.code == 2
    assert "did you mean 'saliency'" in wrong.err
    assert call("run", config, "--only-failed", "--output", "elsewhere").code == 2
    assert call("status", project.folder).code == 2
    assert call("stop", out).code == 2


@pytest.mark.slow
def test_all_done_is_zero_and_methods_may_come_from_a_folder(call, project) -> None:
    (project.folder / "plugins").rename(project.folder / "mine")
    config = project.config([odd("work")])
    assert call("run", config).code == 2
    said = call("run", config, "--plugins", project.folder / "mine", "--output", "here")
    assert said.code == 0, said
    assert Path("here/a/net/predicted/work/map.npy").exists()


def test_a_device_that_is_not_there(call, project) -> None:
    said = call("run", project.config(["saliency"], execution={"devices": ["cuda:77"]}))
    assert said.code == 2
    assert "'cuda:77' is not there; there are: cpu" in said.err
    assert not (project.folder / "out").exists()


@pytest.mark.slow
def test_plan_measures_and_writes_nothing(call, project) -> None:
    broken = {"name": "raises", "task": "classification", "factory": "nets.py:Raises"}
    net = project.data([])["models"][0]
    config = project.config(["occlusion", odd("raise")], models=[net, broken])
    before = sorted(project.folder.rglob("*.*"))
    said = call("plan", config)
    assert said.code == 1, said.err
    assert "a/net/predicted" in said.out
    assert "this network is broken" in said.out
    assert "cost unknown" in said.out
    facts = json.loads(call("plan", config, "--json").out)
    first, second = facts["groups"]
    assert first["spatial"] == [16, 16]
    assert first["seconds"] > 0
    assert first["memory"] > 1e7
    assert sum(job["seconds"] for job in first["jobs"]) == pytest.approx(first["seconds"])
    assert "broken" in second["error"]
    assert facts["totals"]["jobs"] == 4
    assert second["seconds"] is second["memory"] is facts["totals"]["seconds"] is None
    after = [p for p in project.folder.rglob("*.*") if p.suffix != ".pyc"]
    assert sorted(after) == before
    assert not list(Path.cwd().iterdir())


@pytest.mark.slow
def test_plan_says_what_run_would_say(call, project) -> None:
    import torch

    weights = {"head.weight": torch.zeros(3, 8), "tail.weight": torch.zeros(1)}
    torch.save(weights, project.folder / "w.pt")
    net = project.data([])["models"][0]
    models = [net, {**net, "name": "unfit", "weights": "w.pt"}]
    models.append({**net, "name": "leaves", "factory": "nets.py:Leaves"})
    cam = {"use": "grad_cam", "layers": ["features.0", "featurs.0"], "models": ["net"]}
    config = project.config([cam, "saliency"], models=models)
    planned = call("plan", config)
    assert planned.code == 1
    run = call("run", config, "--output", "here")
    reasons = {line.strip() for line in run.out.splitlines() if line.startswith("    ")}
    assert len(reasons) == 3
    for reason in reasons:
        assert reason in planned.out
    facts = json.loads(call("plan", config, "--json").out)
    jobs = {job["id"]: job for group in facts["groups"] for job in group["jobs"]}
    assert jobs["a/net/predicted/grad_cam@features.0"]["seconds"] is not None
    lost = jobs["a/net/predicted/grad_cam@featurs.0"]
    assert "did you mean 'features.0'" in lost["error"]
    assert lost["seconds"] is lost["passes"] is None
    row = next(line for line in planned.out.splitlines() if "@featurs.0" in line)
    assert row.count("unknown") == 3


@pytest.mark.slow
def test_plan_of_what_works_is_zero_and_knows_the_passes(call, project) -> None:
    said = call("plan", project.config(["saliency", {"use": "rise", "with": {"masks": 8}}]))
    assert said.code == 0
    assert re.search(r": 10 forward and 1 backward passes, about .* of memory\n$", said.out), (
        said.out
    )


@pytest.mark.slow
def test_nothing_but_json_on_stdout(project) -> None:
    """Whatever models and plug-ins print, at whatever level."""
    loud = "import ctypes, os\nos.write(1, b'loud import\\n')\nctypes.CDLL(None).puts(b'loud')\n"
    (project.folder / "plugins" / "loud.py").write_text(loud + "print('loud print')\n")
    model = project.data([])["models"][0] | {"factory": "nets.py:Loud"}
    config = project.config(["saliency"], models=[model])
    plugins = ["--plugins", project.folder / "plugins"]
    commands = [["plan", "--json", config], ["layers", "--json", config]]
    commands += [["methods", "--json", *plugins], ["methods", "odd", "--json", *plugins]]
    for command in [*commands, ["schema", *plugins]]:
        said = forked("esegeta", *command)
        assert said.returncode == 0, said.stderr
        json.loads(said.stdout)
        assert "loud" in said.stderr


@pytest.mark.parametrize("width", [30, 60, 100, 160])
def test_names_are_never_cut(call, project, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    from rich.console import Console

    real = Console.__init__

    def narrow(self: Console, *arguments: Any, **options: Any) -> None:
        options.setdefault("width", width)
        real(self, *arguments, force_terminal=True, color_system=None, **options)

    monkeypatch.setattr(Console, "__init__", narrow)
    methods = call("methods").out
    for name in ("layer_gradient_x_activation", "captum.deep_lift", "layer_attribution"):
        assert name in methods
    assert ("paper" in methods.splitlines()[1]) == (width >= 140)
    layers = call("layers", project.config(["saliency"])).out
    assert "features.2" in layers
    assert "Sequential" in layers


def test_a_name_too_long_for_a_folder_is_told_with_its_place(call, project) -> None:
    images = [{"path": "b.png"}, {"path": "a.png", "name": "n" * 300}]
    methods = [{"use": "saliency", "name": "m" * 121}]
    said = call("validate", project.config(methods, images=images))
    assert said.code == 2
    assert re.search(r"images\[1\]\.name: .* 300 characters \(here: 'nnn", said.err)
    assert "methods[0].name" in said.err


def test_layers_are_listed_before_any_is_named(call, project) -> None:
    config = project.config(["grad_cam"])
    assert call("validate", config).code == 2
    said = call("layers", config)
    assert said.code == 0, said.err
    assert re.search(r"features\.2.*Conv2d.*1 × 8 × 16 × 16", said.out)
    facts = json.loads(call("layers", config, "--json").out)
    (conv,) = [layer for layer in facts["net"] if layer["name"] == "features.2"]
    assert (conv["kind"], conv["shape"], conv["calls"]) == ("Conv2d", [1, 8, 16, 16], 1)


def test_layers_of_a_model_that_fails(call, project) -> None:
    model = project.data([])["models"][0] | {"factory": "nets.py:Classifer"}
    said = call("layers", project.config(["saliency"], models=[model]))
    assert said.code == 1
    assert "did you mean 'Classifier'" in said.err


def test_methods_lists_all_and_what_is_missing(call, project) -> None:
    (project.folder / "plugins" / "broken.py").write_text("def f(:\n")
    said = call("methods", "--plugins", project.folder / "plugins")
    assert said.code == 0
    for part in ("rise", "grad_cam", "captum.deep_lift", "odd", "unavailable: broken", "line 1"):
        assert part in said.out, part
    facts = json.loads(call("methods", "--json", "--plugins", project.folder / "plugins").out)
    rise = next(p for p in facts["plugins"] if p["name"] == "rise")
    assert rise["family"] == "attribution"
    assert rise["origin"] == "built-in"
    assert rise["passes"]["forward"] > rise["parameters"]["properties"]["masks"]["default"] - 1
    assert facts["unavailable"][0]["name"] == "broken"


def test_one_method_in_full(call, project) -> None:
    said = call("methods", "rise")
    assert "masks = " in said.out
    assert "≥ 1" in said.out
    unknown = call("methods", "ries")
    assert unknown.code == 2
    assert "did you mean 'rise'" in unknown.err


def test_a_file_dropped_into_plugins_here_is_found(call, project) -> None:
    Path("plugins").mkdir()
    (Path("plugins") / "odd.py").write_text((project.folder / "plugins" / "odd.py").read_text())
    assert "odd" in call("methods").out


def test_schema_is_one(call, project) -> None:
    import jsonschema

    schema = json.loads(call("schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(project.data(["saliency"]), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(project.data(["salience"]), schema)


def test_new_plugin_is_found_next(call, project) -> None:
    said = call("new-plugin", "my_map", "--family", "attribution")
    assert said.code == 0, said.err
    assert Path("plugins/my_map.py").exists()
    assert "my_map" in call("methods").out
    assert call("new-plugin", "my_map").code == 2
    assert call("new-plugin", "other", "--family", "atribution").code == 2


def test_doctor_finds_this_installation_well(call, project) -> None:
    said = call("doctor")
    assert said.code == 0, said.out
    for part in ("torch", "Python", "CPU", "memory", "output here", "extra"):
        assert part in said.out, part


def test_doctor_tells_what_is_broken(call, project, monkeypatch: pytest.MonkeyPatch) -> None:
    from esegeta import doctor

    real_version, real_import = doctor._version, doctor._import
    monkeypatch.setattr(
        doctor,
        "_version",
        lambda n: {"torchvision": "0.9", "rich": None, "lime": None}.get(n, real_version(n)),
    )
    trouble = "RuntimeError: operator torchvision::nms does not exist"
    monkeypatch.setattr(
        doctor, "_import", lambda m: trouble if m == "torchvision" else real_import(m)
    )
    said = call("doctor")
    assert said.code == 1
    assert re.search(r"broken +torchvision +0\.9 does not fit torch", said.out)
    assert "nms does not exist" in said.out
    assert re.search(r"broken +rich +not installed\n +→ pip install", said.out)
    assert 'pip install "esegeta[methods]"' in said.out
