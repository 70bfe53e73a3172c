"""Trainings that build on one another, and what is read of images once before the first epoch."""

import copy
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import esegeta
from esegeta import Artifact, ConfigError, MethodError, RunError
from tests.learning import toy

PLUGIN = '''
"""Learns the mean of images without a model; on it builds what learns how far images are from it."""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from torch import nn

from esegeta import Artifact, Course, Learner, Param, Passes, Probe, attribution, training


class Ground(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(shape))


class Nearing(Learner):
    """Draws the kept weight near noisy images, or near the rows that are read of them."""

    def __init__(self, shape, rate):
        super().__init__()
        self.settings = {"shape": list(shape)}
        self.kept = Ground(**self.settings)
        self._rate = rate

    def optimiser(self, steps):
        found = torch.optim.Adam(self.kept.parameters(), lr=self._rate)
        return found, torch.optim.lr_scheduler.OneCycleLR(found, self._rate, total_steps=steps)

    def losses(self, images, labels, step):
        wanted = images + 0.3 * torch.randn_like(images)
        return {"loss": (wanted - self.kept.weight).square().mean()}


class Above(Nearing):
    """Learns what is left of images above a ground; notes what it is asked."""

    def __init__(self, shape, rate, ground, note, broken):
        super().__init__([shape[-1] ** 2], rate)
        self._ground, self._note, self._broken = (ground,), note, broken

    def read(self, images):
        rows = (images - self._ground[0].weight).flatten(1)
        self._keep("read", images)
        self._keep("rows", rows)
        if self._broken == "nan":
            rows[-1, 0] = float("nan")
        return rows[:1] if self._broken == "one row" else rows

    def losses(self, images, labels, step):
        assert (labels is not None) and len(labels) == len(images)
        self._keep("got" if step >= 0 else "measured", images)
        return super().losses(images, labels, step)

    def _keep(self, what, values):
        if self._note:
            folder = Path(self._note)
            folder.mkdir(exist_ok=True)
            np.save(folder / f"{what}-{len(list(folder.iterdir())):04}.npy", values.numpy())


@training(paper="ours", makes="base")
def ground(
    course: Course, *, rate: Annotated[float, Param(gt=0, help="Learning rate")] = 0.05
) -> Learner:
    """Learn the mean of images."""
    assert (course.model, course.network, course.wrapper) == (None, None, None)
    assert (course.classes, course.class_names, course.base) == (0, (), None)
    return Nearing(course.shape, rate)


@training(paper="ours", makes="base", base="ground")
def storey(course: Course) -> Learner:
    """Build on a base what is one itself."""
    assert course.model is None
    course.base.network(Ground, course.device)
    return Nearing(course.shape, 0.05)


@training(paper="ours", base="storey")
def roof(course: Course) -> Learner:
    """Build on what was built."""
    return Nearing(course.shape, 0.05)


@training(paper="ours", method="above", base="ground")
def train_above(
    course: Course,
    *,
    note: Annotated[str, Param(help="A folder for what it is asked")] = "",
    broken: Annotated[str, Param(help="What is wrong with the rows")] = "",
) -> Learner:
    """Learn what is left of images above their mean."""
    assert course.classes == course.scores(torch.zeros(1, *course.shape)).shape[1] == 3
    found = course.base.network(Ground, course.device)
    return Above(course.shape, 0.05, found, note, broken)


@attribution(paper="ours", passes=Passes(forward=1), gradients=False)
def above(probe: Probe, artifact: Artifact) -> torch.Tensor:
    """The ground, and what was learnt above it."""
    low = artifact.base.network(Ground, probe.image.device).weight
    return low + artifact.network(Ground, probe.image.device).weight.reshape(low.shape)
'''


def write(folder: Path, *names: str, epochs: int = 2, **above) -> dict:
    """Write the plug-ins and the toy's data; give a config with these trainings."""
    made = toy.write(folder, epochs=epochs)
    (folder / "plugins" / "ground.py").write_text(PLUGIN)
    (entry,) = made["train"]
    made["train"] = [
        {**entry, "use": use, "output": str(folder / use)} for use in names or ("ground", "above")
    ]
    for one in made["train"]:
        one |= above if one["use"] == "above" else {}
    return made | {"methods": ["input_x_gradient"]}


def weight(folder: Path) -> torch.Tensor:
    return load_file(folder / "weights.safetensors")["weight"]


