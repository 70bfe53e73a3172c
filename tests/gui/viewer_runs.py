"""Run folders for the viewer's tests, written as a run writes them."""

import json
from pathlib import Path

import nibabel
import numpy as np
from PIL import Image

OBLIQUE = np.array(
    [[-1.5, 0.1, 0, 30], [0.1, 0, -2, 20], [0, 1, 0.1, -10], [0, 0, 0, 1]], dtype=float
)


class Made:
    """Builds a run folder job by job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.groups: dict[tuple[str, str, str], list[dict]] = {}
        self.images: list[dict] = []

    def volume(self, name="head", shape=(6, 7, 8), affine=OBLIQUE, values=None):
        path = self.folder.parent / f"{name}.nii.gz"
        if values is None:
            values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        nibabel.save(nibabel.Nifti1Image(values, affine), path)
        self.images.append({"name": name, "path": str(path)})
        return values

    def picture(self, name="photo", shape=(5, 9)):
        path = self.folder.parent / f"{name}.png"
        grey = np.linspace(0, 255, int(np.prod(shape))).reshape(shape).astype(np.uint8)
        Image.fromarray(grey).save(path)
        self.images.append({"name": name, "path": str(path)})
        return grey

    def job(self, values, method="saliency", image="head", target="brain", layer=None, **result):
        """Add a job with this map; None for one that has not run."""
        name = method if layer is None else f"{method}@{layer}"
        job = f"{image}/net/{target}/{name}"
        plan = {"id": job, "method": method, "layer": layer, "parameters": {"steps": 3}}
        self.groups.setdefault((image, "net", target), []).append(plan)
        folder = self.folder / job
        folder.mkdir(parents=True)
        if values is None and "state" not in result:
            return job
        file = None
        if values is not None:
            values = np.asarray(values, np.float32)
            affine = result.pop("affine", OBLIQUE)
            if image == "head" and result.get("returns") != "sheet":
                file = "map.nii.gz"
                nibabel.save(nibabel.Nifti1Image(values, affine), folder / file)
            else:
                file = "map.npy"
                np.save(folder / file, values)
        record = {
            "version": 1,
            "state": "done",
            "returns": "map",
            "show": "signed",
            "checks": [{"name": "finite", "value": 0, "passed": True, "limit": 0}],
            "target": {"class": target, "score": 1.25},
            "files": {"map": file} if file else {},
            **result,
        }
        (folder / "result.json").write_text(json.dumps(record))
        return job

    def strip(self, ways, positions=(-2, 0, 3), method="diff", image="head", turns=(), **result):
        """Add a job with images (A, C, *spatial) towards each class; its map is the last change."""
        ways = {name: np.asarray(images, np.float32) for name, images in ways.items()}
        files, told = {}, []
        for at, name in enumerate(ways):
            files[f"way-{at}"] = f"map.way-{at}{'.nii.gz' if image == 'head' else '.npy'}"
            told.append(
                {
                    "class": name,
                    "probabilities": [0.25 + 0.1 * n for n in range(len(positions))],
                    "predicted": ["well" if place < 0 else name for place in positions],
                    "turn": turns[at] if turns else None,
                }
            )
        first = next(iter(ways.values()))
        job = self.job(
            (first[-1] - first[list(positions).index(0)]).sum(0),
            method,
            image,
            returns="strip",
            strip={"along": "α, latents", "positions": list(positions), "ways": told},
            files={"map": "map.nii.gz" if image == "head" else "map.npy", **files},
            **result,
        )
        for file, images in zip(files.values(), ways.values(), strict=True):
            values = images.reshape(-1, *images.shape[2:])
            if image == "head":
                values = nibabel.Nifti1Image(np.moveaxis(values, 0, -1), OBLIQUE)
                nibabel.save(values, self.folder / job / file)
            else:
                np.save(self.folder / job / file, values)
        return job

    def metric(self, job, metric, **result):
        """Add a job that judges the map of another."""
        image, model, target, name = job.split("/")
        plan = {"id": f"{job}/{metric}", "method": name, "layer": None, "parameters": {}}
        self.groups[image, model, target].append(plan | {"judges": job, "metric": metric})
        folder = self.folder / job / metric
        folder.mkdir()
        record = {"version": 1, "state": "done", "files": {}, **result}
        (folder / "result.json").write_text(json.dumps(record))

    def write(self):
        groups = [
            {"image": image, "model": model, "target": target, "jobs": jobs}
            for (image, model, target), jobs in self.groups.items()
        ]
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plan.json").write_text(
            json.dumps({"version": 1, "name": "made", "groups": groups})
        )
        config = {
            "version": 1,
            "name": "made",
            "models": [{"name": "net", "factory": "nets:net", "task": "classification"}],
            "images": self.images or [{"factory": "nets:image", "name": "head"}],
            "methods": ["saliency"],
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        return self.folder
