"""Lines and words: what every command prints is made of these, and whatever others named goes through `safe`.

Names come from other systems and may hold anything: no name can move the cursor or turn text around.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncd.words import some

FEW = 3
"""So many names are said in one line; more are counted."""


class Style(StrEnum):
    """What a line is, for whoever has colours."""

    PLAIN = "plain"
    TITLE = "title"
    HEADING = "heading"
    GAIN = "gain"
    LOSS = "loss"
    EDIT = "edit"
    WARN = "warn"
    FAIL = "fail"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Line:
    """A line. On a terminal that is narrower it goes on at column `hang` (None: a little further in than it began), and what of
    it is `whole` is not parted: a command that is to be copied."""

    text: str
    style: Style = Style.PLAIN
    hang: int | None = None
    whole: str = ""


def safe(text: str) -> str:
    """Write characters that are not to be seen (controls, escapes, changes of direction) as their code."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_code(c) if unicodedata.category(c) in _UNSEEN else c for c in text)


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()


def plain(lines: Iterable[Line]) -> str:
    return "".join(f"{line.text}\n" for line in lines)


def few(names: Sequence[str], most: int = FEW) -> str:
    """Name a few, and count the rest."""
    return some([*map(safe, names[:most]), *names[most:]], most)


def number(count: int) -> str:
    """Give a number with commas, as in `2,000`."""
    return f"{count:,}"


def counted(count: int, one: str, many: str) -> str:
    """Give a number with its noun, as in `1 deployment` and `2,000 deployments`."""
    return f"{number(count)} {one if count == 1 else many}"
