"""Many images as a model sees them, prepared once and kept in a file, so that memory stays bounded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from esegeta import config, images
from esegeta.config.files import matches
from esegeta.errors import ImageError, RunError, unknown
from esegeta.files import replacing
from esegeta.images import arrays
from esegeta.images.image import Array
from esegeta.runs.fingerprint import digest
from esegeta.runs.hashes import sha256
from esegeta.runs.inputs import called

FOLDER = "folder"
"""The labels that are the names of the images' folders."""
READ = 64
"""Images that are in memory at once, where all are read."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Images of one shape, with their classes where these are known.

    Parameters
    ----------
    images : array
        (N, C, *spatial) float32, which lies in a file.
    labels : Tensor, optional
        (N,) int64.
    digest : str
        Hash of both.
    """

    images: Array
    labels: Tensor | None
    digest: str

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, chosen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Give images (n, C, *spatial) and labels (n,) by their numbers (n,)."""
        found = torch.from_numpy(self.images[np.sort(chosen.numpy())])
        order = chosen.argsort().argsort()
        return found[order], None if self.labels is None else self.labels[chosen]

    def extremes(self) -> tuple[Tensor, Tensor]:
        """Give the least and the largest value (C,) of each channel."""
        low, high = None, None
        for part in self.parts():
            flat = part.transpose(0, 1).flatten(1)
            least, most = flat.amin(1), flat.amax(1)
            low = least if low is None else torch.minimum(low, least)
            high = most if high is None else torch.maximum(high, most)
        assert low is not None and high is not None, "there is an image"  # noqa: PT018
        return low, high

    def read(
        self, reader: Callable[[Tensor], Tensor], device: torch.device, cache: Path
    ) -> Examples:
        """Give what a function makes of the images, one row (…) each, kept in a file as they are.

        Raises
        ------
        RunError
            Where a row is not finite, or there is not one for each image.
        """
        rows: Any = None
        with replacing(cache) as temporary:
            for start, part in zip(range(0, len(self), READ), self.parts(), strict=True):
                with torch.no_grad():
                    made = reader(part.to(device)).float().cpu()
                if not made.isfinite().all():
                    raise RunError(f"what is read of image {start} or after it is not finite")
                shape = (len(self), *made.shape[1:])
                if len(made) != len(part) or (rows is not None and rows.shape != shape):
                    raise RunError(
                        f"what is read of {len(part)} images has the shape {tuple(made.shape)}; a row for "
                        "each was expected, all of one shape"
                    )
                if rows is None:
                    rows = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
                rows[start : start + READ] = made.numpy()
            rows.flush()
        return Examples(np.load(cache, mmap_mode="r"), self.labels, self.digest)

    def parts(self) -> Iterator[Tensor]:
        """Give all images, some at a time."""
        for start in range(0, len(self), READ):
            yield torch.from_numpy(np.array(self.images[start : start + READ]))


@dataclass(frozen=True)
class Source:
    """Images that have not been read yet.

    Parameters
    ----------
    read : sequence of callable
        Reads each.
    labels : Tensor, optional
        (N,) int64.
    facts : list
        Change where the data does.
    """

    read: Sequence[Callable[[], images.Image]]
    labels: Tensor | None
    facts: list[Any]


def examples(found: Source, steps: Sequence[config.Step], cache: Path) -> Examples:
    """Read and prepare images, or find them prepared by an earlier attempt.

    Parameters
    ----------
    found : Source
    steps : sequence of config.Step
        The preprocessing.
    cache : Path
        The file (.npy) that prepared images are kept in.

    Raises
    ------
    ImageError
        If an image cannot be read or prepared, or two have different shapes.
    """
    written = [step.model_dump(mode="json", by_alias=True) for step in steps]
    wanted = json.loads(json.dumps([found.facts, written]))
    note = cache.with_suffix(".json")
    known = json.loads(note.read_text()) if note.is_file() and cache.is_file() else {}
    if known.get("made of") != wanted:
        _prepare(found.read, steps, cache)
        labels = None if found.labels is None else found.labels.tolist()
        known = {"made of": wanted, "digest": digest([sha256(cache), labels])}
        with replacing(note) as temporary:
            temporary.write_text(json.dumps(known))
    return Examples(np.load(cache, mmap_mode="r"), found.labels, known["digest"])


def _prepare(
    found: Sequence[Callable[[], images.Image]], steps: Sequence[config.Step], cache: Path
) -> None:
    """Write every image as the model sees it; one at a time is in memory."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with replacing(cache) as temporary:
        written: Any = None
        for number, read in enumerate(found):
            image = read()
            tensor = images.prepare(image, steps).tensor.numpy()
            if written is None:
                shape = (len(found), *tensor.shape)
                written = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
            if tensor.shape != written.shape[1:]:
                raise ImageError(
                    f"{image.name} has the shape {tensor.shape} after preprocessing, the others "
                    f"{written.shape[1:]}; training needs one, for example through Resize."
                )
            written[number] = tensor
        written.flush()


