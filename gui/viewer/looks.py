"""How somebody wants maps to be drawn: those there are, and those that come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .colours import Sign
from .layers import Difference, Layer
from .scene import Scene

if TYPE_CHECKING:
    from .stage import Stage

OWN = ("low", "high")
"""What belongs to one map: each has units of its own."""


class Looks:
    """Changes how the maps of a stage are drawn, and remembers what was meant for all.

    Parameters
    ----------
    stage : Stage
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._shared: dict[str, Any] = {}
        self._sign: Sign | None = None
        self._neurological = False

    def begin(self, scene: Scene) -> None:
        """Show a new scene from the same side."""
        scene.neurological = self._neurological

    def put_on(self, layer: Layer, *, signed: bool = True) -> None:
        """Draw a map that has come as all others; a difference has a sign of its own."""
        if signed and self._sign is not None:
            layer.signed(self._sign)
        layer.look = replace(layer.look, **self._shared)

    def level(self) -> None:
        """Draw all maps in the widest of their own ranges, so that a colour means the same."""
        scene = self.stage.scene
        every = scene.layers.values() if scene else ()
        maps = [one for one in every if one.kind == "map" and not isinstance(one, Difference)]
        scales = [one.scale(one.look.sign) for one in maps]
        for one in maps:
            low, high = min(s.low for s in scales), max(s.high for s in scales)
            self.dress(one.key, False, low=low, high=high)

    def sign(self, key: str, sign: Sign, every: bool) -> None:
        """Draw a map, or every one, with another sign."""
        stage = self.stage
        if stage.scene is None:
            return
        if every:
            self._sign = sign
        stage.scene.sign(key, sign, every)
        stage.renew_difference(key)
        stage.moved.emit()

    def dress(self, key: str, every: bool, **changes: Any) -> None:
        """Change how a map, or every one, is drawn: entries of `Look` and what they become."""
        if self.stage.scene is None:
            return
        if every:
            self._shared |= {name: v for name, v in changes.items() if name not in OWN}
        self.stage.scene.dress(key, every, **changes)
        self.stage.moved.emit()

    def side(self, neurological: bool) -> None:
        """Show the patient's left on the left (neurological), or on the right (radiological)."""
        self._neurological = neurological
        if self.stage.scene is not None:
            self.stage.scene.neurological = neurological
            self.stage.moved.emit()
