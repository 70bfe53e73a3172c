"""The hash of a file's content."""

import hashlib
from pathlib import Path


def sha256(path: Path) -> str | None:
    """Hash a file; None where it cannot be read."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    except OSError:
        return None
    return found.hexdigest()
