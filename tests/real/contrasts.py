"""The experiment on contrasted features with real pictures: ``python -m tests.real.contrasts OUT``.

Prints what docs/contrast.md tells: shares of the pair, of networks whose heads take the mean over their
last maps, and how alike the maps of two classes are that tie on a photo.
"""

import json
import sys
from pathlib import Path
from typing import Any

from esegeta import experiments
from tests.conftest import DATA
from tests.real.cases import _network, _prepared
from tests.real.tables import pneumonia
from tests.real.test_contrast_of_photos import LAYER, METHODS, TIES, correlation
from tests.real.test_photos import load, prepared

TEST_PICTURES = 624
SIZES = (224, 256, 288)
"""Pixels per side at which MobileNetV2 sees the photos."""


def photos() -> dict[str, Any]:
    """Give MobileNetV2 at each size, and all photos, as parts of a config."""
    models = [
        _network(DATA, "imagenet/mobilenet_v2", task="classification")
        | {"name": f"{size} pixels", "preprocess": _prepared(size)}
        for size in SIZES
    ]
    paths = sorted(p for p in (DATA / "imagenet").iterdir() if p.suffix in (".jpg", ".png"))
    return {"models": models, "images": [{"path": str(path)} for path in paths]}


def masking(parts: dict[str, Any], layer: str, out: Path) -> list[dict[str, Any]]:
    """Rows of the experiment on the pictures on which a network wavers."""
    out.mkdir(parents=True, exist_ok=True)
    methods = [
        {"use": "linear_approximation", "layers": [layer]},
        {"use": "input_x_gradient"},
        {"use": "lrp"},
    ]
    settings = {
        "version": 1,
        **parts,
        "methods": methods,
        "execution": {"devices": ["cpu"], "threads": 1},
    }
    path = out / "masking.json"
    path.write_text(json.dumps(settings))
    _, record, _ = experiments.run("contrast-masking", path, output=out / "masking")
    rows: list[dict[str, Any]] = json.loads(record.read_text())["rows"]
    return rows


def told(rows: list[dict[str, Any]]) -> str:
    """Write the share of the pair, over both of its classes and all pictures, plain and weighted."""
    sums: dict[tuple[str, ...], list[float]] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in ("method", "features", "baseline", "contrast"))
        total = sums.setdefault(key, [0, 0])
        total[0] += row["images"] * row["share"]
        total[1] += row["images"]
    lines = ["| method | features | in place | pairs | plain | weighted |"]
    lines.append("| --- | --- | --- | ---: | ---: | ---: |")
    for key, (total, count) in sums.items():
        if key[-1] == "none":
            other = sums[(*key[:-1], "weighted")]
            ends = f"{total / count:.2f} | {other[0] / other[1]:.2f}"
            lines.append(f"| {' | '.join(key[:-1])} | {count // 2:g} | {ends} |")
    return "\n".join(lines)


def main() -> None:
    """Print both."""
    out = Path(sys.argv[1]).absolute()
    print(told(masking(photos(), LAYER, out / "photos")))
    out.mkdir(parents=True, exist_ok=True)
    print(told(masking(pneumonia(out, TEST_PICTURES), "blocks.2", out / "pneumonia")))
    for name, pair in TIES.items():
        model, image = load(DATA, "mobilenet"), prepared(DATA / "imagenet" / name, 224).tensor
        for method in METHODS:
            found = [correlation(model, image, pair, method, c) for c in ("none", "weighted")]
            print(f"{name} {pair} {method}: {found[0]:.2f} plain, {found[1]:.2f} weighted")


if __name__ == "__main__":
    main()
