"""One writer per deployment: a lease with a number that grows, so that a late holder notices that it is late.

A lease passes on when its holder lets go of it, does not renew it in time, or was a process of this host that is gone.
One thread renews all leases of a process for as long as it holds any, however long a call takes. What is written under a
lease looks for it in the same transaction (`confirm`), so that nothing is begun by somebody who has lost it.

An urgent writer that meets a holder leaves a mark for WANTED (`wanted_until`). The holder sees it with its next announced
call, and between two changes gives the lease away and takes it again as soon as the other is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select, update

from syncd import ports
from syncd.errors import DeploymentBusy, StoreError
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared
from syncd.store.processes import Process, os_user
from syncd.store.schema import leases

TTL = timedelta(seconds=20)
"""How long a lease lasts without renewal: what a host that died holds is free for others within half a minute."""

RENEW = TTL / 4
"""How often leases are renewed: three times may fail before one runs out."""


WANTED = timedelta(seconds=5)
"""How long the mark of an urgent writer stands; it is left again for as long as that writer waits."""

NOBODY_CAME_S = 2.0
"""So long a lease that was given away waits to be taken."""

GIVEN_AWAY_S = 600.0
"""The longest that the other writer may have it: as long as a look at everything on a large deployment may take."""

LOOK_S = 0.1

_mine = leases.c.deployment == bindparam("name"), leases.c.fence == bindparam("number"), leases.c.held
_look = Prepared(select(leases.c.renewed_at, leases.c.wanted_until).where(*_mine), "name", "number")


class DatabaseLease:
    """A lease while this process has it; implements `ports.Lease`."""

    def __init__(self, database: Database, name: str, fence: int) -> None:
        self._database = database
        self.name = name
        self.fence = fence
        self.is_wanted = False
        """Whether an urgent writer waits, as the last look at it said."""

    def check(self) -> None:
        with self._database.read() as connection:
            _renewed_at(connection, self, now=self._database.now(connection))

    def give_way(self, stopping: Callable[[], bool]) -> bool:
        if not self.is_wanted:
            return False
        self.is_wanted = False
        self._database.commit(lambda connection: _release(connection, [self]))
        since = monotonic()
        while not stopping():
            sleep(LOOK_S)
            waited_s = monotonic() - since
            fence = self._database.commit(partial(self._retake, nobody_came=waited_s > NOBODY_CAME_S))
            if fence is not None:
                self.fence = fence
                return True
            if waited_s > GIVEN_AWAY_S:
                break
        raise DeploymentBusy(
            f"{self.name}: another writer, who was let go first, has it still; the next pass decides anew"
        )

    def _retake(self, connection: Connection, *, nobody_came: bool) -> int | None:
        """Take it again, once the other has had it and is done; None: not yet."""
        now = self._database.now(connection)
        row = connection.execute(select(leases).where(leases.c.deployment == self.name).with_for_update()).one()
        if not nobody_came and row.fence == self.fence:
            return None
        if _is_held(row, now):
            return None
        return _take_over(connection, self.name, _row(Process.current(), now), fence=row.fence)


class DatabaseLeases:
    """Every lease that this process has of one database, and the thread that renews them; implements `ports.Leases`."""

    def __init__(self, database: Database, *, every: timedelta = RENEW) -> None:
        self._database = database
        self._every_s = every.total_seconds()
        self._lock = Lock()
        self._taken: list[DatabaseLease] = []
        self._left: dict[str, int] = {}
        """Leases that could not be given back, with their numbers: nobody works under them, so they may be taken again."""
        self._idle = Event()
        """Set once the last lease is let go of; ends the thread."""

    @contextmanager
    def take(self, name: str, *, urgent: bool = False) -> Iterator[DatabaseLease]:
        try:
            lease = self._database.commit(lambda connection: self._take(connection, name))
        except DeploymentBusy:
            if urgent:
                self._database.commit(lambda connection: _want(connection, name, now=self._database.now(connection)))
            raise
        self._keep(lease)
        try:
            yield lease
        finally:
            self._forget(lease)
            self._give_back(lease)

    def _give_back(self, lease: DatabaseLease) -> None:
        try:
            self._database.commit(lambda connection: _release(connection, [lease]))
        except StoreError:  # for others it then ends by time; what went wrong inside matters more
            self._left[lease.name] = lease.fence

    def release_all(self) -> None:
        """Let go of everything now; whoever works under one of the leases is stopped before its next call."""
        with self._lock:
            taken = list(self._taken)
        if taken:
            self._database.commit(lambda connection: _release(connection, taken))

    def renew(self) -> None:
        """Renew what is still ours; what was lost stays lost."""
        with self._lock:
            taken = list(self._taken)
        if taken:
            self._database.commit(lambda connection: _renew(connection, taken, now=self._database.now(connection)))

    def _take(self, connection: Connection, name: str) -> DatabaseLease:
        fence = _take(connection, name, self._database.now(connection), left=self._left.get(name))
        return DatabaseLease(self._database, name, fence)

    def _keep(self, lease: DatabaseLease) -> None:
        with self._lock:
            self._taken.append(lease)
            if len(self._taken) == 1:
                self._idle = Event()
                Thread(target=self._renew_until, args=(self._idle,), name="leases", daemon=True).start()

    def _forget(self, lease: DatabaseLease) -> None:
        with self._lock:
            self._taken.remove(lease)
            if not self._taken:
                self._idle.set()

    def _renew_until(self, idle: Event) -> None:
        while not idle.wait(self._every_s):
            with suppress(
                StoreError
            ):  # the next time may do; a lease that runs out is noticed by whoever works under it
                self.renew()


def confirm(connection: Connection, lease: ports.Lease, *, now: datetime) -> None:
    """Make sure, within a transaction that writes, that a lease is ours; renew it where that is late.

    Raises:
        DeploymentBusy: it is not.
    """
    if now - _renewed_at(connection, lease, now=now) >= TTL / 2:
        _renew(connection, [lease], now=now)


def _renewed_at(connection: Connection, lease: ports.Lease, *, now: datetime) -> datetime:
    rows = _look.rows(connection, **_key(lease))
    if not rows:
        raise DeploymentBusy(
            f"{lease.name}: the lease was lost to another syncd, or let go of because this one stops; nothing more is "
            "written under it, and the next pass looks what became of what was begun"
        )
    renewed_at: datetime
    [(renewed_at, wanted_until)] = rows
    if isinstance(lease, DatabaseLease):
        lease.is_wanted = wanted_until is not None and now < wanted_until
    return renewed_at


def _want(connection: Connection, name: str, *, now: datetime) -> None:
    """Ask the holder to give way; a mark that stands for a while yet is not written again."""
    stale = or_(leases.c.wanted_until.is_(None), leases.c.wanted_until < now + WANTED / 2)
    asked = update(leases).where(leases.c.deployment == name, leases.c.held, stale)
    connection.execute(asked.values(wanted_until=now + WANTED))


def _renew(connection: Connection, taken: list[Any], *, now: datetime) -> None:
    later = {"renewed_at": now, "expires_at": now + TTL}
    connection.execute(update(leases).where(*_mine).values(later), [_key(lease) for lease in taken])


def _release(connection: Connection, taken: list[DatabaseLease]) -> None:
    connection.execute(update(leases).where(*_mine).values(held=False), [_key(lease) for lease in taken])


def _key(lease: ports.Lease) -> dict[str, object]:
    return {"name": lease.name, "number": lease.fence}


def _take(connection: Connection, name: str, now: datetime, *, left: int | None) -> int:
    """Take the lease and give its fencing number. The row is locked from the look to the commit.

    `left` is the number under which the caller had it last and could not give it back.
    """
    mine = _row(Process.current(), now)
    first = insert(connection, leases).values(mine | {"deployment": name, "fence": 1})
    if connection.execute(first.on_conflict_do_nothing().returning(leases.c.fence)).first() is not None:
        return 1
    row = connection.execute(select(leases).where(leases.c.deployment == name).with_for_update()).one()
    if row.fence != left and _is_held(row, now):
        raise DeploymentBusy(
            f"{name}: {row.by} has been at work on it since {row.taken_at:%Y-%m-%d %H:%M:%S} UTC "
            f"(process {row.pid} on {row.host}); wait until that ends, or stop it"
        )
    return _take_over(connection, name, mine, fence=row.fence)


def _is_held(row: Row[Any], now: datetime) -> bool:
    return bool(row.held) and now < row.expires_at and not _holder(row).is_gone()


def _take_over(connection: Connection, name: str, mine: dict[str, object], *, fence: int) -> int:
    taken = mine | {"fence": fence + 1, "wanted_until": None}
    connection.execute(update(leases).where(leases.c.deployment == name).values(taken))
    return int(fence) + 1


def _row(process: Process, now: datetime) -> dict[str, object]:
    return {
        "held": True,
        "by": os_user(),
        "host": process.host,
        "pid_space": process.space,
        "pid": process.pid,
        "process_started": process.started,
        "taken_at": now,
        "renewed_at": now,
        "expires_at": now + TTL,
    }


def _holder(row: Row[Any]) -> Process:
    return Process(row.host, row.pid_space, row.pid, row.process_started)
