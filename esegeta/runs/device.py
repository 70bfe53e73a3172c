"""Which devices a run works on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from esegeta import config
from esegeta.config.check import FP16_ON_CPU
from esegeta.errors import RunError, listed
from esegeta.runs.plan import Plan


@dataclass(frozen=True)
class Place:
    """Where one worker process computes.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda:0``, …
    threads : int, optional
        CPU threads; None for PyTorch's choice.
    """

    device: str
    threads: int | None = None


def places(execution: config.Execution) -> list[Place]:
    """Give a place per worker: every device, as often as ``jobs_per_device`` says.

    ``auto`` is every CUDA device, or else the CPU. Workers on the CPU share its threads. Only asks
    which devices there are: a worker is the first to use one.

    Raises
    ------
    RunError
        Where a device named is not there.
    """
    found = available()
    named = [name for name in found if name.startswith("cuda")] or ["cpu"]
    # A cluster's devices are not this machine's, which measures passes on what it has.
    if execution.devices != "auto" and execution.engine == "local":
        named = list(execution.devices)
        for name in named:
            if name not in found and f"{name}:0" not in found:
                raise RunError(f"the device {name!r} is not there; there are: {listed(found)}")
    names = [name for name in named for _ in range(execution.jobs_per_device)]
    together = execution.threads
    if len(names) > 1 and together is None:
        together = os.cpu_count() or 1
    share = together and max(1, together // len(names))
    return [Place(name, share) for name in names]


def require(plan: Plan, where: Sequence[Place]) -> None:
    """Refuse what no job could do in time on these devices.

    Raises
    ------
    RunError
        Where a job in fp16 may come to a CPU.
    """
    if any(place.device == "cpu" for place in where):
        for _, job in plan.jobs():
            if job.amp == "fp16":
                raise RunError(f"{job.method}: {FP16_ON_CPU}; use bf16, or GPUs alone as devices")


def available() -> list[str]:
    """Name the devices of this machine."""
    import torch

    found = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    found += [f"xpu:{index}" for index in range(torch.xpu.device_count())]
    return found + (["mps"] if torch.backends.mps.is_available() else [])
