"""The conformance tests that every plug-in passes; an author inherits them.

A test file of one class is enough::

    from esegeta.testing import MethodContract

    class TestRise(MethodContract):
        plugin = "rise"
        parameters = {"masks": 20}  # what makes it cheap

It needs pytest (extra ``test``).
"""

from esegeta.testing.cases import CASES, LAYER, Case, TinyNet
from esegeta.testing.methods import MethodContract
from esegeta.testing.metrics import MetricContract
from esegeta.testing.wrappers import WrapperContract

__all__ = [
    "CASES",
    "LAYER",
    "Case",
    "MethodContract",
    "MetricContract",
    "TinyNet",
    "WrapperContract",
]
