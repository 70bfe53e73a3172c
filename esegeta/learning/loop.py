"""The learner and the keeping of its state, as Lightning wants them; importing it takes Lightning."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from safetensors.torch import save_file
from torch import Tensor

from esegeta.errors import RunError
from esegeta.files import replacing
from esegeta.learning.data import Examples
from esegeta.learning.learner import LOSSES, MEASURED, Learner
from esegeta.runs.names import derive

LAST, BEST = "last.ckpt", "best.safetensors"

Row = dict[str, float]
Tell = Callable[[str], None]
Batch = tuple[Tensor, Tensor | None]


@dataclass(frozen=True)
class Schedule:
    """How long, in which pieces, and where is trained.

    Parameters
    ----------
    epochs, batch : int
    patience : int, optional
        Epochs without a lower validation loss after which it ends.
    seed : int
    device : torch.device
    amp : str
        ``off``, ``bf16`` or ``fp16``.
    """

    epochs: int
    batch: int
    patience: int | None
    seed: int
    device: torch.device
    amp: str

    def steps(self, images: int) -> int:
        """How many steps the optimiser takes in an epoch."""
        return -(-images // self.batch)


class Batches:
    """Batches of images and labels in a given order."""

    def __init__(self, data: Examples, order: Tensor, size: int) -> None:
        self._data, self._chosen = data, torch.split(order, size)

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[Batch]:
        return map(self._data.batch, self._chosen)


class Module(pl.LightningModule):  # type: ignore[misc]
    """A learner on its data.

    Order and chance hang on the seed, the epoch and the step alone, so that a training that goes on
    from a checkpoint does what it would have done.
    """

    def __init__(
        self, learner: Learner, data: Examples, validation: Examples | None, schedule: Schedule
    ) -> None:
        super().__init__()
        self.learner = learner
        self._data, self._validation, self._schedule = data, validation, schedule
        self._sums: dict[str, Tensor] = {}
        self._images: dict[str, int] = {}

    def configure_optimizers(self) -> Any:
        """Ask the learner."""
        schedule = self._schedule
        optimiser, rates = self.learner.optimiser(schedule.epochs * schedule.steps(len(self._data)))
        if rates is None:
            return optimiser
        return [optimiser], [{"scheduler": rates, "interval": "step"}]

    def train_dataloader(self) -> Batches:
        """Batches in this epoch's order; asked for anew in each."""
        seed = derive(self._schedule.seed, f"epoch {self.current_epoch}")
        order = torch.randperm(len(self._data), generator=torch.Generator().manual_seed(seed))
        return Batches(self._data, order, self._schedule.batch)

    def val_dataloader(self) -> Batches | list[Any]:
        """Batches of the validation data, if there is any."""
        if self._validation is None:
            return []
        order = torch.arange(len(self._validation))
        return Batches(self._validation, order, self._schedule.batch)

    def on_train_epoch_start(self) -> None:
        """Begin new means."""
        self._sums, self._images = {}, {}

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Give the loss of a batch."""
        step = self.global_step
        self._seed(f"step {step}")
        losses = self.learner.losses(*batch, step)
        self._add("", losses, len(batch[0]))
        return losses["loss"]

    def validation_step(self, batch: Batch, number: int) -> None:
        """Measure a batch."""
        self._seed(f"validation {number}")
        self._add(MEASURED, self.learner.measures(*batch), len(batch[0]))

    def _seed(self, what: str) -> None:
        seed = derive(self._schedule.seed, what)
        torch.default_generator.manual_seed(seed)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def _add(self, kind: str, values: Mapping[str, Tensor], images: int) -> None:
        for short, value in values.items():
            name = kind + short
            weighted = images * value.detach().float()
            self._sums[name] = weighted + self._sums[name] if name in self._sums else weighted
            # Each by itself: some losses are there in a part of the steps only.
            self._images[name] = images + self._images.get(name, 0)

    def means(self) -> Row:
        """The means over this epoch so far, by name."""
        return {name: float(total) / self._images[name] for name, total in self._sums.items()}


class Keeping(pl.Callback):  # type: ignore[misc]
    """Keeps the best weights, a checkpoint and the losses of every epoch; ends where patience does.

    Files appear by rename: Lightning's own checkpoints would be cut off where the process is killed.

    Attributes
    ----------
    history : list of dict
        Means per epoch.
    best : int
        The epoch whose weights are kept, from 1.
    """

    def __init__(self, learner: Learner, schedule: Schedule, folder: Path, tell: Tell) -> None:
        self.history: list[Row] = []
        self.best = 0
        self._learner, self._schedule, self._folder, self._tell = learner, schedule, folder, tell
        self._began = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What goes into a checkpoint."""
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take it up again."""
        self.history, self.best = state["history"], state["best"]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note, compare and keep.

        Raises
        ------
        RunError
            Where a loss is not finite.
        """
        assert isinstance(pl_module, Module)
        row = {"epoch": float(trainer.current_epoch + 1), **pl_module.means()}
        wrong = [name for name, value in row.items() if not math.isfinite(value)]
        if wrong:
            raise RunError(
                f"in epoch {row['epoch']:.0f} {wrong[0]} is {row[wrong[0]]}; a lower learning rate may help"
            )
        self.history.append(row)
        score = row.get(f"{MEASURED}loss")
        if score is None or score <= min(one[f"{MEASURED}loss"] for one in self.history):
            self.best = len(self.history)
            with replacing(self._folder / BEST) as temporary:
                save_file(_weights(self._learner), temporary)
        patience = self._schedule.patience
        if patience and len(self.history) - self.best >= patience:
            trainer.should_stop = True
        with replacing(self._folder / LAST) as temporary:
            trainer.save_checkpoint(temporary)
        _write(self.history, self._folder / LOSSES)
        self._tell(self._line(row))

    def _line(self, row: Row) -> str:
        told = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
        seconds = time.monotonic() - self._began
        return f"epoch {row['epoch']:.0f} of {self._schedule.epochs}: {told}  ({seconds:.0f} s)"


def _weights(learner: Learner) -> dict[str, Tensor]:
    """Copy what is kept: safetensors refuses tensors that share memory."""
    state = learner.kept.state_dict().items()
    plain = torch.contiguous_format
    return {key: value.detach().cpu().clone(memory_format=plain) for key, value in state}


def _write(history: list[Row], path: Path) -> None:
    """Write a table of a row per epoch."""
    names = list(dict.fromkeys(name for row in history for name in row))
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(history)