def card(folder: Path) -> dict:
    return json.loads((folder / "card.json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base and what builds on it, of two epochs; the second notes what it is asked."""
    folder = tmp_path_factory.mktemp("based")
    data = {"path": str(folder / "set.npz"), "axes": "HW", "key": "more", "labels": "more_labels"}
    made = write(folder, validation=data, **{"with": {"note": str(folder / "note")}})
    esegeta.train(made)
    return folder, made


def test_a_base_is_trained_without_a_model(trained):
    folder, _ = trained
    found = card(folder / "ground")
    assert found["model"] is None
    assert (found["makes"], found["classes"], found["class_names"]) == ("base", 0, [])
    assert found["shape"] == [1, 6, 6]
    assert not (folder / "ground" / "base").exists()


def test_the_page_of_a_base_names_the_training_alone(trained):
    folder, _ = trained
    page = (folder / "ground" / "report.html").read_text()
    assert "<title>ground</title>" in page
    assert "<h1>ground</h1>" in page
    assert "<h1>above for net</h1>" in (folder / "above" / "report.html").read_text()


def test_an_artifact_holds_a_copy_of_its_base(trained):
    folder, _ = trained
    copied = {path.name for path in (folder / "above" / "base").iterdir()}
    assert copied == {"weights.safetensors", "card.json"}
    found = Artifact.open(folder / "above").base
    assert found.card == card(folder / "ground")
    assert torch.equal(weight(found.folder), weight(folder / "ground"))


def test_moved_and_with_its_base_deleted_it_explains_as_before(trained, tmp_path, monkeypatch):
    folder, _ = trained
    wanted = weight(folder / "ground") + weight(folder / "above").view(1, 6, 6)
    elsewhere = Path(shutil.copytree(folder, tmp_path / "all"))
    (elsewhere / "above").rename(tmp_path / "moved")
    shutil.rmtree(elsewhere / "ground")
    from esegeta import engine
    from esegeta.registry import find

    registry = find([folder / "plugins"])
    monkeypatch.setattr(engine, "_registry", lambda: registry)
    image = np.load(folder / "set.npz")["images"][3][None]
    found = esegeta.explain(toy.linear(folder), image, "above", artifact=tmp_path / "moved")
    assert torch.equal(found.map, wanted)


def test_what_has_no_base_says_so_when_asked_for_it(trained):
    folder, _ = trained
    with pytest.raises(MethodError, match=r"base holds no card\.json"):
        _ = Artifact.open(folder / "ground").base


def noted(folder: Path, what: str) -> list[np.ndarray]:
    return [np.load(path) for path in sorted((folder / "note").glob(f"{what}-*.npy"))]


def in_order(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def test_every_image_is_read_once_before_the_first_epoch(trained):
    folder, _ = trained
    data = np.load(folder / "set.npz")
    read = noted(folder, "read")
    assert len(read) > 2, "the images are not in memory all together"
    known = np.concatenate([data["images"], data["more"]])[:, None]
    np.testing.assert_array_equal(np.concatenate(read), known)
    names = sorted(p.name.split("-")[::-1] for p in (folder / "note").iterdir())
    kinds = [kind for _, kind in names]
    assert kinds.index("got") > max(n for n, kind in enumerate(kinds) if kind == "read")


def test_losses_and_measures_get_the_rows_that_were_read(trained):
    folder, _ = trained
    rows, got = np.concatenate(noted(folder, "rows")), noted(folder, "got")
    assert {part.shape[1:] for part in got} == {(36,)}
    assert len(got) == 2 * 5
    for epoch in (got[:5], got[5:]):
        np.testing.assert_array_equal(in_order(np.concatenate(epoch)), in_order(rows[:80]))
    for epoch in np.split(np.concatenate(noted(folder, "measured")), 2):
        np.testing.assert_array_equal(epoch, rows[80:])


def test_a_base_of_another_folder_is_taken_where_one_is_named(trained, tmp_path):
    folder, _ = trained
    made = write(tmp_path, "above", epochs=1, base=str(folder / "ground"))
    esegeta.train(made)
    assert torch.equal(weight(tmp_path / "above" / "base"), weight(folder / "ground"))


def test_what_is_built_may_be_built_on(tmp_path):
    esegeta.train(write(tmp_path, "ground", "storey", "roof", epochs=1))
    found = Artifact.open(tmp_path / "roof")
    assert [found.base.card["training"], found.base.base.card["training"]] == ["storey", "ground"]
    assert torch.equal(weight(found.base.base.folder), weight(tmp_path / "ground"))


def test_resume_keeps_both_and_makes_both_anew_where_the_base_has_changed(trained, tmp_path):
    folder, made = trained
    made = copy.deepcopy(made)
    for one in made["train"]:
        shutil.copytree(one["output"], tmp_path / one["use"])
        one["output"] = str(tmp_path / one["use"])
    assert [one.kept for one in esegeta.train(made, resume=True)] == [True, True]
    made["train"][0]["seed"] = 5
    assert [one.kept for one in esegeta.train(made, resume=True)] == [False, False]
    assert torch.equal(weight(tmp_path / "above" / "base"), weight(tmp_path / "ground"))
    assert not torch.equal(weight(tmp_path / "ground"), weight(folder / "ground"))


def test_a_copy_of_the_base_that_was_lost_is_there_again_after_resume(trained, tmp_path):
    folder, _ = trained
    made = write(tmp_path, "above", epochs=1, base=str(folder / "ground"))
    esegeta.train(made)
    shutil.rmtree(tmp_path / "above" / "base")
    (again,) = esegeta.train(made, resume=True)
    assert again.kept
    assert torch.equal(weight(tmp_path / "above" / "base"), weight(folder / "ground"))


def test_where_the_base_is_gone_a_training_may_build_on_its_own_copy(trained, tmp_path):
    folder, _ = trained
    shutil.copytree(folder / "above", tmp_path / "above")
    made = write(tmp_path, "above", epochs=1, base=str(tmp_path / "above" / "base"))
    (done,) = esegeta.train(made, resume=True)
    assert not done.kept
    assert torch.equal(weight(tmp_path / "above" / "base"), weight(folder / "ground"))


SCRIPT = """
import json, os, signal, sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
import esegeta
from esegeta.learning.fit import require_lightning
require_lightning()  # once for both, as it takes long
made = json.loads({made!r})
for name in ("ground", "above"):
    child = os.fork()
    if child == 0:
        def tell(line):
            if line.startswith(f"{{name}}: epoch 3 "):
                threading.Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
        esegeta.train(made, resume=True, tell=tell)
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    print(json.dumps([ended, [(Path(one["output"]) / "card.json").exists() for one in made["train"]]]))
"""


def test_killed_in_either_it_resumes_to_the_weights_of_unbroken_trainings(tmp_path):
    esegeta.train(write(tmp_path / "whole", epochs=20))
    broken = write(tmp_path / "broken", epochs=20)
    code = SCRIPT.format(root=str(Path(toy.__file__).parents[2]), made=json.dumps(broken))
    process = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    killed = [json.loads(line) for line in process.stdout.splitlines()]
    assert killed == [[signal.SIGKILL, [False, False]], [signal.SIGKILL, [True, False]]]
    base, above = esegeta.train(broken, resume=True)
    assert base.kept
    assert not above.kept
    assert "epoch 1 of" not in (above.folder / "train.log").read_text().rpartition("images of")[2]
    for name in ("ground", "above", "above/base"):
        assert torch.equal(weight(tmp_path / "whole" / name), weight(tmp_path / "broken" / name))


@pytest.mark.parametrize(
    ("names", "changes", "where", "message"),
    [
        (["ground"], {"model": "net"}, "train[0].model", "ground learns of images alone"),
        (["ground"], {"base": "x"}, "train[0].base", "ground builds on no other training"),
        (["above"], {}, "train[0]", "above builds on a training 'ground'"),
        (["storey", "above"], {}, "train[1]", "above builds on a training 'ground'"),
        (["above", "ground"], {}, "train[0]", "above builds on 'ground', which this config trains"),
    ],
)
def test_what_is_wrong_with_a_base_is_said_where_it_stands(
    tmp_path, names, changes, where, message
):
    made = write(tmp_path, *names)
    made["train"][-1] |= changes
    with pytest.raises(ConfigError) as caught:
        esegeta.train(made)
    found = [(problem.path, problem.message) for problem in caught.value.problems]
    assert (where, message) in [(at, said[: len(message)]) for at, said in found]


def test_of_two_models_a_base_is_for_neither_and_what_builds_on_it_for_one(tmp_path):
    made = write(tmp_path, epochs=1)
    made["models"].append({**made["models"][0], "name": "other"})
    with pytest.raises(ConfigError) as caught:
        esegeta.train(made)
    assert [problem.path for problem in caught.value.problems] == ["train[1].model"]
    made["train"][1]["model"] = "other"
    esegeta.train(made)
    assert card(tmp_path / "above")["model"]["name"] == "other"


def test_a_base_that_another_training_made_or_none_is_refused(trained, tmp_path):
    folder, _ = trained
    made = write(tmp_path, "above", epochs=1, base=str(folder / "above"))
    with pytest.raises(MethodError, match="trained for 'above', not for 'ground'"):
        esegeta.train(made)
    (tmp_path / "empty").mkdir()
    made["train"][0]["base"] = str(tmp_path / "empty")
    with pytest.raises(MethodError, match=r"holds no card\.json"):
        esegeta.train(made)
    assert not (tmp_path / "above").exists()


def test_a_base_whose_weights_were_changed_is_refused(trained, tmp_path):
    folder, _ = trained
    shutil.copytree(folder / "ground", tmp_path / "ground")
    with (tmp_path / "ground" / "weights.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    made = write(tmp_path, "above", epochs=1, base=str(tmp_path / "ground"))
    with pytest.raises(MethodError, match="was changed or cut off"):
        esegeta.train(made)


@pytest.mark.parametrize(
    ("broken", "message"),
    [("nan", "read of image 0 or after it is not finite"), ("one row", "a row for each")],
)
def test_rows_that_are_wrong_are_refused(trained, tmp_path, broken, message):
    folder, _ = trained
    made = write(
        tmp_path, "above", epochs=1, base=str(folder / "ground"), **{"with": {"broken": broken}}
    )
    with pytest.raises(RunError, match=message):
        esegeta.train(made)
    assert not (tmp_path / "above" / "card.json").exists()
