"""How much of the score is due to each voxel, or each unit of a layer: what was found of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from esegeta.checks import COMPLETENESS_LIMIT, Check
from esegeta.errors import MethodError, counted

#: A larger part of the relevance that is nowhere says that a function of the model is unknown.
EXACT = 0.01

#: The names of what a contrast needs: relevance of the unit, and of its dual.
PRO, CONTRA = "for", "against"


@dataclass
class Found:
    """The relevance at a place of one image.

    Attributes
    ----------
    scores : Tensor
        (1,) the number explained.
    values : dict
        Relevance as the place has it: of the place, or with a contrast both that of the unit and that
        of its dual.
    totals : dict
        Float64 scalars: at the ``output``, at the ``image``, ``absorbed`` on the way, ``rounding`` that
        may be; with a contrast what reached that layer, for either.
    unknown : Counter
        Calls of functions that the rule does not know, by name.
    """

    scores: Tensor
    values: dict[str | None, Tensor | None]
    totals: dict[str, Tensor]
    unknown: Counter[str] = field(default_factory=Counter)

    def total(self, name: str) -> float:
        """One of the totals."""
        return float(self.totals[name])

    def at(self, place: str | None) -> Tensor:
        """The relevance of a place.

        Raises
        ------
        MethodError
            If the score does not depend on it.
        """
        found = self.values.get(place)
        if found is None:
            name = "the image" if place is None else f"the layer '{place}'"
            raise MethodError(f"The score does not depend on {name}.")
        return found

    def contrast(self) -> Tensor:
        """Relevance of the unit less that of its dual, each as a part of what reached the contrast.

        Raises
        ------
        MethodError
            If nothing of either did.
        """
        wanted = {PRO: "for", CONTRA: "against"}
        for name, word in wanted.items():
            if not self.total(name) > 0:
                raise MethodError(
                    f"No active unit of the contrast layer speaks {word} the class, so that there is "
                    "nothing to compare; choose another contrast layer."
                )
        pro, contra = (self.at(name) / self.total(name) for name in wanted)
        return pro - contra

    @property
    def absorbed(self) -> float:
        """Which part of the relevance stayed with biases and stabilisers, or found no way on."""
        return self.total("absorbed") / (self.total("output") or 1.0)

    @property
    def error(self) -> float:
        """Which part of the relevance is neither at the image nor was absorbed on the way."""
        lost = self.total("output") - self.total("image") - self.total("absorbed")
        lost = max(0.0, abs(lost) - self.total("rounding"))
        return lost / max(abs(self.total("output")), 1e-12)

    def check(self) -> Check:
        """How nearly it is conserved."""
        return Check(
            "conservation", self.error, self.error <= COMPLETENESS_LIMIT, COMPLETENESS_LIMIT
        )

    @property
    def strangers(self) -> str:
        """The functions that the rule does not know, in words; empty where there are none."""
        return ", ".join(f"{name} ({counted(n, 'call')})" for name, n in self.unknown.items())

    def require_conserved(self) -> None:
        """Refuse relevance that was lost in functions without a rule.

        Raises
        ------
        MethodError
            With their names.
        """
        if self.error <= EXACT:
            return
        reason = (
            f"It does not know these functions of the model: {self.strangers}."
            if self.unknown
            else "A part of the model depends on the image in a way that is hidden from it (a stored "
            "value, a function of its own backward)."
        )
        raise MethodError(
            f"{self.error:.1%} of the relevance was lost between the output and the image, where the rule "
            f"promises to conserve it. {reason} Another method ('integrated_gradients') serves this model."
        )

    def tensors(self) -> dict[str, Tensor]:
        """All but the unknown functions by name, to be written to a file."""
        found = {f"value {place or ''}": v for place, v in self.values.items() if v is not None}
        found |= {f"total {name}": value for name, value in self.totals.items()}
        return {"scores": self.scores, **found}

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Found:
        """What `tensors` wrote."""
        values: dict[str | None, Tensor | None] = {}
        totals: dict[str, Tensor] = {}
        for name, value in tensors.items():
            kind, _, rest = name.partition(" ")
            if kind == "value":
                values[rest or None] = value
            elif kind == "total":
                totals[rest] = value
        return cls(tensors["scores"], values, totals)
