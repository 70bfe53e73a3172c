"""What the result says of a map, as text: checks, notes, target, parameters, cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, TypeGuard

from esegeta.report.canvas import number
from esegeta.report.reading import Job
from esegeta.units import duration, size

from ..language import tr
from .choice import details, title, why

Row = tuple[str, str]


def page(job: Job, measures: Sequence[Job] = (), trouble: str = "", wrong: str = "red") -> str:
    """Write it as HTML, with what metrics say; `wrong` is the colour of what did not pass."""
    head = f"<h3>{escape(title(job))}</h3><p>{escape(str(job.result.get('summary') or ''))}</p>"
    parts = [head]
    if trouble:
        parts.append(f'<p style="color:{wrong}">⚑ {escape(trouble)}</p>')
    if job.state != "done":
        parts.append(f'<p style="color:{wrong}">{escape(why(job))}</p>')
        if details(job):
            parts.append(f"<pre>{escape(details(job))}</pre>")
    else:
        parts += [f"<p>{line}</p>" for line in checks(job, wrong)]
    cells = "".join(
        f"<tr><td><b>{escape(name)}</b>&nbsp;</td><td>{escape(text)}</td></tr>"
        for name, text in [*_metrics(measures), *rows(job)]
    )
    return "".join([*parts, f'<table cellspacing="3">{cells}</table>'])


def checks(job: Job, wrong: str) -> Iterator[str]:
    """Write a line of HTML for each check."""
    for check in job.checks:
        passed, value, limit = bool(check.get("passed")), check.get("value"), check.get("limit")
        words = escape(str(check.get("name")))
        if _is_number(value) and (limit != 0 or not passed):
            words += f" {number(value)}"
            words += " " + tr("(limit %s)") % number(limit) if _is_number(limit) else ""
        flagged = tr("%s: flagged") % words
        yield f"✓ {words}" if passed else f'<span style="color:{wrong}">⚑ {flagged}</span>'


def rows(job: Job) -> Iterator[Row]:
    """Name what else is known of a job; what its result does not say is left out."""
    result = job.result
    target = result.get("target")
    if isinstance(target, dict):
        yield tr("Class"), str(target.get("class", "?"))
        if _is_number(target.get("score")):
            yield tr("Score"), number(target["score"])
        named = (("wrapper", tr("Wrapper")), ("mask", tr("Mask")))
        yield from ((name, str(target[key])) for key, name in named if target.get(key))
    span = result.get("range")
    if isinstance(span, list) and len(span) == 2 and all(map(_is_number, span)):
        yield tr("Range"), tr("%s to %s") % (number(span[0]), number(span[1]))
    for name, key in ((tr("Parameters"), "parameters"), (tr("Notes"), "notes")):
        values = result.get(key) or (job.plan.get(key) if key == "parameters" else None)
        if isinstance(values, dict) and values:
            yield name, ", ".join(f"{k} {_plain(v)}" for k, v in values.items())
    passes = result.get("passes")
    if isinstance(passes, dict):
        counts = passes.get("forward", 0), passes.get("backward", 0)
        yield tr("Passes"), tr("%s forward, %s backward") % counts
    if _is_number(result.get("seconds")):
        yield tr("Time"), duration(result["seconds"])
    if _is_number(result.get("memory")):
        yield tr("Peak memory"), size(result["memory"])
    if result.get("amp") not in (None, "off"):
        yield tr("Precision"), str(result["amp"])
    if result.get("paper"):
        yield tr("Paper"), str(result["paper"])
    yield tr("Folder"), job.id


def _metrics(measures: Sequence[Job]) -> Iterator[Row]:
    """Name each metric and its value; where there is none yet, or none at all, say so."""
    for job in measures:
        value, error = job.result.get("value"), job.result.get("standard_error")
        words = number(value) if _is_number(value) else tr("none")
        words += f" ± {number(error)}" if _is_number(error) else ""
        passed = job.result.get("passed")
        sign = "" if passed is None else " ✓" if passed else " ✗"
        yield str(job.metric).replace("_", " "), words + sign


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _plain(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
