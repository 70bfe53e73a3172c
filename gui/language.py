"""In which language the wizard speaks; no Qt, so that view-models need none."""

from __future__ import annotations

from collections.abc import Callable

_translate: Callable[[str], str] = str


def tr(text: str) -> str:
    """Say a text in the language of the user; it is English, and is found in the sources by lupdate.

    All texts share one context: a word that is said in several places is translated once.
    """
    return _translate(text)


def speak(translate: Callable[[str], str]) -> None:
    """Say all texts from now on by this function."""
    global _translate
    _translate = translate
