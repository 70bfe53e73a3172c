"""Which device a run works on."""

from esegeta import config
from esegeta.errors import RunError, listed


def device(execution: config.Execution) -> str:
    """Name the device of a run; ``auto`` is the first CUDA device, or else the CPU.

    Only asks which devices there are: the one named is first used by a worker.

    Raises
    ------
    RunError
        Where the device named is not there.
    """
    found = available()
    if execution.devices == "auto":
        return "cuda:0" if "cuda:0" in found else "cpu"
    name = execution.devices[0]
    if name not in found and f"{name}:0" not in found:
        raise RunError(f"the device {name!r} is not there; there are: {listed(found)}")
    return name


def available() -> list[str]:
    """Name the devices of this machine."""
    import torch

    found = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    found += [f"xpu:{index}" for index in range(torch.xpu.device_count())]
    return found + (["mps"] if torch.backends.mps.is_available() else [])
