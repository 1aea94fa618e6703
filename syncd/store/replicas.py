"""Which replicas of the daemon live: each says so again before its time runs out."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from syncd.store.engine import insert
from syncd.store.schema import replicas


def beat(connection: Connection, replica: str, *, ttl: timedelta, now: datetime) -> tuple[str, ...]:
    """Note that a replica lives for so long from now, and name all that do; forget those whose time is over."""
    statement = insert(connection, replicas).values(replica=replica, since=now, until=now + ttl)
    again = {"until": statement.excluded.until}
    connection.execute(statement.on_conflict_do_update(index_elements=["replica"], set_=again))
    connection.execute(delete(replicas).where(replicas.c.until <= now))
    return tuple(sorted(connection.execute(select(replicas.c.replica)).scalars()))


def leave(connection: Connection, replica: str) -> None:
    connection.execute(delete(replicas).where(replicas.c.replica == replica))
