"""What the metrics of a run say, as a table: of each map, and of each method over all images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from esegeta.files import replacing
from esegeta.report.reading import Group, Job, Run, read

CSV, JSON = "evaluation.csv", "evaluation.json"
RESAMPLES = 2000
LEVEL = 95
"""Per cent of the resampled means that an interval holds."""


@dataclass(frozen=True)
class Row:
    """What one metric says of one map.

    Parameters
    ----------
    image, model, target, method, layer
        Which map.
    metric : str
        The metric's name in this run.
    best : {"high", "low"}, optional
    value, error : float, optional
        None where the metric failed or has not run.
    passed : bool, optional
    more : dict of str to float
    curves : dict of str to list
        Points (x, y), or (x, y, low, high).
    reason : str, optional
        Why there is no value.
    """

    image: str
    model: str
    target: str
    method: str
    layer: str | None
    metric: str
    best: str | None
    value: float | None
    error: float | None
    passed: bool | None
    more: dict[str, float]
    curves: dict[str, list[list[float]]]
    reason: str | None


@dataclass(frozen=True)
class Mean:
    """What one metric says of one method, over all images.

    Parameters
    ----------
    images : int
        How many have a value.
    mean, low, high : float, optional
        With the bootstrap interval over images, where there are two of them at least.
    passed : float, optional
        Of a test: the share of images where it was passed.
    """

    model: str
    target: str
    method: str
    layer: str | None
    metric: str
    best: str | None
    images: int
    mean: float | None
    low: float | None
    high: float | None
    passed: float | None


def rows(run: Run) -> list[Row]:
    """Read what every metric of a run says."""
    return [_row(group, job) for group in run.groups for job in group.measures]


def _row(group: Group, job: Job) -> Row:
    result = job.result if job.state == "done" else {}
    error = job.result.get("error")
    reason = str(error["message"]) if isinstance(error, dict) and "message" in error else None
    more, curves = result.get("more"), result.get("curves")
    return Row(
        group.image,
        group.model,
        group.target,
        job.method,
        job.layer,
        str(job.metric),
        result.get("best"),
        _number(result.get("value")),
        _number(result.get("standard_error")),
        result.get("passed"),
        more if isinstance(more, dict) else {},
        curves if isinstance(curves, dict) else {},
        None if job.state == "done" else reason or "it has not run yet",
    )


def _number(value: Any) -> float | None:
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)


def means(found: Sequence[Row]) -> list[Mean]:
    """Sum up over images, in the order of the rows."""
    kinds: dict[tuple[str | None, ...], list[Row]] = {}
    for row in found:
        key = (row.model, row.target, row.method, row.layer, row.metric)
        kinds.setdefault(key, []).append(row)
    return [_mean(group) for group in kinds.values()]


def _mean(group: list[Row]) -> Mean:
    one = group[0]
    values = [row.value for row in group if row.value is not None]
    tests = [row.passed for row in group if row.passed is not None]
    best = next((row.best for row in group if row.best), None)
    low, high = interval(values)
    return Mean(
        one.model,
        one.target,
        one.method,
        one.layer,
        one.metric,
        best,
        len(values),
        float(np.mean(values)) if values else None,
        low,
        high,
        float(np.mean(tests)) if tests else None,
    )


def interval(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Give the ends between which the mean lies, by resampling; nothing of fewer than two values."""
    if len(values) < 2:
        return None, None
    drawn = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    resampled = np.asarray(values)[drawn].mean(1)
    low, high = np.percentile(resampled, [(100 - LEVEL) / 2, (100 + LEVEL) / 2])
    return float(low), float(high)


def write(run: Path) -> None:
    """Write ``evaluation.csv`` and ``evaluation.json`` into a run folder, if it has metrics at all.

    Raises
    ------
    RunError
        Where the folder holds no readable ``plan.json``.
    """
    found = rows(read(run))
    if not found:
        return
    facts = {
        "version": 1,
        "maps": [asdict(row) for row in found],
        "methods": [asdict(mean) for mean in means(found)],
    }
    for name, text in ((CSV, _csv(found)), (JSON, json.dumps(facts, indent=1) + "\n")):
        with replacing(run / name) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="")


def _csv(found: Sequence[Row]) -> str:
    """Write a line per map and metric, and one more for each further number."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["image", "model", "target", "method", "layer", "metric", "value", "error",
                    "passed", "reason"])  # fmt: skip
    lines.writerows(line for row in found for line in _lines(row))
    return text.getvalue()


def _lines(row: Row) -> Iterator[list[Any]]:
    place = [_harmless(x or "") for x in (row.image, row.model, row.target, row.method, row.layer)]
    passed = "" if row.passed is None else str(row.passed).lower()
    ends = [_blank(row.value), _blank(row.error), passed, _harmless(row.reason or "")]
    yield [*place, _harmless(row.metric), *ends]
    for name, value in row.more.items():
        yield [*place, _harmless(f"{row.metric}: {name}"), value, "", "", ""]


def _blank(value: float | None) -> Any:
    return "" if value is None else value


def _harmless(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
