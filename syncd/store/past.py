"""What sources, and the lists of DAGs, said in the past: what changed each time, and from time to time the whole.

A row is written in the transaction that keeps what was read, and only where it says something else than the one before; so the
rows of one name, in the order of their ids, lead from the oldest to what is known now. That a whole is there at least every
`WHOLE_AFTER` is what lets older rows be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, delete, func, select

from syncd.model import Dag, Snapshot
from syncd.store import codec, patches
from syncd.store.engine import Database, insert
from syncd.store.schema_past import past

SOURCE, DAGS = "source", "dags"
WHOLE_AFTER = timedelta(days=30)
"""Of rows that are kept for 90 days a third can be too old to be needed and still be kept for those after them."""
BATCH = 500
"""How many rows are read, or deleted, at once."""

T = TypeVar("T")


def note(
    connection: Connection, kind: str, name: str, at: datetime, *, patch: bytes, whole: Callable[[], bytes]
) -> None:
    """Note that something says something else from now on: as what changed, or whole where there is no whole of late."""
    mine = past.c.kind == kind, past.c.name == name, past.c.whole
    last = connection.execute(select(past.c.at).where(*mine).order_by(past.c.id.desc()).limit(1)).scalar()
    is_whole = last is None or at - last > WHOLE_AFTER
    _add(connection, kind, name, at, is_whole=is_whole, body=whole() if is_whole else patch)


def note_whole(connection: Connection, kind: str, name: str, at: datetime, body: bytes) -> None:
    """Note all that something says, unless the last row says just that."""
    mine = select(past.c.whole, past.c.body).where(past.c.kind == kind, past.c.name == name)
    last = connection.execute(mine.order_by(past.c.id.desc()).limit(1)).first()
    if last is None or not last.whole or last.body != body:
        _add(connection, kind, name, at, is_whole=True, body=body)


def _add(connection: Connection, kind: str, name: str, at: datetime, *, is_whole: bool, body: bytes) -> None:
    row = {"kind": kind, "name": name, "at": at, "whole": is_whole, "body": body}
    connection.execute(insert(connection, past).values(row))


def forget_past(connection: Connection, *, before: datetime) -> int:
    """Delete some rows that nothing after `before` needs; gives how many."""
    needed = (
        select(past.c.kind, past.c.name, func.max(past.c.id).label("first"))
        .where(past.c.whole, past.c.at <= before)
        .group_by(past.c.kind, past.c.name)
        .subquery()
    )
    same = past.c.kind == needed.c.kind, past.c.name == needed.c.name, past.c.id < needed.c.first
    ids = select(past.c.id).join(needed, same[0] & same[1] & same[2]).order_by(past.c.id).limit(BATCH)
    found = list(connection.execute(ids).scalars())
    return connection.execute(delete(past).where(past.c.id.in_(found))).rowcount if found else 0


# --- reading ----------------------------------------------------------------------------------------------------------


class DatabasePast:
    """Implements `ports.Past`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begins(self) -> datetime | None:
        with self._database.read() as connection:
            return connection.execute(select(func.min(past.c.at))).scalar()

    def snapshots(self, source: str, *, since: datetime) -> Iterator[tuple[datetime, Snapshot]]:
        rows = self._rows(SOURCE, source, since)
        return _states(rows, since, whole=codec.untimed, patched=patches.patched)

    def dags(self, deployment: str, *, since: datetime) -> Iterator[tuple[datetime, tuple[Dag, ...]]]:
        rows = self._rows(DAGS, deployment, since)
        return _states(rows, since, whole=codec.dags_from, patched=codec.dags_patched)

    def _rows(self, kind: str, name: str, since: datetime) -> Iterator[Row[Any]]:
        """Give the rows from the last whole at that moment, or before, on; from the first, where there is none before."""
        mine = past.c.kind == kind, past.c.name == name
        wholes = select(func.max(past.c.id)).where(*mine, past.c.whole, past.c.at <= since)
        with self._database.read() as connection:
            after = (connection.execute(wholes).scalar() or 1) - 1
        while True:
            page = select(past).where(*mine, past.c.id > after).order_by(past.c.id).limit(BATCH)
            with self._database.read() as connection:
                found = connection.execute(page).all()
            yield from found
            if len(found) < BATCH:
                return
            after = found[-1].id


def _states(
    rows: Iterator[Row[Any]],
    since: datetime,
    *,
    whole: Callable[[Any], T],
    patched: Callable[[T, Any], T],
) -> Iterator[tuple[datetime, T]]:
    """Give what was said at `since`, with the time since when it was said, and then whatever was said later.

    Where clocks went back, what was noted later counts as said no earlier.
    """
    state: T | None = None
    at = datetime.min.replace(tzinfo=since.tzinfo)
    pending: tuple[datetime, T] | None = None
    for row in rows:
        body = codec.unpack(row.body)
        if row.whole:
            state = whole(body)
        elif state is None:
            continue  # rows of before the first whole say nothing by themselves
        else:
            state = patched(state, body)
        at = max(at, row.at)
        if at > since and pending is not None:
            yield pending
        pending = at, state
    if pending is not None:
        yield pending
