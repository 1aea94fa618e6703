"""At which address each deployment was last worked on, and what is known of the servers that it had before.

What is known of a server (what is ours there, what it can do, what was seen and is awaited of it) stands in the tables under the
name of its deployment. Once the deployment has another address it is another server, and all of that is set aside under a
name that has the old address in it. Nothing is deleted: it is back where the deployment is pointed back, or once somebody says
that it is the same server.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Row, Table, Update, and_, delete, exists, or_, select, update

from syncd.model import Status
from syncd.ports import Place
from syncd.store import changes
from syncd.store.engine import Database, insert
from syncd.store.lost_grants import lost_grants
from syncd.store.rival_signs import rival_signs
from syncd.store.schema import (
    accounts,
    awaited,
    capabilities,
    desired,
    gains,
    losses,
    ownership,
    renamed_roles,
    seen_roles,
    servers,
)
from syncd.store.schema_looks import look_people, looks

_AT: Final = " at "
"""No name of a deployment has a blank in it."""
_OF_A_SERVER: Final = (
    desired,
    capabilities,
    losses,
    gains,
    awaited,
    ownership,
    accounts,
    seen_roles,
    renamed_roles,
    looks,
    look_people,
    lost_grants,
    rival_signs,
)
UNSEEN = "nobody can look any more: the deployment was pointed at another server"


class DatabasePlaces:
    """Implements `ports.Places`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, deployment: str, address: str) -> Place:
        with self._database.read() as connection:
            return _place(connection, deployment, address)

    def move(self, deployment: str, address: str, *, now: datetime) -> Place:
        return self._database.commit(lambda c: _move(c, deployment, address, now=now), alone=True)

    def accept_server(self, deployment: str) -> None:
        def work(connection: Connection) -> None:
            row = _row(connection, deployment)
            if row is not None and row.was:
                _merge(connection, _aside(deployment, row.was), deployment)
                connection.execute(_ask_no_more(deployment))

        self._database.commit(work, alone=True)

    def leave_server(self, deployment: str) -> None:
        self._database.commit(lambda c: c.execute(_ask_no_more(deployment)))


def _place(connection: Connection, deployment: str, address: str) -> Place:
    """Say under which name stands what is known of the server of this address; nothing does where it is a new one."""
    row = _row(connection, deployment)
    if row is None:
        return Place(deployment)
    if not address or row.address == address:
        return Place(deployment, row.was or "", row.since)
    return Place(_aside(deployment, address), row.address, row.since)


def _move(connection: Connection, deployment: str, address: str, *, now: datetime) -> Place:
    """Work on this address from now on: set aside what is known of another one, and bring back what is known of this one."""
    row = _row(connection, deployment)
    if row is None or row.address == address:
        _keep(connection, deployment, address, was=row and row.was, since=row.since if row else now)
        return _place(connection, deployment, address)
    for left in changes.unsettled(connection, deployment):
        changes.close(connection, left.id, Status.FAILED, detail=UNSEEN, now=now, by_looking=True)
    was = row.address if _owns(connection, deployment) else row.was
    _rename(connection, deployment, _aside(deployment, row.address))
    _rename(connection, _aside(deployment, address), deployment)
    _keep(connection, deployment, address, was=None if was == address else was, since=now)
    return _place(connection, deployment, address)


def _ask_no_more(deployment: str) -> Update:
    return update(servers).where(servers.c.deployment == deployment).values(was=None)


def here_or_before(column: Column[Any], deployment: str) -> ColumnElement[bool]:
    """Choose what is of a deployment, at whichever server."""
    return or_(column == deployment, column.startswith(deployment + _AT, autoescape=True))


def _aside(deployment: str, address: str) -> str:
    return f"{deployment}{_AT}{address}"


def _row(connection: Connection, deployment: str) -> Row[Any] | None:
    return connection.execute(select(servers).where(servers.c.deployment == deployment)).first()


def _keep(connection: Connection, deployment: str, address: str, *, was: str | None, since: datetime) -> None:
    new = {"address": address, "was": was, "since": since}
    statement = insert(connection, servers).values(new | {"deployment": deployment})
    connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=new))


def _owns(connection: Connection, deployment: str) -> bool:
    mine = exists().where(ownership.c.deployment == deployment, ownership.c.until.is_(None))
    return bool(connection.execute(select(mine)).scalar_one())


def _rename(connection: Connection, name: str, to: str) -> None:
    for table in _OF_A_SERVER:
        connection.execute(update(table).where(table.c.deployment == name).values(deployment=to))


def _merge(connection: Connection, aside: str, deployment: str) -> None:
    """Put two together: of what both know, the newer look counts; what was ours before is ours since then."""
    newer = ownership.alias()
    both = and_(*(newer.c[c] == ownership.c[c] for c in ("kind", "name", "role")), newer.c.until.is_(None))
    known = select(newer.c.id).join(ownership, both)
    known = known.where(newer.c.deployment == deployment, ownership.c.deployment == aside, ownership.c.until.is_(None))
    connection.execute(delete(ownership).where(ownership.c.id.in_(known)))
    for table in _OF_A_SERVER:
        if table is not ownership and table is not awaited:
            _leave_out(connection, table, aside, deployment)
    _rename(connection, aside, deployment)


def _leave_out(connection: Connection, table: Table, aside: str, deployment: str) -> None:
    """Delete of the older what the newer has too."""
    newer = table.alias()
    others = [column.name for column in table.primary_key if column.name != "deployment"]
    same = exists().where(newer.c.deployment == deployment, *(newer.c[name] == table.c[name] for name in others))
    connection.execute(delete(table).where(table.c.deployment == aside, same))
