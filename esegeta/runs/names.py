"""Names that become folders: safe on any file system, and one for one."""

import hashlib
import re
from collections.abc import Collection

LONGEST = 120
"""Bytes; file systems take 255, a folder may be named after two names, and files need suffixes."""

_UNSAFE = re.compile(r"[^\w .+#@=,-]|^[. ]|[. ]$")


def component(text: str) -> str:
    """Write a name as one path component; names that differ stay different.

    Letters, digits and ``. + # @ = , -`` stay; anything else, and a dot or blank at either end, is
    written as in a URL (``a/b`` → ``a%2Fb``), so that no name leaves its folder. What is then longer
    than `LONGEST` is cut, and ends in ``~`` and a hash of the whole.

    Raises
    ------
    ValueError
        Where the name is empty.
    """
    if not text:
        raise ValueError("a folder needs a name")
    safe = _UNSAFE.sub(lambda found: _percent(found.group()), text)
    if len(safe.encode()) <= LONGEST:
        return safe
    short = hashlib.sha256(_bytes(text)).hexdigest()[:10]
    kept = safe.encode()[: LONGEST - len(short) - 1].decode(errors="ignore")
    return f"{kept}~{short}"


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in _bytes(text))


def _bytes(text: str) -> bytes:
    """Encode any text: JSON may hold half of a surrogate pair, which is no character."""
    return text.encode(errors="surrogatepass")


def unique(name: str, taken: Collection[str]) -> str:
    """Give `name`, or `name` with the first number that makes it new (``name-2``)."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def derive(seed: int, identity: str) -> int:
    """Give a job's seed: of the run's and its own name, 32 bits."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{identity}".encode()).digest()[:4], "big")
