"""What a method returns: maps, images and sheets, each written as what it is."""

import json

import numpy as np
import pytest
from PIL import Image

import esegeta
from esegeta.errors import PluginError

LEARNT = '''
"""Pictures of what a model has learnt."""

import torch
from torch import Tensor

from esegeta import Passes, Probe, explainability


@explainability(paper="none", passes=Passes(0, 0), returns="sheet")
def tiles(probe: Probe) -> Tensor:
    """A sheet of its own size."""
    return torch.rand(3, 40, 70)


@explainability(paper="none", passes=Passes(0, 0), returns="sheet")
def too_bright(probe: Probe) -> Tensor:
    """A sheet that is none."""
    return 2 + torch.rand(3, 40, 70)


@explainability(paper="none", passes=Passes(1, 1), returns="map")
def learnt(probe: Probe) -> Tensor:
    """A map, of the explainability family."""
    return probe.gradient()[0]
'''


def test_maps_and_sheets_of_explainability_methods(project):
    (project.folder / "plugins" / "learnt.py").write_text(LEARNT)
    ended = esegeta.run(project.config(["tiles", "learnt", "too_bright"]), quiet=True)
    folders = {path.parent.name: path.parent for path in ended.folder.rglob("result.json")}
    results = {name: json.loads((f / "result.json").read_text()) for name, f in folders.items()}

    assert results["tiles"]["returns"] == "sheet"
    assert np.load(folders["tiles"] / "map.npy").shape == (3, 40, 70)
    width, height = Image.open(folders["tiles"] / "overlay.png").size
    assert width > height
    assert results["learnt"]["returns"] == "map"
    assert np.load(folders["learnt"] / "map.npy").shape == (3, 16, 16)
    assert results["too_bright"]["state"] == "failed"
    assert "values from 0 to 1" in results["too_bright"]["error"]["message"]


def test_an_attribution_method_returns_a_map():
    with pytest.raises(PluginError, match="an attribution method returns a map, no sheet"):

        @esegeta.attribution(paper="none", passes=esegeta.Passes(), returns="sheet")
        def wrong(probe):
            """Return something else."""
