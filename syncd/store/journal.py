"""The Journal of ports.py on a database, and the questions that people ask it. One method is one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Unpack

from sqlalchemy import Connection

from syncd.errors import StoreError
from syncd.model import (
    Awaited,
    Change,
    DesiredState,
    Doubt,
    Held,
    JoinKey,
    KnownPersons,
    Learned,
    Loss,
    MadeAccount,
    Owned,
    Permission,
    Plan,
    Scope,
    Snapshot,
    Status,
)
from syncd.plan.contested import Tally
from syncd.plan.taken import Taken
from syncd.ports import Basis, Lease, Place, Unsettled
from syncd.store import (
    accounts,
    alarms,
    awaited,
    changes,
    codec,
    last_good,
    migrations,
    ownership,
    persons,
    queries,
    readings,
    renames,
    replicas,
    schema,
    servers,
    states,
    upkeep,
    uses,
)
from syncd.store.alarms import AlarmRow
from syncd.store.engine import Clock, Database
from syncd.store.entries import DatabaseEntry
from syncd.store.last_good import GoodFiles
from syncd.store.leases import Leases
from syncd.store.queries import AuditFilter, AuditRow, HeldHead, HeldPlan, Holding, HoldingFilter, Run, Standing, Step
from syncd.store.readings import Reading
from syncd.store.snapshots import Snapshots
from syncd.store.uses import Use

LARGE = 500
"""How many changes make a plan large: it is recorded by itself, and what others write does not wait for it."""


class Store:
    """The desired-state database; implements `ports.Journal`.

    Opening it creates or upgrades its tables. Threads may share one; processes open their own. `clock` is for tests.

    Raises:
        StoreError: by every method; the message names the database and what to do.
    """

    def __init__(self, url: str, *, clock: Clock | None = None) -> None:
        self._database = Database(url, clock=clock)
        self._leases = Leases(self._database)
        self._snapshots = Snapshots(self._database)
        try:
            migrations.upgrade(self._database)
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        self._database.close()

    # what the daemon works with

    def keep_files(self, path: str, files: GoodFiles, *, now: datetime) -> None:
        """Keep what the daemon of this configuration file uses, in the place of what it used before."""
        self._database.commit(lambda c: last_good.keep(c, path, files, now=now), alone=True)

    def last_files(self, path: str) -> tuple[GoodFiles, datetime] | None:
        """Give what the daemon of this configuration file used last, and since when."""
        with self._database.read() as connection:
            return last_good.find(connection, path)

    # what sources said

    def last_snapshot(self, source: str) -> Snapshot | None:
        return self._snapshots.last(source)

    def save_snapshot(
        self, snapshot: Snapshot, *, cursor: str | None = None, full: bool = True, doubts: Iterable[Doubt] = ()
    ) -> None:
        packed, in_doubt = readings.pack_cursor(cursor), tuple(doubts)
        self._snapshots.save(
            snapshot, also=lambda c: readings.save_reading(c, snapshot, cursor=packed, full=full, doubts=in_doubt)
        )

    def last_cursor(self, source: str) -> tuple[str, datetime] | None:
        with self._database.read() as connection:
            return readings.last_cursor(connection, source)

    def source_failed(self, source: str, why: str, *, now: datetime) -> None:
        self._database.commit(lambda c: readings.save_failure(c, source, why, now=now))

    def group_names(self) -> Mapping[tuple[str, str], str]:
        with self._database.read() as connection:
            return readings.all_group_names(connection)

    def remember_groups(self, names: Mapping[tuple[str, str], str], *, now: datetime) -> None:
        if names:
            self._database.commit(lambda c: readings.remember_groups(c, names, now=now))

    def known_persons(self, key: JoinKey) -> KnownPersons:
        with self._database.read() as connection:
            return persons.known_persons(connection, key)

    def remember_persons(self, found: KnownPersons, key: JoinKey, *, now: datetime) -> None:
        if found.persons or found.sources:
            alone = len(found.persons) > LARGE
            self._database.commit(lambda c: persons.remember_persons(c, found, key, now=now), alone=alone)

    # who wants to be left alone: rests.Rests

    def rests_until(self, provider: str) -> datetime | None:
        """Say until when a provider is not to be asked."""
        with self._database.read() as connection:
            return readings.rests_until(connection, provider)

    def let_rest(self, provider: str, until: datetime) -> None:
        """Keep until when; an earlier time than the one that is kept changes nothing."""
        self._database.commit(lambda c: readings.let_rest(c, provider, until))

    # what is known of a deployment

    def place(self, deployment: str, address: str) -> Place:
        with self._database.read() as connection:
            return servers.place(connection, deployment, address)

    def move(self, deployment: str, address: str, *, now: datetime) -> Place:
        return self._database.commit(lambda c: servers.move(c, deployment, address, now=now), alone=True)

    def accept_server(self, deployment: str) -> None:
        """Take the server of now for the one that the deployment had before."""
        self._database.commit(lambda c: servers.is_same(c, deployment), alone=True)

    def leave_server(self, deployment: str) -> None:
        """Take the server that the deployment had before for another one."""
        self._database.commit(lambda c: servers.is_other(c, deployment))

    def owned(self, deployment: str, *, usernames: frozenset[str] | None = None) -> Owned:
        with self._database.read() as connection:
            return ownership.owned(connection, deployment, usernames=usernames)

    def adopt(self, deployment: str, found: Owned) -> None:
        things = ownership.things_of(found)
        for start in range(0, len(things), ownership.BATCH):
            batch = things[start : start + ownership.BATCH]
            with self._database.write() as connection:
                ownership.adopt(connection, deployment, batch, now=self._database.now(connection))

    def disown(self, deployment: str, gone: Owned, *, now: datetime) -> None:
        if things := ownership.things_of(gone):
            self._database.commit(lambda c: ownership.disown(c, deployment, things, now=now), alone=len(things) > LARGE)

    def made_accounts(
        self, deployment: str, *, ids: Collection[str] | None = None, emails: Collection[str] = ()
    ) -> tuple[MadeAccount, ...]:
        with self._database.read() as connection:
            return accounts.made_accounts(connection, deployment, ids=ids, emails=emails)

    def remember_accounts(self, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:
        these = tuple(made)
        if these:
            self._database.commit(
                lambda c: accounts.remember_accounts(c, deployment, these, now=now), alone=len(these) > LARGE
            )

    def capabilities(self, deployment: str) -> Learned | None:
        with self._database.read() as connection:
            return states.last_capabilities(connection, deployment)

    def save_capabilities(self, deployment: str, learned: Learned, *, only_new: bool = False) -> None:
        self._database.commit(
            lambda c: states.save_capabilities(c, deployment, learned, now=self._database.now(c), only_new=only_new)
        )

    def last_desired(self, deployment: str) -> DesiredState | None:
        with self._database.read() as connection:
            return states.last_desired(connection, deployment)

    def save_desired(self, run: int, desired: DesiredState, *, reached: bool = True) -> None:
        body = codec.dumps(codec.desired_to(desired))
        where = desired.deployment
        self._database.commit(
            lambda c: states.save_desired(c, run, where, body=body, now=self._database.now(c), reached=reached),
            alone=True,
        )

    def losses(self, deployment: str) -> tuple[Loss, ...]:
        with self._database.read() as connection:
            return states.all_contested(connection, schema.losses, deployment)

    def gains(self, deployment: str) -> tuple[Loss, ...]:
        with self._database.read() as connection:
            return states.all_contested(connection, schema.gains, deployment)

    def contest(self, deployment: str, *, losses: Tally, gains: Tally, now: datetime) -> None:
        if losses or gains:
            self._database.commit(lambda c: self._contest(c, deployment, losses, gains, now))

    def _contest(self, connection: Connection, deployment: str, losses: Tally, gains: Tally, now: datetime) -> None:
        for table, tally in ((schema.losses, losses), (schema.gains, gains)):
            states.contest(connection, table, deployment, tally=tally, now=now)

    # runs, plans, changes

    def start_run(self, command: str, *, scope: Scope, now: datetime, by: str = "") -> int:
        return self._database.commit(lambda c: changes.start_run(c, command, scope=scope, now=now, by=by))

    def end_run(self, run: int, *, exit_code: int, summary: Mapping[str, object], now: datetime) -> None:
        self._database.commit(lambda c: changes.end_run(c, run, exit_code=exit_code, summary=summary, now=now))

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
            return queries.hold(connection, deployment, digest, scope=scope)

    def taken_since(self, deployment: str, since: datetime) -> Taken:
        with self._database.read() as connection:
            return changes.taken_since(connection, deployment, since)

    def begin(self, plan: int, change: Change, *, now: datetime, lease: Lease | None = None) -> DatabaseEntry:
        return DatabaseEntry(self._database, plan, change, lease=lease, now=now)

    def unsettled(self, deployment: str) -> tuple[Unsettled, ...]:
        with self._database.read() as connection:
            return changes.unsettled(connection, deployment)

    def settle(self, change: int, status: Status, detail: str, *, now: datetime, final: bool = False) -> None:
        self._database.commit(
            lambda c: changes.close(c, change, status, detail=detail, now=now, by_looking=True, final=final)
        )

    def roles_seen(self, deployment: str) -> frozenset[str] | None:
        with self._database.read() as connection:
            return renames.roles_seen(connection, deployment)

    def sound_roles(self, deployment: str) -> Mapping[str, str]:
        with self._database.read() as connection:
            return renames.sound_roles(connection, deployment)

    def save_roles_seen(self, deployment: str, names: Collection[str], *, sound: Mapping[str, str]) -> None:
        self._database.commit(lambda c: renames.save_roles_seen(c, deployment, names, sound=sound))

    def renamed_roles(self, deployment: str) -> Mapping[str, str]:
        with self._database.read() as connection:
            return renames.all_renamed(connection, deployment)

    def remember_renamed(self, deployment: str, found: Mapping[str, str], *, now: datetime) -> None:
        self._database.commit(lambda c: renames.remember(c, deployment, found, now=now))

    def forget_renamed(self, deployment: str, names: Collection[str]) -> None:
        self._database.commit(lambda c: renames.forget(c, deployment, names))

    def disown_role(self, deployment: str, role: str) -> None:
        """Own a role and the grants of it no more, though nobody lost them."""
        self._database.commit(lambda c: ownership.disown_role(c, deployment, role, now=self._database.now(c)))

    def awaited(self, deployment: str) -> tuple[Awaited, ...]:
        with self._database.read() as connection:
            return awaited.all_awaited(connection, deployment)

    def came(self, deployment: str, found: Mapping[int, Owned], *, now: datetime) -> None:
        self._database.commit(lambda c: awaited.came(c, deployment, found, now=now))

    def forget_awaited(self, changes: Collection[int]) -> None:
        self._database.commit(lambda c: awaited.forget(c, changes))

    def lease(self, name: str, *, urgent: bool = False) -> AbstractContextManager[Lease]:
        return self._leases.take(name, urgent=urgent)

    def release_all(self) -> None:
        """Let go of every lease now; whoever works under one is stopped before its next call."""
        self._leases.release_all()

    # the daemon

    def beat(self, replica: str, *, ttl: timedelta) -> tuple[str, ...]:
        """Note that this replica lives, and will have said so again in `ttl`; names all that do, sorted."""
        return self._database.commit(lambda c: replicas.beat(c, replica, ttl=ttl, now=self._database.now(c)))

    def leave(self, replica: str) -> None:
        """Note that this replica is gone."""
        self._database.commit(lambda c: replicas.leave(c, replica))

    def alarms(self) -> Mapping[tuple[str, str], AlarmRow]:
        """Give every alarm that stands, by (kind, subject)."""
        with self._database.read() as connection:
            return alarms.all_alarms(connection)

    def save_alarm(
        self, kind: str, subject: str, text: str, *, since: datetime, notified_at: datetime, earlier: datetime | None
    ) -> bool:
        """Keep an alarm if the one that is kept was told at `earlier` (None: none is kept); say whether it was."""
        row = AlarmRow(text, since, notified_at)
        return self._database.commit(lambda c: alarms.save_alarm(c, kind, subject, row=row, earlier=earlier))

    def clear_alarm(self, kind: str, subject: str) -> bool:
        """Forget an alarm; say whether it was there."""
        return self._database.commit(lambda c: alarms.clear_alarm(c, kind, subject))

    def record_use(self, who: str, what: str, answer: int, *, now: datetime, detail: str = "") -> None:
        """Note that somebody asked for something, and what was answered (an HTTP status)."""
        self._database.commit(lambda c: uses.record_use(c, who, what, answer=answer, now=now, detail=detail))

    def uses(self, limit: int = queries.LIMIT, offset: int = 0) -> tuple[Use, ...]:
        """List who asked for what, newest first."""
        with self._database.read() as connection:
            return uses.newest_uses(connection, limit=limit, offset=offset)

    def upkeep(self, *, before: datetime) -> Mapping[str, int]:
        """Delete what is older than that and says nothing; gives how many rows of which table. See upkeep.py."""
        return upkeep.upkeep(self._database, before=before)

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

    def journal_head(self) -> tuple[int, int]:
        """Give the highest id of a change, and how many changes have no known outcome."""
        with self._database.read() as connection:
            return queries.journal_head(connection)

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
