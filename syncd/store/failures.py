"""Since when a deployment fails, how often in a row, and when it is tried again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, update

from syncd.ports import Failing
from syncd.store.daemon_schema import failures
from syncd.store.engine import Database, insert
from syncd.store.prepared import Prepared


class DatabaseFailures:
    """Implements `ports.Failures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def failing(self) -> Mapping[str, Failing]:
        with self._database.read() as connection:
            rows = connection.execute(select(failures))
            return {row.deployment: Failing(row.since, row.times, row.next_try_at) for row in rows}

    def failed(self, deployment: str, *, now: datetime) -> None:
        def work(connection: Connection) -> None:
            first = insert(connection, failures).values(deployment=deployment, since=now, times=1)
            again = {"times": failures.c.times + 1}
            connection.execute(first.on_conflict_do_update(index_elements=["deployment"], set_=again))

        self._database.commit(work)

    def tries_again(self, deployment: str, *, at: datetime) -> None:
        same = update(failures).where(failures.c.deployment == deployment)
        self._database.commit(lambda c: c.execute(same.values(next_try_at=at)))

    def worked(self, deployment: str) -> None:
        # each pass says so, and nearly none has anything to write: a look holds up no writer
        if self._database.rows(_one, at=deployment):
            gone = delete(failures).where(failures.c.deployment == deployment)
            self._database.commit(lambda c: c.execute(gone))

    def forget_others(self, deployments: Collection[str]) -> None:
        others = sorted(self.failing().keys() - set(deployments))
        if others:
            gone = delete(failures).where(failures.c.deployment.in_(others))
            self._database.commit(lambda c: c.execute(gone))


_one = Prepared(select(failures.c.times).where(failures.c.deployment == bindparam("at")), "at")
