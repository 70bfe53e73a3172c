"""What the monitor says, in sentences that Qt can translate."""

from __future__ import annotations

from typing import Any

from esegeta.units import duration, size

from ..language import tr
from .rows import Facts, Row, State
from .table import Column, Kind, Table


def state(name: State) -> str:
    """Name a state of a job."""
    return {
        "running": tr("running"),
        "failed": tr("failed"),
        "timed out": tr("timed out"),
        "interrupted": tr("interrupted"),
        "pending": tr("pending"),
        "done": tr("done"),
    }[name]


MARKS: dict[State, str] = {
    "running": "▶",
    "failed": "✗",
    "timed out": "✗",
    "interrupted": "◼",
    "pending": "·",
    "done": "✓",
}
"""What tells states apart where colours do not."""


FULL = ("out of memory", "memory runs out", "worker_memory")
"""What tells, in the reason of a failure, that there was too little memory."""


def kind(name: Kind) -> str:
    """Name a choice of the filter."""
    return {
        "all": tr("All jobs"),
        "running": tr("Running"),
        "failed": tr("Failed"),
        "interrupted": tr("Interrupted"),
        "pending": tr("Pending"),
        "done": tr("Done"),
    }[name]


def column(name: Column) -> str:
    """Name a column."""
    return {
        "state": tr("State"),
        "method": tr("Method"),
        "image": tr("Image"),
        "model": tr("Model"),
        "target": tr("Target"),
        "device": tr("Device"),
        "progress": tr("Progress"),
        "time": tr("Time"),
    }[name]


def progress(row: Row) -> str:
    """Say how many passes a running job has done."""
    if row.state != "running":
        return ""
    if row.total is None:
        return tr("starting")
    return f"{row.done or 0:,} / {row.total:,}"


def took(row: Row, now: float) -> str:
    """Say how long a job took, or runs already."""
    seconds = row.seconds(now)
    if not seconds and row.state != "running":  # it never began, or its process died
        return ""
    seconds = seconds or 0.0
    return duration(max(1.0, seconds)) if row.state == "running" else duration(seconds)


def headline(facts: Facts, *, starting: bool) -> str:
    """Say in a few words what a run is doing."""
    if starting:
        return tr("starting…")
    if facts.lost:
        return tr("killed")
    if facts.phase == "at work" and facts.stopping:
        return tr("stopping")
    return {
        "reading": tr("reading…"),
        "absent": tr("no run"),
        "damaged": tr("damaged"),
        "waiting": tr("not begun"),
        "at work": tr("at work"),
        "ended": tr("ended"),
        "stopped": tr("stopped"),
        "killed": tr("killed"),
    }[facts.phase]


def summary(facts: Facts, table: Table) -> str:
    """Count the jobs, and say how much time is left."""
    counts = table.counts
    ended = counts["done"] + counts["failed"]
    parts = [tr("%(ended)s of %(all)s jobs") % {"ended": f"{ended:,}", "all": f"{counts['all']:,}"}]
    if counts["failed"]:
        parts.append(tr("%s failed") % f"{counts['failed']:,}")
    if counts["interrupted"]:
        parts.append(tr("%s interrupted") % f"{counts['interrupted']:,}")
    if facts.phase == "at work" and not facts.lost:
        parts.append(_left(facts.left))
    return "  ·  ".join(parts)


def _left(seconds: float | None) -> str:
    if seconds is None:
        return tr("time left not known yet")
    return tr("about %s left") % duration(max(1.0, seconds))


