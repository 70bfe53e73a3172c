"""How far what a library found may be from what it must be."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from esegeta import MethodError, Probe

#: Rounding makes less of a difference; a larger one says that the library lacks a rule.
EXACT = 0.01


def difference(found: Tensor, expected: Tensor) -> float:
    """The length of what is wrong, as a part of the length of what is expected."""
    return float((found - expected).norm() / expected.norm().clamp(min=1e-30))


def adding_up(
    probe: Probe, library: str, found: Tensor, starts: Tensor, of: Callable[[int], Tensor]
) -> Tensor:
    """A library's map of the rescale rule, refused where it does not add up.

    Parameters
    ----------
    library : str
        Whose map it is, as it stands in the message.
    found : Tensor
        The map (1, C, *spatial) at the image.
    starts : Tensor
        (N, C, *spatial) the baselines.
    of : callable
        Makes the map of a class by its index; asked of another class only to find the reason.

    Raises
    ------
    MethodError
        With the reason: the target's contrast, or the model.
    """
    check = probe.check_completeness(found, starts)
    if check.value > EXACT:
        raise MethodError(
            f"{library} is wrong {_reason(probe, starts, of)} Its values miss score(image) − "
            f"score(baseline) by {check.value:.0%}, where the method promises that they add up."
        )
    return found.detach()


def _reason(probe: Probe, starts: Tensor, of: Callable[[int], Tensor]) -> str:
    """Say what the library has no rule for.

    Of the scores only that of the explained class holds the contrast: where another class's adds up,
    the model is not to blame.
    """
    contrast = probe.target.contrast
    gains = probe.scores(probe.image)[0].double() - probe.scores(starts).double().mean(0)
    gains[probe.index] = 0
    other = int(gains.abs().argmax())
    if contrast != "none" and gains[other] != 0:
        missed = float((of(other).detach().double().sum() - gains[other]) / gains[other])
        if abs(missed) <= EXACT:
            return (
                f"with the contrast '{contrast}', which it has no rule for (of a class alone it is right "
                "here). Take the method of the same name without the library, or another contrast."
            )
    return "on this model: it holds a non-linearity or norm that the library has no rule for."
