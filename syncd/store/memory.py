"""What earlier passes saw of deployments: what they can do, should be, lose and gain, and which roles they had."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Delete, Table, Update, and_, bindparam, delete, select, update

from syncd.model import DesiredState, Learned, Loss, Permission
from syncd.plan.another import RivalSign
from syncd.plan.contested import Tally
from syncd.plan.rivals import GrantTally, LostGrant
from syncd.store import codec
from syncd.store.engine import Database, insert
from syncd.store.lost_grants import contest, lost
from syncd.store.prepared import Prepared
from syncd.store.rival_signs import note_signs, signs
from syncd.store.schema import capabilities, desired, gains, losses, renamed_roles, seen_roles


class DatabaseMemory:
    """Implements `ports.Memory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- what it can do -----------------------------------------------------------------------------------------------

    def learned(self, deployment: str) -> Learned | None:
        return next((Learned(body) for (body,) in self._database.rows(_learned, at=deployment)), None)

    def save_learned(self, deployment: str, learned: Learned, *, only_new: bool = False) -> None:
        self._database.commit(
            lambda c: _save_capabilities(c, deployment, learned, now=self._database.now(c), only_new=only_new)
        )

    # --- what it should be --------------------------------------------------------------------------------------------

    def last_desired(self, deployment: str) -> DesiredState | None:
        found = self._database.rows(_last_desired, at=deployment)
        return next((codec.desired_from(codec.unpack(body)) for (body,) in found), None)

    def save_desired(self, run: int, desired: DesiredState, *, reached: bool = True) -> None:
        body, where = codec.dumps(codec.desired_to(desired)), desired.deployment
        self._database.commit(
            lambda c: _save_desired(c, run, where, body=body, now=self._database.now(c), reached=reached), alone=True
        )

    # --- what other hands do there ------------------------------------------------------------------------------------

    def losses(self, deployment: str) -> tuple[Loss, ...]:
        return self._contested(_losses, deployment)

    def gains(self, deployment: str) -> tuple[Loss, ...]:
        return self._contested(_gains, deployment)

    def contest(self, deployment: str, *, losses: Tally, gains: Tally, now: datetime) -> None:
        if losses or gains:
            self._database.commit(lambda c: _contest_both(c, deployment, losses, gains, now=now))

    def _contested(self, asked: Prepared, deployment: str) -> tuple[Loss, ...]:
        rows = self._database.rows(asked, at=deployment)
        return tuple(Loss(role, Permission(action, of), *how) for role, action, of, *how in rows)

    def lost_grants(self, deployment: str) -> tuple[LostGrant, ...]:
        return lost(self._database, deployment)

    def contest_grants(self, deployment: str, tally: GrantTally, *, now: datetime) -> None:
        if tally:
            self._database.commit(lambda c: contest(c, deployment, tally, now=now))

    def signs(self, deployment: str) -> tuple[RivalSign, ...]:
        return signs(self._database, deployment)

    def note_signs(self, deployment: str, found: Collection[RivalSign], *, now: datetime) -> None:
        self._database.commit(lambda c: note_signs(c, deployment, found, now=now))

    # --- the roles it had ---------------------------------------------------------------------------------------------

    def roles_seen(self, deployment: str) -> frozenset[str] | None:
        found = self._database.rows(_roles_seen, at=deployment)
        return next((frozenset(codec.loads(names)) for (names,) in found), None)

    def sound_roles(self, deployment: str) -> Mapping[str, str]:
        return next((codec.loads(text) for (text,) in self._database.rows(_sound_roles, at=deployment) if text), {})

    def save_roles_seen(self, deployment: str, names: Collection[str], *, sound: Mapping[str, str]) -> None:
        new = {"names": codec.dumps(sorted(names)), "sound": codec.dumps(dict(sound))}

        def work(connection: Connection) -> None:
            statement = insert(connection, seen_roles).values(new | {"deployment": deployment})
            connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=new))

        self._database.commit(work)

    def renamed_roles(self, deployment: str) -> Mapping[str, str]:
        return dict(self._database.rows(_renamed_roles, at=deployment))

    def remember_renamed(self, deployment: str, found: Mapping[str, str], *, now: datetime) -> None:
        def work(connection: Connection) -> None:
            for new, old in sorted(found.items()):
                row = {"deployment": deployment, "new": new, "old": old, "at": now}
                connection.execute(insert(connection, renamed_roles).values(row).on_conflict_do_nothing())

        self._database.commit(work)

    def forget_renamed(self, deployment: str, names: Collection[str]) -> None:
        here = renamed_roles.c.deployment == deployment
        gone = delete(renamed_roles).where(here, renamed_roles.c.new.in_(sorted(names)))
        self._database.commit(lambda c: c.execute(gone))


def _of_one(table: Table, *columns: ColumnElement[Any]) -> Prepared:
    """Ask for what is kept of one deployment: each look at it does."""
    return Prepared(select(*columns).where(table.c.deployment == bindparam("at")), "at")


def _of_others(table: Table) -> Prepared:
    in_order = table.c.role, table.c.resource, table.c.action
    columns = table.c.role, table.c.action, table.c.resource, table.c.times, table.c.last, table.c.back
    return Prepared(select(*columns).where(table.c.deployment == bindparam("at")).order_by(*in_order), "at")


_learned = _of_one(capabilities, capabilities.c.body)
_last_desired = _of_one(desired, desired.c.body)
_roles_seen = _of_one(seen_roles, seen_roles.c.names)
_sound_roles = _of_one(seen_roles, seen_roles.c.sound)
_renamed_roles = _of_one(renamed_roles, renamed_roles.c.new, renamed_roles.c.old)
_losses, _gains = _of_others(losses), _of_others(gains)


def _save_capabilities(
    connection: Connection, deployment: str, learned: Learned, *, now: datetime, only_new: bool
) -> None:
    new = {"body": learned, "at": now}
    statement = insert(connection, capabilities).values(new | {"deployment": deployment})
    where = ["deployment"]
    connection.execute(
        statement.on_conflict_do_nothing(index_elements=where)
        if only_new
        else statement.on_conflict_do_update(index_elements=where, set_=new)
    )


def _save_desired(
    connection: Connection, run: int, deployment: str, *, body: str, now: datetime, reached: bool
) -> None:
    """Keep a state; one that was not reached leaves the run and the time of the last that was as they are."""
    when = {"run_id": run, "at": now, "reached": True} if reached else {}
    same = and_(desired.c.deployment == deployment, desired.c.digest == codec.digest(body))
    if when and connection.execute(update(desired).where(same).values(when)).rowcount:
        return
    new = when | {"digest": codec.digest(body), "body": codec.pack(body)}
    first = {"run_id": run, "at": now, "reached": reached, "deployment": deployment}
    statement = insert(connection, desired).values(first | new)
    connection.execute(statement.on_conflict_do_update(index_elements=["deployment"], set_=new))


def _contest_both(connection: Connection, deployment: str, lost: Tally, gained: Tally, *, now: datetime) -> None:
    for table, tally in ((losses, lost), (gains, gained)):
        _contest(connection, table, deployment, tally=tally, now=now)


def _contest(connection: Connection, table: Table, deployment: str, *, tally: Tally, now: datetime) -> None:
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
