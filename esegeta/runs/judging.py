"""Jobs that judge the maps of other jobs, in a plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esegeta import config
from esegeta.runs.folder import JOB_FILES
from esegeta.runs.names import component, derive, unique

if TYPE_CHECKING:
    from esegeta.registry import Registry
    from esegeta.runs.plan import Job


def judging(
    settings: config.Config,
    registry: Registry,
    model: config.Model,
    judged: Sequence[tuple[Job, Job]],
) -> Iterator[Job]:
    """Make the jobs that judge a group's maps.

    Parameters
    ----------
    judged : sequence of (Job, Job)
        Each job that makes a map, and the same with what it costs alone.
    """
    for subject, alone in judged:
        if registry.get(subject.use).returns != "map":
            continue
        taken = set(JOB_FILES)
        for metric in settings.evaluate:
            plugin = registry.get(metric.use, "metric")
            wanted = metric.methods is None or subject.method in metric.methods
            if not wanted or model.task not in plugin.tasks:
                continue
            values = plugin.validate(metric.with_)
            identity = f"{subject.id}/{unique(component(metric.name), taken)}"
            taken.add(identity.rpartition("/")[2])
            yield replace(
                subject,
                id=identity,
                use=plugin.name,
                parameters=values.model_dump(mode="json"),
                passes=plugin.judging(values, alone.passes),
                seed=derive(settings.execution.seed, identity),
                timeout=metric.timeout or settings.execution.timeout,
                subject=subject,
                metric=metric.name,
            )


def judges(job: Job) -> dict[str, Any]:
    """Say which map a job judges, by which metric of the run; nothing of a job that makes one."""
    return {} if job.subject is None else {"judges": job.subject.id, "metric": job.metric}
