"""The experiments of the paper on class contrast: their arithmetic, and what they find on a trained net."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from esegeta.plugins.experiments import contrast_masking, contrast_perturbation
from safetensors.torch import save_file
from typer.testing import CliRunner

from esegeta import config, experiments
from esegeta.cli import app
from esegeta.errors import PluginError, RunError
from esegeta.experiments import Study
from esegeta.registry import find
from tests.experiments.small_net import Flat, Small

HERE = Path(__file__).parent
LAYER = {"use": "linear_approximation", "layers": ["features.5"]}


def settings(folder, factory, images, methods=("saliency",), **model):
    made = {
        "version": 1,
        "name": "trial",
        "output": str(folder / "out"),
        "models": [
            {
                "name": "net",
                "factory": f"{HERE / 'small_net.py'}:{factory}",
                "task": "classification",
                "weights": str(folder / "net.safetensors"),
                **model,
            }
        ],
        "images": images,
        "methods": list(methods),
        "execution": {"devices": ["cpu"], "threads": 1},
    }
    (folder / "trial.json").write_text(json.dumps(made))
    return folder / "trial.json"


def entries(path, count):
    return [{"path": str(path), "key": "images", "index": i, "axes": "HW"} for i in range(count)]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A config of 160 noisy digits and a net that was trained on others, for some seconds."""
    from sklearn import datasets

    folder = tmp_path_factory.mktemp("digits")
    data = datasets.load_digits()
    generator = torch.Generator().manual_seed(0)
    x = F.interpolate(torch.from_numpy(data.images).float()[:, None] / 16, size=16, mode="bilinear")
    x = (x + 0.35 * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    y = torch.from_numpy(data.target).long()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = Small()
        optimiser = torch.optim.Adam(net.parameters(), 2e-3)
        for _ in range(6):
            for batch in torch.randperm(1200).split(64):
                loss = F.cross_entropy(net(x[batch]), y[batch])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    shown, labels = x[1200:1360], y[1200:1360]
    with torch.no_grad():
        assert net(shown).softmax(1).gather(1, labels[:, None]).mean() >= 0.7
    save_file(net.state_dict(), folder / "net.safetensors")
    np.savez(folder / "digits.npz", images=shown[:, 0].numpy(), labels=labels.numpy())
    return settings(folder, "Small", entries(folder / "digits.npz", len(shown)), [LAYER])


def read(written):
    with written[0].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    record = json.loads(written[1].read_text(encoding="utf-8"))
    assert [list(map(str, row.values())) for row in record["rows"]] == [
        list(row.values()) for row in rows
    ]
    assert written[2].read_bytes()[:4] == b"\x89PNG"
    return record["rows"]


def test_contrast_raises_the_probability_and_the_logit_itself(digits, tmp_path):
    parameters = {"labels": "labels", "epsilons": [0.02], "steps": [2]}
    rows = read(
        experiments.run("contrast-perturbation", digits, output=tmp_path, parameters=parameters)
    )
    by = {row["contrast"]: row for row in rows}
    assert by["none"]["images"] == 160
    gain = {name: row["probability_change"] for name, row in by.items()}
    logit = {name: row["score_change"] for name, row in by.items()}
    assert gain["weighted"] > 1.1 * gain["none"] > 0
    assert gain["max"] > gain["mean"]
    assert logit["none"] > 1.1 * logit["weighted"] > 0
    assert by["weighted"]["accuracy_change"] >= by["none"]["accuracy_change"]


def test_contrasted_features_tell_a_pair_apart(digits, tmp_path):
    rows = read(experiments.run("contrast-masking", digits, output=tmp_path))
    share = {
        (row["class"], row["features"], row["contrast"]): row["share"]
        for row in rows
        if row["baseline"] == "blur"
    }
    for rank in ("t1", "t2"):
        assert share[rank, "positive", "weighted"] > share[rank, "positive", "none"] + 0.02
        assert share[rank, "negative", "weighted"] < share[rank, "negative", "none"] - 0.02
    before = {row["class"]: row["share_before"] for row in rows}
    assert before["t1"] + before["t2"] == pytest.approx(1)
    assert share["t2", "positive", "weighted"] > before["t2"]


@pytest.fixture
def flat(tmp_path):
    """A linear net, four pictures in three folders of classes, and the config."""
    torch.manual_seed(3)
    save_file(Flat().state_dict(), tmp_path / "net.safetensors")
    pictures = torch.rand(4, 4, 4)
    for number, name in enumerate(("cat", "dog", "emu", "dog")):
        (tmp_path / name).mkdir(exist_ok=True)
        np.save(tmp_path / name / f"{number}.npy", pictures[number].numpy())
    np.savez(tmp_path / "set.npz", images=pictures.numpy(), labels=[[0], [1], [2], [1]])
    images = [{"path": str(tmp_path / "*" / "*.npy"), "axes": "HW"}]
    return settings(tmp_path, "Flat", images, classes=["cat", "dog", "emu"])


def test_steps_by_their_equation(flat):
    (subject,) = Study(config.load(flat), find()).subjects("classification")
    state = contrast_perturbation._Before.of(subject, "folder")
    x = subject.images
    assert [["cat", "dog", "emu"][t] for t in state.targets] == ["cat", "dog", "dog", "emu"]
    reach = 0.3 * (x.max() - x.min())
    moved = x.clone()
    for _ in range(2):
        leaf = moved.clone().requires_grad_()
        p = subject.module(leaf).softmax(1)[range(4), state.targets]
        (p / (1 - p)).log().sum().backward()
        moved = moved + reach / 2 * leaf.grad.sign()
        moved = moved.clamp(x.min(), x.max()).maximum(x - reach).minimum(x + reach)
    torch.testing.assert_close(state.moved("weighted", 0.3, 2), moved)
    told = state.compared(moved)
    new = subject.module(moved).softmax(1)[range(4), state.targets]
    old = subject.module(x).softmax(1)[range(4), state.targets]
    assert told["probability_change"] == pytest.approx(float((new - old).mean()), rel=1e-4)


def test_where_the_class_of_an_image_stands(flat, tmp_path):
    data = json.loads(flat.read_text())
    scores = torch.eye(3)[[2, 0, 1, 1]]

    def targets(labels, **changes):
        settings = config.parse({**data, **changes}, tmp_path)
        (subject,) = Study(settings, find()).subjects("classification")
        return subject.targets(labels, scores).tolist()

    packed = entries(tmp_path / "set.npz", 4)
    assert targets("") == [2, 0, 1, 1]
    assert targets("", target={"class": "dog"}) == [1] * 4
    assert targets("folder") == [0, 1, 1, 2]
    assert targets("labels", images=packed) == [0, 1, 2, 1]
    with pytest.raises(RunError, match="did you mean 'labels'"):
        targets("lables", images=packed)
    with pytest.raises(RunError, match='of which the image has an "index"'):
        targets("labels")


def test_how_many_voxels_go():
    maps = {
        "none": torch.tensor([3.0, 2, 1, 1, -1, -1, 0]),  # 4 positive, 2 negative
        "weighted": torch.tensor([3.0, -2, -1, -1, -1, 0, 0]),  # 1 positive, 4 negative
    }
    assert contrast_masking.removed(maps, "positive", "symmetric") == 2
    assert contrast_masking.removed(maps, "negative", "symmetric") == 1
    assert contrast_masking.removed(maps, "positive", "authors") == 1
    assert contrast_masking.removed(maps, "negative", "authors") == 4
    masks = {
        (features, contrast): mask.nonzero().flatten().tolist()
        for features, contrast, mask in contrast_masking._masks(maps, "symmetric")
    }
    assert masks["positive", "none"] == [4, 5]  # the lowest
    assert masks["positive", "weighted"] == [1, 2]
    assert masks["negative", "none"] == masks["negative", "weighted"] == [0]  # the highest


def test_a_sure_model_wavers_on_no_image(flat):
    with pytest.raises(RunError, match="'net' wavers on no image"):
        experiments.run("contrast-masking", flat, parameters={"least": 0.499})


def test_what_does_not_exist_is_told(flat):
    with pytest.raises(PluginError, match="did you mean 'contrast-masking'"):
        experiments.run("contrast-maskin", flat)
    with pytest.raises(RunError, match="count_rule: Input should be 'symmetric', 'authors'"):
        experiments.run("contrast-masking", flat, parameters={"count_rule": "odd"})
    data = json.loads(flat.read_text())
    data["models"][0]["task"] = "segmentation"
    with pytest.raises(RunError, match="for classification; 'net' is for segmentation"):
        experiments.run("contrast-masking", data)


def test_the_command(flat):
    runner = CliRunner()
    assert "contrast-masking " in runner.invoke(app, ["experiment"]).output
    assert "--set epsilons=" in runner.invoke(app, ["experiment", "contrast-perturbation"]).output
    given = ["--set", "epsilons=[0.1]", "--set", "steps=[1]", "--set", "labels=folder"]
    done = runner.invoke(app, ["experiment", "contrast-perturbation", str(flat), *given])
    assert done.exit_code == 0, done.output
    folder = flat.parent / "out" / "experiments" / "contrast-perturbation"
    assert [path.name for path in sorted(folder.iterdir())] == [
        "figure.png", "table.csv", "table.json",
    ]  # fmt: skip
    assert str(folder / "table.csv") in done.output
    record = json.loads((folder / "table.json").read_text())
    assert record["parameters"] == {"epsilons": [0.1], "steps": [1], "labels": "folder"}
    wrong = runner.invoke(app, ["experiment", "contrast-perturbation", str(flat), "--set", "steps"])
    assert isinstance(wrong.exception, RunError)
