"""What the experiment on counterfactual images measures and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from esegeta import Probe, RunError
from esegeta.experiments import Subject, Use

from .._diff_explainer import Agent, Codec, direction, sweep
from .._diffusion_net import DiffusionAutoencoder
from .._teacher import Teacher

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER, INK, FAINT = "#0d1014", "#f2f4f7", "#a9b2bd"
COLOURS = ("#5aa9e6", "#f25f5c", "#7fd1ae", "#f2c14e", "#c792ea")


@dataclass(frozen=True, eq=False)
class Explainer:
    """A method of the config, opened: what it was trained to, and the model it was trained for.

    Parameters
    ----------
    use : Use
    teacher : Teacher
    agent : Agent
    codec : Codec
    """

    use: Use
    teacher: Teacher
    agent: Agent
    codec: Codec

    def ways(self, latents: Tensor, index: int) -> Tensor:
        """(N, latent) where the agent's margin of a class grows fastest."""
        return direction(self.agent, self.teacher.scores, latents, index)

    def told(self, latents: Tensor) -> Tensor:
        """(N, classes) the agent's probabilities."""
        with torch.no_grad():
            return self.teacher.scores(self.agent(latents)).softmax(1)


def explainers(subject: Subject, probe: Probe, steps: int) -> list[Explainer]:
    """The config's methods that were trained to make counterfactuals for a model."""
    found = []
    for use in subject.methods:
        if use.plugin.name != "diff_explainer" or use.artifact is None:
            continue
        artifact, device = use.artifact, probe.image.device
        artifact.require("diff_explainer", probe)
        network = cast(DiffusionAutoencoder, artifact.base.network(DiffusionAutoencoder, device))
        agent = cast(Agent, artifact.network(Agent, device))
        teacher = Teacher(probe.model, probe.network, probe.target.wrapper, agent.head)
        codec = Codec(network, tuple(probe.image.shape[1:]), steps)
        found.append(Explainer(use, teacher, agent, codec))
    return found


@dataclass(frozen=True, eq=False)
class Coded:
    """Images with what they mean, and what is left of them.

    Parameters
    ----------
    images, latents, noise : Tensor
    restored : Tensor
        The images that both become.
    """

    images: Tensor
    latents: Tensor
    noise: Tensor
    restored: Tensor

    @classmethod
    def of(cls, codec: Codec, images: Tensor) -> Coded:
        """Encode and restore images."""
        latents = codec.latents(images)
        noise = codec.noise(images, latents)
        return cls(images, latents, noise, codec.decode(noise, latents))

    def along(self, codec: Codec, ways: Tensor, positions: Sequence[float]) -> Tensor:
        """(N, A, C, *spatial) the images moved along ways (N, latent), those at 0 as restored."""
        moved = [at for at in positions if at]
        origin, found = sweep(codec, self.noise, self.latents, ways[:, None], moved)
        before = sum(at < 0 for at in positions)
        return torch.cat([found[:, 0, :before], origin[:, None], found[:, 0, before:]], 1)


def chances(probe: Probe, images: Tensor) -> Tensor:
    """(…, classes) what a model says of images (…, C, *spatial), on the CPU."""
    leading = images.shape[: images.dim() - 1 - probe.ndim]
    return (
        probe.confidence().scores(images.flatten(0, len(leading) - 1)).cpu().unflatten(0, leading)
    )


def index_of(name: str, classes: Sequence[str], count: int) -> int:
    """The class that is moved towards: the one named, or the last.

    Raises
    ------
    RunError
        If there is none of that name.
    """
    if not name:
        return count - 1
    if name not in classes:
        raise RunError(f"towards: there is no class {name!r}; there are {', '.join(classes)}")
    return list(classes).index(name)


def monotone(values: Sequence[float]) -> bool:
    """Whether each value is larger than the one before."""
    return all(one < other for one, other in pairwise(values))


