"""Training: what is kept, what is refused, and that a broken one goes on as if it had not been."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

import esegeta
from esegeta import ConfigError, ImageError, MethodError, RunError
from esegeta.cli import app
from tests.forked import forked
from tests.learning import toy


def weights(folder: Path) -> torch.Tensor:
    return load_file(folder / "made" / "weights.safetensors")["weight"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A whole training and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    made = toy.write(folder, epochs=40)
    esegeta.train(made)
    return folder, made


def test_what_is_learnt_is_the_models_own_slope(trained):
    folder, _ = trained
    wanted = load_file(folder / "net.safetensors")["1.weight"].view(3, 1, 6, 6)
    found = weights(folder)
    assert torch.corrcoef(torch.stack([found.flatten(), wanted.flatten()]))[0, 1] > 0.97


def test_a_run_explains_by_what_was_trained(trained):
    folder, made = trained
    ended = esegeta.run(made, quiet=True)
    assert not ended.reasons
    image = np.load(folder / "set.npz")["images"][3]
    record = json.loads(next((folder / "run").rglob("learnt_slope/result.json")).read_text())
    found = np.load(next((folder / "run").rglob("learnt_slope/map.npy")))
    index = record["target"]["index"]
    np.testing.assert_allclose(
        found.squeeze(), weights(folder)[index, 0].numpy() * image, rtol=1e-5
    )
    assert record["passes"] == {
        "forward": 0,
        "backward": 0,
    }  # another method had asked for the class


def test_the_card_tells_what_it_is_and_the_folder_holds_no_images(trained):
    folder, _ = trained
    card = json.loads((folder / "made" / "card.json").read_text())
    assert (card["classes"], card["shape"], card["data"]["images"]) == (3, [1, 6, 6], 80)
    assert card["epochs"] == card["best_epoch"] == 40
    names = {path.name for path in (folder / "made").iterdir()}
    assert names == {
        "weights.safetensors", "card.json", "losses.csv", "losses.png", "report.html", "train.log",
        "made-of.json",
    }  # fmt: skip
    assert len((folder / "made" / "losses.csv").read_text().splitlines()) == 41


def test_resume_keeps_what_is_unchanged_and_makes_the_rest_anew(tmp_path):
    made = toy.write(tmp_path, epochs=1)
    esegeta.train(made)
    with pytest.raises(RunError, match="holds a training already"):
        esegeta.train(made)
    before = weights(tmp_path)
    (again,) = esegeta.train(made, resume=True)
    assert again.kept
    with (tmp_path / "net.py").open("a") as file:
        file.write("# changed\n")
    (changed,) = esegeta.train(made, resume=True)
    assert not changed.kept
    made["execution"]["seed"] = 5
    (other,) = esegeta.train(made, resume=True)
    assert not other.kept
    assert not torch.equal(before, weights(tmp_path))


SCRIPT = """
import json, sys
sys.path.insert(0, {root!r})
import esegeta
from esegeta.learning.fit import require_lightning
require_lightning()
from esegeta.learning import loop
line = loop.Keeping._line
def told(self, row):
    print("epoch", flush=True)
    return line(self, row)
