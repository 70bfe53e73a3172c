"""Writing HTML in which nothing that a file says can become markup."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable

VOID = ("img", "input")
"""Elements that have no end."""


class Markup(str):
    """Text that is HTML already; any other text is escaped where it is put in."""

    __slots__ = ()


def safe(value: object) -> str:
    """Escape a value, unless it is markup."""
    return value if isinstance(value, Markup) else html.escape(str(value), quote=True)


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """Write an element; attributes that are None or False are left out, True ones have no value.

    ``class_`` and ``for_`` stand for the reserved words, ``data_x`` for ``data-x``.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{safe(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = "".join(safe(child) for child in children if child is not None)
    return Markup(f"<{name}{written}>" if name in VOID else f"<{name}{written}>{inner}</{name}>")


def join(*parts: object) -> Markup:
    """Put parts one after the other."""
    return Markup("".join(safe(part) for part in parts if part is not None))


def picture(png: bytes, alt: str) -> Markup:
    """Write an image into the page itself, told its size so that nothing jumps while it loads."""
    return tag(
        "img",
        src=Markup(f"data:image/png;base64,{base64.b64encode(png).decode()}"),
        alt=alt,
        width=int.from_bytes(png[16:20], "big"),  # the size stands in a PNG's first chunk
        height=int.from_bytes(png[20:24], "big"),
    )


def anchor(text: str) -> str:
    """Turn a job's or group's id into one that can stand behind # in a link, one for one."""
    return re.sub(r"[^A-Za-z0-9.-]", lambda found: f"_{ord(found.group()):x}_", text)


def number(value: object) -> str:
    """Write a number briefly, with four digits at least; anything else as JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    whole = isinstance(value, int) or 1e4 <= abs(value) < 1e9
    text = f"{value:,.0f}" if whole else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def measured(value: object, words: Callable[[float], str]) -> str:
    """Write what was measured in the words of `esegeta.units`; a dash where it is no number."""
    return words(value) if isinstance(value, int | float) else "–"
