"""The pages of the book, and the blocks and links in them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
GENERATED = [
    p
    for p in PAGES
    if p.parent.name == "methods" or p.name in ("config-reference.md", "coverage.md")
]
HAND = [page for page in PAGES if page not in GENERATED]

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>\w+) ?(?P<argument>\S*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Two marks before a block of Python say what a test does with it: ``<!-- run -->`` runs it as a
    script, ``<!-- file PATH -->`` writes it to a file of a project whose tests then run.
    """

    page: Path
    line: int
    language: str
    text: str
    mark: str
    argument: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(pages: list[Path], language: str) -> list[Block]:
    """Give every block of a language."""
    found = []
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("text"))
            mark, argument = match["mark"] or "", match["argument"] or ""
            found.append(Block(page, line, match["language"], match["text"], mark, argument))
    return [block for block in found if block.language == language]


def data(block: Block) -> Any:
    """Read a block of JSON."""
    return json.loads(block.text)


def links(page: Path) -> list[str]:
    """Give where the links of a page lead, but for those into the net."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [link for link in _LINK.findall(text) if "://" not in link]


def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
