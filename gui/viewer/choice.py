"""Which maps are looked at: image, model and class, the methods side by side, and their layers."""

from __future__ import annotations

from pathlib import Path

from esegeta.report.reading import Group, Job, Run

from ..language import tr

MOST = 6
"""Maps side by side."""

Key = tuple[str, str | None]
"""A job within its group: method and layer."""


class Choice:
    """Holds what is chosen of a run.

    Parameters
    ----------
    folder : Path
    run : Run
    """

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder, self.run = folder, run
        self.at = 0
        self.keys: list[Key] = []
        self.take_first()

    @property
    def group(self) -> Group | None:
        """What is explained: an image, a model and a target; None in an empty run."""
        return self.run.groups[self.at] if self.run.groups else None

    @property
    def jobs(self) -> list[Job]:
        """The jobs to choose from."""
        return self.group.maps if self.group else []

    def judging(self, job: Job) -> list[Job]:
        """The jobs of metrics that judge a map."""
        return self.group.judging(job) if self.group else []

    @property
    def chosen(self) -> list[Job]:
        """The jobs that are looked at, in the order in which they were chosen."""
        found = {key_of(job): job for job in self.jobs}
        return [found[key] for key in self.keys if key in found]

    def take_first(self) -> None:
        """Choose the first map there is, else the first job: it says why it has none."""
        done = [job for job in self.jobs if job.state == "done"]
        self.keys = [key_of(job) for job in (done or self.jobs)[:1]]

    def show(self, job_id: str) -> bool:
        """Choose one job by its id, of a metric the map it judges; say whether there is such a job."""
        for at, group in enumerate(self.run.groups):
            for job in group.maps:
                if job_id in (job.id, *(one.id for one in group.judging(job))):
                    self.at, self.keys = at, [key_of(job)]
                    return True
        return False

    def only(self, job: Job) -> None:
        """Look at one job alone."""
        self.keys = [key_of(job)]

    def toggle(self, job: Job) -> bool:
        """Add a job to those side by side, or take it away; False where there is no room."""
        key = key_of(job)
        if key in self.keys:
            if len(self.keys) > 1:
                self.keys.remove(key)
            return True
        if len(self.chosen) >= MOST:
            return False
        self.keys = [key_of(one) for one in self.chosen] + [key]
        return True

    # Groups

    def values(self, part: str) -> list[str]:
        """List the images, models or targets there are beside the other two as chosen.

        Models are those of the image, targets those of the image and the model.
        """
        group = self.group
        if group is None:
            return []
        fixed = {"image": (), "model": ("image",), "target": ("image", "model")}[part]
        return list(
            dict.fromkeys(
                str(getattr(one, part))
                for one in self.run.groups
                if all(getattr(one, name) == getattr(group, name) for name in fixed)
            )
        )

    def turn_to(self, part: str, value: str) -> None:
        """Choose another image, model or target, the others as they are where there is such a group."""
        group = self.group
        if group is None:
            return
        wanted = {name: str(getattr(group, name)) for name in ("image", "model", "target")}
        wanted[part] = value

        def alike(index: int) -> tuple[bool, int]:
            one = self.run.groups[index]
            same = sum(str(getattr(one, name)) == text for name, text in wanted.items())
            return str(getattr(one, part)) == value, same

        self._go(max(range(len(self.run.groups)), key=alike))

    def step(self, by: int) -> None:
        """Go to the next or the previous group, and round at the ends."""
        if self.run.groups:
            self._go((self.at + by) % len(self.run.groups))

    def _go(self, at: int) -> None:
        """Change the group; the same methods stay where it has them."""
        self.at = at
        if not self.chosen:
            self.take_first()

    # Layers

    def layers(self, job: Job) -> list[str]:
        """List the layers that a job's method was asked for."""
        return [
            one.layer for one in self.jobs if one.method == job.method and one.layer is not None
        ]

    def at_layer(self, job: Job, layer: str) -> None:
        """Look at another layer in place of a job's."""
        old, new = key_of(job), (job.method, layer)
        if old in self.keys and new not in self.keys:
            self.keys[self.keys.index(old)] = new

    def step_layer(self, job: Job, by: int) -> None:
        """Go to the method's next or previous layer that is not shown yet."""
        layers = self.layers(job)
        if job.layer not in layers:
            return
        at = layers.index(job.layer)
        for step in range(1, len(layers)):
            layer = layers[(at + step * by) % len(layers)]
            if (job.method, layer) not in self.keys:
                self.at_layer(job, layer)
                return

    def renewed(self, run: Run) -> Choice:
        """Give the same choice in what the folder says now."""
        fresh = Choice(self.folder, run)
        group = self.group
        for at, one in enumerate(run.groups):
            if group and (one.image, one.model, one.target) == (
                group.image,
                group.model,
                group.target,
            ):
                fresh.at, fresh.keys = at, list(self.keys)
                if not fresh.chosen:
                    fresh.take_first()
        return fresh


def key_of(job: Job) -> Key:
    """Name a job within its group."""
    return job.method, job.layer


def title(job: Job) -> str:
    """Name a job as people do: method, at its layer."""
    return job.method if job.layer is None else f"{job.method} @ {job.layer}"


def why(job: Job) -> str:
    """Say in words why a job has no map."""
    if job.state == "pending":
        return tr("It has not run yet. `esegeta run … --resume` makes what is missing.")
    error = job.result.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    head = tr("It took too long") if job.state == "timed out" else tr("It failed")
    unknown = tr("its result gives no reason; its job.log may")
    return f"{head}: {message or unknown}"


def details(job: Job) -> str:
    """Give the traceback of a job that failed; nothing where there is none."""
    error = job.result.get("error")
    return str(error.get("traceback") or "") if isinstance(error, dict) else ""
