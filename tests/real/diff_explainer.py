"""Counterfactual images of MedMNIST: what the docs tell of them, made anew.

``python -m tests.real.diff_explainer SET OUT`` (pneumonia, or four slices of each vessel) trains the set's
classifier, another from another seed, and one on permuted labels; the diffusion autoencoder of the set's
config; an agent by each objective, and one for the permuted classifier; and writes the table of the
experiment into ``OUT/SET/table``. What is done is kept: give the command again after it was stopped.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import nn

import esegeta
from esegeta import experiments
from tests.real import pneumonia_net, vessel_slices

CONFIGS = Path(__file__).parents[2] / "configs" / "medmnist"
TEACHERS: dict[str, Callable[..., nn.Module]] = {
    "pneumonia": partial(pneumonia_net.trained, settled=True),
    "vessel": vessel_slices.trained,
}
JUDGED = {"pneumonia": 48, "vessel": 24}
"""Test images that are moved."""


def settings(name: str, data: Path, folder: Path) -> dict[str, Any]:
    """The config of a set, its data where it lies, with an agent per objective and two more models."""
    file = CONFIGS / f"diff_explainer_{name}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    places = [one[key] for one in found["train"] for key in ("data", "validation")]
    for place in (*places, *found["images"]):
        own = folder / place["path"]  # the slices
        place["path"] = str(own if own.is_file() else data / "medmnist" / place["path"])
    (model,) = found["models"]
    source, _, kind = model["factory"].rpartition(":")
    model["factory"] = f"{(CONFIGS / source).resolve()}:{kind}"
    found["models"] = [
        {**model, "name": one, "weights": str(folder / f"{one}.safetensors")}
        for one in (name, "second", "permuted")
    ]
    autoencoder, agent = found["train"]
    autoencoder["output"] = str(folder / "autoencoder")
    agents = {f"agent {way}": (way, name) for way in ("l1", "l2", "kl")}
    agents["agent permuted"] = ("l1", "permuted")
    found["train"] = [autoencoder] + [
        {**agent, "name": one, "model": of, "with": {"objective": way}, "output": str(folder / one)}
        for one, (way, of) in agents.items()
    ]
    others = [one for one in found["methods"] if one != "diff_explainer"]
    found["methods"] = [
        {"use": "diff_explainer", "name": one, "models": [of], "artifact": str(folder / one)}
        for one, (_, of) in agents.items()
    ] + [{**({"use": one} if isinstance(one, str) else one), "models": [name]} for one in others]
    found["images"] = [
        {**found["images"][0], "name": f"test {index}", "index": index}
        for index in range(JUDGED[name])
    ]
    return found


def main() -> None:
    """Train and judge."""
    from tests.conftest import DATA

    name, folder = sys.argv[1], Path(sys.argv[2]).absolute() / sys.argv[1]
    folder.mkdir(parents=True, exist_ok=True)
    slices = folder / "vesselslices.npz"
    if name == "vessel" and not slices.is_file():
        vessel_slices.write(DATA, slices)
    for one, given in (
        (name, {"seed": 0}),
        ("second", {"seed": 1}),
        ("permuted", {"permuted": True}),
    ):
        if not (folder / f"{one}.safetensors").is_file():
            save_file(TEACHERS[name](DATA, **given).state_dict(), folder / f"{one}.safetensors")
    found = settings(name, DATA, folder)
    esegeta.train(found, resume=True, tell=print)
    written = experiments.run(
        "diff-explainer", {key: value for key, value in found.items() if key != "train"},
        output=folder / "table",
        progress=lambda done, total: print(f"{done} of {total} ways", file=sys.stderr),
    )  # fmt: skip
    print(*written, sep="\n")


if __name__ == "__main__":
    main()
