"""The report of a run: one HTML file that needs no other file, and no network."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from esegeta.files import replacing
from esegeta.report import slider
from esegeta.report.cards import STYLES, WORDS, card, kind
from esegeta.report.markup import Markup, anchor, safe, tag
from esegeta.report.reading import STATES, Group, Job, Run, read
from esegeta.report.trust import section
from esegeta.units import duration
from esegeta.version import __version__

SCRIPT = """
const cards = [...document.querySelectorAll('.card')];
const chips = [...document.querySelectorAll('#filter button')];
function show() {
  const wanted = new Set(chips.filter(c => c.ariaPressed === 'true').map(c => c.dataset.method));
  for (const card of cards) card.hidden = wanted.size > 0 && !wanted.has(card.dataset.method);
}
for (const chip of chips) chip.addEventListener('click', () => {
  chip.ariaPressed = chip.ariaPressed === 'true' ? 'false' : 'true';
  show();
});
document.addEventListener('click', event => {
  const link = event.target.closest('a[href^="#"]');
  const card = link && document.getElementById(link.getAttribute('href').slice(1));
  if (card && card.hidden) { for (const chip of chips) chip.ariaPressed = 'false'; show(); }
});
const large = document.querySelector('dialog');
for (const button of document.querySelectorAll('.enlarge')) button.addEventListener('click', () => {
  large.replaceChildren(button.firstElementChild.cloneNode());
  large.showModal();
});
large.addEventListener('click', () => large.close());
"""
SCRIPT += slider.SCRIPT
READING = (
    "A map shows which parts of the image the model's score depends on, according to one method. "
    "It describes the model, not the patient, and does not say whether the model is right. "
    "Opacity grows with the strength of the value; the colour bar names the range. Blue lies below "
    "zero and orange above; maps without negative values run from dark to bright. Volumes are shown "
    "in radiological convention (the patient's right on the left) where their orientation is known: "
    "slices through the strongest voxel above, the largest magnitude along the line of sight below."
)


def write(run: Path) -> Path:
    """Write ``report.html`` into a run folder, from what stands in that folder.

    Pictures are put into the page as they are, so the page can be moved and mailed. It is written
    under another name and then renamed; jobs without a result are listed as pending.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunError
        Where the folder holds no readable ``plan.json``.
    """
    content = read(run)
    path = run / "report.html"
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        # Piece by piece: the pictures of a large run need not fit into memory together.
        file.writelines(_page(content))
    return path


def _page(run: Run) -> Iterator[str]:
    style = resources.files("esegeta.report").joinpath("style.css").read_text(encoding="utf-8")
    # Only this style and this script may act, and nothing may be loaded, whatever a file says.
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_digest(style)}'; script-src '{_digest(SCRIPT)}'"
    )
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{safe(policy)}">\n'
    yield f"{tag('title', f'{run.name}: maps')}\n<style>{style}</style>\n</head>\n<body>\n"
    yield f"{_contents(run)}\n<main>\n{_header(run)}\n{section(run) or ''}\n"
    yield f"{_filter(run) or ''}\n"
    for group in run.groups:
        yield f'<section id="{anchor(_name(group))}">\n{_heading(group)}\n<div class="gallery">\n'
        for job in group.maps:
            yield f"{card(group, job)}\n"
        yield "</div>\n</section>\n"
    yield f"{_footer(run)}\n</main>\n<dialog aria-label='Enlarged map'></dialog>\n"
    yield f"<script>{SCRIPT}</script>\n</body>\n</html>\n"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _name(group: Group) -> str:
    return f"{group.image}/{group.model}/{group.target}"


def _contents(run: Run) -> Markup:
    """Write the sticky list of images and their jobs, each with its state as a sign."""
    entries = []
    for group in run.groups:
        jobs = tag("ol", *(tag("li", _link(job)) for job in group.maps))
        what = tag("span", f"{group.model} · {group.target}", class_="sub")
        link = tag("a", group.image, what, href=f"#{anchor(_name(group))}", class_="group")
        entries.append(tag("li", link, jobs))
    return tag("nav", tag("h2", "Contents"), tag("ol", *entries), aria_label="Contents")


def _link(job: Job) -> Markup:
    layer = None if job.layer is None else tag("span", f" at {job.layer}", class_="layer")
    how = kind(job)
    dot = tag("span", class_=f"dot {how}", aria_hidden="true")
    said = None if how == "done" else tag("span", f" ({WORDS.get(how, how)})", class_="hidden")
    return tag("a", dot, job.method, layer, said, href=f"#{anchor(job.id)}")


def _header(run: Run) -> Markup:
    counts = [
        tag("li", tag("b", run.count(state)), f" {WORDS[state]}", class_=STYLES[state])
        for state in STATES
        if run.count(state) or state == "done"
    ]
    flagged = sum(job.flagged for job in run.jobs)
    if flagged:
        counts.insert(1, tag("li", tag("b", flagged), " of them flagged", class_="flagged"))
    rows = [tag("div", tag("dt", name), tag("dd", value)) for name, value in _about(run) if value]
    return tag(
        "header",
        tag("p", "esegeta · what the model looks at", class_="brand"),
        tag("h1", run.name),
        tag("ul", *counts, class_="counts", aria_label="Jobs"),
        tag("dl", *rows),
        class_="top",
    )


def _about(run: Run) -> list[tuple[str, str]]:
    """Say what ran, when and on what, as far as the folder tells."""
    started = run.started
    versions = started.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    execution = run.config.get("execution")
    seed = execution.get("seed") if isinstance(execution, dict) else None
    return [
        ("When", _when(run)),
        ("Models", _listed([group.model for group in run.groups])),
        ("Images", _listed([group.image for group in run.groups])),
        ("Device", str(started.get("device") or "")),
        ("Seed", "" if seed is None else str(seed)),
        ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
    ]


def _when(run: Run) -> str:
    """Say when the run began, and how long it took until its last event."""
    begun = run.started.get("time")
    if not isinstance(begun, int | float):
        return ""
    words = time.strftime("%d %B %Y, %H:%M", time.localtime(begun))
    last = run.events[-1].get("time")
    return f"{words}, {duration(last - begun)}" if isinstance(last, int | float) else words


def _listed(names: list[str], most: int = 8) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - most} more" if len(unique) > most else ""
    return ", ".join(unique[:most]) + more


def _filter(run: Run) -> Markup | None:
    methods = list(dict.fromkeys(job.method for job in run.jobs))
    if len(methods) < 2:
        return None
    chips = [
        tag("button", name, type="button", aria_pressed="false", data_method=name)
        for name in methods
    ]
    label = tag("span", "Show only", id="filter-label")
    return tag("div", label, *chips, id="filter", role="group", aria_labelledby="filter-label")


def _heading(group: Group) -> Markup:
    return tag("h2", group.image, tag("span", f"{group.model} · target {group.target}"))


def _footer(run: Run) -> Markup:
    config = json.dumps(run.config, indent=2, ensure_ascii=False) if run.config else None
    return tag(
        "footer",
        tag("h2", "How to read these maps"),
        tag("p", READING),
        tag("details", tag("summary", "Config of this run"), tag("pre", config))
        if config
        else None,
        tag("p", f"Written by esegeta {__version__}.", class_="small"),
    )
