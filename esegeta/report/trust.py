"""The part of the report that says how far to trust the maps."""

from __future__ import annotations

from collections.abc import Sequence

from esegeta.report.evaluation import LEVEL, Mean, means, rows
from esegeta.report.markup import Markup, join, number, tag
from esegeta.report.reading import Job, Run

ARROWS = {"high": ("↑", "more is better"), "low": ("↓", "less is better")}
EXPLAINED = (
    "Means over images"
    f"; in small type the interval that holds {LEVEL} % of resampled means, where there are two images or "
    "more. The best of a column is set in bold: it is best by that metric, on these images, and differences "
    "smaller than the intervals mean little. ✓ and ✗ say whether a test was passed."
)


def section(run: Run) -> Markup | None:
    """Write the tables of methods × metrics, one per model and target; nothing without metrics."""
    found = rows(run)
    if not found:
        return None
    summed = means(found)
    places = list(dict.fromkeys((mean.model, mean.target) for mean in summed))
    tables = [
        join(
            tag("h3", f"{model} · target {target}") if len(places) > 1 else None,
            _table([mean for mean in summed if (mean.model, mean.target) == (model, target)]),
        )
        for model, target in places
    ]
    lost = [row for row in found if row.reason]
    shown = [
        tag("li", tag("code", f"{r.image}/{r.method}/{r.metric}"), f": {r.reason}") for r in lost
    ]
    return tag(
        "section",
        tag("h2", "How far to trust these maps"),
        *tables,
        tag("p", EXPLAINED, class_="small"),
        tag("details", tag("summary", f"Without a value: {len(lost)}"), tag("ul", *shown))
        if lost
        else None,
        id="trust",
    )


def _table(summed: Sequence[Mean]) -> Markup:
    best = {mean.metric: mean.best for mean in summed if mean.best is not None}
    names = list(dict.fromkeys(mean.metric for mean in summed))
    methods = list(dict.fromkeys((mean.method, mean.layer) for mean in summed))
    cells = {(mean.method, mean.layer, mean.metric): mean for mean in summed}
    heads = [tag("th", name, _arrow(best.get(name)), scope="col") for name in names]
    lines = [
        tag(
            "tr",
            tag("th", method, tag("span", f" at {layer}", class_="layer") if layer else None,
                scope="row"),
            *(_cell(cells.get((method, layer, name)), _best(summed, name)) for name in names),
        )
        for method, layer in methods
    ]  # fmt: skip
    head = tag("thead", tag("tr", tag("th", "method", scope="col"), *heads))
    return tag("div", tag("table", head, tag("tbody", *lines)), class_="table")


def _arrow(best: str | None) -> Markup | None:
    if best not in ARROWS:
        return None
    sign, words = ARROWS[best]
    return tag("span", f" {sign}", title=words, class_="layer")


def _best(summed: Sequence[Mean], metric: str) -> float | None:
    """Give the best mean of a metric, where several methods have one."""
    column = [mean for mean in summed if mean.metric == metric and mean.mean is not None]
    values = [mean.mean for mean in column if mean.mean is not None]
    best = next((mean.best for mean in column if mean.best), None)
    if len(values) < 2 or best is None:
        return None
    return max(values) if best == "high" else min(values)


def _cell(mean: Mean | None, best: float | None) -> Markup:
    if mean is None:
        return tag("td", "")
    if mean.mean is None:
        return tag("td", "–", title="no value; the reasons stand below")
    value = number(float(f"{mean.mean:.3g}"))
    shown = tag("b", value) if mean.mean == best else value
    test = None
    if mean.passed is not None:
        test = tag("span", " ✓" if mean.passed == 1 else " ✗" if mean.passed == 0 else
                   f" ✓ {mean.passed:.0%}", class_="layer")  # fmt: skip
    ends = None
    if mean.low is not None and mean.high is not None:
        low, high = (number(float(f"{end:.3g}")) for end in (mean.low, mean.high))
        ends = tag("span", f"{low} to {high}", class_="ends")
    return tag("td", shown, test, ends)


def of_map(measures: Sequence[Job]) -> Markup | None:
    """Write what metrics say of one map, for its card."""
    known = [job for job in measures if job.state == "done"]
    parts = [tag("span", f"{job.metric} ", tag("b", _said(job))) for job in known]
    return tag("span", *parts, class_="pairs") if parts else None


def _said(job: Job) -> str:
    value, error = job.result.get("value"), job.result.get("standard_error")
    words = number(value) if isinstance(value, int | float) else "–"
    words += f" ± {number(error)}" if isinstance(error, int | float) else ""
    passed = job.result.get("passed")
    return words if passed is None else f"{words} {'✓' if passed else '✗'}"
