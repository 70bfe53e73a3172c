"""One job of a run as a card: its map, or the reason why there is none."""

from __future__ import annotations

from typing import Any

from esegeta.report.markup import Markup, anchor, join, measured, number, picture, tag
from esegeta.report.reading import Group, Job
from esegeta.report.slider import slider
from esegeta.report.trust import of_map
from esegeta.units import duration, size

WORDS = {"done": "done", "failed": "failed", "timed out": "timed out", "pending": "not run yet"}
STYLES = {state: "failed" if state == "timed out" else state for state in WORDS}
"""The states as the style sheet names them."""


def card(group: Group, job: Job) -> Markup:
    """Write the card of a job."""
    head = tag(
        "header",
        tag("h3", job.method, layer(job)),
        state(job),
        tag("p", job.result["summary"], class_="summary") if job.result.get("summary") else None,
    )
    body = {"done": _done, "pending": _pending}.get(job.state, _failed)
    return tag(
        "article",
        head,
        body(group, job),
        class_=f"card {STYLES[job.state]}",
        id=anchor(job.id),
        data_method=job.method,
    )


def layer(job: Job) -> Markup | None:
    """Write the layer beside the method's name."""
    return tag("span", f" at {job.layer}", class_="layer") if job.layer is not None else None


def state(job: Job) -> Markup:
    """Write the state as a word, flagged where a check did not pass."""
    word = "done, flagged" if job.flagged else WORDS[job.state]
    return tag("span", word, class_=f"state {kind(job)}")


def kind(job: Job) -> str:
    """Give the state as the style sheet names it."""
    return "flagged" if job.flagged else STYLES[job.state]


def _done(group: Group, job: Job) -> Markup:
    return join(
        _picture(group, job),
        slider(job),
        tag("ul", *(_badge(check) for check in job.checks), class_="badges", aria_label="Checks"),
        tag("dl", *_facts(group, job)),
        *_figures(group, job),
    )


def _figures(group: Group, job: Job) -> list[Markup]:
    """Write what metrics have drawn of a map, to be unfolded."""
    drawn = [one for one in group.judging(job) if one.overlay is not None]
    return [
        tag("details", tag("summary", f"{one.metric} of this map"), _picture(group, one))
        for one in drawn
    ]


def _failed(group: Group, job: Job) -> Markup:
    error = job.result.get("error")
    error = error if isinstance(error, dict) else {"message": "It says no reason."}
    trace = error.get("traceback")
    return join(
        tag("p", tag("strong", error.get("kind") or "Error"), class_="kind"),
        tag("p", error.get("message"), class_="reason"),
        tag("details", tag("summary", "Traceback"), tag("pre", trace)) if trace else None,
        tag("dl", *_rows([("Parameters", _parameters(job)), ("Folder", tag("code", job.id))])),
    )


def _pending(group: Group, job: Job) -> Markup:
    cost = _passes(job.plan.get("passes"))
    return tag("dl", *_rows([("Parameters", _parameters(job)), ("Expected", cost)]))


def _picture(group: Group, job: Job) -> Markup:
    if job.overlay is None:
        return tag("p", "There is no picture of this map in the run folder.", class_="reason")
    name = job.method if job.layer is None else f"{job.method} at {job.layer}"
    alt = f"{name}: map over {group.image}, {group.model}, target {group.target}"
    image = picture(job.overlay.read_bytes(), alt)
    return tag("button", image, type="button", class_="enlarge", title="Enlarge")


def _badge(check: dict[str, Any]) -> Markup:
    passed, value, limit = bool(check.get("passed")), check.get("value"), check.get("limit")
    words = [str(check.get("name"))]
    # A passed check whose limit is zero has one answer; its numbers would say nothing.
    if value is not None and not isinstance(value, bool) and (limit != 0 or not passed):
        words.append(number(value))
        if limit is not None:
            words.append(f"(limit {number(limit)})")
    sign = tag("span", "✓ " if passed else "⚑ ", aria_hidden="true")
    said = tag("span", "passed: " if passed else "flagged: ", class_="hidden")
    return tag("li", sign, said, " ".join(words), class_="passed" if passed else "flagged")


def _facts(group: Group, job: Job) -> list[Markup]:
    result = job.result
    files = result.get("files") or {}
    cost = [_passes(result.get("passes")), measured(result.get("seconds"), duration)]
    if result.get("memory"):
        cost.append(f"peak {measured(result['memory'], size)}")
    rows = [
        ("Score", _score(result.get("target") or {})),
        ("Range", _range(result.get("range"))),
        ("Parameters", _parameters(job)),
        ("Patches", _patches(result.get("patches"))),
        ("Cost", ", ".join(cost)),
        ("Metrics", of_map(group.judging(job))),
        ("Notes", _pairs(result.get("notes"))),
        ("Paper", result.get("paper")),
        ("File", tag("code", f"{job.id}/{files['map']}") if files.get("map") else None),
    ]
    return _rows(rows)


def _rows(rows: list[tuple[str, object]]) -> list[Markup]:
    return [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows if value]


def _parameters(job: Job) -> Markup | None:
    return _pairs(job.result.get("parameters") or job.plan.get("parameters"))


def _pairs(values: Any) -> Markup | None:
    if not isinstance(values, dict) or not values:
        return None
    parts = [tag("span", f"{key} ", tag("b", number(value))) for key, value in values.items()]
    return tag("span", *parts, class_="pairs")


def _passes(passes: Any) -> str:
    passes = passes if isinstance(passes, dict) else {}
    ways = (("forward", passes.get("forward", 0)), ("backward", passes.get("backward", 0)))
    if not any(count for _, count in ways):
        return "no passes of its own"  # it was answered from what other methods had asked
    return ", ".join(f"{number(count)} {way}" for way, count in ways)


def _patches(patches: Any) -> str | None:
    """Say how the image was cut, and how many of its patches passed for this map alone."""
    if not isinstance(patches, dict):
        return None
    size, overlap = (_sides(patches.get(key)) for key in ("size", "overlap"))
    words = [
        f"{number(patches.get('number'))} of {size}, overlap {overlap}, {patches.get('blend')}"
    ]
    words += [f"passed {_passes(patches)}"] if patches.get("forward") else []
    return "; ".join([*words, *filter(None, [patches.get("note")])])


def _sides(sides: Any) -> str:
    return " × ".join(map(str, sides)) if isinstance(sides, list) else number(sides)


def _range(ends: Any) -> str | None:
    if not isinstance(ends, list) or len(ends) != 2:
        return None
    return f"{number(ends[0])} to {number(ends[1])}"


def _score(target: dict[str, Any]) -> Markup | None:
    if not target:
        return None
    index, score = target.get("index"), target.get("score")
    words = [tag("b", "–" if score is None else number(score)), f" for {target.get('class')}"]
    if index is not None and str(index) != str(target.get("class")):
        words.append(f" (class {index})")
    for key in ("contrast", "wrapper", "mask"):
        if target.get(key):
            words.append(f", {key} {number(target[key])}")
    return join(*words)
