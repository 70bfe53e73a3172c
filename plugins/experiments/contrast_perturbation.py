"""Whether contrasted gradients raise a class's probability more than its logit's gradient does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from esegeta import Param
from esegeta.experiments import Outcome, Row, Study, Subject, experiment, lines, standard_error

CONTRASTS = ("none", "mean", "max", "weighted")


@experiment(paper="Wang & Wang, NeurIPS 2022: sign perturbation, accuracy, y_t and p_t against ε")
def contrast_perturbation(
    study: Study,
    *,
    epsilons: Annotated[
        list[float],
        Param(gt=0, help="How far a voxel may be moved, as a part of the images' range"),
    ] = [0.001, 0.003, 0.01],  # noqa: B006
    steps: Annotated[list[int], Param(ge=1, help="In how many steps")] = [1, 10],  # noqa: B006
    labels: Annotated[
        str,
        Param(
            help="Where the true classes stand: a key of the images' npz file, or 'folder' where each "
            "image's folder has its class's name; empty for the class of the config's target"
        ),
    ] = "",
) -> Outcome:
    """How accuracy, logit and probability of a class change along the sign of its contrasted gradient.

    x ← x + ε/n · range · sign φ(x), n times, never further than ε · range from the image nor outside of
    what values the images have, channel by channel; φ is the gradient of the class's score under each
    contrast. Wang & Wang: held against the others by their weight, or against the largest, it raises
    probability and accuracy most; the logit's own gradient, and that against the mean, the logit.
    """
    rows: list[Row] = []
    for subject in study.subjects("classification"):
        state = _Before.of(subject, labels)
        plan = [(n, e, c) for n in steps for e in epsilons for c in CONTRASTS]
        for done, (count, epsilon, contrast) in enumerate(plan):
            moved = state.moved(contrast, epsilon, count)
            rows.append({"model": subject.name, "contrast": contrast, "steps": count,
                         "epsilon": epsilon, **state.compared(moved)})  # fmt: skip
            study.progress(done + 1, len(plan))
    return Outcome(rows, lines("Perturbed along the sign of the gradient", _panels(rows, max(steps)),
                               across=3, below="ε"))  # fmt: skip


@dataclass(frozen=True)
class _Before:
    """A model's images, the class asked of each, and what the model says of them.

    Attributes
    ----------
    low, high : Tensor
        (1, C, 1, …) the range of the images' values.
    scores : Tensor
        (N, classes).
    """

    subject: Subject
    images: Tensor
    targets: Tensor
    low: Tensor
    high: Tensor
    scores: Tensor

    @classmethod
    def of(cls, subject: Subject, labels: str) -> _Before:
        images = subject.images
        scores = subject.probe(images[0]).scores(images).cpu()
        edges = images.transpose(0, 1).flatten(1).aminmax(dim=1)
        low, high = (edge.reshape(1, -1, *[1] * (images.dim() - 2)) for edge in edges)
        return cls(subject, images, subject.targets(labels, scores), low, high, scores)

    def alike(self) -> Iterator[tuple[int, Tensor]]:
        """Each class, and the places of the images that it is asked of."""
        for target in self.targets.unique().tolist():
            yield target, (self.targets == target).nonzero().flatten()

    def moved(self, contrast: str, epsilon: float, steps: int) -> Tensor:
        """The images after some steps along the sign of the gradient."""
        reach = epsilon * (self.high - self.low)
        least, most = (
            (self.images - reach).maximum(self.low),
            (self.images + reach).minimum(self.high),
        )
        moved = self.images.clone()
        for target, chosen in self.alike():
            probe = self.subject.probe(self.images[chosen[0]], target, contrast=contrast)
            for _ in range(steps):
                slope = probe.gradient(moved[chosen]).sign().cpu()
                further = moved[chosen] + reach / steps * slope
                moved[chosen] = further.maximum(least[chosen]).minimum(most[chosen])
        return moved

    def compared(self, moved: Tensor) -> dict[str, int | float | None]:
        """How what the model says of the images has changed."""
        after = replace(self, scores=self.subject.probe(self.images[0]).scores(moved).cpu())
        told: dict[str, int | float | None] = {"images": len(self.images)}
        for name in ("accuracy", "score", "probability"):
            old, new = (getattr(state, name).double() for state in (self, after))
            told[f"{name}_before"] = float(old.mean())
            told[f"{name}_change"] = float((new - old).mean())
            told[f"{name}_error"] = standard_error(new - old)
        return told

    @property
    def accuracy(self) -> Tensor:
        """(N,) whether the class is the model's."""
        return self.scores.argmax(1) == self.targets

    @property
    def score(self) -> Tensor:
        """(N,) the class's logit."""
        return self.scores.gather(1, self.targets[:, None])[:, 0]

    @property
    def probability(self) -> Tensor:
        """(N,) the class's probability."""
        return self.scores.double().softmax(1).gather(1, self.targets[:, None])[:, 0]


def _panels(rows: list[Row], steps: int) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """Per model and quantity a curve of each contrast against ε, for the most steps."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        if row["steps"] == steps:
            for name in ("accuracy", "score", "probability"):
                curves = panels.setdefault(f"{row['model']}: change of {name}, {steps} steps", {})
                point = (float(row["epsilon"]), float(row[f"{name}_change"]))
                curves.setdefault(str(row["contrast"]), []).append(point)
    return panels