def turned(decided: Tensor, positions: Sequence[float], index: int, far: float) -> Tensor:
    """(N,) which decisions changed as intended: to the class at +far, away from it at −far.

    Parameters
    ----------
    decided : Tensor
        (N, A) what is predicted at each position.
    """
    places = list(positions)
    own = decided[:, places.index(0)] == index
    to, away = decided[:, places.index(far)] == index, decided[:, places.index(-far)] != index
    return torch.where(own, away, to)


def draw(
    curves: Mapping[str, Sequence[float]],
    positions: Sequence[float],
    title: str,
    rows: Sequence[tuple[str, Tensor, Sequence[str]]],
    compared: Sequence[tuple[str, Mapping[str, Tensor]]],
) -> Figure:
    """Draw mean probabilities against α; counterfactuals; and the change beside other methods' maps.

    Parameters
    ----------
    curves : mapping
        By name, a value per position.
    positions : sequence of float
    title : str
        Of the curves.
    rows : sequence of (str, Tensor, sequence of str)
        Name, images (A, C, *spatial) along the way, and what is said of each.
    compared : sequence of (str, mapping)
        Name, and maps (K, *spatial) by method; the first is the image.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = max(len(positions), *(len(maps) for _, maps in compared))
    lines = 2 * len(rows) + len(compared)
    figure = Figure((1.25 * across + 0.8, 3.2 + 1.4 * lines), facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subfigures(2, 1, height_ratios=[3.2, 1.4 * lines], facecolor=PAPER)
    panel = above.add_subplot()
    panel.set_facecolor(PAPER)
    panel.set_title(title, color=INK, fontsize=9)
    for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
        panel.plot(positions, values, "o-", color=colour, label=name, markersize=3)
    panel.set_xlabel("α, standard deviations of the latents", color=FAINT, fontsize=8)
    panel.tick_params(colors=FAINT, labelsize=7)
    panel.legend(fontsize=7, labelcolor=INK, facecolor=PAPER, edgecolor=FAINT)
    for spine in panel.spines.values():
        spine.set_color(FAINT)
    line = 0
    for name, images, told in rows:
        origin = list(positions).index(0)
        change = images - images[origin]
        place = _slice(change[-1])
        most = float(change.abs().max()) or 1.0
        for at, words in enumerate(told):
            for more, (values, colours) in enumerate(
                ((images[at], _grey(images[origin])), (change[at], _signed(most)))
            ):
                spot = below.add_subplot(lines, across, (line + more) * across + at + 1)
                _show(spot, values, place, colours)
                spot.set_title("" if more else words, color=INK, fontsize=7)
                if at == 0:
                    spot.set_ylabel("change" if more else name, color=INK, fontsize=7)
        line += 2
    for name, maps in compared:
        place = _slice(list(maps.values())[1])
        for column, (method, values) in enumerate(maps.items()):
            spot = below.add_subplot(lines, across, line * across + column + 1)
            flat = values if column == 0 else values.sum(0, keepdim=True)
            _show(
                spot, flat, place, _grey(flat) if column == 0 else _signed(float(flat.abs().max()))
            )
            spot.set_title(method, color=INK, fontsize=7)
            if column == 0:
                spot.set_ylabel(name, color=INK, fontsize=7)
        line += 1
    return figure


def _slice(change: Tensor) -> int:
    """Where a volume (C, D, H, W) changes most, along its first axis."""
    return int(change.abs().sum(0).flatten(1).amax(1).argmax()) if change.dim() == 4 else 0


def _show(panel: Any, values: Tensor, place: int, colours: dict[str, Any]) -> None:
    flat = values.mean(0)
    panel.imshow((flat[place] if flat.dim() == 3 else flat).numpy(), **colours)
    panel.set_xticks([])
    panel.set_yticks([])


def _grey(image: Tensor) -> dict[str, Any]:
    return {"cmap": "gray", "vmin": float(image.min()), "vmax": float(image.max())}


def _signed(most: float) -> dict[str, Any]:
    return {"cmap": "RdBu_r", "vmin": -(most or 1.0), "vmax": most or 1.0}