loop.Keeping._line = told
esegeta.train(json.load(open({config!r})), resume=True)
"""


def test_killed_it_resumes_to_the_weights_of_an_unbroken_training(tmp_path):
    whole = toy.write(tmp_path / "whole", epochs=30)
    esegeta.train(whole)
    broken = toy.write(tmp_path / "broken", epochs=30)
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    root = str(Path(toy.__file__).parents[2])
    code = SCRIPT.format(root=root, config=str(path))
    for epochs in (3, 9):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(epochs):
            assert process.stdout.readline() == "epoch\n"
        time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "broken" / "made" / "card.json").exists()
    (done,) = esegeta.train(broken, resume=True)
    assert done.card["epochs"] == 30
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


def test_a_training_may_have_a_seed_of_its_own(tmp_path, capfd):
    made = toy.write(tmp_path, epochs=1)
    seeds = [{"name": f"seed {n}", "seed": n, "output": str(tmp_path / str(n))} for n in (0, 1)]
    made["train"] = [*made["train"], *({**made["train"][0], **one} for one in seeds)]
    done = esegeta.train(made, bar=True)
    assert [one.card["seed"] for one in done] == [0, 0, 1]
    plain, same, other = (load_file(one.folder / "weights.safetensors")["weight"] for one in done)
    assert torch.equal(plain, same)
    assert not torch.equal(plain, other)
    assert "Epoch 0" in "".join(capfd.readouterr())


def test_patience_ends_it_and_keeps_the_best_epoch(tmp_path):
    data = {"path": str(tmp_path / "set.npz"), "axes": "HW", "key": "more", "labels": "more_labels"}
    made = toy.write(
        tmp_path, epochs=60, validation=data, patience=2, **{"with": {"rate": 1.5, "noise": 0.01}}
    )
    (done,) = esegeta.train(made)
    rows = (tmp_path / "made" / "losses.csv").read_text().splitlines()
    column = rows[0].split(",").index("validation_loss")
    losses = [float(row.split(",")[column]) for row in rows[1:]]
    assert len(losses) < 60
    assert done.card["best_epoch"] == 1 + int(np.argmin(losses)) == len(losses) - 2
    assert done.card["validation"]["images"] == 20


def test_half_precision_learns_too(tmp_path):
    made = toy.write(tmp_path, epochs=8, **{"with": {"noise": 0.1}})
    made["execution"]["amp"] = "bf16"
    (done,) = esegeta.train(made)
    assert done.card["losses"]["loss"] < 10
    assert weights(tmp_path).dtype == torch.float32


def test_another_model_another_shape_and_other_classes_are_refused(trained, tmp_path):
    folder, _ = trained
    made = folder / "made"
    plugins = {"learnt_slope"}
    image = np.load(folder / "set.npz")["images"][3][None]
    net = toy.linear(folder)
    with pytest.MonkeyPatch.context() as patch:
        from esegeta import engine
        from esegeta.registry import find

        registry = find([folder / "plugins"])
        assert plugins <= set(registry.trainings) & set(registry.plugins)
        patch.setattr(engine, "_registry", lambda: registry)
        assert esegeta.explain(net, image, "learnt_slope", artifact=made).map.shape == (1, 6, 6)
        double = esegeta.explain(net.double(), image, "learnt_slope", artifact=made)
        assert double.map.shape == (1, 6, 6)
        other = toy.linear(folder)
        with torch.no_grad():
            other[1].weight[0, 0] += 0.1
        with pytest.raises(MethodError, match="to explain another model \\('net'\\)"):
            esegeta.explain(other, image, "learnt_slope", artifact=made)
        with pytest.raises(MethodError, match=r"shape \(1, 6, 6\); this one has \(1, 4, 9\)"):
            esegeta.explain(net, image.reshape(1, 4, 9), "learnt_slope", artifact=made)
        with pytest.raises(MethodError, match="has to be trained"):
            esegeta.explain(net, image, "learnt_slope")
        with pytest.raises(MethodError, match="is not trained"):
            esegeta.explain(net, image, "saliency", artifact=made)
        with pytest.raises(MethodError, match=r"holds no card\.json"):
            esegeta.explain(net, image, "learnt_slope", artifact=tmp_path)
        for change, words in (
            ({"classes": 4}, "for 4 classes; the target has 3"),
            ({"training": "p_tame"}, "trained for 'p_tame', not for 'learnt_slope'"),
            ({"version": 7}, "version 7"),
            ({"sha256": "0"}, "was changed or cut off"),
        ):
            copy = tmp_path / next(iter(change))
            copy.mkdir()
            for name in ("weights.safetensors", "card.json"):
                (copy / name).write_bytes((made / name).read_bytes())
            card = json.loads((copy / "card.json").read_text())
            (copy / "card.json").write_text(json.dumps({**card, **change}))
            with pytest.raises(MethodError, match=words):
                esegeta.explain(toy.linear(folder), image, "learnt_slope", artifact=copy)


def broken(folder: Path, **changes) -> dict:
    made = toy.write(folder)
    made["train"][0] |= changes
    return made


@pytest.mark.parametrize(
    ("changes", "where", "message"),
    [
        ({"use": "learnt_slop"}, "train[0].use", "no such training"),
        ({"with": {"rate": -1}}, "train[0].with.rate", "above 0"),
        ({"model": "nett"}, "train[0].model", "no such model"),
        ({"epochs": 0}, "train[0].epochs", ""),
        ({"patience": 2}, "train[0].patience", "of which there is none"),
        ({"start": "gone.safetensors"}, "train[0].start", "no such file"),
        ({"data": {"path": "gone.npz"}}, "train[0].data.path", "no such file"),
        ({"data": {}}, "train[0].data", "one is missing"),
        ({"data": {"path": "*.png", "labels": "x"}}, "train[0].data.labels", "'folder'"),
    ],
)
def test_what_is_wrong_in_the_config_is_said_where_it_stands(tmp_path, changes, where, message):
    with pytest.raises(ConfigError) as caught:
        esegeta.train(broken(tmp_path, **changes))
    assert any(p.path == where and message in str(p) for p in caught.value.problems), caught.value


def test_a_run_before_the_training_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="has not been trained yet"):
        esegeta.run(toy.write(tmp_path))
    made = toy.write(tmp_path)
    made["train"] = []
    with pytest.raises(ConfigError, match="has to be trained for 'net'"):
        esegeta.run(made)
    with pytest.raises(RunError, match="nothing to train"):
        esegeta.train({**made, "methods": ["saliency"]})


def test_bad_data_is_refused_with_its_place(tmp_path):
    made = toy.write(tmp_path)
    path = tmp_path / "set.npz"
    known = dict(np.load(path))
    for change, words in (
        ({"labels": np.full(80, 3)}, r"label 3, but 'net' gives 3 classes"),
        ({"labels": np.zeros(79, int)}, "for each of 80 images"),
        ({"labels": np.full(80, -1)}, "whole number from 0"),
        ({"images": known["images"] * np.nan}, "NaN"),
        ({"images": np.zeros((80, 6, 7), np.float32)}, "raised RuntimeError"),
    ):
        np.savez(path, **{**known, **change})
        with pytest.raises((ImageError, RunError, esegeta.ModelError), match=words):
            esegeta.train(made, resume=True)
        assert not (tmp_path / "made" / "card.json").exists()


def test_images_in_folders_are_labelled_by_them(tmp_path):
    from PIL import Image

    made = toy.write(tmp_path, epochs=1)
    for number in range(9):
        folder = tmp_path / "pictures" / "abc"[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(number).integers(0, 255, (6, 6), np.uint8)
        Image.fromarray(values).save(folder / f"{number}.png")
    made["train"][0]["data"] = {
        "path": str(tmp_path / "pictures" / "*" / "*.png"),
        "labels": "folder",
    }
    (done,) = esegeta.train(made)
    assert done.card["data"]["images"] == 9
    (tmp_path / "pictures" / "a").rename(tmp_path / "pictures" / "q")
    with pytest.raises(ImageError, match="its folder names no class"):
        esegeta.train(made, resume=True)


def test_a_factory_gives_data_and_start_weights_reach_the_plugin(tmp_path):
    made = toy.write(tmp_path, epochs=1)
    (tmp_path / "plugins" / "slope.py").write_text(
        toy.PLUGIN.replace(
            "return Follow(course, rate, noise)",
            "found = Follow(course, rate, noise); found.kept.load_state_dict(course.start); return found",
        )
    )
    save_file({"weight": torch.full((3, 1, 6, 6), 7.0)}, tmp_path / "start.safetensors")
    (tmp_path / "data.py").write_text(
        "import numpy as np\ndef make(n):\n"
        "    return np.random.default_rng(0).random((n, 6, 6)), np.zeros(n, int)\n"
    )
    made["train"][0] |= {
        "data": {"factory": f"{tmp_path}/data.py:make", "arguments": {"n": 12}},
        "start": str(tmp_path / "start.safetensors"),
        "with": {"rate": 1e-6},
    }
    (done,) = esegeta.train(made)
    assert done.card["data"]["images"] == 12
    assert (weights(tmp_path) - 7).abs().max() < 1e-3


def test_the_command_trains_and_says_where(tmp_path):
    path = tmp_path / "toy.json"
    path.write_text(json.dumps(toy.write(tmp_path, epochs=2)))
    ended = forked("esegeta", "train", path)
    assert ended.returncode == 0, ended.stderr
    assert "epoch 2 of 2" in ended.stderr
    assert f"wrote {tmp_path / 'made'}" in ended.stdout
    with pytest.raises(RunError, match="--resume"):
        CliRunner().invoke(app, ["train", str(path)], catch_exceptions=False)
