"""What the crosshair meets, in words: voxel, place in the world, value of the image, side."""

from __future__ import annotations

from esegeta.report.canvas import number

from ..language import tr
from .stage import Stage


def readings(stage: Stage) -> str:
    """Write it in a line."""
    scene = stage.scene
    if scene is None:
        return tr("Reading…") if not stage.image_trouble else stage.image_trouble
    said = scene.readings()
    parts = [tr("Voxel (%s)") % ", ".join(str(i) for i in said["voxel"])]
    if said["world"] is not None:
        parts.append(f"({', '.join(f'{v:.1f}' for v in said['world'])}) mm RAS+")
    if said["image"] is not None:
        values = said["image"][:4]
        more = " …" if len(said["image"]) > 4 else ""
        parts.append(tr("image %s") % (", ".join(map(number, values)) + more))
    if scene.geometry.known:
        side = (
            tr("neurological, left is left")
            if scene.neurological
            else tr("radiological, left is right")
        )
        parts.append(side)
        if scene.geometry.grid.tilt > 1:
            parts.append(
                tr("oblique by up to %.0f°, letters name the nearest axes")
                % scene.geometry.grid.tilt
            )
    elif not scene.geometry.flat:
        parts.append(tr("orientation unknown: as stored"))
    return "  ·  ".join(parts)
