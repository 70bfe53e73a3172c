"""What a model or weights file is, and networks that were saved whole."""

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from esegeta.errors import ModelError
from esegeta.models.baked import check_evaluates
from esegeta.models.trace import described

Kind = Literal["safetensors", "torchscript", "export", "pickle", "broken", "unknown"]


def kind(path: Path) -> Kind:
    """Tell from its content what a file is; its name says little (.pt is used for three of these).

    Raises
    ------
    ModelError
        If there is no such file.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ModelError(f"The file {str(path)!r} {what}.")
    with path.open("rb") as stream:
        start = stream.read(9)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _kind_of_zip([name.partition("/")[2] for name in archive.namelist()])
    if path.suffix == ".safetensors" or start[8:] == b"{":
        return "safetensors"
    if not start or start.startswith(b"PK"):
        return "broken"
    return "pickle" if start.startswith(b"\x80") else "unknown"


def _kind_of_zip(names: list[str]) -> Kind:
    if "archive_format" in names:
        return "export"
    if "constants.pkl" in names:
        return "torchscript"
    return "pickle" if "data.pkl" in names else "unknown"


def load_script(path: Path) -> nn.Module:
    """Load a TorchScript file.

    Raises
    ------
    ModelError
        If it is broken, or its layers are fixed to training.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # nothing the user can act on here
            module: nn.Module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
    except Exception as error:
        raise ModelError(
            f"{path.name!r} is no sound TorchScript file: {described(error)}."
        ) from error
    check_evaluates(path.name, module)
    return module


def load_export(path: Path, *, trust: bool) -> tuple[nn.Module, int | None]:
    """Load a `torch.export` file, as modules named as in the original.

    Returns
    -------
    module : nn.Module
    batch : int or None
        The only batch size that it takes, None where it takes any.

    Raises
    ------
    ModelError
        If it is broken, holds code and is not trusted, its layers are fixed to training, or it
        takes only batches of several images.
    """
    try:
        if not trust and (code := _code_in_export(path)):
            raise ModelError(needs_trust(path, code))
        program = torch.export.load(path)
        check_evaluates(path.name, program)
        module = torch.export.unflatten(program)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{path.name!r} is no torch.export file that torch {torch.__version__} can load: "
            f"{described(error)}."
        ) from error
    batch = _batch(program)
    if batch not in (None, 1):
        raise ModelError(
            f"{path.name!r} takes batches of exactly {batch} images; export it with a batch of one, "
            "or with dynamic_shapes for the batch."
        )
    return module, batch


def _batch(program: torch.export.ExportedProgram) -> int | None:
    first = program.graph_signature.user_inputs[0]
    node = next(node for node in program.graph.nodes if node.name == first)
    image = node.meta["val"]
    size = image.shape[0] if isinstance(image, Tensor) and image.dim() else None
    return size if isinstance(size, int) else None  # a symbol where it may vary


def _code_in_export(path: Path) -> str | None:
    """Name what torch.export.load would run besides the network: pickles, compiled libraries."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if "/aotinductor/" in name:
                return "a compiled library"
            if name.endswith("_config.json") and b'"use_pickle": true' in archive.read(name):
                return "pickled Python objects"
            if name.endswith((".pt", ".pkl")) and archive.getinfo(name).file_size:
                try:
                    torch.load(io.BytesIO(archive.read(name)), "cpu", weights_only=True)
                except Exception:
                    return "pickled Python objects"
    return None


def load_pickle(path: Path) -> Any:
    """Unpickle a file, which runs whatever code it names.

    Raises
    ------
    ModelError
        If it is broken, or a class that it names cannot be imported.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=False)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"{path.name!r} was saved with classes that cannot be imported here: {described(error)}. "
            "Save its state_dict instead, and name the network by its factory."
        ) from error
    except Exception as error:
        raise ModelError(f"{path.name!r} is broken or cut off: {described(error)}.") from error


def needs_trust(path: Path, what: str) -> str:
    """Say that a file is only loaded when it is trusted, and what that means."""
    return (
        f"{path.name!r} holds {what}. Loading them runs code from that file with your rights; if you "
        'trust whoever made it, say "trust": true.'
    )
