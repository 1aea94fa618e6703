"""What is ours on each deployment, and for whom the accounts were made that syncd made.

The latter are known by the id of the person, because logins and e-mails change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select

from syncd.model import MadeAccount, Owned, key
from syncd.store import ownership
from syncd.store.engine import LARGE, Database, insert
from syncd.store.prepared import Prepared
from syncd.store.schema import accounts

BATCH = 500
"""How many names or e-mails are asked for in one statement."""


class DatabaseHoldings:
    """Implements `ports.Holdings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

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

    def disown_role(self, deployment: str, role: str) -> None:
        self._database.commit(lambda c: ownership.disown_role(c, deployment, role, now=self._database.now(c)))

    def made_accounts(
        self,
        deployment: str,
        *,
        ids: Collection[str] | None = None,
        emails: Collection[str] = (),
        names: Collection[str] = (),
    ) -> tuple[MadeAccount, ...]:
        if ids is None:
            return _made(self._database.rows(_everybodys, at=deployment))
        found: set[tuple[Any, ...]] = set()
        with self._database.read() as connection:
            for which in _choices(ids, emails, names):
                rows = connection.execute(select(*_OF_ACCOUNT).where(accounts.c.deployment == deployment, which))
                found |= {tuple(row) for row in rows}
        return _made(found)

    def remember_accounts(self, deployment: str, made: Iterable[MadeAccount], *, now: datetime) -> None:
        rows = [
            {
                "deployment": deployment,
                "name": account.name,
                "source": account.who[0],
                "person": account.who[1],
                "email": account.email,
                "at": now,
            }
            for account in sorted(made, key=lambda account: account.name)
        ]

        def work(connection: Connection) -> None:
            statement = insert(connection, accounts)
            new = {column: statement.excluded[column] for column in ("source", "person", "email", "at")}
            connection.execute(statement.on_conflict_do_update(index_elements=["deployment", "name"], set_=new), rows)

        if rows:
            self._database.commit(work, alone=len(rows) > LARGE)


_OF_ACCOUNT = accounts.c.name, accounts.c.source, accounts.c.person, accounts.c.email
_everybodys = Prepared(select(*_OF_ACCOUNT).where(accounts.c.deployment == bindparam("at")), "at")


def _made(rows: Iterable[tuple[Any, ...]]) -> tuple[MadeAccount, ...]:
    return tuple(MadeAccount(name, (source, person), email) for name, source, person, email in sorted(rows))


def _choices(ids: Collection[str], emails: Collection[str], names: Collection[str]) -> Iterator[ColumnElement[bool]]:
    chosen = {accounts.c.person: ids, accounts.c.email: map(key, emails), accounts.c.name: map(key, names)}
    for column, wanted in ((column, sorted(set(words))) for column, words in chosen.items()):
        for start in range(0, len(wanted), BATCH):
            yield column.in_(wanted[start : start + BATCH])
