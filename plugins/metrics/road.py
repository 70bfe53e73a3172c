"""Remove and debias: removal that does not itself tell the model what was removed."""

from __future__ import annotations

from typing import Annotated

from esegeta import Case, Imputation, Measure, Param, Passes, metric

from ._curves import REMOVED, area, curve, named


@metric(
    paper="Rong et al., ICML 2022",
    best="high",
    passes=lambda p: Passes(1 + 2 * len(p.removed)),
)
def road(
    case: Case,
    *,
    removed: Annotated[
        tuple[float, ...],
        Param(gt=0, lt=1, help="Parts of the voxels that are removed, in both directions"),
    ] = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9),
    imputation: Imputation = "linear",
) -> Measure:
    """How much surer the model is without the least relevant voxels than without the most relevant.

    The value is half the difference of the mean heights of two curves: of the probability with the least
    relevant voxels removed first (LeRF), and with the most relevant removed first (MoRF). It is 0 for
    a random map and between −0.5 and 0.5. The curves run over the fraction removed, both of them.
    """
    parts, order = sorted(named(removed)), case.order()
    curves = {
        "most relevant first": curve(parts, case.removed(parts, order, imputation)),
        "least relevant first": curve(parts, case.removed(parts, order.flip(0), imputation)),
    }
    morf, lerf = (area(points) for points in curves.values())
    more = {"morf": morf, "lerf": lerf}
    return Measure((lerf - morf) / 2, curves=curves, axes=REMOVED, more=more)
