"""Rows for programs: a JSON list, a JSON object a line, or CSV; written one by one, however many there are."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from syncd.cli.output import AuditOutput
from syncd.http.secrets import blotted
from syncd.render.lines import safe

_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a cell begins that a spreadsheet would calculate, in wide letters too: names may begin so as well, and whoever can choose
one must not make somebody else's program run it."""


def write_rows(
    rows: Iterable[Mapping[str, Any]],
    *,
    output: AuditOutput,
    nested: Collection[str] = frozenset(),
    head: Sequence[str] = (),
) -> None:
    """Write rows to standard output; CSV is without what is `nested`, and has its `head` where there are no rows too.

    No name can act on a terminal or a spreadsheet: JSON is escaped to ASCII, and in CSV what is not to be seen is written as
    its code. Secrets never.
    """
    match output:
        case AuditOutput.CSV:
            _csv(rows, nested, head)
        case AuditOutput.JSONL:
            for row in rows:
                sys.stdout.write(f"{blotted(json.dumps(row))}\n")
        case _:
            sys.stdout.writelines(map(blotted, _list(rows)))


def _list(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Write a list as `json.dumps(..., indent=2)` does."""
    before = "["
    for row in rows:
        text = json.dumps(row, indent=2).replace("\n", "\n  ")
        yield f"{before}\n  {text}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def _csv(rows: Iterable[Mapping[str, Any]], nested: Collection[str], columns: Sequence[str]) -> None:
    """Write a head, then a line for each row; several words in one cell have a line break between them."""
    writer = csv.writer(sys.stdout, lineterminator="\r\n")
    head = [name for name in columns if name not in nested]
    if head:
        writer.writerow(head)
    for row in rows:
        if not head:
            head = [name for name in row if name not in nested]
            writer.writerow(head)
        writer.writerow([blotted(_cell(row.get(name))) for name in head])


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list():
            text = "\n".join(map(_cell, value))
        case _:
            text = safe(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
