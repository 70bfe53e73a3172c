"""Small networks that ship with esegeta."""

from esegeta.models.zoo.digit_net import DigitNet
from esegeta.models.zoo.one_for_all import OneForAll
from esegeta.models.zoo.unet import UNet

__all__ = ["DigitNet", "OneForAll", "UNet"]
