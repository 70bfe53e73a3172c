"""What a method returns once it has run: a map, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from esegeta.checks import Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from esegeta.plugin import Plugin, Returns
    from esegeta.strip import Strip


@dataclass(frozen=True, eq=False)
class Explanation:
    """A map of one method, for one image and one target.

    Attributes
    ----------
    map : Tensor
        (K, *spatial) on the image's grid, float32 on the CPU; K is 1 or the image's channels. For
        methods that return an image or a sheet: that; for a strip: what changes along it.
    image : Tensor
        (C, *spatial) the image that was explained.
    plugin : Plugin
        The method.
    layer : str or None
        Address of the layer, for methods that take one.
    parameters : dict
        As used, defaults filled in.
    target : dict
        Class, index, mask and score that were explained.
    checks : list of Check
        What was checked of the map.
    passes : dict
        Images passed forward and backward for this method alone; an answer that another method had
        asked before costs nothing.
    seconds : float
        Time taken.
    memory : int or None
        Peak memory in bytes: allocated on the GPU, or of the process on Linux.
    notes : dict
        What the method told of itself.
    strip : Strip or None
        The images, of methods that make a strip of them.
    """

    map: Tensor
    image: Tensor
    plugin: Plugin
    layer: str | None
    parameters: Mapping[str, Any]
    target: Mapping[str, Any]
    checks: list[Check]
    passes: Mapping[str, int]
    seconds: float
    memory: int | None = None
    patches: Mapping[str, Any] | None = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    strip: Strip | None = None

    @property
    def kind(self) -> Returns:
        """Whether `map` is to be laid over the image, or is an image or a sheet of pictures itself."""
        return self.plugin.returns

    def record(self) -> dict[str, Any]:
        """Everything but the map, as JSON knows it."""
        return {
            "family": self.plugin.family,
            "summary": self.plugin.summary,
            "paper": self.plugin.paper,
            "returns": self.plugin.returns,
            "show": self.plugin.show,
            "parameters": dict(self.parameters),
            "target": dict(self.target),
            "checks": [asdict(check) for check in self.checks],
            "passes": dict(self.passes),
            "patches": None if self.patches is None else dict(self.patches),
            "seconds": round(self.seconds, 4),
            "memory": self.memory,
            "range": [float(self.map.min()), float(self.map.max())],
            "notes": dict(self.notes),
            **({} if self.strip is None else {"strip": self.strip.record()}),
        }

    def plot(self) -> Figure:
        """Draw the map over the image (a matplotlib figure; notebooks show it by themselves)."""
        from esegeta.report.overlay import overlay, picture, sheet

        name = self.plugin.name if self.layer is None else f"{self.plugin.name} @ {self.layer}"
        if self.kind == "image":
            return picture(self.image, self.map, title=name)
        if self.kind == "sheet":
            return sheet(self.map, title=name)
        if self.strip is not None:
            from esegeta.report.strip import Pictures

            return Pictures(self.image, self.strip).figure(f"{name}: {self.target['class']}")
        held = f" ({self.target['contrast']} contrast)" if "contrast" in self.target else ""
        title = f"{name}: {self.target['class']}{held}"
        return overlay(self.image, self.map, show=self.plugin.show, title=title)

    def save(self, path: str | Path) -> Path:
        """Write the map (``.npy``, ``.nii.gz``, ``.nii``) or its picture (``.png``, ``.svg``, ``.pdf``).

        Raises
        ------
        ValueError
            If the suffix is none of these.
        """
        path = Path(path)
        name = path.name.lower()
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith((".png", ".svg", ".pdf")):
            self.plot().savefig(path)
        elif name.endswith(".npy"):
            import numpy as np

            np.save(path, self._squeezed().numpy())
        elif name.endswith((".nii", ".nii.gz")) and self.kind != "sheet":
            import nibabel as nib
            import numpy as np

            values = self._squeezed()
            last = values if values.dim() == self.image.dim() - 1 else values.movedim(0, -1)
            nib.save(nib.Nifti1Image(last.contiguous().numpy(), np.eye(4)), path)
        else:
            volumes = "" if self.kind == "sheet" else ".nii.gz, .nii, "
            raise ValueError(f"'{path.name}' must end in .npy, {volumes}.png, .svg or .pdf.")
        return path

    def _squeezed(self) -> Tensor:
        return self.map[0] if len(self.map) == 1 else self.map
