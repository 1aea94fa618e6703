"""Put lines in front of a person, with colours on a terminal and without them anywhere else; secrets never."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from json.encoder import encode_basestring_ascii
from typing import Any

from syncd.cli.terminal import coloured, width_of
from syncd.http.secrets import blotted
from syncd.render.layout import Grid, laid_out
from syncd.render.lines import Line, plain, safe


class Output(StrEnum):
    """Who is to read it."""

    TEXT = "text"
    JSON = "json"


class PlanOutput(StrEnum):
    """Who is to read a plan."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class AuditOutput(StrEnum):
    """Who is to read the journal."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


def show(lines: Iterable[Line | Grid]) -> None:
    """Print lines and tables, as wide as the terminal is, one line a row where there is none."""
    width = width_of(sys.stdout)
    fitting = laid_out(map(_clear, lines), width)
    if width is None:
        sys.stdout.write(plain(fitting))
    else:
        sys.stdout.writelines(f"{coloured(line.text, line.style)}\n" for line in fitting)


def _clear(shown: Line | Grid) -> Line | Grid:
    """Blot out secrets before anything is folded: half of one is a secret too."""
    if isinstance(shown, Line):
        return replace(shown, text=blotted(shown.text))
    return replace(shown, rows=tuple(replace(row, cells=tuple(map(blotted, row.cells))) for row in shown.rows))


def show_text(text: str) -> None:
    """Print lines that have no style."""
    show(Line(line) for line in text.rstrip().split("\n"))


def show_document(text: str) -> None:
    """Print a text as it is, however long its lines, with a line end at its end: somebody takes it elsewhere."""
    sys.stdout.write(f"{blotted(text.rstrip())}\n")


def show_json(value: Any) -> None:
    """Print one JSON document. Escaped to ASCII, so that no name in it can act on a terminal."""
    sys.stdout.write(f"{blotted(json_text(value))}\n")


def json_text(value: Any, *, margin: str = "\n") -> str:
    """Write what `json.dumps` with an indent of 2 writes, in half of the time; `margin`: a line end, and blanks.

    That goes through each value in Python, a piece of text at a time, where it indents (`json.encoder` of Python 3.11 to 3.13).
    """
    inner = f"{margin}  "
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict) and value:
        parts = (f"{inner}{_key_text(name)}: {json_text(said, margin=inner)}" for name, said in value.items())
        return f"{{{','.join(parts)}{margin}}}"
    if isinstance(value, list | tuple) and value:
        return f"[{','.join(f'{inner}{json_text(said, margin=inner)}' for said in value)}{margin}]"
    return json.dumps(value)


def _key_text(name: Any) -> str:
    """Write the name of a value: numbers and constants as text."""
    return encode_basestring_ascii(name if isinstance(name, str) else json.dumps(name))


def show_error(text: str) -> None:
    """Print what is wrong on standard error."""
    lines = [Line(safe(line)) for line in blotted(text).splitlines()]
    sys.stderr.write(plain(laid_out(lines, width_of(sys.stderr))))
