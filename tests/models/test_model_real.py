from pathlib import Path

import pytest
import torch

from esegeta.errors import ImageError
from esegeta.models import check_input, expected_input, layers, load

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data"),
]


def test_a_users_unet(spec):
    loaded = load(
        spec(
            factory=f"{DATA / 'models' / 'unet3d.py'}:UNet3D",
            weights=DATA / "brain_t1" / "unet3d_whole.safetensors",
        )
    )
    assert expected_input(loaded.module) == (3, 1)
    found = {info.name: info for info in layers(loaded.module, torch.rand(1, 1, 16, 24, 32))}
    assert found["enc.1"].grid == (8, 12, 16)
    assert found["bottom"].shape == (1, 64, 4, 6, 8)
    assert "enc" not in found, "a list never runs"
    with pytest.raises(ImageError, match=r"'enc.0.0.conv' is 3D, the image 'photo' is 2D"):
        check_input(loaded.module, torch.rand(1, 1, 32, 32), name="photo")


@pytest.mark.parametrize(
    ("folder", "network", "size", "classes"),
    [("imagenet", "mobilenet_v2", 224, 1001), ("voc", "deeplabv3", 513, 21)],
)
def test_a_network_read_from_a_graph(spec, folder, network, size, classes):
    loaded = load(
        spec(
            factory=f"{DATA / 'models' / 'graph_net.py'}:GraphNet",
            arguments={"graph": f"../{folder}/{network}.json"},
            weights=DATA / folder / f"{network}.safetensors",
        )
    )
    assert expected_input(loaded.module) == (2, 3)
    found = layers(loaded.module, torch.rand(1, 3, size, size))
    assert found[0].shape[:2] == (1, 32)
    with torch.inference_mode():
        assert loaded.module(torch.rand(1, 3, size, size)).shape[1] == classes
    with pytest.raises(ImageError, match="takes 3 channels, the image has 1"):
        check_input(loaded.module, torch.rand(1, 1, size, size))
