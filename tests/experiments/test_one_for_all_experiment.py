"""The experiment of One For All: its numbers against the models asked directly."""

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from esegeta.plugins.experiments import _masking
from safetensors.torch import save_file
from sklearn.metrics import roc_auc_score

from esegeta import Case, experiments
from esegeta.errors import RunError
from esegeta.models.zoo import OneForAll
from esegeta.registry import find
from tests.nets import probe_of, run

ARGUMENTS = {"size": [12, 12], "channels": 1, "classes": 3, "patch": 4, "width": 16, "depth": 1,
             "heads": 2, "registers": 1}  # fmt: skip


def net(seed):
    """A network of random weights that has an opinion."""
    torch.manual_seed(seed)
    model = OneForAll(**ARGUMENTS).eval()
    for name, value in model.named_parameters():
        torch.nn.init.normal_(value, std=1.0 if name == "decoder.gain" else 0.4)
    return model


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three networks, two of them trainings of one kind; twelve images, four of them in the config."""
    folder = tmp_path_factory.mktemp("ofa")
    generator = torch.Generator().manual_seed(1)
    np.savez(
        folder / "set.npz",
        images=torch.randn(12, 12, 12, generator=generator).numpy(),
        labels=np.arange(12)[:, None] % 3,
    )
    models = []
    for seed, name in enumerate(("own 1", "own 2", "plain")):
        save_file(net(seed).state_dict(), folder / f"{seed}.safetensors")
        models.append(
            {
                "name": name,
                "factory": "esegeta.models.zoo:OneForAll",
                "arguments": ARGUMENTS,
                "weights": str(folder / f"{seed}.safetensors"),
                "task": "classification",
            }
        )
    made = {
        "version": 1,
        "name": "trial",
        "models": models,
        "images": [
            {"path": str(folder / "set.npz"), "key": "images", "index": index, "axes": "HW"}
            for index in range(4)
        ],
        "methods": ["one_for_all", "saliency", "last_attention"],
        "execution": {"devices": ["cpu"], "threads": 1},
    }
    (folder / "trial.json").write_text(json.dumps(made))
    return folder


@pytest.fixture(scope="module")
def rows(folder):
    parameters = {"labels": "labels", "baselines": ["plain"], "steps": 3, "draws": 2}
    written = experiments.run(
        "one-for-all", folder / "trial.json", output=folder / "out", parameters=parameters
    )
    assert written[2].read_bytes()[:4] == b"\x89PNG"
    return json.loads(written[1].read_text())["rows"]


def data(folder):
    with np.load(folder / "set.npz") as file:
        return torch.from_numpy(file["images"])[:, None], torch.from_numpy(file["labels"])[:, 0]


def row(rows, **known):
    (found,) = [one for one in rows if all(one[key] == value for key, value in known.items())]
    return found


def test_accuracy_is_over_every_image_of_the_set(rows, folder):
    images, labels = data(folder)
    for kind, seeds in (("own", (0, 1)), ("plain", (2,))):
        with torch.no_grad():
            said = [net(seed)(images) for seed in seeds]
            parts = [net(seed).parts(images) for seed in seeds]
        right = torch.stack([(one.argmax(1) == labels).double().mean() for one in said])
        found = row(rows, models=kind, measure="accuracy")
        assert found["value"] == pytest.approx(float(right.mean()))
        assert (found["trainings"], found["images"]) == (len(seeds), 12)
        assert found["low"] <= found["value"] <= found["high"]
        assert found["low"] < found["high"]
        areas = [roc_auc_score(labels, one.softmax(1), multi_class="ovr") for one in said]
        assert row(rows, models=kind, measure="AUC")["value"] == pytest.approx(np.mean(areas))
        other = [(plus.sum(1).argmax(1) == labels).double().mean() for plus, _ in parts]
        found = row(rows, models=kind, measure="accuracy by the other read-out")
        assert found["value"] == pytest.approx(float(torch.stack(other).mean()))
        spread = [minus.sum(1).std(1, correction=0).mean() for _, minus in parts]
        found = row(rows, models=kind, measure="class spread of Σ φ⁻")
        assert found["value"] == pytest.approx(float(torch.stack(spread).mean()), rel=1e-4)


def test_how_much_more_accurate_it_is(rows):
    for measure in ("accuracy", "AUC"):
        own, plain = (row(rows, models=kind, measure=measure) for kind in ("own", "plain"))
        assert own["ahead"] is None
        assert plain["ahead"] == pytest.approx(own["value"] - plain["value"])
        assert plain["ahead_low"] <= plain["ahead"] <= plain["ahead_high"]


def test_gains_of_the_models_own_game(rows, folder):
    """SRG of φ and of gradients, with the model's mask token, from the definition."""
    images = data(folder)[0][:4]
    counts = [1, 3, 8]  # of nine patches, three numbers evenly spaced on a log scale
    x = torch.tensor([0, *counts, 9]) / 9
    for readout in ("eq. 4", "eq. 5"):
        for method in ("one_for_all", "saliency"):
            gains = []
            for seed in (0, 1):
                model = net(seed)
                leaf = images.clone().requires_grad_()
                scores = model(leaf)
                target = scores.argmax(1)
                (slope,) = torch.autograd.grad(scores[range(4), target].sum(), leaf)
                with torch.no_grad():
                    plus, minus = model.parts(images)
                    values = F.avg_pool2d(slope.abs(), 4).flatten(1)
                    if method == "one_for_all":
                        phi = plus - minus
                        values = (phi - phi.mean(2, keepdim=True))[range(4), :, target]
                    order = values.argsort(1, descending=True)
                    curves = []
                    for way in (order, order.flip(1)):
                        kept = torch.ones(4, 5, 9, dtype=torch.bool)
                        for place, count in enumerate((0, *counts, 9)):
                            kept[:, place].scatter_(1, way[:, :count], False)
                        parts = model.parts(images, kept)
                        logits = model.masked(parts, kept)
                        if readout == "eq. 5":
                            logits = (parts[0] - parts[1]).sum(2)
                        curves.append(logits.softmax(2)[range(4), :, target])
                    gains.append(100 * torch.trapezoid(curves[1] - curves[0], x).mean())
            (found,) = [
                one
                for one in rows
                if one["measure"] == "SRG"
                and readout in one["read-out"]
                and one["method"] == method
            ]
            assert found["value"] == pytest.approx(float(torch.stack(gains).mean()), abs=1e-3)
            assert (found["trainings"], found["images"]) == (2, 4)


