"""Eight methods judged by every metric on trained networks: ``python -m tests.real.tables OUT [CASE …]``.

The tables are printed as they stand in docs/evaluation.md.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

import esegeta
from tests.conftest import DATA
from tests.real import pneumonia_net, vessel_net
from tests.real.cases import CASES, _network, _prepared

METHODS: list[Any] = [
    "saliency",
    "input_x_gradient",
    "guided_backprop",
    {"use": "integrated_gradients", "with": {"steps": 16}},
    {"use": "grad_cam", "layers": ["auto"]},
    "lrp",
    {"use": "occlusion", "with": {"window": 24, "stride": 12}},
    {"use": "rise", "with": {"masks": 200}},
]
METRICS: list[Any] = [
    "infidelity",
    {"use": "sensitivity", "with": {"samples": 2}},
    {"use": "randomisation", "with": {"depths": 4, "seeds": 1}},
    "deletion",
    "insertion",
    "road",
    "srg",
    "average_drop",
]
FEWER = {"infidelity": {"samples": 24}, "deletion": {"steps": 12}, "insertion": {"steps": 12}}
"""What keeps metrics of a whole volume to minutes."""
PHOTOS = ("parrot.jpg", "coffee.png", "chelsea.png")


def _photos(out: Path) -> dict[str, Any]:
    classes = str(DATA / "imagenet" / "labels.txt")
    return {
        "models": [_network(DATA, "imagenet/mobilenet_v2", task="classification", classes=classes)],
        "images": [{"path": str(DATA / "imagenet" / name)} for name in PHOTOS],
        "preprocess": _prepared(224),
    }


def _digits(out: Path) -> dict[str, Any]:
    demo = json.loads((Path(esegeta.__file__).parents[1] / "configs" / "demo.json").read_text())
    base = Path(esegeta.__file__).parents[1] / "configs"
    images = [image for image in demo["images"] if image.get("models") == ["digits"]]
    return {
        "models": [model for model in demo["models"] if model["name"] == "digits"],
        "images": [{"path": str(base / image["path"])} for image in images],
    }


def _set(out: Path, name: str, net: Any, axes: str, count: int) -> dict[str, Any]:
    weights = out / f"{name}.safetensors"
    if not weights.is_file():
        save_file(net.trained(DATA).state_dict(), weights)
    kind = {"pneumonia": "PneumoniaNet", "vessel": "VesselNet"}[name]
    path = str(DATA / "medmnist" / f"{name}mnist{'3d' if name == 'vessel' else ''}.npz")
    return {
        "models": [
            {
                "name": name,
                "factory": f"{net.__file__}:{kind}",
                "weights": str(weights),
                "task": "classification",
            }
        ],
        "images": [
            {"name": f"{name} {i}", "path": path, "key": "test_images", "index": i, "axes": axes}
            for i in range(count)
        ],
        "preprocess": [{"use": "RescaleIntensity", "with": {"out_min_max": [0, 1], "in_min_max": [0, 255]}}],
    }  # fmt: skip


def pneumonia(out: Path, count: int = 12) -> dict[str, Any]:
    """Give a trained network of PneumoniaMNIST and the first test pictures, as parts of a config."""
    return _set(out, "pneumonia", pneumonia_net, "HW", count)


def _vessel(out: Path) -> dict[str, Any]:
    return _set(out, "vessel", vessel_net, "DHW", 6)


def _brain(out: Path) -> dict[str, Any]:
    case = CASES["brain"](DATA)
    # Most of the head: a fraction of the whole volume's time.
    case["preprocess"].append({"use": "CropOrPad", "with": {"target_shape": 48}})
    return case


JUDGED: dict[str, Callable[[Path], dict[str, Any]]] = {
    "digits": _digits,
    "photos": _photos,
    "pneumonia": pneumonia,
    "vessel": _vessel,
    "brain": _brain,
}
SIZES = {"digits": 8, "pneumonia": 7, "vessel": 7, "brain": 24, "photos": 32}
"""Voxels per side of occlusion's window."""


def _methods(case: str) -> list[Any]:
    window = SIZES[case]
    sized = {"use": "occlusion", "with": {"window": window, "stride": max(1, window // 2)}}
    few = {"use": "rise", "with": {"masks": 50}} if case == "brain" else METHODS[-1]
    return [*METHODS[:-2], sized, few]


def _metrics(case: str) -> list[Any]:
    few = FEWER if case == "brain" else {}
    return [{"use": one, "with": few[one]} if str(one) in few else one for one in METRICS]


def table(folder: Path) -> str:
    """Write the means over images, as Markdown."""
    found = json.loads((folder / "evaluation.json").read_text())["methods"]
    metrics = list(dict.fromkeys(row["metric"] for row in found))
    lines = [f"| method | {' | '.join(metrics)} |", "| --- |" + " ---: |" * len(metrics)]
    for method in dict.fromkeys(row["method"] for row in found):
        cells = {row["metric"]: row for row in found if row["method"] == method}
        lines.append(f"| {method} | {' | '.join(_cell(cells.get(name)) for name in metrics)} |")
    return "\n".join(lines)


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or row["mean"] is None:
        return "–"
    passed = row["passed"]
    return f"{row['mean']:.2f}" + ("" if passed is None else f" ({passed:.0%})")


def main() -> None:
    """Run each case, and print its table."""
    out = Path(sys.argv[1]).absolute()
    out.mkdir(parents=True, exist_ok=True)
    for case in sys.argv[2:] or JUDGED:
        settings = {
            "version": 1,
            "name": case,
            **{key: value for key, value in JUDGED[case](out).items() if key != "layer"},
            "methods": _methods(case),
            "evaluate": _metrics(case),
            "execution": {"devices": ["cpu"], "threads": 1, "timeout": "40m"},
            "output": str(out / case),
        }
        path = out / f"{case}.json"
        path.write_text(json.dumps(settings))
        ended = esegeta.run(path, resume=True, quiet=True)
        print(
            f"\n{case}: {len(ended.done)} done, {len(ended.failed)} failed\n\n{table(ended.folder)}"
        )
        for job, reason in ended.reasons.items():
            print(f"{job}: {reason}")


if __name__ == "__main__":
    main()
