"""One For All on MedMNIST: what the docs tell of it, made anew.

``python -m tests.real.one_for_all SET OUT`` (breast, pneumonia or vessel) trains each model of the set's
config from three seeds, and writes the tables of the experiment into ``OUT/SET/table``. What is done is
kept: give the command again after it was stopped.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

import esegeta
from esegeta import experiments

CONFIGS = Path(__file__).parents[2] / "configs" / "medmnist"
SETS = ("breast", "pneumonia", "vessel")
SEEDS = (0, 1, 2)
JUDGED = 48
"""Test images whose maps are judged."""


def settings(name: str, data: Path) -> dict[str, Any]:
    """The config of a set, with the data where it lies."""
    text = (CONFIGS / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    places = [one[key] for one in found["train"] for key in ("data", "validation")]
    for place in (*places, *found["images"]):
        place["path"] = str(data / "medmnist" / place["path"])
    return found


def of_seed(found: dict[str, Any], seed: int, folder: Path) -> dict[str, Any]:
    """The config for one seed, with outputs of its own."""
    mine = json.loads(json.dumps(found))
    mine["execution"]["seed"] = seed
    for training, model in zip(mine["train"], mine["models"], strict=True):
        training["output"] = str(folder / f"{training['name']}-{seed}")
        model["name"] = training["model"] = f"{model['name']} {seed}"
        model["weights"] = f"{training['output']}/weights.safetensors"
    return mine


def _spread(example: dict[str, Any]) -> list[dict[str, Any]]:
    """Images of the test split, evenly spaced."""
    with np.load(example["path"]) as file:
        count = len(file[example["key"]])
    return [{**example, "index": number * count // JUDGED} for number in range(JUDGED)]


def main() -> None:
    """Train and judge."""
    from tests.conftest import DATA

    name, folder = sys.argv[1], Path(sys.argv[2]).absolute() / sys.argv[1]
    found = settings(name, DATA)
    trained = [of_seed(found, seed, folder) for seed in SEEDS]
    for one in trained:
        esegeta.train(one, resume=True)
    together = {**found, "models": [model for one in trained for model in one["models"]]}
    del together["train"]
    together["images"] = _spread(together["images"][0])
    parameters = {"labels": "test_labels", "baselines": ["Segm-B"]}
    written = experiments.run(
        "one-for-all", together, output=folder / "table", parameters=parameters,
        progress=lambda done, total: print(f"{done} of {total} images", end="\r", file=sys.stderr),
    )  # fmt: skip
    print(*written, sep="\n")


if __name__ == "__main__":
    main()
