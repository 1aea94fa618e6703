"""What deployments should be, what they can do and what they lose: the newest of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, select, update

from syncd.model import Capabilities, DesiredState, Loss, Permission
from syncd.store import codec
from syncd.store.engine import insert
from syncd.store.schema import capabilities, desired, losses


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


def last_capabilities(connection: Connection, deployment: str) -> Capabilities | None:
    body = connection.execute(select(capabilities.c.body).where(capabilities.c.deployment == deployment)).scalar()
    return None if body is None else codec.capabilities_from(codec.loads(body))


def save_capabilities(
    connection: Connection, deployment: str, found: Capabilities, *, now: datetime, only_new: bool = False
) -> None:
    new = {"body": codec.dumps(codec.capabilities_to(found)), "at": now}
    statement = insert(connection, capabilities).values(new | {"deployment": deployment})
    where = ["deployment"]
    connection.execute(
        statement.on_conflict_do_nothing(index_elements=where)
        if only_new
        else statement.on_conflict_do_update(index_elements=where, set_=new)
    )


def all_losses(connection: Connection, deployment: str) -> tuple[Loss, ...]:
    order = losses.c.role, losses.c.resource, losses.c.action
    rows = connection.execute(select(losses).where(losses.c.deployment == deployment).order_by(*order))
    return tuple(Loss(r.role, Permission(r.action, r.resource), r.times, r.last) for r in rows)


def count_loss(
    connection: Connection, deployment: str, role: str, *, permissions: Iterable[Permission], now: datetime
) -> None:
    rows = [
        {"deployment": deployment, "role": role, "action": p.action, "resource": p.resource, "times": 1, "last": now}
        for p in sorted(set(permissions), key=str)
    ]
    if rows:
        statement = insert(connection, losses)
        again = {"times": losses.c.times + 1, "last": statement.excluded.last}
        connection.execute(statement.on_conflict_do_update(index_elements=list(losses.primary_key), set_=again), rows)


def forget_losses(connection: Connection, deployment: str, role: str, *, permissions: Iterable[Permission]) -> None:
    rows = [{"a": p.action, "r": p.resource} for p in permissions]
    which = losses.c.action == bindparam("a"), losses.c.resource == bindparam("r")
    if rows:
        connection.execute(delete(losses).where(losses.c.deployment == deployment, losses.c.role == role, *which), rows)
