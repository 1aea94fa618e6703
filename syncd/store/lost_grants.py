"""Grants of people that another hand took, and how often: see plan/rivals.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Boolean, Column, Connection, Integer, Table, bindparam, delete, select, update

from syncd.plan.rivals import GrantTally, LostGrant, TakenGrant
from syncd.store.columns import UtcTime, Words
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.schema import metadata

lost_grants = Table(
    "lost_grants",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("name", Words, primary_key=True, comment="as Airflow compares it"),
    Column("role", Words, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("last", UtcTime, nullable=False),
    Column("back", Boolean, nullable=False, comment="seen there since it was counted"),
)

_of_one = lost_grants.c.deployment == bindparam("at")
_columns = lost_grants.c.name, lost_grants.c.role, lost_grants.c.times, lost_grants.c.last, lost_grants.c.back
_known = Prepared(select(*_columns).where(_of_one).order_by(lost_grants.c.name, lost_grants.c.role), "at")
_this = _of_one, lost_grants.c.name == bindparam("of"), lost_grants.c.role == bindparam("what")


def lost(database: Database, deployment: str) -> tuple[LostGrant, ...]:
    """List what was taken at a deployment."""
    rows = database.rows(_known, at=deployment)
    return tuple(LostGrant(TakenGrant(name, role), *how) for name, role, *how in rows)


def contest(connection: Connection, deployment: str, tally: GrantTally, *, now: datetime) -> None:
    """Write down what a pass saw."""
    if tally.forgotten:
        connection.execute(delete(lost_grants).where(*_this), _rows(deployment, tally.forgotten))
    if tally.put_right:
        connection.execute(update(lost_grants).where(*_this).values(back=True), _rows(deployment, tally.put_right))
    if tally.counted:
        new = [
            {"deployment": deployment, "name": name, "role": role, "times": 1, "last": now, "back": False}
            for name, role in sorted(tally.counted)
        ]
        statement = insert(connection, lost_grants)
        again = {"times": lost_grants.c.times + 1, "last": statement.excluded.last, "back": False}
        connection.execute(
            statement.on_conflict_do_update(index_elements=list(lost_grants.primary_key), set_=again), new
        )


def _rows(deployment: str, grants: Iterable[TakenGrant]) -> list[dict[str, str]]:
    return [{"at": deployment, "of": name, "what": role} for name, role in sorted(grants)]
