"""Trains a learner on Lightning, from the beginning or from the last checkpoint."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors.torch import load_file
from torch import Tensor

from esegeta.errors import MethodError, RunError
from esegeta.learning.data import Examples
from esegeta.learning.learner import Learner
from esegeta.libraries import import_library

if TYPE_CHECKING:
    from esegeta.learning.loop import Row, Schedule, Tell

PRECISIONS = {"off": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


@dataclass(frozen=True)
class Fitted:
    """What came of it.

    Parameters
    ----------
    weights : dict of str to Tensor
        Of the best epoch, where there is validation data; else of the last.
    history : list of dict
        Means per epoch, by name; those on validation data begin with ``validation_``.
    best : int
        The epoch whose weights these are, from 1.
    """

    weights: dict[str, Tensor]
    history: list[Row]
    best: int


def require_lightning() -> None:
    """Import Lightning, beside a torchvision that it may import.

    Raises
    ------
    RunError
        If it is not installed.
    """
    try:
        import_library("lightning.pytorch")
    except MethodError as error:
        raise RunError(str(error)) from error


def fit(
    learner: Learner,
    data: Examples,
    validation: Examples | None,
    schedule: Schedule,
    folder: Path,
    *,
    resume: bool = False,
    tell: Tell = lambda line: None,
    bar: bool = False,
) -> Fitted:
    """Train a learner.

    After each epoch a checkpoint is written. One that goes on from it, on the same data and device,
    comes to the weights of a training that was never broken off.

    Parameters
    ----------
    folder : Path
        Where checkpoints and ``losses.csv`` are written.
    resume : bool
        Go on from the checkpoint in the folder, where there is one.
    tell : callable
        Called with a line after each epoch.
    bar : bool
        Draw the progress of each epoch on the terminal.

    Raises
    ------
    RunError
        If Lightning is not installed, or the loss is not finite.
    """
    require_lightning()
    import lightning.pytorch as pl

    from esegeta.learning.loop import BEST, LAST, Keeping, Module

    folder.mkdir(parents=True, exist_ok=True)
    keeping = Keeping(learner, schedule, folder, tell)
    device = schedule.device
    last = folder / LAST
    with _quiet():
        trainer = pl.Trainer(
            accelerator="gpu" if device.type == "cuda" else device.type,
            devices=1 if device.type == "cpu" else [device.index or 0],
            precision=PRECISIONS[schedule.amp],
            max_epochs=schedule.epochs,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            callbacks=[keeping],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=bar,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=folder,
        )
        try:
            trainer.fit(
                Module(learner, data, validation, schedule),
                ckpt_path=str(last) if resume and last.is_file() else None,
                weights_only=True,  # nothing in a folder is unpickled that could run code
            )
        except SystemExit:  # which Lightning makes of Ctrl-C
            raise KeyboardInterrupt from None
    return Fitted(load_file(folder / BEST), keeping.history, keeping.best)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice on workers, devices and loggers to itself."""
    log = logging.getLogger("lightning.pytorch")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning.*")
        try:
            yield
        finally:
            log.setLevel(level)
