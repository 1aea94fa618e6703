"""One writer per deployment: a lease with a number that grows, so that a late holder notices that it is late.

A lease passes on when its holder lets go of it, does not renew it in time, or was a process of this host that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from syncd.errors import DeploymentBusy, StoreError
from syncd.store.engine import Database, insert
from syncd.store.processes import Process, os_user
from syncd.store.schema import leases

TTL = timedelta(seconds=60)
"""How long a lease lasts without renewal: longer than the slowest single call (18 s for a role of 1,000 permissions),
short enough that a host that died does not keep a deployment waiting."""

RENEW = TTL / 3


class DatabaseLease:
    """The lease of one deployment while this process has it."""

    def __init__(self, database: Database, deployment: str, *, fence: int, renewed_at: datetime) -> None:
        self._database = database
        self._deployment = deployment
        self._fence = fence
        self._renewed_at = renewed_at

    def check(self) -> None:
        """Make sure that the lease is still ours; renew it when a third of its time has passed.

        Raises:
            DeploymentBusy: somebody else has it now; make no further call.
        """
        with self._database.read() as connection:
            now = self._database.now(connection)
            mine = connection.execute(select(leases.c.fence).where(*self._mine())).first() is not None
        if mine and now - self._renewed_at >= RENEW:
            mine = self._renew(now)
        if not mine:
            raise DeploymentBusy(
                f"deployment {self._deployment}: the lease was lost to another syncd, because this one paused for "
                f"longer than {TTL.seconds} s; nothing more is written; the other one carries on"
            )

    def release(self) -> None:
        with self._database.write() as connection:
            connection.execute(update(leases).where(*self._mine()).values(held=False))

    def _renew(self, now: datetime) -> bool:
        with self._database.write() as connection:
            later = {"renewed_at": now, "expires_at": now + TTL}
            renewed = connection.execute(update(leases).where(*self._mine()).values(later)).rowcount == 1
        self._renewed_at = now
        return renewed

    def _mine(self) -> tuple[Any, ...]:
        return leases.c.deployment == self._deployment, leases.c.fence == self._fence, leases.c.held


@contextmanager
def lease(database: Database, deployment: str) -> Iterator[DatabaseLease]:
    with database.write() as connection:
        now = database.now(connection)
        taken = DatabaseLease(database, deployment, fence=_take(connection, deployment, now), renewed_at=now)
    try:
        yield taken
    finally:
        with suppress(StoreError):  # it then ends by time; what went wrong inside matters more
            taken.release()


def _take(connection: Connection, deployment: str, now: datetime) -> int:
    """Take the lease and give its fencing number. The row is locked from the look to the commit."""
    mine = _row(Process.current(), now)
    first = insert(connection, leases).values(mine | {"deployment": deployment, "fence": 1})
    if connection.execute(first.on_conflict_do_nothing().returning(leases.c.fence)).first() is not None:
        return 1
    row = connection.execute(select(leases).where(leases.c.deployment == deployment).with_for_update()).one()
    if row.held and now < row.expires_at and not _holder(row).is_gone():
        raise DeploymentBusy(
            f"deployment {deployment}: {row.by} has been writing to it since {row.taken_at:%Y-%m-%d %H:%M:%S} UTC "
            f"(process {row.pid} on {row.host}); wait until that ends, or stop it"
        )
    connection.execute(update(leases).where(leases.c.deployment == deployment).values(mine | {"fence": row.fence + 1}))
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