def test_how_far_it_is_ahead(rows):
    readouts = {one["read-out"] for one in rows if one["measure"] == "SRG"}
    assert len(readouts) == 3
    for readout in readouts:
        for measure in ("SRG", "R-SRG"):
            known = {"read-out": readout, "measure": measure, "models": "own"}
            own = row(rows, method="one_for_all", **known)
            assert own["ahead"] is None
            for method in ("saliency", "last_attention", "decoder_attention", "random"):
                found = row(rows, method=method, **known)
                assert found["ahead"] == pytest.approx(own["value"] - found["value"])
                assert found["ahead_low"] <= found["ahead"] <= found["ahead_high"]
    assert not [one for one in rows if one["models"] == "plain" and one["method"]]


def test_what_pixels_stand_in_for_is_judged_by_the_metric(rows, folder):
    from esegeta.plugins.metrics.relevance_gain import srg

    plugin, values = find().get("one_for_all"), []
    for seed in (0, 1):
        for number, image in enumerate(data(folder)[0][:4]):
            probe = probe_of(net(seed), image)
            case = Case(probe, run(probe, "one_for_all").map, plugin, own_seed=number)
            values.append(srg(case, groups="grid", count=9, steps=3, imputation="mean").value)
    known = {"read-out": "pixels (mean)", "method": "one_for_all", "measure": "SRG"}
    assert row(rows, **known)["value"] == pytest.approx(100 * np.mean(values), rel=1e-4)


def test_patches_of_a_volume():
    model = OneForAll((8, 4, 12), 1, 2, 4, 8, 1, 2)
    numbers = _masking.patches_of(model, (8, 4, 12))
    inputs = torch.zeros(6, 1, 8, 4, 12)
    for number in range(6):
        inputs[number, 0][numbers == number] = 1
    with torch.no_grad():
        tokens = model.encoder.embed(inputs) - model.encoder.embed(torch.zeros_like(inputs))
    assert (tokens.abs().sum(2) > 0).equal(torch.eye(6, dtype=torch.bool))


def test_an_interval_holds_images_and_trainings():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 400, generator=generator) + torch.tensor([-1.0, 0, 1])[:, None]
    value, low, high = _masking.interval(_masking.mean_of(values), (3,), 400, 0)
    assert value == pytest.approx(float(values.mean()), rel=1e-4)
    assert low < -0.6  # one training of three, again and again
    assert high > 0.6
    value, low, high = _masking.interval(_masking.mean_of(values[:1]), (1,), 400, 0)
    error = float(values[0].std()) / 20
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert low < value < high
    other = values[:2] - 1
    more = _masking.difference(_masking.mean_of(values), _masking.mean_of(other), 3)
    value, low, high = _masking.interval(more, (3, 2), 400, 0)
    assert value == pytest.approx(float(values.mean() - other.mean()), rel=1e-4)
    assert low < value - 1 < value + 1 < high  # trainings differ by more than images do


def test_auc_of_resampled_images():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(30) % 3
    said = torch.rand(2, 30, 3, generator=generator).round(decimals=1)  # with ties
    drawn = torch.randint(30, (30,), generator=generator)
    images = torch.stack([torch.ones(30), torch.bincount(drawn, minlength=30)]).double()
    trainings = torch.tensor([[1.0, 1], [0, 2]]).double()
    found = _masking.auc_of(said, labels)(trainings, images)

    def area(one, chosen):
        kinds = range(3)
        return np.mean([roc_auc_score(labels[chosen] == k, one[chosen, k]) for k in kinds])

    every = torch.arange(30)
    assert float(found[0]) == pytest.approx((area(said[0], every) + area(said[1], every)) / 2)
    assert float(found[1]) == pytest.approx(area(said[1], drawn))
    two = said[:, :, :2]
    found = _masking.auc_of(two, labels % 2)(torch.ones(1, 2).double(), torch.ones(1, 30).double())
    areas = [roc_auc_score(labels % 2, one[:, 1]) for one in two]
    assert float(found[0]) == pytest.approx(np.mean(areas))


def test_other_models_are_refused(folder):
    made = json.loads((folder / "trial.json").read_text())
    factory = "esegeta.demo:digit_network"
    made["models"] = [{"name": "digits", "factory": factory, "task": "classification"}]
    with pytest.raises(RunError, match="'digits' is no model that explains itself"):
        experiments.run("one-for-all", made, output=folder / "none")
    made = json.loads((folder / "trial.json").read_text())
    with pytest.raises(RunError, match="leaves no model to explain"):
        experiments.run(
            "one-for-all", made, output=folder / "none", parameters={"baselines": ["own", "plain"]}
        )
