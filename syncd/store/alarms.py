"""What a person should see to, and when somebody was last told: it outlives the daemon, which must not tell it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, select, update

from syncd.store.engine import insert
from syncd.store.schema import alarms


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that stands. `notified_at` is when somebody was last told."""

    text: str
    since: datetime
    notified_at: datetime


def all_alarms(connection: Connection) -> dict[tuple[str, str], AlarmRow]:
    rows = connection.execute(select(alarms).order_by(alarms.c.kind, alarms.c.subject))
    return {(row.kind, row.subject): AlarmRow(row.text, row.since, row.notified_at) for row in rows}


def save_alarm(connection: Connection, kind: str, subject: str, *, row: AlarmRow, earlier: datetime | None) -> bool:
    """Keep an alarm if the one that is kept was told at `earlier` (None: none is kept); say whether it was.

    Of two replicas that look at the same time so only one tells it.
    """
    values = {"text": row.text, "since": row.since, "notified_at": row.notified_at}
    if earlier is None:
        new = insert(connection, alarms).values(values | {"kind": kind, "subject": subject})
        return connection.execute(new.on_conflict_do_nothing().returning(alarms.c.kind)).first() is not None
    same = update(alarms).where(*_is(kind, subject), alarms.c.notified_at == earlier)
    return connection.execute(same.values(values)).rowcount == 1


def clear_alarm(connection: Connection, kind: str, subject: str) -> bool:
    """Forget an alarm; say whether it was there."""
    return connection.execute(delete(alarms).where(*_is(kind, subject))).rowcount == 1


def _is(kind: str, subject: str) -> tuple[ColumnElement[bool], ...]:
    return alarms.c.kind == kind, alarms.c.subject == subject
