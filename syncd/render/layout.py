"""How lines and tables fit the width of a terminal; where nobody looks on there is no width, and a row stays one line.

A line that is too long goes on under itself, further in than it began, and is parted at blanks only: no name is cut. A table
that is too wide drops the columns that matter least, which it says, and folds its last one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from syncd.render.lines import Line, Style

STEP = 4
"""So far in goes on what is folded and does not say itself where."""
ROOM = 24
"""What is folded goes on at its own column only where it has so much room there."""
COLUMN = 36
"""Where a last column has less room than this, or than one of its words, what does not fit there stands under its row."""
GAP = "  "


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    cells: tuple[str, ...]
    style: Style = Style.PLAIN


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of as many cells each. `drop`: the heads of columns that may go where there is no room, the first of them first."""

    rows: tuple[Row, ...]
    head: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


def laid_out(shown: Iterable[Line | Grid], width: int | None) -> Iterator[Line]:
    """Give the lines of everything as they fit; None: they need not."""
    for one in shown:
        lines = _table_lines(one, width) if isinstance(one, Grid) else [one]
        if width is None:
            yield from lines
        else:
            for line in lines:
                yield from folded(line, width)


# --- lines ------------------------------------------------------------------------------------------------------------

_UNBROKEN = "\0"
"""Stands for a blank at which nothing is parted; no text that is shown has one of its own."""
_SIGN = re.compile(r"(?<= [+−~!]) (?=\S)|(?<=^[+−~!]) (?=\S)")
"""The blank between a sign and what it is about."""


def folded(line: Line, width: int) -> Iterator[Line]:
    """Part a line at blanks so that each part fits; a word that is too long is left to the terminal, which copies it whole."""
    if cells(line.text) <= width:
        yield line
        return
    indent = len(line.text) - len(line.text.lstrip(" "))
    hang = indent + STEP if line.hang is None or line.hang > width - ROOM else line.hang
    taken = ""
    for gap, word in _words(line):
        if taken.strip() and cells(taken + gap + word) > width:
            yield replace(line, text=taken)
            room = width - cells(word) if word == line.whole else hang  # a command is moved to the left until it fits
            taken = " " * max(0, min(hang, room)) + word
        else:
            taken += gap + word
    yield replace(line, text=taken)


def _words(line: Line) -> Iterator[tuple[str, str]]:
    """Give the words with the blanks before them; a command to be copied, and a sign with its name, are one word."""
    text = line.text.replace(line.whole, line.whole.replace(" ", _UNBROKEN)) if line.whole else line.text
    for gap, word in re.findall(r"( *)([^ ]+)", _SIGN.sub(_UNBROKEN, text)):
        yield gap, word.replace(_UNBROKEN, " ")


def cells(text: str) -> int:
    """Count the columns of a terminal that a text takes: two for a wide letter, none for a mark over another."""
    if text.isascii():
        return len(text)
    return sum(_cells(letter) for letter in text)


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


# --- tables -----------------------------------------------------------------------------------------------------------


def _table_lines(table: Grid, width: int | None) -> Iterator[Line]:
    rows = [*([Row(table.head, Style.HEADING)] if table.head else []), *table.rows]
    dropped = _dropped(table, rows, width)
    kept = [n for n in range(len(rows[0].cells)) if n not in dropped] if rows else []
    for row in rows:
        yield from _row_lines(row, kept, _widths(rows, kept), width)
    if dropped:
        names = ", ".join(table.head[n] for n in sorted(dropped))
        yield Line(f"not shown for want of room: {names}", Style.QUIET)


def _dropped(table: Grid, rows: Sequence[Row], width: int | None) -> frozenset[int]:
    """Choose the columns that go, no more than have to."""
    gone: list[int] = []
    if width is None or not rows:
        return frozenset()
    wanted = min(max(cells(row.cells[-1]) for row in rows), COLUMN)
    for name in table.drop:
        kept = [n for n in range(len(table.head)) if n not in gone]
        if _start(_widths(rows, kept)) + wanted <= width:
            break
        gone.append(table.head.index(name))
    return frozenset(gone)


def _widths(rows: Sequence[Row], kept: Sequence[int]) -> list[int]:
    """Give the widths of all columns but the last."""
    return [max(cells(row.cells[n]) for row in rows) for n in kept[:-1]]


def _start(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * len(widths)


def _row_lines(row: Row, kept: Sequence[int], widths: Sequence[int], width: int | None) -> Iterator[Line]:
    *first, last = (row.cells[n] for n in kept)
    before = "".join(cell + " " * (room - cells(cell)) + GAP for cell, room in zip(first, widths, strict=True))
    start = _start(widths)
    if width is None or _fits(last, width - start):
        yield Line((before + last).rstrip(), row.style, hang=start)
    else:
        yield Line(before.rstrip(), row.style)
        yield Line(" " * STEP + last, row.style, hang=STEP)


def _fits(text: str, room: int) -> bool:
    """Say whether a text can stand in its column: in one line, or folded in a column that is wide enough for it."""
    return cells(text) <= room or (room >= COLUMN and all(cells(word) <= room for word in text.split()))
