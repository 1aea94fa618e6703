"""What deployments should be, what they can do and what they lose: the newest of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Delete, Table, Update, and_, bindparam, delete, select, update

from syncd.model import DesiredState, Learned, Loss, Permission
from syncd.plan.contested import Tally
from syncd.store import codec
from syncd.store.engine import insert
from syncd.store.schema import capabilities, desired


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def last_desired(connection: Connection, deployment: str) -> DesiredState | None:
    body = connection.execute(select(desired.c.body).where(desired.c.deployment == deployment)).scalar()
    return None if body is None else codec.desired_from(codec.unpack(body))


def save_desired(
    connection: Connection, run: int, deployment: str, *, body: str, now: datetime, reached: bool = True
) -> None:
    """Keep a state; one that was not reached leaves the run and the time of the last that was as they are."""
    when = {"run_id": run, "at": now, "reached": True} if reached else {}
    same = and_(desired.c.deployment == deployment, desired.c.digest == digest(body))
    if when and connection.execute(update(desired).where(same).values(when)).rowcount:
        return
    new = when | {"digest": digest(body), "body": codec.pack(body)}
    first = {"run_id": run, "at": now, "reached": reached, "deployment": deployment}
    statement = insert(connection, desired).values(first | new)
    connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=new))


def last_capabilities(connection: Connection, deployment: str) -> Learned | None:
    body = connection.execute(select(capabilities.c.body).where(capabilities.c.deployment == deployment)).scalar()
    return None if body is None else Learned(body)


def save_capabilities(
    connection: Connection, deployment: str, found: Learned, *, now: datetime, only_new: bool = False
) -> None:
    new = {"body": found, "at": now}
    statement = insert(connection, capabilities).values(new | {"deployment": deployment})
    where = ["deployment"]
    connection.execute(
        statement.on_conflict_do_nothing(index_elements=where)
        if only_new
        else statement.on_conflict_do_update(index_elements=where, set_=new)
    )


def all_contested(connection: Connection, table: Table, deployment: str) -> tuple[Loss, ...]:
    order = table.c.role, table.c.resource, table.c.action
    rows = connection.execute(select(table).where(table.c.deployment == deployment).order_by(*order))
    return tuple(Loss(r.role, Permission(r.action, r.resource), r.times, r.last, r.back) for r in rows)


def contest(connection: Connection, table: Table, deployment: str, *, tally: Tally, now: datetime) -> None:
    """Write down what a pass saw of permissions that another hand takes, or gives."""
    for role, permissions in tally.forgotten.items():
        _each(connection, delete(table), table, deployment, role, permissions)
    for role, permissions in tally.put_right.items():
        _each(connection, update(table).values(back=True), table, deployment, role, permissions)
    rows = [
        {"deployment": deployment, "role": role, "action": p.action, "resource": p.resource, "times": 1, "last": now}
        for role, permissions in tally.counted.items()
        for p in sorted(permissions, key=str)
    ]
    if rows:
        statement = insert(connection, table).values(back=False)
        again = {"times": table.c.times + 1, "last": statement.excluded.last, "back": False}
        once_more = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=again)
        connection.execute(once_more, rows)


def _each(
    connection: Connection,
    statement: Delete | Update,
    table: Table,
    deployment: str,
    role: str,
    permissions: Iterable[Permission],
) -> None:
    which = table.c.action == bindparam("a"), table.c.resource == bindparam("r")
    rows = [{"a": p.action, "r": p.resource} for p in permissions]
    if rows:
        connection.execute(statement.where(table.c.deployment == deployment, table.c.role == role, *which), rows)
