"""Whether counterfactual images restore, move and persuade: the tables and figures of DiffExplainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from torch import Tensor

from esegeta import Param, Probe, RunError, import_library
from esegeta.experiments import Outcome, Row, Study, Subject, bootstrap, experiment

from .._diff_explainer import Codec, Explainer, psnr
from ._counterfactuals import Coded, chances, divergence, explainers, turned
from ._counterfactuals_drawn import Shown, draw
from ._masking import auc_of

HARD = 2
"""Undecided images in the figure."""


@experiment(paper="Fang et al., 2024 (DiffExplainer): Table 1, Figures 2 and 3")
def diff_explainer(
    study: Study,
    *,
    towards: Annotated[
        str, Param(help="The class that α > 0 moves towards; empty for the last")
    ] = "",
    reach: Annotated[float, Param(gt=0, help="The largest α; the others are its halves")] = 4.0,
    halves: Annotated[int, Param(ge=1, help="How many positions there are on either side")] = 4,
    steps: Annotated[int, Param(ge=5, help="From image to noise and back")] = 50,
    whole: Annotated[
        bool, Param(help="Judge the agents on all images of the npz sets that the images are of")
    ] = True,
) -> Outcome:
    """What the agent has understood, whether the images are restored, and whether moving them persuades.

    The config's first model is the one that is explained, by its first method ``diff_explainer``; every
    further one of that model is another agent (trained with another objective, say) in the table of
    alignment, where "true" is what the model itself decides. Further models are controls: each says what
    it makes of the first one's counterfactuals, and, where it has an agent of its own, shows a way that
    the first model is led along. A model trained on permuted labels should show none; one trained anew
    should be persuaded too, if what changes is the anatomy. A random way of the same length is always a
    control, as are random noise in place of x_T, and the latent of another image. Intervals hold 95 % of
    bootstrap resamples of the images. Flips are decisions that change as intended, of images restored.
    """
    subjects = list(study.subjects("classification"))
    first, *others = subjects
    images = first.images
    probe = first.probe(images[0])
    found = explainers(first, probe, steps)
    if not found:
        raise RunError(f"{first.name!r} has no method diff_explainer in the config")
    own = next(iter(found.values()))
    codec = own.codec
    index = first.probe(images[0], towards or probe.target.count - 1).index
    images = images.to(probe.image.device)
    rows = _alignment(found, first.whole() if whole else first, probe, index)
    coded = Coded.of(codec, images)
    said = chances(probe, images)
    rows += _restored(coded, codec, probe, said, study.seed)
    near = [reach / 2**n for n in range(halves)]
    positions = sorted([-far for far in near] + [0.0] + near)
    judges = {one.name: one.probe(images[0].cpu()) for one in others}
    ways = {
        first.name: own.ways(coded.latents, index),
        "(random)": _random(own, coded.latents, study.seed),
    }
    for other in others:
        theirs = explainers(other, judges[other.name], steps)
        if theirs:
            ways[other.name] = next(iter(theirs.values())).ways(coded.latents, index)
    curves: dict[str, list[float]] = {}
    strip = torch.empty(0)
    for number, (name, way) in enumerate(ways.items()):
        moved = coded.along(codec, way, positions)
        asked = {first.name: probe, **(judges if name == first.name else {})}
        for judge, by in asked.items():
            told = chances(by, moved)
            rows += _moved(name, judge, told, positions, index, study.seed)
            curves[f"way of {name}, judged by {judge}"] = told[:, :, index].mean(0).tolist()
        if name == first.name:
            strip = moved.cpu()
            rows += _kept(name, codec, moved, coded.restored, positions, study.seed)
        study.progress(number + 1, len(ways))
    return Outcome(rows, _figure(first, probe, curves, positions, strip, index))


def _row(measure: str, value: float | Tensor, seed: int = 0, **more: Any) -> Row:
    """A row of the table; of values (N,), of each image one, the mean and its interval."""
    row: dict[str, Any] = {
        "measure": measure, "way": "", "judged by": "", "α": None, "value": None, "low": None,
        "high": None, "images": None, **more,
    }  # fmt: skip
    if isinstance(value, Tensor):
        row["value"], row["low"], row["high"] = bootstrap(value.double().cpu(), seed=seed)
        row["images"] = len(value)
    else:
        row["value"] = value
    return row


def _alignment(
    found: Mapping[str, Explainer], subject: Subject, probe: Probe, index: int
) -> list[Row]:
    """How far each agent says of images what the model says: Table 1 of the paper."""
    images, rows = subject.images, []
    taught = chances(probe, images)
    truth = taught.argmax(1)
    yes = truth == index
    for name, one in found.items():
        told = torch.cat(
            [
                one.told(one.codec.latents(part.to(probe.image.device))).cpu()
                for part in images.split(64)
            ]
        )
        said = told.argmax(1) == index
        alike = (told.argmax(1) == truth).double()
        both = float((said & yes).sum())
        tables = [
            _row("agent: accuracy", alike),
            _row("agent: AUC", float(auc_of(told[None], truth)(*_once(len(told))))),
            _row("agent: sensitivity", both / max(1, int(yes.sum()))),
            _row("agent: specificity", float((~said & ~yes).sum()) / max(1, int((~yes).sum()))),
            _row("agent: F1", 2 * both / max(1, int(said.sum()) + int(yes.sum()))),
            _row("agent: KL", divergence(taught, told)),
        ]
        rows += [{**row, "way": name, "images": len(told)} for row in tables]
    rows.append(
        _row(
            "share of the decision by the majority", float(torch.bincount(truth).max()) / len(truth)
        )
    )
    return rows


def _once(images: int) -> tuple[Tensor, Tensor]:
    """Weights of one training, and of every image once."""
    return torch.ones(1, 1, dtype=torch.float64), torch.ones(1, images, dtype=torch.float64)


def _restored(coded: Coded, codec: Codec, probe: Probe, said: Tensor, seed: int) -> list[Row]:
    """How like the images their reconstructions are, with the right noise and latent, and with others."""
    chance = torch.Generator().manual_seed(seed)
    random = torch.randn(coded.noise.shape, generator=chance).to(coded.noise)
    swapped = coded.latents.roll(1, 0)
    variants = {
        "restored": coded.restored,
        "random x_T": codec.decode(random, coded.latents),
        "latent of another image": codec.decode(coded.noise, swapped),
    }
    ssim = import_library("torchmetrics.functional.image").structural_similarity_index_measure
    reach = float(2 * codec.network.reach.max())
    told = {name: chances(probe, images) for name, images in variants.items()}
    rows = []
    for name, images in variants.items():
        alike = (told[name].argmax(1) == said.argmax(1)).double()
        structure = ssim(images, coded.images, data_range=reach, reduction="none")
        rows += [
            _row(f"{name}: PSNR, dB", psnr(codec, images, coded.images), seed),
            _row(f"{name}: SSIM", structure, seed),
            _row(f"{name}: KL", divergence(said, told[name]), seed),
            _row(f"{name}: same decision", alike, seed),
        ]
    change = (told["restored"] - said).abs().amax(1)
    other = told["latent of another image"].argmax(1) == said.roll(1, 0).argmax(1)
    rows += [
        _row("restored: change of probability", change, seed),
        _row("latent of another image: decision of that image", other.double(), seed),
        _row("x_T: standard deviation", float(coded.noise.std())),
    ]
    return rows


def _random(own: Explainer, latents: Tensor, seed: int) -> Tensor:
    """(N, latent) ways of chance, one per image, a deviation long like those of the agent."""
    agent = own.agent
    drawn = torch.randn(latents.shape, generator=torch.Generator().manual_seed(seed)).to(latents)
    seen = agent.independent(latents + agent.step(drawn)) - agent.independent(latents)
    return agent.step(seen / seen.norm(dim=1, keepdim=True))


def _moved(
    way: str, judge: str, told: Tensor, positions: Sequence[float], index: int, seed: int
) -> list[Row]:
    """What a model makes of images moved along a way."""
    where = {"way": way, "judged by": judge}
    chance = told[:, :, index]
    rows = [
        _row("probability", chance[:, number], seed, **where, α=at)
        for number, at in enumerate(positions)
    ]
    decided = told.argmax(2)
    rows += [
        _row("flips", turned(decided, positions, index, far), seed, **where, α=far)
        for far in positions
        if far > 0
    ]
    trend = chance[:, -1] - chance[:, 0]
    rows += [
        _row("trend: probability at the end less at the beginning", trend, seed, **where),
        _row("mean rises at every step", float(_rising(chance.mean(0, keepdim=True))), **where),
        _row("images whose probability rises at every step", _rising(chance), seed, **where),
    ]
    return rows


def _rising(chance: Tensor) -> Tensor:
    return (chance.diff(dim=1) > 0).all(1).double()


def _kept(
    way: str, codec: Codec, moved: Tensor, restored: Tensor, positions: Sequence[float], seed: int
) -> list[Row]:
    """How like the reconstruction the moved images still are."""
    return [
        _row(
            "PSNR to the reconstruction, dB",
            psnr(codec, moved[:, number], restored),
            seed,
            way=way,
            α=at,
        )
        for number, at in enumerate(positions)
        if at
    ]


def _figure(
    subject: Subject,
    probe: Probe,
    curves: dict[str, list[float]],
    positions: Sequence[float],
    strip: Tensor,
    index: int,
) -> Any:
    """Figures 2 and 3 of the paper for the images that the model is least decided about."""
    told = chances(probe, strip)[:, :, index]
    origin = list(positions).index(0)
    name = probe.target.name_of(index)
    shown = []
    for number in (told[:, origin] - 0.5).abs().argsort()[:HARD].tolist():
        chance, change = told[number].tolist(), strip[number] - strip[number, origin]
        words = [f"α = {at:g}\n{name} {p:.2f}" for at, p in zip(positions, chance, strict=True)]
        maps = {f"to {name}": change[-1], "away": change[0]}
        image = subject.images[number]
        for use in subject.methods:
            if use.plugin.name != "diff_explainer" and use.plugin.returns == "map":
                layers = [] if use.layer is None else [use.layer]
                maps[use.title] = subject.explain(subject.probe(image, index, layers=layers), use)
        shown.append(Shown(f"image {number}", image, strip[number], words, maps))
    return draw(curves, positions, f"mean probability of {name}", shown)
