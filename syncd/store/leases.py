"""One writer per deployment: a lease with a number that grows, so that a late holder notices that it is late.

A lease passes on when its holder lets go of it, does not renew it in time, or was a process of this host that is gone.
One thread renews all leases of a process for as long as it holds any, however long a call takes. What is written under a
lease looks for it in the same transaction (`confirm`), so that nothing is begun by somebody who has lost it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from syncd import ports
from syncd.errors import DeploymentBusy, StoreError
from syncd.store.engine import Database, insert
from syncd.store.processes import Process, os_user
from syncd.store.schema import leases

TTL = timedelta(seconds=20)
"""How long a lease lasts without renewal: what a host that died holds is free for others within half a minute."""

RENEW = TTL / 4
"""How often leases are renewed: three times may fail before one runs out."""


_mine = leases.c.deployment == bindparam("name"), leases.c.fence == bindparam("number"), leases.c.held
_look = select(leases.c.renewed_at).where(*_mine)


class DatabaseLease:
    """A lease while this process has it; implements `ports.Lease`."""

    def __init__(self, database: Database, name: str, fence: int) -> None:
        self._database = database
        self.name = name
        self.fence = fence

    def check(self) -> None:
        with self._database.read() as connection:
            _renewed_at(connection, self)


class Leases:
    """Every lease that this process has of one database, and the thread that renews them. Threads may share it."""

    def __init__(self, database: Database, *, every: timedelta = RENEW) -> None:
        self._database = database
        self._every_s = every.total_seconds()
        self._lock = Lock()
        self._held: list[DatabaseLease] = []
        self._left: dict[str, int] = {}
        """Leases that could not be given back, with their numbers: nobody works under them, so they may be taken again."""
        self._idle = Event()
        """Set once the last lease is let go of; ends the thread."""

    @contextmanager
    def take(self, name: str) -> Iterator[DatabaseLease]:
        lease = self._database.commit(lambda connection: self._take(connection, name))
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
            held = list(self._held)
        if held:
            self._database.commit(lambda connection: _release(connection, held))

    def renew(self) -> None:
        """Renew what is still ours; what was lost stays lost."""
        with self._lock:
            held = list(self._held)
        if held:
            self._database.commit(lambda connection: _renew(connection, held, now=self._database.now(connection)))

    def _take(self, connection: Connection, name: str) -> DatabaseLease:
        fence = _take(connection, name, self._database.now(connection), left=self._left.get(name))
        return DatabaseLease(self._database, name, fence)

    def _keep(self, lease: DatabaseLease) -> None:
        with self._lock:
            self._held.append(lease)
            if len(self._held) == 1:
                self._idle = Event()
                Thread(target=self._renew_until, args=(self._idle,), name="leases", daemon=True).start()

    def _forget(self, lease: DatabaseLease) -> None:
        with self._lock:
            self._held.remove(lease)
            if not self._held:
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
    if now - _renewed_at(connection, lease) >= TTL / 2:
        _renew(connection, [lease], now=now)


def _renewed_at(connection: Connection, lease: ports.Lease) -> datetime:
    renewed_at: datetime | None = connection.execute(_look, _key(lease)).scalar()
    if renewed_at is None:
        raise DeploymentBusy(
            f"{lease.name}: the lease was lost to another syncd, or let go of because this one stops; nothing more is "
            "written under it, and the next pass looks what became of what was begun"
        )
    return renewed_at


def _renew(connection: Connection, held: list[Any], *, now: datetime) -> None:
    later = {"renewed_at": now, "expires_at": now + TTL}
    connection.execute(update(leases).where(*_mine).values(later), [_key(lease) for lease in held])


def _release(connection: Connection, held: list[DatabaseLease]) -> None:
    connection.execute(update(leases).where(*_mine).values(held=False), [_key(lease) for lease in held])


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
    if row.held and now < row.expires_at and row.fence != left and not _holder(row).is_gone():
        raise DeploymentBusy(
            f"{name}: {row.by} has been at work on it since {row.taken_at:%Y-%m-%d %H:%M:%S} UTC "
            f"(process {row.pid} on {row.host}); wait until that ends, or stop it"
        )
    connection.execute(update(leases).where(leases.c.deployment == name).values(mine | {"fence": row.fence + 1}))
    return int(row.fence) + 1


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
