"""Small networks that ship with esegeta."""

from esegeta.models.zoo.digit_net import DigitNet
from esegeta.models.zoo.unet import UNet

__all__ = ["DigitNet", "UNet"]
