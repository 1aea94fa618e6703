"""Notes of one kind are told together: the first of them, and how many more there are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from syncd.model import Note
from syncd.render.extent import SHORT, Extent
from syncd.render.lines import Line, Style, safe
from syncd.words import and_more, shortened

_COMMAND = re.compile(r": (syncd(?: [^\s;,()]+)+)$")
"""The command at the end of a note."""


def note_line(text: str, *, before: str, hang: int | None = None) -> Line:
    """Make a line of a note, after `before`; the command that it ends with is not parted, so that it can be copied."""
    found = _COMMAND.search(text)
    return Line(before + text, Style.WARN, hang=hang, whole=found[1] if found else "")


def note_texts(notes: Iterable[Note], extent: Extent = SHORT, *, see: str = "-v or -o json") -> Iterator[str]:
    """Say notes, those of a kind together; one more than a few is said too, as counting it takes a line as well.

    `see` is what shows all of them. No long value is repeated whole.
    """
    kinds: dict[str, list[Note]] = {}
    for note in notes:
        kinds.setdefault(note.code, []).append(note)
    for code, found in kinds.items():
        shown = found if len(found) <= extent.notes + 1 else found[: extent.notes]
        yield from (safe(shortened(note.text)) for note in shown)
        if rest := len(found) - len(shown):
            yield f"{and_more(rest, 'notes of this kind')} ({safe(code)}; see {see})"
