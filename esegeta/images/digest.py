"""What an image file holds, as a hash."""

import hashlib
from pathlib import Path

from esegeta.errors import ImageError

_CHUNK = 1 << 20


def digest(path: str | Path) -> str:
    """Hash the content of a file, or the names and contents of the files of a folder.

    Raises
    ------
    ImageError
        Where it cannot be read.
    """
    path = Path(path)
    whole = hashlib.sha256()
    try:
        if not path.is_dir():
            return _file(path).hexdigest()
        for file in sorted(file for file in path.iterdir() if file.is_file()):
            whole.update(file.name.encode() + b"\0" + _file(file).digest())
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror}.") from error
    return whole.hexdigest()


def _file(path: Path) -> "hashlib._Hash":
    content = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            content.update(chunk)
    return content
