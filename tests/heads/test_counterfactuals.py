"""The experiment of DiffExplainer, in short: digits of 8 × 8, an eight against a three."""

import csv
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import save_file

import esegeta
from esegeta import experiments
from tests.heads.small_digits import digits, taught

pytestmark = pytest.mark.slow

IMAGES = 40
FILE = str(Path(__file__).with_name("small_digits.py"))


def data(part: str, *only: int) -> dict:
    arguments = {"part": part, **({"only": list(only)} if only else {})}
    return {"factory": f"{FILE}:digits", "arguments": arguments, "axes": "HW"}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """Everything trained: two classifiers, one of labels of chance; autoencoder; agents."""
    folder = tmp_path_factory.mktemp("digits")
    models = {"own": {}, "second": {"seed": 1}, "permuted": {"seed": 2, "permuted": True}}
    for name, given in models.items():
        save_file(taught(**{"seed": 0, **given}).state_dict(), folder / f"{name}.safetensors")
    images, labels = (part[:IMAGES] for part in digits("test", (3, 8)))
    np.savez(folder / "test.npz", images=images, labels=labels)
    agents = {"kl": ("kl", "own"), "l1": ("l1", "own"), "of chance": ("kl", "permuted")}
    settings = {
        "version": 1,
        "name": "digits",
        "models": [
            {
                "name": name, "factory": f"{FILE}:ThreeOrEight", "task": "classification",
                "weights": str(folder / f"{name}.safetensors"), "classes": ["3", "8"],
            }
            for name in models
        ],
        "train": [
            {
                "use": "diffusion_autoencoder", "data": data("train"), "epochs": 40, "batch": 64,
                "with": {"widths": [24, 48], "latent": 24, "learning_rate": 4e-3},
                "output": str(folder / "autoencoder"),
            },
            *(
                {
                    "use": "diff_explainer", "name": name, "model": of, "data": data("train", 3, 8),
                    "with": {"objective": objective}, "epochs": 60, "output": str(folder / name),
                }
                for name, (objective, of) in agents.items()
            ),
        ],
        "methods": [
            *(
                {"use": "diff_explainer", "name": name, "models": [of], "artifact": str(folder / name)}
                for name, (_, of) in agents.items()
            ),
            {"use": "saliency", "models": ["own"]},
        ],
        "images": [
            {"name": f"test {number}", "path": str(folder / "test.npz"), "key": "images",
             "index": number, "axes": "HW"}
            for number in range(IMAGES)
        ],
        "output": str(folder / "run"),
        "execution": {"devices": ["cpu"], "threads": 1},
    }  # fmt: skip
    esegeta.train(settings)
    del settings["train"]
    return settings


@pytest.fixture(scope="module")
def found(config, tmp_path_factory):
    """The table of the experiment: values by measure, way, judge and α."""
    folder = tmp_path_factory.mktemp("table")
    paths = experiments.run("diff-explainer", config, output=folder, parameters={"steps": 15})
    assert [path.name for path in paths] == ["table.csv", "table.json", "figure.png"]
    with paths[0].open(newline="", encoding="utf-8") as file:
        return {
            (row["measure"], row["way"], row["judged by"], float(row["α"] or 0)): float(
                row["value"]
            )
            for row in csv.DictReader(file)
        }


def test_images_are_restored_by_the_noise_that_was_found(found):
    restored, random = (found[f"{way}: PSNR, dB", "", "", 0] for way in ("restored", "random x_T"))
    assert restored > 30
    assert restored - random > 8
    assert found["restored: same decision", "", "", 0] == 1
    assert found["restored: SSIM", "", "", 0] > 0.98


def test_the_latent_says_what_the_image_is(found):
    """The noise of one image with the latent of another is called what the other is."""
    other = found["latent of another image: decision of that image", "", "", 0]
    assert other > 0.7
    assert found["latent of another image: PSNR, dB", "", "", 0] < 20


def test_the_agent_says_what_the_teacher_does(found):
    assert found["agent: accuracy", "kl", "", 0] > 0.9
    assert found["agent: AUC", "l1", "", 0] > 0.9


def test_the_probability_rises_along_the_way(found):
    positions = [-4, -2, -1, -0.5, 0, 0.5, 1, 2, 4]
    means = [found["probability", "own", "own", at] for at in positions]
    assert all(one < other for one, other in pairwise(means))
    assert found["mean rises at every step", "own", "own", 0] == 1
    assert found["flips", "own", "own", 4] > 0.6


def test_another_network_is_persuaded_too(found):
    assert found["flips", "own", "second", 4] > 0.6


def test_a_way_of_chance_leads_nowhere(found):
    name = "trend: probability at the end less at the beginning"
    assert abs(found[name, "(random)", "own", 0]) < 0.2
    assert found[name, "own", "own", 0] > 3 * abs(found[name, "(random)", "own", 0])
    assert found["flips", "(random)", "own", 4] < 0.3


def test_an_explanation_turns_the_decision_and_shows_it(config):
    """One image through a run: the strip, the map where the model changes its mind, and its floor."""
    (own, *_), images = config["models"], config["images"][:2]
    only = {**config, "models": [own], "methods": config["methods"][:1], "images": images}
    assert not esegeta.run(only, quiet=True).reasons
    results = sorted(Path(config["output"]).rglob("result.json"))
    assert len(results) == len(images)
    for path in results:
        result = json.loads(path.read_text())
        (way,) = result["strip"]["ways"]
        origin, turn = (result["strip"]["positions"].index(at) for at in (0, way["turn"]))
        assert way["predicted"][turn] != way["predicted"][origin]
        assert float(result["notes"]["reconstruction"].removesuffix(" dB")) > 30
