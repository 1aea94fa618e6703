"""What is known of the terminal: how wide and how high it is, and whether it shows colours. Nobody else asks."""

from __future__ import annotations

import os
from typing import TextIO

from syncd.render.lines import Style

USUAL = os.terminal_size((80, 24))
"""What a terminal is that does not say."""

_COLOURS = {
    Style.TITLE: "1",
    Style.HEADING: "1;2",
    Style.GAIN: "32",
    Style.LOSS: "31",
    Style.EDIT: "33",
    Style.WARN: "33",
    Style.FAIL: "1;31",
    Style.QUIET: "2",
}


def width_of(stream: TextIO) -> int | None:
    """Say how many columns whoever reads has, by COLUMNS or as the terminal says; None: no terminal, and nothing is folded."""
    return size_of(stream).columns if stream.isatty() else None


def size_of(stream: TextIO) -> os.terminal_size:
    """Say how large the terminal is that a stream leads to."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # ValueError: a stream that has no descriptor
        found = USUAL
    columns, lines = (_set(name) for name in ("COLUMNS", "LINES"))
    return os.terminal_size((columns or found.columns or USUAL.columns, lines or found.lines or USUAL.lines))


def _set(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def coloured(text: str, style: Style) -> str:
    """Give a text the colour of its style, unless colours are not wanted (https://no-color.org) or not known there."""
    code = _COLOURS.get(style)
    if not code or not text or os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"
