"""Notes of one kind are told together: the first of them, and how many more there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncd.model import Note
from syncd.render.extent import SHORT, Extent
from syncd.render.lines import safe
from syncd.words import and_more, shortened


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
