"""A user's project in a folder: networks, images, plug-ins and a config."""

import json
from pathlib import Path
from typing import Any

import numpy as np

NETS = """
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self, channels=3):
        super().__init__()
        torch.manual_seed(1)
        self.features = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 8, 3, padding=1), nn.Tanh()
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))


class Segmenter(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.enc = nn.Conv3d(1, 4, 3, padding=1)
        self.out = nn.Conv3d(4, 2, 1)

    def forward(self, x):
        return self.out(torch.tanh(self.enc(x)))


class Raises(Classifier):
    def forward(self, x):
        raise RuntimeError("this network is broken")


class InPlace(Classifier):
    def forward(self, x):
        x -= 0.5
        return super().forward(x)


class OutOfPlace(Classifier):
    def forward(self, x):
        return super().forward(x - 0.5)


class Leaves(Classifier):
    def forward(self, x):
        import sys
        sys.exit(3)


class LeavesAtOnce(Classifier):
    def __init__(self):
        import sys
        sys.exit(3)


class Loud(Classifier):
    def __init__(self):
        import os
        super().__init__()
        os.system("echo loud child")

    def forward(self, x):
        import ctypes
        import os
        os.write(1, b"loud write\\n")
        ctypes.CDLL(None).puts(b"loud library")
        print("loud print")
        return super().forward(x)


class Segfaults(Classifier):
    def __init__(self):
        import ctypes
        ctypes.string_at(0)
"""

ODD = '''
"""A method that behaves as it is told."""

import ctypes
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from esegeta import Param, Passes, Probe, attribution


@attribution(paper="none", passes=lambda p: Passes(p.steps, 1))
def odd(
    probe: Probe,
    *,
    how: Annotated[str, Param(help="What to do")] = "work",
    steps: Annotated[int, Param(ge=1, help="Passes, a tenth of a second each")] = 1,
    mark: Annotated[str, Param(help="Where it notes what it did")] = "",
) -> Tensor:
    """Misbehave, as a plug-in may."""
    print("how:", how)
    warnings.warn("take care")
    os.system("echo from a child")
    if how == "crash once" and not Path(mark).exists():
        Path(mark).touch()
        os._exit(4)
    if how == "grow":
        held = []
        while True:
            held.append(torch.ones(4_000_000))
            time.sleep(0.01)
    if how == "pid":
        Path(mark).open("a").write(f"{os.getpid()}\\n")
    if how == "exit0":
        os._exit(0)
    if how == "exit3":
        os._exit(3)
    if how == "segfault":
        ctypes.string_at(0)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "sys.exit":
        sys.exit(5)
    if how == "raise":
        raise ValueError("nothing works")
    if how == "child":
        child = subprocess.Popen(["sleep", "600"])
        print("child", child.pid)
        os._exit(1)
    if how in ("hang", "hang in C") and not Path(mark).exists():
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(mark).write_text(str(child.pid))
        time.sleep(600) if how == "hang" else ctypes.PyDLL(None).sleep(600)
    if how == "full disk":
        def full(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync = full
    if how == "no room elsewhere":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if how == "chatty":
        for _ in range(500_000):
            print("x" * 99)
    if how in ("leaves a child", "dies before its child"):
        # Of its own session, so that no signal to the worker's group reaches it.
        child = subprocess.Popen(["sleep", "600"], start_new_session=True)
        Path(mark).write_text(str(child.pid))
        if how == "dies before its child":
            os.kill(os.getpid(), signal.SIGKILL)
    if how in ("vanish", "own folder"):
        shutil.rmtree(mark)
    if how == "nan":
        return torch.full((1, *probe.spatial), float("nan"))
    if how == "zero":
        return torch.zeros((1, *probe.spatial))
    if how == "shape":
        return torch.ones(2)
    if how == "slow":
        for _ in range(steps):
            probe.score(probe.image)
            time.sleep(0.1)
    return probe.gradient()[0] + torch.rand(1)
'''


class Project:
    """A folder with everything a run needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "nets.py").write_text(NETS)
        (folder / "plugins").mkdir()
        (folder / "plugins" / "odd.py").write_text(ODD)
        for index, name in enumerate("ab"):
            self.picture(f"{name}.png", seed=index)

    def picture(self, name: str, seed: int = 0, size: int = 16) -> Path:
        from PIL import Image

        pixels = np.random.default_rng(seed).integers(0, 255, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(self.folder / name)
        return self.folder / name

    def volume(self, name: str, values: np.ndarray, affine: np.ndarray) -> Path:
        import nibabel

        nibabel.save(nibabel.Nifti1Image(values, affine), self.folder / name)
        return self.folder / name

    def data(self, methods: list[Any], **changes: Any) -> dict[str, Any]:
        """A config as data: one classifier, one picture."""
        model = {
            "name": "net",
            "factory": "nets.py:Classifier",
            "task": "classification",
            "classes": ["cat", "dog", "emu"],
        }
        return {
            "version": 1,
            "name": "test",
            "models": [model],
            "images": [{"path": "a.png"}],
            "methods": methods,
            "execution": {"threads": 1, "devices": ["cpu"]},
            "output": "out",
            **changes,
        }

    def config(self, methods: list[Any], name: str = "config.json", **changes: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(self.data(methods, **changes)))
        return path


def odd(how: str, **parameters: Any) -> dict[str, Any]:
    """A method of the config that misbehaves, named after how."""
    return {"use": "odd", "name": how, "with": {"how": how, **parameters}}