def source(data: config.Data, classes: Sequence[str]) -> Source:
    """Find images, and read their labels.

    Parameters
    ----------
    data : config.Data
    classes : sequence of str
        The model's class names, which folders may have.

    Raises
    ------
    ImageError
        If there are none, or a label cannot be told.
    """
    if data.factory is not None:
        return _from_factory(data)
    assert data.path is not None, "data has a path or a factory"
    paths = matches(data.path)
    if len(paths) == 1 and paths[0].suffix.lower() in (".npz", ".npy"):
        return _from_array(data, paths[0])
    labels = None
    if data.labels == FOLDER:
        labels = torch.tensor([_number(path, classes) for path in paths])
    facts = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
    return Source([_file(path) for path in paths], labels, facts)


def _file(path: Path) -> Callable[[], images.Image]:
    return lambda: images.read(path)


def _number(path: Path, classes: Sequence[str]) -> int:
    name = path.parent.name
    if name not in classes:
        raise ImageError(f"{path}: its folder names no class; {unknown('class', name, classes)}.")
    return list(classes).index(name)


def _from_array(data: config.Data, path: Path) -> Source:
    values = arrays.array(path, data.key)
    labels = None
    if data.labels is not None:
        labels = _labels(arrays.array(path, data.labels), len(values), f"{path}, {data.labels}")
    facts: list[Any] = [str(path), path.stat().st_size, path.stat().st_mtime_ns]
    facts += [data.key, data.labels, data.axes]
    return Source(_entries(values, data, path.stem), labels, facts)


def _from_factory(data: config.Data) -> Source:
    assert data.factory is not None, "the caller has looked"
    name = data.factory.rpartition(":")[2]
    made = called(data.factory, data.arguments, "data")
    pair = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    values = np.asarray(pair[0])
    labels = None if pair[1] is None else _labels(np.asarray(pair[1]), len(values), data.factory)
    content = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    return Source(_entries(values, data, name), labels, [content, data.axes])


def _entries(values: Array, data: config.Data, name: str) -> list[Callable[[], images.Image]]:
    if values.ndim < 3 or len(values) == 0:
        raise ImageError(f"{name} holds no images: its shape is {values.shape}.")

    def entry(number: int) -> Callable[[], images.Image]:
        return lambda: _image(values[number], data.axes, f"{name}-{number}")

    return [entry(number) for number in range(len(values))]


def _image(values: Array, axes: str | None, name: str) -> images.Image:
    found = arrays.pixels(values, axes=axes, name=name)
    tensor = torch.from_numpy(np.ascontiguousarray(found.values, dtype=np.float32))
    return images.Image(tensor=tensor, affine=found.affine, name=name)


def _labels(values: Array, count: int, name: str) -> Tensor:
    """Give labels (N,), of (N,) or (N, 1) whole numbers."""
    flat = values.reshape(-1)
    if len(flat) != count or flat.dtype.kind not in "biu" or (flat.astype(np.int64) < 0).any():
        raise ImageError(
            f"{name}: expected a class, a whole number from 0, for each of {count} images; this is an "
            f"array of {values.dtype} of shape {values.shape}."
        )
    return torch.from_numpy(flat.astype(np.int64))
