from typing import Annotated, Literal

import jsonschema
import pytest

from esegeta import Param, Passes, attribution, layer_attribution, wrapper
from esegeta import config as cfg
from esegeta.discovery import Unavailable
from esegeta.plugin import plugin_of
from esegeta.registry import Registry


def one(p):
    return Passes(1)


@attribution(paper="", passes=one)
def saliency(probe):
    """Sensitivity."""


@attribution(paper="", passes=one)
def paths(
    probe,
    *,
    steps: Annotated[int, Param(ge=1, le=64, help="Steps")] = 8,
    rule: Annotated[Literal["gauss", "riemann"], Param(help="Rule")] = "gauss",
    start: Annotated[Literal["zero", "mean"] | float, Param(ge=0, help="Start")] = "zero",
    shape: Annotated[list[int] | None, Param(ge=1, help="Shape")] = None,
    flag: Annotated[bool, Param(help="Flag")] = False,
):
    """Along a path."""


@attribution(paper="", passes=one, library="captum", tasks=("classification",))
def lift(probe, *, count: Annotated[int, Param(gt=0, help="Count")]):
    """Lift."""


@layer_attribution(paper="", passes=one)
def cam(probe, layer, *, relu: Annotated[bool, Param(help="Positive part")] = True):
    """Activations."""


@wrapper(tasks=("segmentation",))
def pixelwise(output, region):
    """Sum."""


@wrapper(tasks=("segmentation",))
def otsu(output, region, *, bins: Annotated[int, Param(ge=2, help="Bins")] = 256):
    """Otsu."""


@wrapper(tasks=("classification",))
def classification(output, region):
    """Logits."""


FUNCTIONS = (saliency, paths, lift, cam, pixelwise, otsu, classification)


@pytest.fixture(scope="session")
def registry():
    plugins = {plugin_of(f).name: plugin_of(f) for f in FUNCTIONS}
    lost = Unavailable("shap.kernel", "attribution", "shap.py", "no shap", "pip install shap")
    return Registry(plugins, [lost], dict.fromkeys(plugins, "built-in"))


@pytest.fixture(scope="session")
def validator(registry):
    schema = cfg.schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def data(tmp_path):
    """A config whose files are all there."""
    for name in ("net.py", "net.safetensors", "t1.nii.gz", "brain.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    return {
        "version": 1,
        "name": "brain",
        "models": [
            {
                "name": "unet",
                "factory": "net.py:UNet",
                "arguments": {"width": 8},
                "weights": "net.safetensors",
                "task": "segmentation",
                "classes": ["background", "brain"],
            }
        ],
        "images": [{"path": "t1.nii.gz", "label": "brain.nii.gz"}],
        "target": {
            "class": "brain",
            "wrapper": "pixelwise",
            "mask": "predicted",
            "contrast": "none",
        },
        "methods": [
            "saliency",
            {"use": "paths", "with": {"steps": 32}},
            {"use": "cam", "layers": ["enc.1"]},
        ],
        "execution": {"devices": "auto", "amp": "off", "seed": 0},
        "output": "runs/brain",
    }
