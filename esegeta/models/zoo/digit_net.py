"""A small convolutional network for pictures of one digit."""

from collections import OrderedDict

from torch import Tensor, nn


class DigitNet(nn.Module):
    """Three convolutional stages, the mean over the picture, one linear layer.

    ``stage.0`` works on the full grid, ``stage.1`` on half of it, ``stage.2`` on a quarter, whose
    mean ``fc`` turns into the logits. Grids are halved by strided convolutions.

    Parameters
    ----------
    channels, classes : int
        Channels of the picture and number of classes.
    width : int
        Channels of the first stage; each further stage doubles them.
    """

    def __init__(self, channels: int = 1, classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.stage = nn.ModuleList(
            [
                _stage(channels, width, stride=1),
                _stage(width, 2 * width, stride=2),
                _stage(2 * width, 4 * width, stride=2),
            ]
        )
        self.fc = nn.Linear(4 * width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Logits. Shapes: (N, channels, H, W) → (N, classes)."""
        x = image
        for stage in self.stage:
            x = stage(x)
        logits: Tensor = self.fc(x.mean(dim=(2, 3)))
        return logits


def _stage(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        OrderedDict[str, nn.Module](
            conv0=nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            norm0=nn.BatchNorm2d(outputs),
            relu0=nn.ReLU(),
            conv1=nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            norm1=nn.BatchNorm2d(outputs),
            relu1=nn.ReLU(),
        )
    )
