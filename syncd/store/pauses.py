"""Pauses in the database: the row is the pause, and stays as the record of it.

Whether one stands is asked by the clock of the database, in the same transaction that announces a call: so a pause that was
written down stops the next call of every process.
"""

from __future__ import annotations

import socket
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from syncd.errors import PausedNow
from syncd.model import Change, Deployment, Pause, Paused
from syncd.plan.pauses import stopping, why_paused
from syncd.store import chain
from syncd.store.codec.text import time_to
from syncd.store.engine import Database
from syncd.store.prepared import Prepared
from syncd.store.schema_pauses import pauses

_COLUMNS = tuple(pauses.c)
_STANDING = pauses.c.ended_at.is_(None), or_(pauses.c.until.is_(None), pauses.c.until > bindparam("now"))
_standing = Prepared(select(*_COLUMNS).where(*_STANDING).order_by(pauses.c.id), "now")


class DatabasePauses:
    """Implements `ports.Pauses`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pause(self, of: Paused, *, until: datetime | None, reason: str, by: str, host: str = "") -> Pause:
        asked = {"until": until, "reason": reason, "by": by, "host": host or socket.gethostname()}

        def begin(connection: Connection) -> Pause:
            row = {**asked, "label": of.label, "value": of.value, "removals_only": of.removals_only}
            row["since"] = now = self._database.now(connection)
            made = _pause(connection.execute(insert(pauses).values(row).returning(*_COLUMNS)).one())
            facts = {**row, "since": time_to(now), "until": time_to(until) if until else None}
            facts["reason"] = chain.said(reason)
            chain.append(connection, "pause", now=now, about=chain.Subject("pause", made.id), facts=facts)
            return made

        return self._database.commit(begin)

    def resume(self, id_: int, *, by: str, reason: str = "") -> Pause | None:
        def end(connection: Connection) -> Pause | None:
            now = self._database.now(connection)
            ended = {"ended_at": now, "ended_by": by, "ended_reason": reason}
            mine = pauses.c.id == id_, pauses.c.ended_at.is_(None), or_(pauses.c.until.is_(None), pauses.c.until > now)
            row = connection.execute(update(pauses).where(*mine).values(ended).returning(*_COLUMNS)).one_or_none()
            if row is None:
                return None
            facts = {"by": by, "host": socket.gethostname(), "reason": chain.said(reason)}
            chain.append(connection, "resume", now=now, about=chain.Subject("pause", id_), facts=facts)
            return _pause(row)

        return self._database.commit(end)

    def standing(self) -> tuple[Pause, ...]:
        with self._database.read() as connection:
            return standing(connection, self._database.now(connection))

    def every(self, limit: int = 100) -> tuple[Pause, ...]:
        newest = select(*_COLUMNS).order_by(pauses.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(map(_pause, connection.execute(newest)))


def standing(connection: Connection, now: datetime) -> tuple[Pause, ...]:
    """Give the pauses that stand at that moment, the oldest first."""
    return tuple(map(_pause, _standing.rows(connection, now=now)))


def let(connection: Connection, deployment: Deployment, change: Change, *, now: datetime, but: int = 0) -> None:
    """Make sure, within the transaction that announces a call, that no pause `but` this one stops a change.

    Raises:
        PausedNow: one does.
    """
    others = (pause for pause in standing(connection, now) if pause.id != but)
    if why := why_paused(stopping(others, deployment), change):
        raise PausedNow(why)


def _pause(row: Any) -> Pause:
    id_, label, value, removals_only, *rest = row
    reason, by, host, since, until, ended_at, ended_by, ended_reason = rest
    of = Paused(label, value, bool(removals_only))
    return Pause(id_, of, reason, by, host, since, until, ended_at, ended_by or "", ended_reason or "")
