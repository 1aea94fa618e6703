"""Runs, their plans, and each change of these from its intent to its end.

What is sent of a change that was not made, or not whole, is awaited: the server may carry it out late. When what it would
bring is seen, the change was made after all: then it is closed as applied, and what it brought is ours.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from syncd.model import Awaited, Change, Deployment, Held, Owned, Plan, Scope, Status
from syncd.plan.given import Gained
from syncd.plan.taken import Taken
from syncd.ports import Basis, Lease, Unsettled
from syncd.store import changes, codec, counted, evidence, own_acts, ownership, schema
from syncd.store.engine import LARGE, Database
from syncd.store.entries import DatabaseEntries, flushed
from syncd.store.prepared import Prepared
from syncd.store.processes import os_user
from syncd.store.queries import holding_plan
from syncd.store.schema import awaited, runs

LATE = "found by looking: the call was carried out late"


@dataclass(frozen=True, slots=True)
class HeldHead:
    """What is asked of a held plan before it is let pass: not what its changes are, only how many."""

    digest: str
    number: int
    made_at: datetime


class DatabaseLedger:
    """Implements `ports.Ledger`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # --- runs and plans -----------------------------------------------------------------------------------------------

    def start_run(self, command: str, *, scope: Scope, now: datetime, by: str = "") -> int:
        row = {
            "command": command,
            "scope": codec.dumps(codec.scope_to(scope)),
            "by": by or os_user(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started_at": now,
        }
        started = insert(runs).values(row).returning(runs.c.id)
        return self._database.commit(lambda c: int(c.execute(started).scalar_one()))

    def end_run(self, run: int, *, exit_code: int, summary: Mapping[str, object], now: datetime) -> None:
        ended = {"exit_code": exit_code, "summary": codec.dumps(summary), "ended_at": now}

        def work(connection: Connection) -> None:
            connection.execute(update(runs).where(runs.c.id == run).values(ended))
            evidence.read_back(connection, run, summary.get("read_back"), exit_code=exit_code, now=now)

        self._database.commit(work)

    def record_plan(
        self,
        run: int,
        plan: Plan,
        *,
        held: Held | None,
        approved: str | None,
        now: datetime,
        basis: Basis = Basis(),
    ) -> int:
        return self._database.commit(
            lambda c: changes.record_plan(c, run, plan, held=held, approved=approved, now=now, basis=basis),
            alone=len(plan.changes) > LARGE,
        )

    def is_in_force(self, files: str) -> bool:
        with self._database.read() as connection:
            return changes.newest_files(connection) in (None, files)

    def hold(self, deployment: str, digest: str, *, scope: Scope) -> HeldHead | None:
        with self._database.read() as connection:
            whole = _held_head(connection, holding_plan(connection, deployment))
            if scope.everything or (whole and whole.digest == digest):
                return whole
            return _held_head(connection, holding_plan(connection, deployment, digest)) or whole

    def taken_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Taken:
        with self._database.read() as connection:
            return counted.taken_since(connection, deployment, since, but=but)

    def given_since(self, deployment: str, since: datetime, *, but: Collection[int] = ()) -> Gained:
        with self._database.read() as connection:
            return counted.given_since(connection, deployment, since, but=but)

    def done_since_reached(self, deployment: str) -> tuple[Change, ...]:
        return own_acts.done_since_reached(self._database, deployment)

    # --- each change --------------------------------------------------------------------------------------------------

    def entries(
        self, plan: int, *, lease: Lease | None = None, on: Deployment | None = None, but: int = 0
    ) -> AbstractContextManager[DatabaseEntries]:
        return flushed(DatabaseEntries(self._database, plan, lease=lease, on=on, but=but))

    def unsettled(self, deployment: str) -> tuple[Unsettled, ...]:
        with self._database.read() as connection:
            return changes.unsettled(connection, deployment)

    def settle(self, change: int, status: Status, detail: str, *, now: datetime, final: bool = False) -> None:
        self._database.commit(
            lambda c: changes.close(c, change, status, detail=detail, now=now, by_looking=True, final=final)
        )

    # --- what may still come ------------------------------------------------------------------------------------------

    def awaited(self, deployment: str) -> tuple[Awaited, ...]:
        return tuple(_awaited(*row) for row in self._database.rows(_still_awaited, at=deployment))

    def came(self, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
        self._database.commit(lambda c: _came(c, deployment, found, now=now))

    def forget_awaited(self, changes: Collection[int]) -> None:
        self._database.commit(lambda c: _forget_awaited(c, changes))


def _held_head(connection: Connection, plan: Row[Any] | None) -> HeldHead | None:
    if plan is None:
        return None
    of_change = schema.changes.c
    kept_back = select(func.count()).where(of_change.plan_id == plan.id, of_change.status == Status.HELD.value)
    return HeldHead(plan.held_digest, connection.execute(kept_back).scalar_one(), plan.made_at)


_still_awaited = Prepared(
    select(awaited.c.change_id, schema.changes.c.before, schema.changes.c.after, awaited.c.roles, awaited.c.since)
    .join(schema.changes, schema.changes.c.id == awaited.c.change_id)
    .where(awaited.c.deployment == bindparam("at"))
    .order_by(awaited.c.change_id),
    "at",
)


def _awaited(change: int, before: str, after: str, roles: str, since: datetime) -> Awaited:
    was, wanted = (codec.thing_from(codec.loads(text)) for text in (before, after))
    return Awaited(change, Change(was, wanted), frozenset(codec.loads(roles)), since)


def _came(connection: Connection, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
    for id_, things in found.items():
        ended = {"status": Status.APPLIED.value, "detail": LATE, "settled_by_looking": True, "moved_at": now}
        connection.execute(update(schema.changes).where(schema.changes.c.id == id_).values(ended))
        evidence.ended(connection, id_, Status.APPLIED.value, detail=LATE, by_looking=True, now=now)
        ownership.adopt(connection, deployment, ownership.things_of(things), now=now, change=id_)
    _forget_awaited(connection, found)


def _forget_awaited(connection: Connection, ids: Collection[int]) -> None:
    connection.execute(delete(awaited).where(awaited.c.change_id.in_(sorted(ids))))
