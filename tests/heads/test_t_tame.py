"""P-TAME on the model's own features: one pass for the class, one for all layers."""

import json

import numpy as np
import torch
from safetensors.torch import save_file

import esegeta
from esegeta.testing import CASES


def test_all_layers_are_read_by_one_pass(tmp_path):
    case = CASES[0]
    model = case.model()
    save_file(model.state_dict(), tmp_path / "net.safetensors")
    images = torch.rand(16, *case.image().shape, generator=torch.Generator().manual_seed(0))
    np.savez(tmp_path / "set.npz", images=images.numpy())
    data = {"path": str(tmp_path / "set.npz"), "key": "images", "axes": "CHW"}
    made = {
        "version": 1,
        "name": "t-tame",
        "models": [
            {
                "name": "net",
                "factory": "esegeta.testing.cases:TinyNet",
                "arguments": {"ndim": 2, "task": "classification"},
                "weights": str(tmp_path / "net.safetensors"),
                "task": "classification",
            }
        ],
        "images": [{**data, "index": 0}],
        "train": [
            {
                "use": "p_tame",
                "with": {"features": "backbone", "layers": ["first", "act", "middle"]},
                "data": data,
                "epochs": 2,
                "batch": 8,
                "output": str(tmp_path / "made"),
            }
        ],
        "methods": ["p_tame"],
        "execution": {"devices": ["cpu"], "threads": 1},
        "output": str(tmp_path / "run"),
    }
    esegeta.train(made)
    found = esegeta.explain(model, images[0], "p_tame", artifact=tmp_path / "made")
    assert found.passes == {"forward": 2, "backward": 0}
    assert not esegeta.run(made, quiet=True).reasons
    record = json.loads(next((tmp_path / "run").rglob("p_tame/result.json")).read_text())
    assert record["passes"] == {"forward": 2, "backward": 0}
    again = np.load(next((tmp_path / "run").rglob("p_tame/map.npy")))
    np.testing.assert_allclose(again.squeeze(), found.map.squeeze().numpy(), atol=1e-5)