def trouble(facts: Facts) -> tuple[str, str] | None:
    """Say what is the matter with a run as a whole, and what mends it; with the kind of message."""
    folder = str(facts.folder)
    if facts.lost:
        text = tr(
            "The run's lock is held by %s, but there is no such process: it was killed, and this "
            "disk does not release locks. “Resume” makes what is missing."
        )
        return text % facts.driver, "wrong"
    if facts.phase == "killed":
        text = tr(
            "The run's process ended without a word: it was killed from outside, or its machine "
            "went down. What was done is safe; “Resume” makes the rest."
        )
        return text, "wrong"
    if facts.phase == "damaged":
        text = tr("%s: open another folder, or run again with another output folder.")
        return text % facts.why, "wrong"
    if facts.phase == "absent":
        text = tr("There is no run in %s: a run begins with its plan.json, which is not there.")
        return text % folder, "wrong"
    if facts.phase == "stopped":
        return tr("The run was ended early: %s. “Resume” makes the rest.") % facts.why, "note"
    if facts.phase == "at work" and facts.stopping:
        now = tr("The run was asked to stop now; its workers are being ended.")
        soon = tr("The run was asked to stop: running jobs end first. “Stop now” does not wait.")
        return now if facts.stopping == "now" else soon, "note"
    return None


def remedy(row: Row, result: dict[str, Any] | None) -> str:
    """Say what may be done about a job that is not done."""
    if row.state == "interrupted":
        return tr("It was running when the run ended. “Resume” makes it.")
    if row.state == "timed out":
        return tr(
            "Give it more time (“timeout” on the Run page), or fewer passes (its parameters); where "
            "it hangs, the end of its log says in which line. Then “Retry failed”."
        )
    if row.state != "failed":
        return ""
    error = (result or {}).get("error") or {}
    reason, which = (row.reason or "").lower(), str(error.get("kind"))
    if which == "OutOfMemoryError" or any(sign in reason for sign in FULL):
        return tr(
            "It took more memory than there was: lower the number of jobs per device or its batch, "
            "or cut the image into patches. Then “Retry failed”."
        )
    if which == "Crash":
        return tr(
            "Its process died, and only this job with it; the end of its log may say why. “Retry "
            "failed” tries it again."
        )
    if error.get("traceback"):
        return tr(
            "The error comes from the method, or from the model in it; “Details” shows where. Mend "
            "it, then “Retry failed”."
        )
    return tr("Mend in the config what the message names and run it again, or “Retry failed”.")


def details(row: Row, result: dict[str, Any] | None, now: float) -> list[tuple[str, str]]:
    """List what is known of a job: titles and texts."""
    rows = [(tr("Job"), row.id), (tr("State"), state(row.state))]
    if row.state == "running":
        where = f"{row.device}, pid {row.pid}" + (f", {row.host}" if row.host else "")
        rows.append((tr("Where"), where))
        if row.heard is not None:
            rows.append((tr("Last heard of"), tr("%s ago") % duration(max(0.0, now - row.heard))))
    if row.took:
        rows.append((tr("Time"), duration(row.took)))
    if row.reason:
        rows.append((tr("Reason"), row.reason))
    if result is None:
        return rows
    rows += [(title, _text(result[key])) for key, title in _titles().items() if result.get(key)]
    if result.get("memory"):
        rows.append((tr("Memory"), size(float(result["memory"]))))
    trace = (result.get("error") or {}).get("traceback")
    return [*rows, (tr("Traceback"), str(trace))] if trace else rows


def _titles() -> dict[str, str]:
    """Name what a result holds, by its keys; not at import, when no translator is there yet."""
    return {
        "target": tr("Target"),
        "parameters": tr("Parameters"),
        "checks": tr("Checks"),
        "passes": tr("Passes"),
        "amp": tr("Precision"),
        "range": tr("Range"),
        "notes": tr("Notes"),
        "seed": tr("Seed"),
    }


def _text(value: Any) -> str:
    """Write a JSON value for people."""
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_short(item)}" for key, item in value.items())
    return _short(value)


def _short(value: Any) -> str:
    if isinstance(value, dict) and {"name", "passed"} <= set(value):  # a check
        return f"{'✓' if value['passed'] else '⚑'} {value['name']} {_short(value.get('value'))}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_short(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
