"""Put lines in front of a person, with colours on a terminal and without them anywhere else; secrets never."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from syncd.http.secrets import blotted
from syncd.render.lines import Line, Style, plain, safe


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


_COLOURS = {
    Style.PLAIN: "",
    Style.TITLE: "bold",
    Style.HEADING: "bold dim",
    Style.GAIN: "green",
    Style.LOSS: "red",
    Style.EDIT: "yellow",
    Style.WARN: "yellow",
    Style.FAIL: "bold red",
    Style.QUIET: "dim",
}


def show(lines: Iterable[Line]) -> None:
    """Print lines."""
    if not sys.stdout.isatty():
        sys.stdout.write(blotted(plain(lines)))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        console.print(Text(blotted(line.text), style=_COLOURS[line.style]))


def show_text(text: str) -> None:
    """Print a text as it is, with a line end at its end."""
    sys.stdout.write(f"{blotted(text.rstrip())}\n")


def show_json(value: Any) -> None:
    """Print one JSON document. Escaped to ASCII, so that no name in it can act on a terminal."""
    sys.stdout.write(f"{blotted(json.dumps(value, indent=2))}\n")


def show_error(text: str) -> None:
    """Print what is wrong on standard error."""
    sys.stderr.write("".join(f"{safe(line)}\n" for line in blotted(text).splitlines()))
