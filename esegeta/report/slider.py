"""The images of a strip in the report, one at a time, chosen by a slider."""

from __future__ import annotations

import json
from typing import Any

from esegeta.report.markup import Markup, join, number, picture, tag
from esegeta.report.reading import Job

SCRIPT = """
for (const strip of document.querySelectorAll('.strip')) {
  const told = JSON.parse(strip.dataset.told), image = strip.querySelector('img');
  const slider = strip.querySelector('input'), ways = strip.querySelector('select');
  const across = told[0].length;
  image.style.width = `${100 * across}%`;
  const [width, height] = ['width', 'height'].map(side => Number(image.getAttribute(side)));
  image.parentElement.style.aspectRatio = `${width / across} / ${height / told.length}`;
  const turn = () => {
    const way = ways ? ways.selectedIndex : 0, at = Number(slider.value);
    image.style.transform = `translate(${-100 * at / across}%, ${-100 * way / told.length}%)`;
    strip.querySelector('output').textContent = told[way][at];
  };
  slider.addEventListener('input', turn);
  if (ways) ways.addEventListener('change', turn);
  turn();
}
"""


def slider(job: Job) -> Markup | None:
    """Write what leafs through a job's images; nothing where it has none."""
    if job.frames is None:
        return None
    try:
        return _slider(job, job.frames.read_bytes(), job.result["strip"])
    except (AttributeError, LookupError, TypeError, ValueError):
        return tag("p", "What is said of its images cannot be read.", class_="reason")


def _slider(job: Job, data: bytes, known: dict[str, Any]) -> Markup:
    positions, ways = known["positions"], known["ways"]
    names = [str(way["class"]) for way in ways]
    image = picture(data, f"{job.method}: counterfactual images above, what changed below")
    choice = tag("select", *(tag("option", name) for name in names), aria_label="towards")
    label = tag("label", choice if len(names) > 1 else tag("b", names[0]), " less or more")
    moved = tag(
        "input",
        type="range",
        min=0,
        max=len(positions) - 1,
        value=positions.index(0),
        aria_label=known["along"],
    )
    return tag(
        "figure",
        tag("div", image, class_="frames"),
        tag("figcaption", join(label, moved, tag("output"))),
        class_="strip",
        data_told=json.dumps([_told(way, positions) for way in ways], ensure_ascii=False),
    )


def _told(way: dict[str, Any], positions: list[float]) -> list[str]:
    """Say of each position what the model makes of its image."""
    return [
        f"α = {number(at)}: {way['class']} {number(chance)}, predicted {predicted}"
        for at, chance, predicted in zip(
            positions, way["probabilities"], way["predicted"], strict=True
        )
    ]
