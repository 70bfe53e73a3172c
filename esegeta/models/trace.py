"""Where in the user's code an error arose."""

import site
import sysconfig
import traceback
from pathlib import Path

import torch

_HERE = str(Path(__file__).parent)
_TORCH = str(Path(torch.__file__).parent)
_LIBRARIES = (
    sysconfig.get_paths()["stdlib"],
    *(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")),
    site.getusersitepackages(),
)
LONGEST = 600
"""Characters of an error's own message that are passed on."""


def described(error: BaseException) -> str:
    """Give an error's kind and message, and the last line of the user's code that led to it."""
    text = str(error).strip() or "no message"
    if len(text) > LONGEST:
        # TorchScript puts the reason last, behind its own traceback.
        text = f"… {text[-LONGEST:]}"
    place = _where(error)
    return f"{type(error).__name__}: {text}" + (f" ({place})" if place else "")


def _where(error: BaseException) -> str | None:
    """Name the file, line and code of the last frame that is the user's, else of the last library's."""
    if isinstance(error, SyntaxError):  # its place is in the error: the file never ran
        return f"{error.filename}, line {error.lineno}: {(error.text or '').strip()}"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<frozen", _TORCH))
        and str(Path(frame.filename).parent) != _HERE
    ]
    own = [frame for frame in frames if not frame.filename.startswith(_LIBRARIES)]
    if not frames:
        return None
    last = (own or frames)[-1]
    return f"{last.filename}, line {last.lineno}: {last.line}"
