"""The real networks and images on which every method is looked at, as configs."""

from pathlib import Path
from typing import Any

import numpy as np

from esegeta.registry import find

SETTINGS: dict[str, dict[str, Any]] = {
    "rise": {"masks": 300},
    "occlusion": {"window": 32, "stride": 16},
    "smooth_grad": {"samples": 16},
    "gradient_shap": {"samples": 16, "baseline": "mean"},
    "layer_gradient_shap": {"samples": 16, "baseline": "mean"},
    "deep_lift_shap": {"samples": 4, "baseline": "mean"},
    "layer_deep_lift_shap": {"samples": 4, "baseline": "mean"},
    "integrated_gradients": {"steps": 32},
    "layer_integrated_gradients": {"steps": 32},
    "layer_conductance": {"steps": 16},
    "internal_influence": {"steps": 16},
    "shapley_sampling": {"count": 32, "permutations": 6},
    "kernel_shap": {"count": 32, "samples": 200},
    "feature_permutation": {"count": 32, "repeats": 2},
    "score_cam": {"channels": 64},
    "ablation_cam": {"channels": 64},
    "extremal_perturbation": {"iterations": 120},
    "feature_visualisation": {"steps": 64},
    "layer_visualisation": {"steps": 48},
    "inverted_representation": {"steps": 80},
    "activation_grid": {"cells": 5, "steps": 48},
    "activation_atlas": {"cells": 5, "steps": 48},
    "lime": {"samples": 200},
}
"""What keeps a method to a few hundred passes."""

VESSELS = "medmnist/vesselmnist3d.npz"
NET_2D = "models/graph_net.py:GraphNet"


def config(data: Path, case: str, output: Path, **changes: Any) -> dict[str, Any]:
    """Give a config that makes every native method's map of a case."""
    parts = CASES[case](data)
    model = parts["models"][0]
    ndim = 3 if case in ("brain", "vessel") else 2
    layer = parts.pop("layer", "auto")
    methods = [
        {"use": plugin.name, "with": _settings(plugin.name, ndim)}
        | ({"layers": [layer]} if plugin.takes_layer else {})
        for plugin in find().methods()
        if plugin.library is None and ndim in plugin.ndim and model["task"] in plugin.tasks
        if not plugin.takes_artifact
    ]
    execution = {"devices": ["cpu"], "threads": 2, "timeout": "15m"}
    return {
        "version": 1,
        "name": case,
        "methods": methods,
        "execution": execution,
        "output": str(output),
        **parts,
        **changes,
    }


def _settings(method: str, ndim: int) -> dict[str, Any]:
    chosen = dict(SETTINGS.get(method, {}))
    if ndim == 3:
        for name, few in (("masks", 100), ("window", 16), ("count", 16), ("cells", 3)):
            if name in chosen:
                chosen[name] = few
    return chosen


def _network(data: Path, stem: str, **known: Any) -> dict[str, Any]:
    return {
        "name": Path(stem).name,
        "factory": str(data / NET_2D),
        "arguments": {"graph": f"../{stem}.json"},
        "weights": str(data / f"{stem}.safetensors"),
        **known,
    }


def _prepared(size: int) -> list[dict[str, Any]]:
    return [
        {"use": "Resize", "with": {"target_shape": [size, size]}},
        {"use": "ChannelNormalization", "with": {"mean": [0.5] * 3, "std": [0.5] * 3}},
    ]


def _pets(data: Path, index: int) -> dict[str, Any]:
    classes = str(data / "imagenet" / "labels.txt")
    return {
        "models": [_network(data, "imagenet/mobilenet_v2", task="classification", classes=classes)],
        "images": [{"path": str(data / "imagenet" / "pets.jpg")}],
        "preprocess": _prepared(224),
        "target": {"class": index},
    }


def _bird(data: Path) -> dict[str, Any]:
    classes = (data / "voc" / "labels.txt").read_text().splitlines()[:21]  # the rest is a note
    return {
        "models": [_network(data, "voc/deeplabv3", task="segmentation", classes=classes)],
        "images": [{"path": str(data / "voc" / "bird.png")}],
        "preprocess": _prepared(513),
        "target": {"class": 3},
    }


def _brain(data: Path) -> dict[str, Any]:
    return {
        "models": [
            {
                "name": "unet",
                "factory": str(data / "models/unet3d.py:UNet3D"),
                "weights": str(data / "brain_t1" / "unet3d_whole.safetensors"),
                "task": "segmentation",
                "classes": ["background", "brain"],
            }
        ],
        "images": [{"path": str(data / "brain_t1" / "t1.nii.gz")}],
        "preprocess": [
            {"use": "Resample", "with": {"target": 4}},
            {"use": "ZNormalization", "with": {"masking_method": "mean"}},
        ],
        "target": {"class": "brain"},
    }


def _vessel(data: Path) -> dict[str, Any]:
    """The first aneurysm of the test volumes, with weights that `vessel_net` has trained."""
    with np.load(data / VESSELS) as file:
        index = int(np.flatnonzero(file["test_labels"][:, 0] == 1)[0])
    return {
        "models": [
            {
                "name": "net",
                "factory": str(Path(__file__).parent / "vessel_net.py:VesselNet"),
                "task": "classification",
                "classes": ["vessel", "aneurysm"],
            }
        ],
        "images": [
            {"path": str(data / VESSELS), "key": "test_images", "index": index, "axes": "DHW"}
        ],
        "preprocess": [
            {"use": "RescaleIntensity", "with": {"out_min_max": [0, 1], "in_min_max": [0, 255]}}
        ],
        "target": {"class": "aneurysm"},
    }


CASES = {
    "pets-172": lambda data: _pets(data, 172),
    "pets-196": lambda data: _pets(data, 196),
    "bird": _bird,
    "brain": _brain,
    "vessel": _vessel,
}
