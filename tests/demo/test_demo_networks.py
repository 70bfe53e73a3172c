"""The shipped weights: what they reach is what their cards say, and they stay small."""

import json
from pathlib import Path

import pytest
import torch

from esegeta.demo import digit_network, vessel_network
from esegeta.demo.networks import WEIGHTS, card

ROOT = Path(__file__).parents[2]
CONFIG = json.loads((ROOT / "configs" / "demo.json").read_text(encoding="utf-8"))


def model(name):
    return next(m for m in CONFIG["models"] if m["name"] == name)


def seeds_shown():
    return [i["arguments"]["seed"] for i in CONFIG["images"] if "factory" in i]


def test_the_weights_are_small():
    files = list(WEIGHTS.glob("*.safetensors"))
    assert {f.stem for f in files} == {"vessels", "digits"}
    assert sum(f.stat().st_size for f in files) < 3_000_000


@pytest.mark.parametrize("name", ["vessels", "digits"])
def test_a_card_says_how_the_weights_were_made(name):
    content = card(name)
    for key in ("network", "arguments", "seed", "data", "metric", "value", "cases", "torch",
                "training_seconds", "command", "licence"):  # fmt: skip
        assert key in content
    assert content["command"] == f"python -m esegeta.demo.train {name}"
    assert content["classes"] == model(name)["classes"]


def test_the_digits_are_attributed():
    content = card("digits")
    assert "Alpaydin" in content["source"]
    assert "CC BY 4.0" in content["source"]


def test_vessels_are_found_in_unseen_trees():
    from esegeta.demo.train import UNSEEN, dice

    network = vessel_network()
    reached = [dice(network, seed) for seed in UNSEEN[:4]]
    assert min(reached) >= 0.85
    assert card("vessels")["worst"] - 1e-3 <= min(reached)
    assert sum(reached) / 4 == pytest.approx(card("vessels")["value"], abs=0.03)


@pytest.mark.slow
def test_the_vessel_card_is_what_is_measured():
    from esegeta.demo.train import UNSEEN, dice

    network = vessel_network()
    reached = [dice(network, seed) for seed in UNSEEN]
    assert len(reached) == card("vessels")["cases"]
    assert sum(reached) / len(reached) == pytest.approx(card("vessels")["value"], abs=2e-3)


def test_the_trees_shown_are_unseen_and_segmented_well():
    from esegeta.demo.train import TRAINED, dice

    network = vessel_network()
    for seed in seeds_shown():
        assert seed < TRAINED
        assert dice(network, seed) >= 0.85


def test_digits_are_read():
    pytest.importorskip("sklearn")
    from esegeta.demo.digits import load_digits
    from esegeta.demo.train import accuracy

    _, held_out = load_digits()
    reached = accuracy(digit_network(), held_out)
    assert reached >= 0.97
    assert reached == pytest.approx(card("digits")["value"], abs=3e-3)
    assert len(held_out.labels) == card("digits")["cases"]


def test_the_digits_shown_are_held_out_as_they_are_and_read_rightly():
    pytest.importorskip("sklearn")
    import numpy as np
    from PIL import Image

    from esegeta.demo.digits import SHOWN, load_digits, normalise

    training, held_out = load_digits()
    files = [ROOT / "configs" / i["path"] for i in CONFIG["images"] if "path" in i]
    assert sorted(int(f.stem.split("_")[2]) for f in files) == sorted(SHOWN)
    for file in files:
        _, digit, index = file.stem.split("_")
        place = int(index) - len(training.labels)
        assert place >= 0, "held out"
        assert int(digit) == held_out.labels[place]
        picture = torch.from_numpy(np.array(Image.open(file))).float() / 255
        torch.testing.assert_close(picture, held_out.pictures[place, 0], atol=0.51 / 255, rtol=0)
        assert digit_network()(normalise(picture[None, None])).argmax() == int(digit)


def test_the_networks_are_normalised_in_the_config_as_in_training():
    from esegeta.demo.digits import MEAN, STD

    assert model("digits")["preprocess"] == [
        {"use": "ChannelNormalization", "with": {"mean": [MEAN], "std": [STD]}}
    ]
    assert model("vessels")["preprocess"] == [{"use": "ZNormalization"}]


def test_standardise_is_torchios_znormalization():
    import torchio

    from esegeta.demo.train import standardise

    volume = 300 + 50 * torch.randn(8, 9, 10)
    expected = torchio.ZNormalization()(volume[None])[0]
    torch.testing.assert_close(standardise(volume), expected)


def test_networks_come_ready_to_explain():
    for network in (vessel_network(), digit_network()):
        assert not network.training


@pytest.mark.parametrize("name", ["vessels", "digits"])
def test_the_layers_the_config_names_exist(name):
    network = {"vessels": vessel_network, "digits": digit_network}[name]()
    known = dict(network.named_modules())
    named = [
        layer
        for method in CONFIG["methods"]
        if isinstance(method, dict) and name in method.get("models", [name])
        for layer in method.get("layers", [])
    ]
    assert named
    assert set(named) <= set(known)
