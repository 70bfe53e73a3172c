import torch
from torch import nn

from esegeta.models import channels_last


def test_weights_lie_channels_last_and_the_network_computes_the_same():
    torch.manual_seed(0)
    flat = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 4, 3))
    deep = nn.Sequential(nn.Conv3d(3, 8, 3), nn.ReLU(), nn.ConvTranspose3d(8, 4, 3))
    for net, image in ((flat, torch.randn(2, 3, 9, 8)), (deep, torch.randn(2, 3, 6, 7, 8))):
        before = net(image)
        channels_last(net)
        last = torch.channels_last if image.dim() == 4 else torch.channels_last_3d
        assert net[0].weight.is_contiguous(memory_format=last)
        torch.testing.assert_close(net(image), before)
