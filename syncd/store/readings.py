"""How each source was last read: where the next read goes on, what was not read whole, and since when it fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from syncd.model import Doubt, Snapshot
from syncd.store import codec
from syncd.store.engine import insert
from syncd.store.processes import os_user
from syncd.store.schema import group_names, readings, rests


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source stands. `failed_at` is the first failure since `read_at`; None where the last read gave an answer."""

    source: str
    full_at: datetime | None
    read_at: datetime | None
    doubts: tuple[Doubt, ...]
    failed_at: datetime | None
    failure: str | None


def last_cursor(connection: Connection, source: str) -> tuple[str, datetime] | None:
    row = connection.execute(select(readings.c.cursor, readings.c.full_at).where(readings.c.source == source)).first()
    return None if row is None or row.cursor is None or row.full_at is None else (codec.unpack(row.cursor), row.full_at)


def save_reading(
    connection: Connection, snapshot: Snapshot, *, cursor: bytes | None, full: bool, doubts: Iterable[Doubt]
) -> None:
    """Take note of a read that gave an answer; a refresh leaves the time of the last full read as it was."""
    read = {
        "cursor": cursor,
        "read_at": snapshot.taken_at,
        "doubts": codec.pack(codec.dumps(codec.doubts_to(doubts))),
        "failed_at": None,
        "failure": None,
    }
    _put(connection, snapshot.source, read | ({"full_at": snapshot.taken_at} if full else {}))


def pack_cursor(cursor: str | None) -> bytes | None:
    return None if cursor is None else codec.pack(codec.dumps(cursor))


def save_failure(connection: Connection, source: str, why: str, *, now: datetime) -> None:
    statement = insert(connection, readings).values({"source": source, "failed_at": now, "failure": why})
    since = func.coalesce(readings.c.failed_at, statement.excluded.failed_at)
    again = {"failed_at": since, "failure": statement.excluded.failure}
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=again))


def reading(connection: Connection, source: str) -> Reading | None:
    row = connection.execute(select(readings).where(readings.c.source == source)).first()
    if row is None:
        return None
    doubts = codec.doubts_from(codec.unpack(row.doubts)) if row.doubts is not None else ()
    return Reading(source, row.full_at, row.read_at, doubts, row.failed_at, row.failure)


def _put(connection: Connection, source: str, values: Mapping[str, object]) -> None:
    statement = insert(connection, readings).values({"source": source, **values})
    connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))


# --- who wants to be left alone ---------------------------------------------------------------------------------------


def rests_until(connection: Connection, provider: str) -> datetime | None:
    return connection.execute(select(rests.c.until).where(rests.c.provider == provider)).scalar()


def let_rest(connection: Connection, provider: str, until: datetime) -> None:
    statement = insert(connection, rests).values({"provider": provider, "until": until})
    later = case((statement.excluded.until > rests.c.until, statement.excluded.until), else_=rests.c.until)
    connection.execute(statement.on_conflict_do_update(index_elements=["provider"], set_={"until": later}))


# --- what names mean --------------------------------------------------------------------------------------------------


def all_group_names(connection: Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute(select(group_names.c.source, group_names.c.name, group_names.c.group_id))
    return {(row.source, row.name): row.group_id for row in rows}


def remember_groups(connection: Connection, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
    by = os_user()
    rows = [
        {"source": source, "name": name, "group_id": id_, "at": now, "by": by}
        for (source, name), id_ in sorted(names.items())
    ]
    statement = insert(connection, group_names)
    meant = {column: statement.excluded[column] for column in ("group_id", "at", "by")}
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "name"], set_=meant), rows)
