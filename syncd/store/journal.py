"""The Journal of ports.py on a database, and the questions that people ask it. One method is one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Unpack

from syncd.errors import StoreError
from syncd.model import (
    Capabilities,
    Change,
    DesiredState,
    Doubt,
    Held,
    Loss,
    Outcome,
    Owned,
    Permission,
    Plan,
    Scope,
    Snapshot,
    Status,
)
from syncd.ports import Lease, Recorder, Unsettled
from syncd.store import changes, codec, leases, migrations, ownership, queries, readings, snapshots
from syncd.store.engine import Clock, Database
from syncd.store.queries import AuditFilter, AuditRow, HeldPlan, Holding, HoldingFilter, Run, Standing, Step
from syncd.store.readings import Reading


class Store:
    """The desired-state database; implements `ports.Journal`.

    Opening it creates or upgrades its tables. Threads may share one; processes open their own. `clock` is for tests.

    Raises:
        StoreError: by every method; the message names the database and what to do.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._database = Database(url, clock=clock)
        try:
            migrations.upgrade(self._database)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        self._database.close()

    # what sources said

    def last_snapshot(self, source: str) -> Snapshot | None:
        with self._database.read() as connection:
            return snapshots.last_snapshot(connection, source)

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        encoded = codec.snapshot_to(snapshot)  # a second for a large one: not while others wait to write
        packed = readings.pack_cursor(cursor)
        with self._database.write() as connection:
            snapshots.save_snapshot(connection, snapshot, encoded=encoded)
            readings.save_reading(connection, snapshot, cursor=packed, full=full, doubts=doubts)

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        with self._database.read() as connection:
            return readings.last_cursor(connection, source)

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        with self._database.write() as connection:
            readings.save_failure(connection, source, why, now=now)

    def group_names(self) -> Mapping[tuple[str, str], str]:
        with self._database.read() as connection:
            return readings.all_group_names(connection)

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
        if names:
            with self._database.write() as connection:
                readings.remember_groups(connection, names, now=now)

    # what is known of a deployment

    def owned(self, deployment: str) -> Owned:
        with self._database.read() as connection:
            return ownership.owned(connection, deployment)

    def adopt(self, deployment: str, found: Owned) -> None:
        things = ownership.things_of(found)
        for start in range(0, len(things), ownership.BATCH):
            batch = things[start : start + ownership.BATCH]
            with self._database.write() as connection:
                ownership.adopt(connection, deployment, batch, now=self._database.now(connection))

    def capabilities(self, deployment: str) -> Capabilities | None:
        with self._database.read() as connection:
            return snapshots.last_capabilities(connection, deployment)

    def save_capabilities(self, deployment: str, capabilities: Capabilities) -> None:
        with self._database.write() as connection:
            now = self._database.now(connection)
            snapshots.save_capabilities(connection, deployment, capabilities, now=now)

    def last_desired(self, deployment: str) -> DesiredState | None:
        with self._database.read() as connection:
            return snapshots.last_desired(connection, deployment)

    def save_desired(self, run: int, desired: DesiredState) -> None:
        body = codec.dumps(codec.desired_to(desired))
        with self._database.write() as connection:
            now = self._database.now(connection)
            snapshots.save_desired(connection, run, desired.deployment, body=body, now=now)

    def losses(self, deployment: str) -> tuple[Loss, ...]:
        with self._database.read() as connection:
            return snapshots.all_losses(connection, deployment)

    def count_loss(self, deployment: str, role: str, permissions: Iterable[Permission], *, now: datetime) -> None:
        with self._database.write() as connection:
            snapshots.count_loss(connection, deployment, role, permissions=permissions, now=now)

    def forget_losses(self, deployment: str, role: str, permissions: Iterable[Permission]) -> None:
        with self._database.write() as connection:
            snapshots.forget_losses(connection, deployment, role, permissions=permissions)

    # runs, plans, changes

    def start_run(self, command: str, *, scope: Scope, now: datetime) -> int:
        with self._database.write() as connection:
            return changes.start_run(connection, command, scope=scope, now=now)

    def end_run(self, run: int, *, exit_code: int, summary: Mapping[str, object], now: datetime) -> None:
        with self._database.write() as connection:
            changes.end_run(connection, run, exit_code=exit_code, summary=summary, now=now)

    def record_plan(self, run: int, plan: Plan, *, held: Held | None, approved: str | None, now: datetime) -> int:
        with self._database.write() as connection:
            return changes.record_plan(connection, run, plan, held=held, approved=approved, now=now)

    def intend(self, plan: int, change: Change, *, now: datetime) -> int:
        with self._database.write() as connection:
            return changes.intend(connection, plan, change, now=now)

    def conclude(self, change: int, outcome: Outcome, *, now: datetime) -> None:
        with self._database.write() as connection:
            changes.close(connection, change, outcome.status, detail=outcome.detail, now=now)

    def unsettled(self, deployment: str) -> tuple[Unsettled, ...]:
        with self._database.read() as connection:
            return changes.unsettled(connection, deployment)

    def settle(self, change: int, status: Status, detail: str, *, now: datetime) -> None:
        with self._database.write() as connection:
            changes.close(connection, change, status, detail=detail, now=now, by_looking=True)

    def recorder(self, change: int) -> Recorder:
        return changes.StepRecorder(self._database, change)

    def lease(self, deployment: str) -> AbstractContextManager[Lease]:
        return leases.lease(self._database, deployment)

    # what people ask: see queries.py

    def reading(self, source: str) -> Reading | None:
        """Tell how a source was last read; None where it never was."""
        with self._database.read() as connection:
            return readings.reading(connection, source)

    def audit(self, **wanted: Unpack[AuditFilter]) -> tuple[AuditRow, ...]:
        """List changes, newest first: deployment, user, role, since, until, status, run, limit, offset."""
        with self._database.read() as connection:
            return queries.audit(connection, wanted)

    def steps(self, change: int) -> tuple[Step, ...]:
        """List the calls that a change made, in their order."""
        with self._database.read() as connection:
            return queries.steps_of(connection, change)

    def runs(self, limit: int = queries.LIMIT, *, offset: int = 0) -> tuple[Run, ...]:
        """List runs, newest first."""
        with self._database.read() as connection:
            return queries.newest_runs(connection, limit=limit, offset=offset)

    def last_run(self, deployment: str) -> Standing | None:
        """Tell how a deployment stood after the last plan for it; None where there was none."""
        with self._database.read() as connection:
            return queries.standing(connection, deployment)

    def held(self, deployment: str) -> HeldPlan | None:
        """Give what the newest plan over everything keeps back."""
        with self._database.read() as connection:
            return queries.held(connection, deployment)

    def history(self, **wanted: Unpack[HoldingFilter]) -> tuple[Holding, ...]:
        """Tell who held which role when, and why, newest first: deployment, user, role, since, until, limit, offset."""
        with self._database.read() as connection:
            return queries.history(connection, wanted)

    def holders(self, deployment: str, *, role: str | None = None, at: datetime) -> tuple[Holding, ...]:
        """Tell who held what at one moment, sorted by person and role."""
        with self._database.read() as connection:
            return queries.holders(connection, deployment, role=role, at=at)

    def permissions_at(self, deployment: str, role: str, *, at: datetime) -> frozenset[Permission] | None:
        """Tell what a role contained at one moment; None if no applied change says so."""
        with self._database.read() as connection:
            return queries.permissions_at(connection, deployment, role, at=at)
