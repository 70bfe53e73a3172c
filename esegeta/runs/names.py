"""Names that become folders: safe on any file system, and one for one."""

import re
from collections.abc import Collection

LONGEST = 120
"""File systems take 255 bytes; a character may be four of them, and files need room for suffixes."""

_UNSAFE = re.compile(r"[^\w .+#@=,-]|^[. ]|[. ]$")


def component(text: str) -> str:
    """Write a name as one path component; names that differ stay different.

    Letters, digits and ``. + # @ = , -`` stay; anything else, and a dot or blank at either end, is
    written as in a URL (``a/b`` → ``a%2Fb``), so that no name leaves its folder.

    Raises
    ------
    ValueError
        Where the name is empty or longer than a file system takes.
    """
    safe = _UNSAFE.sub(lambda found: _percent(found.group()), text)
    if not safe or len(safe) > LONGEST:
        raise ValueError(f"a name needs 1 to {LONGEST} characters; {text[:40]!r} has {len(safe)}")
    return safe


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def unique(name: str, taken: Collection[str]) -> str:
    """Give `name`, or `name` with the first number that makes it new (``name-2``)."""
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
