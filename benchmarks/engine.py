"""What the engine adds to a job, and what a second worker gains.

The first compares a method that does nothing as it is with the same where no picture is drawn: a
picture is what the user asked for, the rest is the engine's own. The second compares a run of two
workers of one thread each with that of one.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import esegeta
from esegeta.runs.folder import EVENTS

JOBS, WARM = 100, 20
"""Jobs of the first measure, and how many of them the worker is given to warm up."""
ROUNDS = 3

NETS = """
import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        return self.head(x.mean((2, 3)))


class Large(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        )
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.features(x).mean((2, 3)))
"""

NOTHING = '''
"""A method that does nothing, and where `plain` is given, has no picture drawn of it."""

from typing import Annotated

import torch
from torch import Tensor

from esegeta import Param, Passes, Probe, attribution


@attribution(paper="none", passes=Passes(0, 0))
def nothing(
    probe: Probe, *, plain: Annotated[bool, Param(help="Whether no picture is drawn")] = False
) -> Tensor:
    """Give a random map."""
    if plain:
        from esegeta.report import overlay

        overlay.overlay = lambda *arguments, **options: None
        overlay.save_figure = lambda figure, path: path.write_bytes(b"none")
    return torch.rand((1, *probe.spatial))
'''


def project(folder: Path, network: str, images: int, size: int) -> dict[str, Any]:
    """Write a network, pictures and the method that does nothing, and give a config without methods."""
    (folder / "nets.py").write_text(NETS)
    (folder / "plugins").mkdir()
    (folder / "plugins" / "nothing.py").write_text(NOTHING)
    random = np.random.default_rng(0)
    for index in range(images):
        pixels = random.integers(0, 255, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:04d}.png")
    return {
        "version": 1,
        "name": "benchmark",
        "models": [
            {
                "name": "net",
                "factory": f"nets.py:{network}",
                "task": "classification",
                "classes": ["a", "b", "c"],
            }
        ],
        "images": [{"path": f"{index:04d}.png"} for index in range(images)],
        "execution": {"devices": ["cpu"], "threads": 1},
        "output": "out",
    }


def ran(folder: Path, config: dict[str, Any], output: str) -> list[dict[str, Any]]:
    """Run a config, and give the run's events."""
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    result = esegeta.run(path, output=folder / output, quiet=True)
    assert result.exit_code == 0, result.reasons
    return [json.loads(line) for line in (result.folder / EVENTS).read_text().splitlines()]


def per_job(*, plain: bool, **execution: Any) -> float:
    """Give the seconds from one job's start to the next's, of a method that does nothing."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        config = project(folder, "Small", images=1, size=16)
        methods = [
            {"use": "nothing", "name": f"n{n}", "with": {"plain": plain}} for n in range(JOBS)
        ]
        config["execution"] |= execution
        events = ran(folder, config | {"methods": methods}, "out")
    starts = [event["time"] for event in events if event["event"] == "started"][WARM:]
    return statistics.median(np.diff(starts))


def overhead() -> None:
    """Print what the engine adds to a job."""
    drawn = min(per_job(plain=False) for _ in range(ROUNDS))
    plain = min(per_job(plain=True) for _ in range(ROUNDS))
    timed = min(per_job(plain=True, timeout="1m") for _ in range(ROUNDS))
    print("A method that does nothing, milliseconds per job of a warm worker")
    print(f"  dispatch, events, log, map and result (< 5 wanted)  {plain * 1e3:6.1f}")
    print(f"  the same where jobs have a timeout                  {timed * 1e3:6.1f}")
    print(f"  with the map's picture                              {drawn * 1e3:6.1f}")


def seconds(folder: Path, config: dict[str, Any], workers: int, output: str) -> tuple[float, float]:
    """Give how long the jobs of a run took, from the first start to the last end, and all of it."""
    execution = {"devices": ["cpu"] * workers, "threads": workers}
    began = time.perf_counter()
    events = ran(folder, config | {"execution": execution}, output)
    whole = time.perf_counter() - began
    starts = [event["time"] for event in events if event["event"] == "started"]
    ends = [event["time"] for event in events if event["event"] == "finished"]
    return max(ends) - min(starts), whole


def workers() -> None:
    """Print what a second worker gains where all is computing."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        config = project(folder, "Large", images=6, size=96)
        config["methods"] = [
            "saliency",
            {"use": "rise", "with": {"masks": 160}},
            {"use": "smooth_grad", "with": {"samples": 60}},
        ]
        rounds = [
            [seconds(folder, config, workers, f"{workers}-{number}") for workers in (1, 2)]
            for number in range(ROUNDS)
        ]
    # The least disturbed of each: a ratio of one round favours whom others left alone.
    one, two = (np.min(times, axis=0) for times in zip(*rounds, strict=True))
    print(f"Time of one worker / of two, one thread each, of {os.cpu_count()} cores (≥ 1.8 wanted)")
    print(
        f"  first job's start to the last one's end  {one[0]:5.1f} s / {two[0]:5.1f} s: "
        f"{one[0] / two[0]:.2f}"
    )
    print(
        f"  the whole run                            {one[1]:5.1f} s / {two[1]:5.1f} s: "
        f"{one[1] / two[1]:.2f}"
    )


def main() -> None:
    """Print both."""
    overhead()
    workers()
