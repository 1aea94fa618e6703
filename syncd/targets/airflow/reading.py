"""Reading a listing whole: page after page, and noticing when the table changes under the reader.

Noticed: the total differs between two pages, a name comes twice, an empty page before the end, more rows than the total.
Then the listing is read anew. A row that is removed while one is added further on can still hide a third; that is
harmless, because what is absent from a read is never a reason to take anything away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.errors import ReadIncomplete, TargetUnavailable
from syncd.http.answer import Answer

PAGE: Final = 100
TRIES: Final = 4
MOST_ROWS: Final = 1_000_000
"""More than any server has; who announces more would be read for ever."""
LONGEST_S: Final = 900.0
"""So long a listing may take in all, as `deadline_s` of a source: a server can give a few new rows each time without an end."""

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[Row, ...]
    total: int


class _Moved(Exception):
    """The table changed while it was read."""


def page(answer: Answer, key: str) -> Page | None:
    """Read a page out of an answer; None where it is something else, whatever its status."""
    fields = answer.fields if answer.status == 200 else {}
    rows, total = fields.get(key), fields.get("total_entries")
    if not isinstance(rows, list) or not isinstance(total, int):
        return None
    if not all(isinstance(row, dict) for row in rows):
        return None
    return Page(tuple(rows), total)


def uncounted(answer: Answer) -> bool:
    """Say whether an answer is a listing of DAGs that does not say how many there are in all."""
    fields = answer.fields if answer.status == 200 else {}
    return isinstance(fields.get("dags"), list) and "total_entries" not in fields


def read_all(
    fetch: Callable[[int], Page],
    name: str,
    *,
    what: str,
    first: Page | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[Row, ...]:
    """Read every row. `fetch` reads the page at an offset; `name` is the field that tells rows apart.

    `first` is the page at offset 0 where that was read just now.

    Raises:
        ReadIncomplete: the listing contradicted itself four times in a row, or does not end.
    """
    why, until = "", clock() + LONGEST_S

    def in_time(offset: int) -> Page:
        if clock() >= until:
            raise ReadIncomplete(f"{what} could not be read whole within {LONGEST_S:g} s; {offset:,} came until then")
        return fetch(offset)

    for _ in range(TRIES):
        try:
            return _once(in_time, name, first, what)
        except _Moved as e:
            why, first = str(e), None
    raise ReadIncomplete(
        f"{what} could not be read whole, {TRIES} times in a row: {why}; try again when nobody else is changing them"
    )


def _once(fetch: Callable[[int], Page], name: str, first: Page | None, what: str) -> tuple[Row, ...]:
    current = first or fetch(0)
    if current.total > MOST_ROWS:
        raise ReadIncomplete(
            f"{what} are not read: more than {MOST_ROWS:,} are announced; is a proxy changing its answers?"
        )
    total, rows, names = current.total, list(current.rows), _names(current.rows, name)
    while len(rows) < total:
        current = fetch(len(rows))
        if current.total != total:
            raise _Moved(f"the total went from {total} to {current.total}")
        if not current.rows:
            raise _Moved(f"only {len(rows)} of {total} came")
        rows += current.rows
        names += _names(current.rows, name)
    if len(rows) > total:
        raise _Moved(f"{len(rows)} came where {total} were announced")
    if len(set(names)) < len(names):
        raise _Moved("one came twice")
    return tuple(rows)


def _names(rows: Sequence[Row], name: str) -> list[str]:
    return [text(row, name) for row in rows]


def text(row: Row, field: str) -> str:
    """Give a field that must be a text.

    Raises:
        TargetUnavailable: it is not.
    """
    found = row.get(field)
    if not isinstance(found, str):
        raise TargetUnavailable(f"the server sent a listing without {field!r} in it; is a proxy changing its answers?")
    return found


def texts(row: Row, field: str, inner: str) -> tuple[str, ...]:
    """Give the names in a list of objects, as in `"tags": [{"name": "daily"}]`; plain texts are taken as they are."""
    found = row.get(field)
    if not isinstance(found, list):
        return ()
    return tuple(x if isinstance(x, str) else text(x, inner) for x in found if isinstance(x, (str, dict)))
